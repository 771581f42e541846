package logsource

import (
	"cmp"
	"container/heap"
	"iter"
	"time"

	"coldbench/record"
)

// InOrder yields events by their time. An event is held back until one has
// come that is younger by more than slack, so an event may come late by as
// much as that; one that comes later still is yielded at once. Events of the
// same time keep the order of their coming. Memory is bounded by the events of
// the slack. Events without a time, and errors, are not held back.
func InOrder(events iter.Seq2[record.Event, error], slack time.Duration) iter.Seq2[record.Event, error] {
	return func(yield func(record.Event, error) bool) {
		var held byTime
		newest := int64(0)
		release := func(until int64) bool {
			for len(held) > 0 && held[0].Timestamp <= until {
				if !yield(heap.Pop(&held).(arrived).Event, nil) {
					return false
				}
			}
			return true
		}
		n := 0
		for e, err := range events {
			if err != nil {
				// What was held back came before the error.
				if !release(maxMillis) || !yield(e, err) {
					return
				}
				continue
			}
			if e.Timestamp == 0 {
				if !yield(e, nil) {
					return
				}
				continue
			}
			n++
			heap.Push(&held, arrived{e, n})
			newest = max(newest, e.Timestamp)
			if !release(newest - slack.Milliseconds() - 1) {
				return
			}
		}
		release(maxMillis)
	}
}

// arrived is an event with the number of its coming.
type arrived struct {
	record.Event
	n int
}

// byTime is a heap, the oldest event on top.
type byTime []arrived

// Len, Less, Swap, Push and Pop make byTime a heap.
func (h byTime) Len() int { return len(h) }

// Less orders by time, then by coming.
func (h byTime) Less(i, j int) bool {
	return cmp.Or(cmp.Compare(h[i].Timestamp, h[j].Timestamp), cmp.Compare(h[i].n, h[j].n)) < 0
}

// Swap exchanges two events.
func (h byTime) Swap(i, j int) { h[i], h[j] = h[j], h[i] }

// Push appends an event.
func (h *byTime) Push(x any) { *h = append(*h, x.(arrived)) }

// Pop takes the last event off.
func (h *byTime) Pop() any {
	old := *h
	last := old[len(old)-1]
	old[len(old)-1] = arrived{}
	*h = old[:len(old)-1]
	return last
}
