package loadgen

import (
	"iter"
	"math"
	"time"
)

// Merge yields the arrivals of all schedules in the order of their offsets;
// equal offsets come in the order of the arguments.
func Merge(all ...Schedule) Schedule {
	switch len(all) {
	case 0:
		return nil
	case 1:
		return all[0]
	}
	left, right := all[0].all(), Merge(all[1:]...).all()
	return func(yield func(Arrival) bool) {
		next, stop := iter.Pull(iter.Seq[Arrival](right))
		defer stop()
		b, ok := next()
		for a := range left {
			for ok && b.At < a.At {
				if !yield(b) {
					return
				}
				b, ok = next()
			}
			if !yield(a) {
				return
			}
		}
		for ok && yield(b) {
			b, ok = next()
		}
	}
}

// Part is a schedule and the time it is given in a concatenation.
type Part struct {
	Schedule Schedule
	Lasts    time.Duration
}

// Concat plays the parts one after the other: of each, the arrivals in [0,
// Lasts), shifted by the sum of the parts before it. Parts that last 0 or less
// are left out.
func Concat(parts ...Part) Schedule {
	return func(yield func(Arrival) bool) {
		var begin time.Duration
		for _, p := range parts {
			if p.Lasts <= 0 {
				continue
			}
			for a := range Cut(p.Schedule, 0, p.Lasts) {
				a.At += begin
				if !yield(a) {
					return
				}
			}
			begin += p.Lasts
		}
	}
}

// Cut yields the arrivals of s in [from, to), at their own offsets: any slice
// of a plan can be run against the plan's start.
func Cut(s Schedule, from, to time.Duration) Schedule {
	return func(yield func(Arrival) bool) {
		for a := range s.all() {
			if a.At >= to {
				return
			}
			if a.At >= from && !yield(a) {
				return
			}
		}
	}
}

// Faster divides every offset by factor. A factor that is not a positive finite
// number yields nothing.
func Faster(s Schedule, factor float64) Schedule {
	if !(factor > 0) || math.IsInf(factor, 0) {
		return nil
	}
	if factor == 1 {
		return s
	}
	return each(s, func(a *Arrival) { a.At = nanoseconds(float64(a.At) / factor) })
}
