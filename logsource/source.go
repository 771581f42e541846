package logsource

import (
	"context"
	"iter"
	"time"

	"coldbench/record"
)

// Window is a span of log time, both ends included, to the millisecond. A zero
// From means from the beginning, a zero To until now.
type Window struct{ From, To time.Time }

// Source yields the log events of a window. It may be asked again, and then
// yields what it yielded before and what has arrived since. An error ends the
// sequence; what came before it stands.
type Source interface {
	Events(ctx context.Context, w Window) iter.Seq2[record.Event, error]
}

// Progress says how far a source has come. Its counts only grow.
type Progress struct {
	Requests  int64     // answered by the service
	Throttled int64     // refused for their rate, and sent again
	Events    int64     // yielded
	At        time.Time // the newest event's time
	Done      float64   // share of the window that was read, 0 to 1; 0 where it is not known
}

// span is a Window in milliseconds.
type span struct{ from, to int64 }

// maxMillis is later than any log event: the year 292278994.
const maxMillis int64 = 1<<63 - 1

func (w Window) span() span {
	s := span{0, maxMillis}
	if !w.From.IsZero() {
		s.from = max(0, w.From.UnixMilli())
	}
	if !w.To.IsZero() {
		s.to = w.To.UnixMilli()
	}
	return s
}

// holds says whether an event belongs into the span. One without a time does.
func (s span) holds(e *record.Event) bool {
	return e.Timestamp == 0 || e.Timestamp >= s.from && e.Timestamp <= s.to
}

// sleep waits, or returns the error of a context that ends before.
func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
