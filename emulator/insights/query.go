package insights

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Event is one log event that a query may find.
type Event struct {
	Group    string // with the account: 123456789012:/aws/lambda/f
	Stream   string
	ID       int64 // within its group
	At       int64 // milliseconds of the Unix epoch
	Ingested int64 // likewise
	Text     string
}

// Frame is when a query was started, and the time that it is about.
type Frame struct{ Started, From, To time.Time }

// Field is one column of one row of the results.
type Field struct {
	Field string `json:"field"`
	Value string `json:"value"`
}

// Results of a query.
type Results struct {
	Rows    [][]Field // without the columns that a row has no value for
	Matched int       // events that the filters let through
}

// Query is a compiled query. Any number of goroutines may run it.
type Query struct {
	commands []command
	columns  []string
	chosen   bool // by fields, display or stats
	limit    int  // 0 = none in the text
}

// command turns rows into rows. A narrowing one chooses among log events
// and comes before all others that change their number: what is left after it
// has matched.
type command struct {
	run     func(rows []*row) []*row
	narrows bool
}

type named struct {
	name string
	expr expr
}

// compiler reads the commands, one after the other.
type compiler struct {
	parser
	query    Query
	display  bool
	grouped  bool // after stats: rows are no log events
	deduped  bool
	narrowed bool // after limit or dedup
}

// Compile compiles the text of a query. What is not known is refused as
// malformed, never passed over.
func Compile(text string) (*Query, *SyntaxError) {
	c := &compiler{parser: parser{text: text}}
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

func (c *compiler) command() *SyntaxError {
	t := c.tok
	read := map[string]func() *SyntaxError{
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

func (c *compiler) then(run func([]*row) []*row) {
	c.query.commands = append(c.query.commands, command{run: run})
}

// column adds a column to the results, once.
func (c *compiler) column(name string) {
	if !slices.Contains(c.query.columns, name) {
		c.query.columns = append(c.query.columns, name)
	}
}

// named reads expressions with their names: the alias, or the text as written.
func (c *compiler) named() ([]named, *SyntaxError) {
	var list []named
	for {
		at, quotedName := c.tok.at, ""
		if c.tok.kind == tokenQuoted {
			quotedName = c.tok.text
		}
		x, err := c.expr()
		if err != nil {
			return nil, err
		}
		n := named{c.text[at:c.last], x}
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
func (c *compiler) alias() (string, *SyntaxError) {
	if err := c.advance(); err != nil {
		return "", err
	}
	if c.tok.kind != tokenName && c.tok.kind != tokenQuoted {
		return "", c.unexpected()
	}
	name := c.tok.text
	return name, c.advance()
}

func (c *compiler) fields() *SyntaxError {
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
	c.then(func(rows []*row) []*row { return setAll(rows, list) })
	return nil
}

// setAll gives rows the fields of a fields or display command. A plain field
// keeps its value under its name.
func setAll(rows []*row, list []named) []*row {
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

func (c *compiler) displayed() *SyntaxError {
	list, err := c.named()
	if err != nil {
		return err
	}
	c.query.chosen, c.display, c.query.columns = true, true, nil
	for _, f := range list {
		c.column(f.name)
	}
	c.then(func(rows []*row) []*row { return setAll(rows, list) })
	return nil
}

func (c *compiler) filter() *SyntaxError {
	x, err := c.expr()
	if err != nil {
		return err
	}
	c.query.commands = append(c.query.commands, command{
		run: func(rows []*row) []*row {
			return slices.DeleteFunc(rows, func(r *row) bool { return !x(r).is() })
		},
		narrows: !c.grouped && !c.narrowed,
	})
	return nil
}

func (c *compiler) aggregated() *SyntaxError {
	stats := &statsCommand{}
	var err *SyntaxError
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
			return &SyntaxError{"Unknown symbols found in or after stats: " + t.text, t.at, t.end}
		}
	}
	c.bare = nil
	c.then(stats.run)
	return nil
}

// sort reads the keys of a sort. Rows of equal keys keep their order.
func (c *compiler) sort() *SyntaxError {
	type key struct {
		expr expr
		sign int
	}
	var keys []key
	if c.word("by") { // as in the sample queries of the console; by alone is a field
		if next, err := nextToken(c.text, c.tok.end); err != nil {
			return err
		} else if next.kind == tokenName && !strings.EqualFold(next.text, "asc") && !strings.EqualFold(next.text, "desc") || next.kind == tokenQuoted {
			c.tok, c.last = next, c.tok.end
		}
	}
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
	c.then(func(rows []*row) []*row {
		slices.SortStableFunc(rows, func(a, b *row) int {
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

// Source: CloudWatch Logs API reference, StartQuery, read 2026-11-23.
const (
	MaxRows     = 100_000 // the most that a limit may ask for
	DefaultRows = 10_000  // of a query without a limit, and of a page of results
)

func (c *compiler) limit() *SyntaxError {
	n, bad := strconv.Atoi(c.tok.text)
	if c.tok.kind != tokenNumber || bad != nil {
		return c.unexpected()
	}
	if n < 1 || n > MaxRows {
		return &SyntaxError{fmt.Sprintf("a limit is a number from 1 to %d", MaxRows), c.tok.at, c.tok.end}
	}
	c.query.limit, c.narrowed = max(n, c.query.limit), true
	c.then(func(rows []*row) []*row { return rows[:min(n, len(rows))] })
	return c.advance()
}

// Run runs the query over events, which it does not change. At most limit rows come back, or as many as the query's
// own limit says. cancelled is asked between two commands; if it says yes, the
// results are empty.
func (q *Query) Run(events []Event, frame Frame, limit int, cancelled func() bool) Results {
	rows := make([]*row, len(events))
	for i := range events {
		rows[i] = &row{event: &events[i], frame: &frame}
	}
	rows, matched := q.run(rows, cancelled)
	if q.limit > 0 {
		limit = q.limit
	}
	out := Results{Rows: make([][]Field, 0, min(limit, len(rows))), Matched: matched}
	for _, r := range rows[:min(limit, len(rows))] {
		out.Rows = append(out.Rows, q.result(r))
	}
	return out
}

func (q *Query) run(rows []*row, cancelled func() bool) (out []*row, matched int) {
	slices.SortStableFunc(rows, func(a, b *row) int { return cmp.Compare(b.event.At, a.event.At) })
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

// result is a row as it is shown: without the columns that it has no value
// for, and with a pointer if it is a log event.
func (q *Query) result(r *row) []Field {
	out := make([]Field, 0, len(q.columns)+1)
	for _, name := range q.columns {
		if v := r.field(name); v.kind != cellAbsent {
			out = append(out, Field{name, v.String()})
		}
	}
	if r.event != nil && !slices.Contains(q.columns, "@ptr") {
		out = append(out, Field{"@ptr", r.pointer()})
	}
	return out
}
