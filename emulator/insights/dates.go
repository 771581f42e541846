package insights

import (
	"strconv"
	"strings"
	"time"
)

// frames are the functions of the query's own times: now() is in seconds of the
// epoch, the others are in milliseconds.
var frames = map[string]func(f *Frame) int64{
	"now":            func(f *Frame) int64 { return f.Started.Unix() },
	"querystarttime": func(f *Frame) int64 { return f.From.UnixMilli() },
	"queryendtime":   func(f *Frame) int64 { return f.To.UnixMilli() },
	"querytimerange": func(f *Frame) int64 { return f.To.Sub(f.From).Milliseconds() },
}

// ofFrame reads the brackets of such a function.
func (p *parser) ofFrame(of func(f *Frame) int64) (expr, *SyntaxError) {
	if err := p.advance(); err != nil {
		return nil, err
	}
	return func(r *row) cell { return numberCell(float64(of(r.frame))) }, p.expect(")")
}

// bin reads bin(5m): the event's time, rounded down.
func (p *parser) bin() (expr, *SyntaxError) {
	if err := p.advance(); err != nil {
		return nil, err
	}
	by, err := p.period()
	if err != nil {
		return nil, err
	}
	return rounded(fieldExpr("@timestamp"), by, false), p.expect(")")
}

func (p *parser) dateFloor(up bool) (expr, *SyntaxError) {
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

// rounded is a time, rounded down or up to whole periods.
func rounded(x expr, by period, up bool) expr {
	return func(r *row) cell {
		n, ok := x(r).number()
		if !ok || n < 0 || n > MaxTime {
			return cell{}
		}
		ms := int64(n)
		floor := by.floor(ms)
		if up && floor < ms {
			floor = by.after(floor)
		}
		return timeCell(floor)
	}
}

// period is a length of time: one of the two members is set.
type period struct {
	millis int64
	months int
	most   int // of them in one period; more are taken as this many. 0 = no such bound
}

// floor is the start of the period that a time lies in. Periods are counted
// from the Unix epoch, those of months from January of year 1, in UTC.
func (p period) floor(ms int64) int64 {
	if p.months == 0 {
		return ms - ms%p.millis
	}
	t := time.UnixMilli(ms).UTC()
	month := (t.Year()-1)*12 + int(t.Month()) - 1
	return time.Date(1, time.Month(month-month%p.months+1), 1, 0, 0, 0, 0, time.UTC).UnixMilli()
}

// after is the start of the period after the one that starts at ms.
func (p period) after(ms int64) int64 {
	if p.months == 0 {
		return ms + p.millis
	}
	return time.UnixMilli(ms).UTC().AddDate(0, p.months, 0).UnixMilli()
}

// periods are the units of time. Those of more than one letter have a plural.
// bin(300s) is bin(60s), as the user guide warns.
// Source: CloudWatch Logs user guide, "stats" and "Datetime functions".
var periods = map[string]period{
	"ms": {millis: 1, most: 1000}, "msec": {millis: 1, most: 1000}, "millisecond": {millis: 1, most: 1000},
	"s": {millis: 1000, most: 60}, "sec": {millis: 1000, most: 60}, "second": {millis: 1000, most: 60},
	"m": {millis: 60_000, most: 60}, "min": {millis: 60_000, most: 60}, "minute": {millis: 60_000, most: 60},
	"h": {millis: 3_600_000, most: 24}, "hr": {millis: 3_600_000, most: 24}, "hour": {millis: 3_600_000, most: 24},
	"d": {millis: 86_400_000}, "day": {millis: 86_400_000},
	"w": {millis: 604_800_000}, "week": {millis: 604_800_000},
	"mo": {months: 1}, "mon": {months: 1}, "month": {months: 1},
	"q": {months: 3}, "qtr": {months: 3}, "quarter": {months: 3},
	"y": {months: 12}, "yr": {months: 12}, "year": {months: 12},
}

func (p *parser) period() (period, *SyntaxError) {
	t := p.tok
	if t.kind != tokenPeriod {
		return period{}, p.unexpected()
	}
	name := strings.TrimLeft(t.text, "0123456789")
	n, err := strconv.Atoi(t.text[:len(t.text)-len(name)])
	unit, ok := periods[name]
	if !ok && len(name) > 2 {
		unit, ok = periods[strings.TrimSuffix(name, "s")]
	}
	if err != nil || !ok || n < 1 || n > 100_000 || unit.months*n > 12_000 {
		return period{}, p.unexpected()
	}
	if unit.most > 0 {
		n = min(n, unit.most)
	}
	return period{millis: unit.millis * int64(n), months: unit.months * n}, p.advance()
}
