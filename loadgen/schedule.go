package loadgen

import (
	"math"
	"math/bits"
	"time"

	"coldbench/record"
)

// Constant yields rate arrivals per second at equal distances in [0, d): the
// arrival i at floor(i / rate), computed from i and never by adding up
// distances, so that nothing drifts. The count is ceil(rate * d). A rate that
// is not a positive finite number, or d <= 0, yields nothing.
func Constant(rate float64, d time.Duration) Schedule {
	return func(yield func(Arrival) bool) {
		if !usable(rate, d) {
			return
		}
		at := offsetOf(rate)
		for i := uint64(0); ; i++ {
			t := at(i)
			if t >= d || !yield(Arrival{At: t}) {
				return
			}
		}
	}
}

// offsetOf returns the function i -> floor(i * 1e9 / rate) in nanoseconds. For
// a whole rate it is exact (a product of 128 bits); otherwise it is correctly
// rounded in float64, whose error over 31 days is below half a nanosecond.
// Results beyond the range of time.Duration are its maximum.
func offsetOf(rate float64) func(i uint64) time.Duration {
	const end = time.Duration(math.MaxInt64)
	if rate >= 1 && rate < 1<<53 && rate == math.Trunc(rate) {
		r := uint64(rate)
		return func(i uint64) time.Duration {
			hi, lo := bits.Mul64(i, uint64(time.Second))
			if hi >= r {
				return end
			}
			q, _ := bits.Div64(hi, lo, r)
			if q > math.MaxInt64 {
				return end
			}
			return time.Duration(q)
		}
	}
	return func(i uint64) time.Duration { return nanoseconds(float64(i) * 1e9 / rate) }
}

// nanoseconds rounds an offset down to whole nanoseconds; what lies beyond the
// range of time.Duration (infinity and NaN included) becomes its maximum.
func nanoseconds(ns float64) time.Duration {
	if !(ns < math.MaxInt64) {
		return math.MaxInt64
	}
	return time.Duration(ns)
}

func usable(rate float64, d time.Duration) bool {
	return rate > 0 && !math.IsInf(rate, 0) && d > 0
}

// Poisson yields the arrivals of many independent users in [0, d): gaps are
// exponential with mean 1/rate, counts of equal windows have a variance equal
// to their mean. A rate that is not a positive finite number, or d <= 0,
// yields nothing.
func Poisson(rate float64, d time.Duration, seed uint64) Schedule {
	return atRate(Random(seed), rate, d)
}

// Uniform yields one arrival in each interval of 1/rate, at a uniformly random
// place inside it: the count of Constant without its rhythm. A rate that is
// not a positive finite number, or d <= 0, yields nothing.
func Uniform(rate float64, d time.Duration, seed uint64) Schedule {
	return atRate(Jittered(seed), rate, d)
}

func atRate(p Process, rate float64, d time.Duration) Schedule {
	if !usable(rate, d) {
		return nil
	}
	return along(p, d, func(n float64) float64 { return n * 1e9 / rate })
}

// Tagged gives every arrival of s the tag.
func Tagged(s Schedule, tag record.Tag) Schedule {
	return each(s, func(a *Arrival) { a.Tag = tag })
}

// Calling lets every arrival of s call the function with that index in
// Plan.Functions.
func Calling(s Schedule, function int) Schedule {
	return each(s, func(a *Arrival) { a.Function = function })
}

// Shift moves every arrival of s by d. Arrivals that would fall before 0 are
// left out.
func Shift(s Schedule, d time.Duration) Schedule {
	return func(yield func(Arrival) bool) {
		for a := range s.all() {
			a.At += d
			if a.At >= 0 && !yield(a) {
				return
			}
		}
	}
}

func each(s Schedule, change func(*Arrival)) Schedule {
	return func(yield func(Arrival) bool) {
		for a := range s.all() {
			change(&a)
			if !yield(a) {
				return
			}
		}
	}
}

// all makes the nil Schedule iterable.
func (s Schedule) all() Schedule {
	if s == nil {
		return func(func(Arrival) bool) {}
	}
	return s
}

// Count walks s and returns the number of its arrivals. A Schedule that never
// ends never returns.
func Count(s Schedule) int64 {
	var n int64
	for range s.all() {
		n++
	}
	return n
}
