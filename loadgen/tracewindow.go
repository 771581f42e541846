package loadgen

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"coldbench/record"
)

// span holds the first and the last of the times that were read, and the line
// or place of each.
type span struct {
	first, last     int64
	firstAt, lastAt int
	any             bool
}

// add takes the time that was read at a place and says whether all of them are
// within the time that a run may last.
func (s *span) add(at int64, place int) bool {
	if !s.any || at < s.first {
		s.first, s.firstAt = at, place
	}
	if !s.any || at > s.last {
		s.last, s.lastAt = at, place
	}
	s.any = true
	return uint64(s.last)-uint64(s.first) < uint64(record.MaxDuration)
}

// timedCount is n arrivals of one function in the window that begins there.
type timedCount struct {
	begin    int64
	function int
	n        int64
	place    int // line of the file, or the like, for errors
}

// fill makes the cells of t. The window is the smallest distance of two
// beginnings unless it is given, a minute where there are none. An error comes
// with the place of the count that is at fault.
func (t *Trace) fill(counts []timedCount, window time.Duration) (place int, err error) {
	if len(counts) == 0 {
		return 0, nil
	}
	begins := make([]int64, len(counts))
	for i, c := range counts {
		begins[i] = c.begin
	}
	slices.Sort(begins)
	first, last := begins[0], begins[len(begins)-1]
	t.window = orElse(window, smallestGap(begins))
	t.Duration = time.Duration((last-first)/int64(t.window)+1) * t.window
	for _, c := range counts {
		if off := time.Duration(c.begin-first) % t.window; off != 0 {
			return c.place, fmt.Errorf("this time is %v beyond a multiple of %v after the first one: give the period of the counts", off, t.window)
		}
		t.add((c.begin-first)/int64(t.window), c.function, c.n)
	}
	return 0, nil
}

// add puts n arrivals into a window.
func (t *Trace) add(slot int64, function int, n int64) {
	if n > 0 {
		t.cells = append(t.cells, cell{slot, function, n})
	}
}

// functionNamed is the index of a function, which is added if it is new.
func (t *Trace) functionNamed(name string, known map[string]int) (int, error) {
	k, ok := known[name]
	if !ok {
		if k = len(known); k >= maxFunctions {
			return 0, fmt.Errorf("more than %d functions", maxFunctions)
		}
		name = strings.Clone(name)
		known[name] = k
		t.Functions = append(t.Functions, name)
	}
	return k, nil
}

// smallestGap is the smallest distance of two different instants of a sorted
// list, a minute where there are none.
func smallestGap(sorted []int64) time.Duration {
	gap := int64(0)
	for i := 1; i < len(sorted); i++ {
		if d := sorted[i] - sorted[i-1]; d > 0 && (gap == 0 || d < gap) {
			gap = d
		}
	}
	if gap == 0 {
		return time.Minute
	}
	return time.Duration(gap)
}
