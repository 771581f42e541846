package logsource_test

import (
	"context"
	"errors"
	"iter"
	"testing"
	"testing/synctest"
	"time"

	"coldbench/logsource"
	"coldbench/record"
)

// late delivers events in stages: the n-th question sees the first stages[n]
// of them, in reverse order and each twice.
type late struct {
	events []record.Event
	stages []int
	asked  int
	err    error
}

func (l *late) Events(context.Context, logsource.Window) iter.Seq2[record.Event, error] {
	n := l.stages[min(l.asked, len(l.stages)-1)]
	l.asked++
	return func(yield func(record.Event, error) bool) {
		for i := n - 1; i >= 0; i-- {
			for range 2 {
				if !yield(l.events[i], nil) {
					return
				}
			}
		}
		if l.err != nil {
			yield(record.Event{}, l.err)
		}
	}
}

func someEvents(n int) []record.Event {
	out := make([]record.Event, n)
	for i := range out {
		out[i] = record.Event{EventID: string(rune('a' + i)), Message: "m"}
	}
	return out
}

func TestPollWaitsForLateEventsAndYieldsEachOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := &late{events: someEvents(5), stages: []int{0, 2, 2, 5}}
		got := map[string]int{}
		err := logsource.Poll(t.Context(), src, logsource.Window{}, logsource.PollOptions{Every: time.Second, AtMost: time.Minute},
			func(e record.Event) error { got[e.EventID]++; return nil },
			func() bool { return len(got) == 5 })
		if err != nil {
			t.Fatal(err)
		}
		for id, n := range got {
			if n != 1 {
				t.Errorf("event %s was handed on %d times", id, n)
			}
		}
		if src.asked != 4 {
			t.Errorf("asked %d times, want 4", src.asked)
		}
	})
}

func TestPollGivesUpAtTheDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := &late{events: someEvents(3), stages: []int{2}}
		var got int
		start := time.Now()
		err := logsource.Poll(t.Context(), src, logsource.Window{}, logsource.PollOptions{Every: time.Second, AtMost: 10 * time.Second},
			func(record.Event) error { got++; return nil },
			func() bool { return false })
		if !errors.Is(err, logsource.ErrIncomplete) || got != 2 {
			t.Errorf("err %v, %d events", err, got)
		}
		// Questions at 0, 1, 3 and 7 s; the next would be at 15 s, past the
		// deadline, so it is asked at the deadline.
		if d := time.Since(start); d != 10*time.Second || src.asked != 5 {
			t.Errorf("gave up after %v and %d questions", d, src.asked)
		}
	})
}

func TestPollPassesErrorsOn(t *testing.T) {
	broken := errors.New("broken")
	src := &late{stages: []int{0}, err: broken}
	err := logsource.Poll(t.Context(), src, logsource.Window{}, logsource.PollOptions{}, func(record.Event) error { return nil }, func() bool { return false })
	if !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
	src = &late{events: someEvents(1), stages: []int{1}}
	err = logsource.Poll(t.Context(), src, logsource.Window{}, logsource.PollOptions{}, func(record.Event) error { return broken }, func() bool { return false })
	if !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
}

func TestPollEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 90*time.Second)
		defer cancel()
		err := logsource.Poll(ctx, &late{stages: []int{0}}, logsource.Window{}, logsource.PollOptions{Every: time.Minute, AtMost: time.Hour},
			func(record.Event) error { return nil }, func() bool { return false })
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
	})
}
