package fleet

import "fmt"

// Placement says which idle environment gets the next request. AWS does not
// document it. The zero value is MRU.
type Placement uint8

// The placements.
const (
	// MRU reuses the environment that was used last, so that after a peak the
	// rest fall idle and are dropped. It is the default, and what published
	// models of Lambda assume.
	MRU Placement = iota
	// LRU reuses the environment that has been idle longest, which keeps a pool
	// as large as its last peak.
	LRU
	// Random reuses any idle environment with equal chance.
	Random
)

var placementNames = [...]string{MRU: "mru", LRU: "lru", Random: "random"}

// ParsePlacement reads "mru", "lru" or "random". The empty string is MRU.
func ParsePlacement(s string) (Placement, error) {
	if s == "" {
		return MRU, nil
	}
	for p, name := range placementNames {
		if s == name {
			return Placement(p), nil
		}
	}
	return MRU, fmt.Errorf("parse placement %q: want mru, lru or random", s)
}

// String is the form that ParsePlacement reads.
func (p Placement) String() string {
	if int(p) < len(placementNames) {
		return placementNames[p]
	}
	return fmt.Sprintf("placement(%d)", uint8(p))
}

// idleSet holds the idle environments of a pool in the order that the placement
// needs: a list by the time at which they fell idle, or, for Random, an array.
// Both are threaded through the slots themselves, so nothing is allocated.
type idleSet struct {
	head, tail int32 // list, oldest first; none = -1
	array      []int32
	n          int
}

func newIdleSet() idleSet { return idleSet{head: none, tail: none} }

func (s *idleSet) add(p Placement, envs []slot, i int32) {
	s.n++
	if p == Random {
		envs[i].next = int32(len(s.array))
		s.array = append(s.array, i)
		return
	}
	envs[i].prev, envs[i].next = s.tail, none
	if s.tail == none {
		s.head = i
	} else {
		envs[s.tail].next = i
	}
	s.tail = i
}

func (s *idleSet) remove(p Placement, envs []slot, i int32) {
	s.n--
	if p == Random {
		at, last := envs[i].next, int32(len(s.array)-1)
		moved := s.array[last]
		s.array[at] = moved
		envs[moved].next = at
		s.array = s.array[:last]
		return
	}
	prev, next := envs[i].prev, envs[i].next
	if prev == none {
		s.head = next
	} else {
		envs[prev].next = next
	}
	if next == none {
		s.tail = prev
	} else {
		envs[next].prev = prev
	}
}

// take removes and returns the environment that gets the next request.
func (s *idleSet) take(p Placement, envs []slot, r *random) (int32, bool) {
	if s.n == 0 {
		return none, false
	}
	i := s.tail
	switch p {
	case LRU:
		i = s.head
	case Random:
		i = s.array[r.below(uint64(s.n))]
	}
	s.remove(p, envs, i)
	return i, true
}
