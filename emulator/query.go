package emulator

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// The query language of CloudWatch Logs Insights, as far as users of Lambda
// need it: fields, display, filter, stats, sort, limit, parse, dedup. What is
// not known is refused as malformed, never passed over.
// Source: CloudWatch Logs user guide, "CloudWatch Logs Insights language query
// syntax", read 2026-11-23.

// logQuery is a compiled query.
type logQuery struct {
	commands []queryCommand
	columns  []string
	chosen   bool // by fields, display or stats
	limit    int  // 0 = none in the text
}

// queryCommand turns rows into rows. A narrowing one chooses among log events
// and comes before all others that change their number: what is left after it
// has matched.
type queryCommand struct {
	run     func(rows []*queryRow) []*queryRow
	narrows bool
}

type namedExpr struct {
	name string
	expr queryExpr
}

// queryCompiler reads the commands, one after the other.
type queryCompiler struct {
	queryParser
	query    logQuery
	display  bool
	grouped  bool // after stats: rows are no log events
	deduped  bool
	narrowed bool // after limit or dedup
}

// compileQuery compiles the text of a query.
func compileQuery(text string) (*logQuery, *queryError) {
	c := &queryCompiler{queryParser: queryParser{text: text}}
	if err := c.advance(); err != nil {
		return nil, err
	}
	for {
		if err := c.command(); err != nil {
			return nil, err
		}
		if c.tok.kind == tokenEnd {
			break
		}
		if err := c.expect("|"); err != nil {
			return nil, err
		}
	}
	if !c.query.chosen {
		c.query.columns = append([]string{"@timestamp", "@message"}, c.query.columns...)
	}
	return &c.query, nil
}

func (c *queryCompiler) command() *queryError {
	t := c.tok
	read := map[string]func() *queryError{
		"fields": c.fields, "display": c.displayed, "filter": c.filter, "stats": c.aggregated,
		"sort": c.sort, "limit": c.limit, "parse": c.parse, "dedup": c.dedup,
	}[strings.ToLower(t.text)]
	// Only limit may follow dedup.
	if t.kind != tokenName || read == nil || c.deduped && !c.word("limit") {
		return c.unexpected()
	}
	if err := c.advance(); err != nil {
		return err
	}
	return read()
}

func (c *queryCompiler) then(run func([]*queryRow) []*queryRow) {
	c.query.commands = append(c.query.commands, queryCommand{run: run})
}

// column adds a column to the results, once.
func (c *queryCompiler) column(name string) {
	if !slices.Contains(c.query.columns, name) {
		c.query.columns = append(c.query.columns, name)
	}
}

// named reads expressions with their names: the alias, or the text as written.
func (c *queryCompiler) named() ([]namedExpr, *queryError) {
	var list []namedExpr
	for {
		at, quotedName := c.tok.at, ""
		if c.tok.kind == tokenQuoted {
			quotedName = c.tok.text
		}
		x, err := c.expr()
		if err != nil {
			return nil, err
		}
		n := namedExpr{c.text[at:c.last], x}
		if quotedName != "" && c.last == at+len(quotedName)+2 {
			n.name = quotedName
		}
		if c.word("as") {
			if n.name, err = c.alias(); err != nil {
				return nil, err
			}
		}
		list = append(list, n)
		if ok, err := c.accept(","); err != nil || !ok {
			return list, err
		}
	}
}

// alias reads the name after as, or after a comma between such names.
func (c *queryCompiler) alias() (string, *queryError) {
	if err := c.advance(); err != nil {
		return "", err
	}
	if c.tok.kind != tokenName && c.tok.kind != tokenQuoted {
		return "", c.unexpected()
	}
	name := c.tok.text
	return name, c.advance()
}

func (c *queryCompiler) fields() *queryError {
	list, err := c.named()
	if err != nil {
		return err
	}
	c.query.chosen = true
	for _, f := range list {
		if !c.display {
			c.column(f.name)
		}
	}
	c.then(func(rows []*queryRow) []*queryRow { return setAll(rows, list) })
	return nil
}

// setAll gives rows the fields of a fields or display command. A plain field
// keeps its value under its name.
func setAll(rows []*queryRow, list []namedExpr) []*queryRow {
	for _, r := range rows {
		for _, f := range list {
			if v := f.expr(r); v.kind != cellAbsent {
				if r.field(f.name) != v {
					r.set(f.name, v)
				}
			}
		}
	}
	return rows
}

func (c *queryCompiler) displayed() *queryError {
	list, err := c.named()
	if err != nil {
		return err
	}
	c.query.chosen, c.display, c.query.columns = true, true, nil
	for _, f := range list {
		c.column(f.name)
	}
	c.then(func(rows []*queryRow) []*queryRow { return setAll(rows, list) })
	return nil
}

func (c *queryCompiler) filter() *queryError {
	x, err := c.expr()
	if err != nil {
		return err
	}
	c.query.commands = append(c.query.commands, queryCommand{
		run: func(rows []*queryRow) []*queryRow {
			return slices.DeleteFunc(rows, func(r *queryRow) bool { return !x(r).is() })
		},
		narrows: !c.grouped && !c.narrowed,
	})
	return nil
}

func (c *queryCompiler) aggregated() *queryError {
	stats := &statsCommand{}
	var err *queryError
	c.stats = &stats.specs
	stats.items, err = c.named()
	c.stats = nil
	if err != nil {
		return err
	}
	if len(stats.specs) == 0 {
		return c.unexpected()
	}
	if c.word("by") {
		if err := c.advance(); err != nil {
			return err
		}
		if stats.by, err = c.named(); err != nil {
			return err
		}
	}
	c.grouped, c.query.chosen, c.query.columns = true, true, nil
	for _, x := range append(slices.Clone(stats.by), stats.items...) {
		c.column(x.name)
	}
	for _, t := range c.bare { // a group has no fields but these
		if !slices.Contains(c.query.columns, t.text) {
			return &queryError{"Unknown symbols found in or after stats: " + t.text, t.at, t.end}
		}
	}
	c.bare = nil
	c.then(stats.run)
	return nil
}

// sort reads the keys of a sort. Rows of equal keys keep their order.
func (c *queryCompiler) sort() *queryError {
	type key struct {
		expr queryExpr
		sign int
	}
	var keys []key
	for {
		x, err := c.expr()
		if err != nil {
			return err
		}
		k := key{x, 1}
		if c.word("desc") {
			k.sign = -1
		}
		if c.word("asc") || c.word("desc") {
			if err := c.advance(); err != nil {
				return err
			}
		}
		keys = append(keys, k)
		if ok, err := c.accept(","); err != nil {
			return err
		} else if !ok {
			break
		}
	}
	c.then(func(rows []*queryRow) []*queryRow {
		slices.SortStableFunc(rows, func(a, b *queryRow) int {
			for _, k := range keys {
				if by := k.expr(a).order(k.expr(b)); by != 0 {
					return by * k.sign
				}
			}
			return 0
		})
		return rows
	})
	return nil
}

// maxQueryRows is the most rows that a query has, maxPageRows that a page has
// and a query without a limit.
// Source: CloudWatch Logs API reference, StartQuery, read 2026-11-23.
const (
	maxQueryRows = 100_000
	maxPageRows  = 10_000
)

func (c *queryCompiler) limit() *queryError {
	n, bad := strconv.Atoi(c.tok.text)
	if c.tok.kind != tokenNumber || bad != nil {
		return c.unexpected()
	}
	if n < 1 || n > maxQueryRows {
		return &queryError{fmt.Sprintf("a limit is a number from 1 to %d", maxQueryRows), c.tok.at, c.tok.end}
	}
	c.query.limit, c.narrowed = max(n, c.query.limit), true
	c.then(func(rows []*queryRow) []*queryRow { return rows[:min(n, len(rows))] })
	return c.advance()
}

// run runs the query over log events. matched counts those that its filters
// let through; cancelled ends it early, between two commands.
func (q *logQuery) run(rows []*queryRow, cancelled func() bool) (out []*queryRow, matched int) {
	slices.SortStableFunc(rows, func(a, b *queryRow) int { return cmp.Compare(b.event.at, a.event.at) })
	matched = len(rows)
	for _, c := range q.commands {
		if cancelled() {
			return nil, matched
		}
		rows = c.run(rows)
		if c.narrows {
			matched = len(rows)
		}
	}
	return rows, matched
}

// resultField is one column of one row.
type resultField struct {
	Field string `json:"field"`
	Value string `json:"value"`
}

// result is a row as it is shown: without the columns that it has no value
// for, and with a pointer if it is a log event.
func (q *logQuery) result(r *queryRow) []resultField {
	out := make([]resultField, 0, len(q.columns)+1)
	for _, name := range q.columns {
		if v := r.field(name); v.kind != cellAbsent {
			out = append(out, resultField{name, v.String()})
		}
	}
	if r.event != nil && !slices.Contains(q.columns, "@ptr") {
		out = append(out, resultField{"@ptr", r.pointer()})
	}
	return out
}
