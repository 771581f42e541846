package emulator

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// queryFunc is a function of Logs Insights over the values of its arguments.
type queryFunc struct {
	least, most int // arguments
	do          func(a []cell) cell
}

const manyArguments = 100

// Source: CloudWatch Logs user guide, "Boolean, comparison, numeric, datetime,
// and other functions".
var queryFuncs = map[string]queryFunc{
	"ispresent":   {1, 1, func(a []cell) cell { return truthCell(a[0].kind != cellAbsent) }},
	"isempty":     {1, 1, func(a []cell) cell { return truthCell(a[0].String() == "") }},
	"isblank":     {1, 1, func(a []cell) cell { return truthCell(strings.TrimSpace(a[0].String()) == "") }},
	"coalesce":    {1, manyArguments, coalesce},
	"concat":      {1, manyArguments, concat},
	"strlen":      {1, 1, overText(func(s string) cell { return numberCell(float64(utf8.RuneCountInString(s))) })},
	"toupper":     {1, 1, overText(func(s string) cell { return textCell(strings.ToUpper(s)) })},
	"tolower":     {1, 1, overText(func(s string) cell { return textCell(strings.ToLower(s)) })},
	"trim":        {1, 1, overText(func(s string) cell { return textCell(strings.TrimSpace(s)) })},
	"strcontains": {2, 2, func(a []cell) cell { return truthCell(strings.Contains(a[0].String(), a[1].String())) }},
	"replace": {3, 3, func(a []cell) cell {
		if a[0].kind == cellAbsent || a[1].String() == "" {
			return a[0]
		}
		return textCell(strings.ReplaceAll(a[0].String(), a[1].String(), a[2].String()))
	}},
	"substr":     {2, 3, substr},
	"abs":        {1, 1, overNumber(math.Abs)},
	"ceil":       {1, 1, overNumber(math.Ceil)},
	"floor":      {1, 1, overNumber(math.Floor)},
	"sqrt":       {1, 1, overNumber(math.Sqrt)},
	"log":        {1, 1, overNumber(math.Log)},
	"greatest":   {1, manyArguments, func(a []cell) cell { return slices.MaxFunc(a, cell.order) }},
	"least":      {1, manyArguments, func(a []cell) cell { return slices.MinFunc(a, cell.order) }},
	"tomillis":   {1, 1, overNumber(func(n float64) float64 { return n })},
	"frommillis": {1, 1, fromMillis},
}

func overText(do func(string) cell) func([]cell) cell {
	return func(a []cell) cell {
		if a[0].kind == cellAbsent {
			return cell{}
		}
		return do(a[0].String())
	}
}

func overNumber(do func(float64) float64) func([]cell) cell {
	return func(a []cell) cell {
		n, ok := a[0].number()
		return finite(do(n), ok)
	}
}

func coalesce(a []cell) cell {
	for _, c := range a {
		if c.kind != cellAbsent {
			return c
		}
	}
	return cell{}
}

func concat(a []cell) cell {
	var b strings.Builder
	for _, c := range a {
		b.WriteString(c.String())
	}
	return textCell(b.String())
}

// substr takes characters from a position on, counted from 0, and a length.
func substr(a []cell) cell {
	from, ok := a[1].number()
	if a[0].kind == cellAbsent || !ok {
		return cell{}
	}
	s := []rune(a[0].String())
	start := int(min(max(from, 0), float64(len(s))))
	end := len(s)
	if len(a) == 3 {
		n, ok := a[2].number()
		if !ok {
			return cell{}
		}
		end = start + int(min(max(n, 0), float64(len(s)-start)))
	}
	return textCell(string(s[start:end]))
}

// maxMillis is the year 9999.
const maxMillis = 253402300799999

func fromMillis(a []cell) cell {
	n, ok := a[0].number()
	if !ok || n < 0 || n > maxMillis {
		return cell{}
	}
	return timeCell(int64(n))
}

// call reads the arguments of a function.
func (p *queryParser) call(name queryToken) (queryExpr, *queryError) {
	key := strings.ToLower(name.text)
	switch key {
	case "bin":
		return p.bin()
	case "datefloor", "dateceil":
		return p.dateFloor(key == "dateceil")
	}
	if spec, ok := aggregates[key]; ok && p.stats != nil {
		return p.aggregate(name, spec)
	}
	f, ok := queryFuncs[key]
	if !ok {
		return nil, unexpected(name.text, name.at, name.end)
	}
	if err := p.advance(); err != nil {
		return nil, err
	}
	args, err := p.list(")")
	if err != nil {
		return nil, err
	}
	if len(args) < f.least || len(args) > f.most {
		return nil, &queryError{"wrong number of arguments of " + name.text, name.at, p.last}
	}
	return func(r *queryRow) cell {
		a := make([]cell, len(args))
		for i, x := range args {
			a[i] = x(r)
		}
		return f.do(a)
	}, nil
}

// bin reads bin(5m): the event's time, rounded down.
func (p *queryParser) bin() (queryExpr, *queryError) {
	if err := p.advance(); err != nil {
		return nil, err
	}
	by, err := p.period()
	if err != nil {
		return nil, err
	}
	return rounded(fieldExpr("@timestamp"), by, false), p.expect(")")
}

func (p *queryParser) dateFloor(up bool) (queryExpr, *queryError) {
	if err := p.advance(); err != nil {
		return nil, err
	}
	x, err := p.expr()
	if err != nil {
		return nil, err
	}
	if err := p.expect(","); err != nil {
		return nil, err
	}
	by, err := p.period()
	if err != nil {
		return nil, err
	}
	return rounded(x, by, up), p.expect(")")
}

func rounded(x queryExpr, by time.Duration, up bool) queryExpr {
	return func(r *queryRow) cell {
		n, ok := x(r).number()
		if !ok || n < 0 || n > maxMillis {
			return cell{}
		}
		ms, unit := int64(n), by.Milliseconds()
		floor := ms - ms%unit
		if up && floor < ms {
			floor += unit
		}
		return timeCell(floor)
	}
}

// periods are the units of time that have one length.
// Source: CloudWatch Logs user guide, "stats".
var periods = map[string]time.Duration{
	"ms": time.Millisecond, "msec": time.Millisecond, "millisecond": time.Millisecond,
	"s": time.Second, "sec": time.Second, "second": time.Second,
	"m": time.Minute, "min": time.Minute, "minute": time.Minute,
	"h": time.Hour, "hr": time.Hour, "hour": time.Hour,
	"d": 24 * time.Hour, "day": 24 * time.Hour,
	"w": 7 * 24 * time.Hour, "week": 7 * 24 * time.Hour,
}

func (p *queryParser) period() (time.Duration, *queryError) {
	t := p.tok
	if t.kind != tokenPeriod {
		return 0, p.unexpected()
	}
	digits := strings.TrimLeft(t.text, "0123456789")
	n, err := strconv.Atoi(t.text[:len(t.text)-len(digits)])
	unit, ok := periods[digits]
	if !ok && len(digits) > 2 {
		unit, ok = periods[strings.TrimSuffix(digits, "s")]
	}
	if err != nil || !ok || n < 1 || n > 100_000 {
		return 0, p.unexpected()
	}
	return time.Duration(n) * unit, p.advance()
}
