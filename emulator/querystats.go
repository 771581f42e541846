package emulator

import (
	"math"
	"slices"
	"strings"
)

// aggregate gathers the values of one function of stats over one group.
type aggregate interface {
	add(c cell)
	result() cell
}

// aggregateSpec is one aggregate function as a query calls it.
type aggregateSpec struct {
	of   queryExpr // nil = every row counts
	make func() aggregate
}

// aggregates make a function's state, given its second argument.
// Source: CloudWatch Logs user guide, "stats", aggregation functions.
var aggregates = map[string]func(arg float64) aggregate{
	"count":          func(float64) aggregate { return &counting{} },
	"count_distinct": func(float64) aggregate { return &distinct{seen: map[string]bool{}} },
	"sum":            func(float64) aggregate { return &summing{} },
	"avg":            func(float64) aggregate { return &summing{average: true} },
	"min":            func(float64) aggregate { return &extreme{sign: -1} },
	"max":            func(float64) aggregate { return &extreme{sign: 1} },
	"pct":            func(p float64) aggregate { return &ranked{p: p} },
	"percentile":     func(p float64) aggregate { return &ranked{p: p} },
	"median":         func(float64) aggregate { return &ranked{p: 50} },
}

type counting struct{ n float64 }

func (a *counting) add(cell)     { a.n++ }
func (a *counting) result() cell { return numberCell(a.n) }

type distinct struct{ seen map[string]bool }

func (a *distinct) add(c cell)   { a.seen[c.String()] = true }
func (a *distinct) result() cell { return numberCell(float64(len(a.seen))) }

type summing struct {
	average bool
	n, sum  float64
}

func (a *summing) add(c cell) {
	if v, ok := c.number(); ok {
		a.n++
		a.sum += v
	}
}

func (a *summing) result() cell {
	if a.average {
		return finite(a.sum/a.n, a.n > 0)
	}
	return finite(a.sum, a.n > 0)
}

// extreme keeps the least or the greatest. A time stays a time.
type extreme struct {
	sign int
	best cell
}

func (a *extreme) add(c cell) {
	if a.best.kind == cellAbsent || c.order(a.best)*a.sign > 0 {
		a.best = c
	}
}

func (a *extreme) result() cell {
	if a.best.kind == cellDouble {
		return numberCell(a.best.n)
	}
	return a.best
}

// ranked is a percentile by nearest rank: the least value that p percent of
// the values do not exceed. The service's own method is not documented.
type ranked struct {
	p      float64
	values []float64
}

func (a *ranked) add(c cell) {
	if v, ok := c.number(); ok {
		a.values = append(a.values, v)
	}
}

func (a *ranked) result() cell {
	n := len(a.values)
	if n == 0 {
		return cell{}
	}
	slices.Sort(a.values)
	rank := int(math.Ceil(a.p / 100 * float64(n)))
	return numberCell(a.values[min(max(rank, 1), n)-1])
}

// aggregate reads the arguments of an aggregate function, and stands for its
// result.
func (p *queryParser) aggregate(name queryToken, state func(float64) aggregate) (queryExpr, *queryError) {
	if err := p.advance(); err != nil {
		return nil, err
	}
	spec, err := p.aggregateArguments(name, state)
	if err != nil {
		return nil, err
	}
	i := len(*p.stats)
	*p.stats = append(*p.stats, spec)
	return func(r *queryRow) cell { return r.states[i].result() }, nil
}

func (p *queryParser) aggregateArguments(name queryToken, state func(float64) aggregate) (aggregateSpec, *queryError) {
	key := strings.ToLower(name.text)
	all := aggregateSpec{make: func() aggregate { return state(0) }}
	if key == "count" {
		star, err := p.accept("*")
		if err != nil {
			return all, err
		}
		if star || p.sign(")") {
			return all, p.expect(")")
		}
	}
	outer := p.stats
	p.stats = nil // one aggregate is no argument of another
	args, err := p.list(")")
	p.stats = outer
	if err != nil {
		return all, err
	}
	want, arg := 1, 0.0
	if key == "pct" || key == "percentile" {
		want = 2
	}
	if len(args) != want {
		return all, &queryError{"wrong number of arguments of " + name.text, name.at, p.last}
	}
	if want == 2 {
		n, ok := args[1](&queryRow{}).number()
		if !ok || n < 0 || n > 100 {
			return all, &queryError{"a percentile is a number from 0 to 100", name.at, p.last}
		}
		arg = n
	}
	return aggregateSpec{of: args[0], make: func() aggregate { return state(arg) }}, nil
}

// statsCommand is one stats command.
type statsCommand struct {
	specs []aggregateSpec
	items []namedExpr // of aggregates
	by    []namedExpr
}

func (c *statsCommand) run(rows []*queryRow) []*queryRow {
	groups := map[string]*queryRow{}
	var out []*queryRow
	for _, r := range rows {
		var key strings.Builder
		values := make([]cell, len(c.by))
		for i, b := range c.by {
			values[i] = b.expr(r)
			key.WriteString(values[i].String())
			key.WriteByte(0)
		}
		g := groups[key.String()]
		if g == nil {
			g = c.group(values)
			groups[key.String()] = g
			out = append(out, g)
		}
		for i, s := range c.specs {
			if s.of == nil {
				g.states[i].add(cell{})
			} else if v := s.of(r); v.kind != cellAbsent {
				g.states[i].add(v)
			}
		}
	}
	for _, g := range out {
		for _, item := range c.items {
			g.set(item.name, item.expr(g))
		}
		g.states = nil
	}
	return out
}

func (c *statsCommand) group(values []cell) *queryRow {
	g := &queryRow{made: map[string]cell{}}
	for i, b := range c.by {
		g.made[b.name] = values[i]
	}
	for _, s := range c.specs {
		g.states = append(g.states, s.make())
	}
	return g
}
