package loadgen

import (
	"container/heap"
	"math"
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
		place := func(k int, _ float64) float64 { return float64(k) / float64(n) }
		if random {
			// The next of n ordered uniform numbers given the last: of the n-k
			// that remain in (last, 1), the smallest (Devroye, Non-Uniform
			// Random Variate Generation, 1986, section V.2).
			place = func(k int, last float64) float64 {
				return 1 - (1-last)*math.Pow(r.Float64(), 1/float64(n-k))
			}
		}
		var waiting pending
		for a := range s.all() {
			if !waiting.flush(a.At, yield) {
				return
			}
			last := 0.0
			for k := range n {
				last = place(k, last)
				b := a
				b.At += min(nanoseconds(last*float64(width)), width-1)
				waiting.add(b)
			}
		}
		waiting.flush(math.MaxInt64, yield)
	}
}

// pending holds arrivals that may still be preceded by others, in a heap; equal
// offsets leave in the order in which they came.
type pending struct {
	items []numbered
	n     uint64
}

type numbered struct {
	Arrival
	n uint64
}

func (p *pending) add(a Arrival) {
	heap.Push(p, numbered{a, p.n})
	p.n++
}

// flush yields what is due before end and says whether to go on.
func (p *pending) flush(end time.Duration, yield func(Arrival) bool) bool {
	for len(p.items) > 0 && p.items[0].At < end {
		if !yield(heap.Pop(p).(numbered).Arrival) {
			return false
		}
	}
	return true
}

// Len, Less, Swap, Push and Pop implement heap.Interface.
func (p *pending) Len() int { return len(p.items) }

// Less orders by offset, then by arrival in the heap.
func (p *pending) Less(i, j int) bool {
	a, b := &p.items[i], &p.items[j]
	return a.At < b.At || a.At == b.At && a.n < b.n
}

// Swap exchanges two items.
func (p *pending) Swap(i, j int) { p.items[i], p.items[j] = p.items[j], p.items[i] }

// Push appends a numbered arrival.
func (p *pending) Push(x any) { p.items = append(p.items, x.(numbered)) }

// Pop removes the last item.
func (p *pending) Pop() any {
	last := p.items[len(p.items)-1]
	p.items = p.items[:len(p.items)-1]
	return last
}

// Pings yields concurrency arrivals tagged record.TagPing at 0, period, 2
// period, ... in [0, d).
func Pings(period time.Duration, concurrency int, d time.Duration) Schedule {
	return Tagged(Together(Every(period, 0, d), concurrency), record.TagPing)
}
