package loadgen

import (
	"math"
	"slices"
	"time"

	"coldbench/record"
)

// Every yields one arrival at first, first + period, ... in [0, d): the centres
// of regular bursts or pings. A period or d that is not positive, or a negative
// first, yields nothing.
func Every(period, first, d time.Duration) Schedule {
	return func(yield func(Arrival) bool) {
		if period <= 0 || first < 0 {
			return
		}
		for at := first; at < d; {
			if !yield(Arrival{At: at}) || at > math.MaxInt64-period {
				return
			}
			at += period
		}
	}
}

// Together puts n arrivals at each arrival of s, at the same instant. It is
// how a warmer keeps n environments: pings that overlap.
func Together(s Schedule, n int) Schedule {
	return func(yield func(Arrival) bool) {
		for a := range s.all() {
			for range n {
				if !yield(a) {
					return
				}
			}
		}
	}
}

// Spread puts n arrivals behind each arrival of s, over the width: evenly, the
// arrival k at k*width/n, or at n uniformly random places if random is set.
// Bursts may overlap; the result is in order. A width of 0 is Together.
func Spread(s Schedule, n int, width time.Duration, random bool, seed uint64) Schedule {
	if width <= 0 || n <= 1 {
		return Together(s, n)
	}
	return func(yield func(Arrival) bool) {
		r := source(seed)
		var waiting pending
		burst := make([]Arrival, n)
		for a := range s.all() {
			if !waiting.flush(a.At, yield) {
				return
			}
			places := inOrder(r)
			for k := range burst {
				at := float64(k) / float64(n)
				if random {
					at = places.next(int64(n - k))
				}
				burst[k] = a
				burst[k].At += min(nanoseconds(at*float64(width)), width-1)
			}
			waiting.add(burst)
		}
		waiting.flush(math.MaxInt64, yield)
	}
}

// pending holds arrivals, in order, that others may still precede.
type pending struct{ items []Arrival }

// add merges a burst in, which is in order itself, from the end; of equal
// offsets those that came first stay first.
func (p *pending) add(burst []Arrival) {
	i, j := len(p.items)-1, len(burst)-1
	p.items = append(p.items, burst...)
	for k := len(p.items) - 1; j >= 0; k-- {
		if i >= 0 && p.items[i].At > burst[j].At {
			p.items[k] = p.items[i]
			i--
		} else {
			p.items[k] = burst[j]
			j--
		}
	}
}

// flush yields what is due before end and says whether to go on.
func (p *pending) flush(end time.Duration, yield func(Arrival) bool) bool {
	n := 0
	for n < len(p.items) && p.items[n].At < end {
		if !yield(p.items[n]) {
			return false
		}
		n++
	}
	p.items = slices.Delete(p.items, 0, n)
	return true
}

// Pings yields concurrency arrivals tagged record.TagPing at 0, period, 2
// period, ... in [0, d).
func Pings(period time.Duration, concurrency int, d time.Duration) Schedule {
	return Tagged(Together(Every(period, 0, d), concurrency), record.TagPing)
}
