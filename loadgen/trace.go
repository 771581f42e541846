package loadgen

import (
	"cmp"
	"fmt"
	"iter"
	"math/rand/v2"
	"slices"
	"time"

	"coldbench/record"
)

// Trace is recorded traffic: single instants, or counts of equal windows. It is
// immutable.
type Trace struct {
	Functions []string      // that were called, in the order of their first appearance
	Count     int64         // arrivals
	Duration  time.Duration // as recorded, to the end of the last window or just after the last arrival

	Format string // how its file was read, for people

	singles []Arrival // sorted by At
	window  time.Duration
	cells   []cell // sorted by slot
}

// cell is n arrivals of one function in the window [slot, slot+1) * window.
type cell struct {
	slot     int64
	function int
	n        int64
}

// Schedule replays t speed times as fast; a speed that is not a positive finite
// number yields nothing. Counts are exact: the n arrivals of a window are put at
// n uniformly random places in it, by the seed, never all at its beginning. The
// function k of the trace calls the function k mod functions of the plan
// (functions < 1 counts as 1). Tags are those of the recorded arrivals, else
// record.TagBase.
func (t *Trace) Schedule(speed float64, seed uint64, functions int) Schedule {
	s := Schedule(t.fromSingles)
	if t.cells != nil {
		s = t.fromCells(subseed(seed, partTrace))
	}
	functions = max(1, functions)
	return Faster(each(s, func(a *Arrival) {
		a.Function %= functions
		a.Tag = orElse(a.Tag, record.TagBase)
	}), speed)
}

func (t *Trace) fromSingles(yield func(Arrival) bool) {
	for _, a := range t.singles {
		if !yield(a) {
			return
		}
	}
}

func (t *Trace) fromCells(seed uint64) Schedule {
	return func(yield func(Arrival) bool) {
		r := source(seed)
		for i := 0; i < len(t.cells); {
			end := i + 1
			for end < len(t.cells) && t.cells[end].slot == t.cells[i].slot {
				end++
			}
			if !place(t.cells[i:end], t.window, r, yield) {
				return
			}
			i = end
		}
	}
}

// place yields the arrivals of one window, at ordered random places in it. Whose
// arrival each is, is drawn from what remains, so that every count comes out
// exactly and memory does not depend on the counts.
func place(cells []cell, window time.Duration, r *rand.Rand, yield func(Arrival) bool) bool {
	left := newUrn(cells)
	begin := time.Duration(cells[0].slot) * window
	places := inOrder(r)
	for left.total > 0 {
		at := begin + min(nanoseconds(places.next(left.total)*float64(window)), window-1)
		if !yield(Arrival{At: at, Function: cells[left.draw(r)].function}) {
			return false
		}
	}
	return true
}

// urn holds counts that are drawn without replacement, as a Fenwick tree.
type urn struct {
	tree  []int64 // 1-based
	total int64
}

func newUrn(cells []cell) *urn {
	u := &urn{tree: make([]int64, len(cells)+1)}
	for i, c := range cells {
		u.total += c.n
		for k := i + 1; k < len(u.tree); k += k & -k {
			u.tree[k] += c.n
		}
	}
	return u
}

// draw takes a random ball and says which kind it was.
func (u *urn) draw(r *rand.Rand) int {
	if len(u.tree) == 2 { // all are of one kind
		u.total--
		return 0
	}
	x := r.Int64N(u.total)
	at, bit := 0, 1
	for 2*bit < len(u.tree) {
		bit *= 2
	}
	for ; bit > 0; bit /= 2 {
		if next := at + bit; next < len(u.tree) && u.tree[next] <= x {
			at, x = next, x-u.tree[next]
		}
	}
	u.total--
	for k := at + 1; k < len(u.tree); k += k & -k {
		u.tree[k]--
	}
	return at
}

// FromRows makes a trace of a recorded run: its arrivals at their intended
// offsets and in the order in which they were scheduled, with their tags, sent
// or not.
func FromRows(rows iter.Seq2[record.Invocation, error]) (*Trace, error) {
	t := &Trace{Format: "the rows of a run"}
	var all []scheduled // a run records them in the order of their ends
	for row, err := range rows {
		if err != nil {
			return nil, fmt.Errorf("read trace from a run: %w", err)
		}
		if row.Intended < 0 || row.Function < 0 {
			return nil, fmt.Errorf("read trace from a run: row %d: a negative offset or function", row.Seq)
		}
		all = append(all, scheduled{Arrival{At: row.Intended, Tag: row.Tag, Function: row.Function}, row.Seq})
		for len(t.Functions) <= row.Function && len(t.Functions) < maxFunctions {
			t.Functions = append(t.Functions, fmt.Sprint(len(t.Functions)))
		}
	}
	slices.SortFunc(all, func(a, b scheduled) int {
		return cmp.Or(cmp.Compare(a.At, b.At), cmp.Compare(a.seq, b.seq))
	})
	t.singles = make([]Arrival, len(all))
	for i, a := range all {
		t.singles[i] = a.Arrival
	}
	t.finish()
	return t, nil
}

type scheduled struct {
	Arrival
	seq int64
}

// finish sorts and sums up.
func (t *Trace) finish() {
	if t.cells != nil {
		slices.SortStableFunc(t.cells, func(a, b cell) int {
			return cmp.Or(cmp.Compare(a.slot, b.slot), cmp.Compare(a.function, b.function))
		})
		for _, c := range t.cells {
			t.Count += c.n
		}
		return
	}
	slices.SortStableFunc(t.singles, func(a, b Arrival) int { return cmp.Compare(a.At, b.At) })
	if t.Count = int64(len(t.singles)); t.Count > 0 {
		t.Duration = t.singles[t.Count-1].At + 1
	}
}
