package insights

import (
	"math"
	"slices"
	"strings"
)

// aggregate gathers the values of one function of stats over one group. at is
// the time of the value's event, 0 for one that an earlier stats has made.
type aggregate interface {
	add(c cell, at int64)
	result() cell
}

// aggregateSpec is one aggregate function as a query calls it.
type aggregateSpec struct {
	of   expr // nil = every row counts
	make func() aggregate
}

// aggregates make a function's state, given its second argument.
// Source: CloudWatch Logs user guide, "stats", "Functions to use with stats".
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
	"stddev":         func(float64) aggregate { return &deviation{} },
	"earliest":       func(float64) aggregate { return &timed{sign: -1} },
	"latest":         func(float64) aggregate { return &timed{sign: 1} },
	"sortsfirst":     func(float64) aggregate { return &extreme{sign: -1} },
	"sortslast":      func(float64) aggregate { return &extreme{sign: 1} },
}

type counting struct{ n float64 }

func (a *counting) add(cell, int64) { a.n++ }
func (a *counting) result() cell    { return numberCell(a.n) }

type distinct struct{ seen map[string]bool }

func (a *distinct) add(c cell, _ int64) { a.seen[c.String()] = true }
func (a *distinct) result() cell        { return numberCell(float64(len(a.seen))) }

type summing struct {
	average bool
	n, sum  float64
}

func (a *summing) add(c cell, _ int64) {
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

func (a *extreme) add(c cell, _ int64) {
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

// timed keeps the value of the event that is first or last in time.
type timed struct {
	sign int64
	at   int64
	best cell
}

func (a *timed) add(c cell, at int64) {
	if a.best.kind == cellAbsent || (at-a.at)*a.sign > 0 {
		a.best, a.at = c, at
	}
}

func (a *timed) result() cell { return a.best }

// deviation is the standard deviation of all values (divisor n), by Welford's
// recurrence. Whether the service divides by n or by n-1 is not documented.
type deviation struct{ n, mean, squares float64 }

func (a *deviation) add(c cell, _ int64) {
	v, ok := c.number()
	if !ok {
		return
	}
	a.n++
	d := v - a.mean
	a.mean += d / a.n
	a.squares += d * (v - a.mean)
}

func (a *deviation) result() cell { return finite(math.Sqrt(a.squares/a.n), a.n > 0) }

// ranked is a percentile by nearest rank: the least value that p percent of
// the values do not exceed. The service's own method is not documented.
type ranked struct {
	p      float64
	values []float64
}

func (a *ranked) add(c cell, _ int64) {
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
func (p *parser) aggregate(name token, state func(float64) aggregate) (expr, *SyntaxError) {
	if err := p.advance(); err != nil {
		return nil, err
	}
	spec, err := p.aggregateArguments(name, state)
	if err != nil {
		return nil, err
	}
	i := len(*p.stats)
	*p.stats = append(*p.stats, spec)
	return func(r *row) cell { return r.states[i].result() }, nil
}

func (p *parser) aggregateArguments(name token, state func(float64) aggregate) (aggregateSpec, *SyntaxError) {
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
		return all, &SyntaxError{"wrong number of arguments of " + name.text, name.at, p.last}
	}
	if want == 2 {
		n, ok := args[1](&row{frame: &Frame{}}).number()
		if !ok || n < 0 || n > 100 {
			return all, &SyntaxError{"a percentile is a number from 0 to 100", name.at, p.last}
		}
		arg = n
	}
	return aggregateSpec{of: args[0], make: func() aggregate { return state(arg) }}, nil
}

// statsCommand is one stats command.
type statsCommand struct {
	specs []aggregateSpec
	items []named // of aggregates
	by    []named
}

func (c *statsCommand) run(rows []*row) []*row {
	groups := map[string]*row{}
	var out []*row
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
			g = c.group(values, r.frame)
			groups[key.String()] = g
			out = append(out, g)
		}
		var at int64
		if r.event != nil {
			at = r.event.At
		}
		for i, s := range c.specs {
			if s.of == nil {
				g.states[i].add(cell{}, at)
			} else if v := s.of(r); v.kind != cellAbsent {
				g.states[i].add(v, at)
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

func (c *statsCommand) group(values []cell, frame *Frame) *row {
	g := &row{made: map[string]cell{}, frame: frame}
	for i, b := range c.by {
		g.made[b.name] = values[i]
	}
	for _, s := range c.specs {
		g.states = append(g.states, s.make())
	}
	return g
}
