package logsource

import (
	"context"
	"errors"
	"iter"
	"time"

	"coldbench/record"
)

// Window is a span of log time. A zero To means "until now".
type Window struct{ From, To time.Time }

// Source yields the log events of a window. It may be asked again, and then
// yields what it yielded before and what has arrived since. An error ends the
// sequence.
type Source interface {
	Events(ctx context.Context, w Window) iter.Seq2[record.Event, error]
}

// PollOptions says how long to wait for late events. The zero value asks once.
type PollOptions struct {
	Every   time.Duration // between two questions, doubled up to 16 times as long
	AtMost  time.Duration // from the first question to the last
	Overlap time.Duration // how far behind the newest event each question starts; 0 = from the beginning
}

// Poll hands each event of the window to each, once, and asks again until done
// reports true or the time of o is over; then it returns ErrIncomplete. An
// error of each ends it too.
func Poll(ctx context.Context, src Source, w Window, o PollOptions, each func(record.Event) error, done func() bool) error {
	p := poll{seen: map[eventKey]struct{}{}, each: each, from: w.From}
	deadline := time.Now().Add(o.AtMost)
	wait := o.Every
	for {
		if err := p.once(ctx, src, Window{From: p.from, To: w.To}); err != nil {
			return err
		}
		if done() {
			return nil
		}
		if o.Every <= 0 || !time.Now().Add(wait).Before(deadline) {
			return ErrIncomplete
		}
		if err := sleep(ctx, wait); err != nil {
			return err
		}
		wait = min(2*wait, 16*o.Every)
		if o.Overlap > 0 && p.newest.Add(-o.Overlap).After(p.from) {
			p.from = p.newest.Add(-o.Overlap)
		}
	}
}

// ErrIncomplete says that the time was over before everything had arrived.
var ErrIncomplete = errors.New("the deadline passed before every log event had arrived")

type eventKey struct{ id, stream, message string }

type poll struct {
	seen   map[eventKey]struct{}
	each   func(record.Event) error
	from   time.Time
	newest time.Time
}

func (p *poll) once(ctx context.Context, src Source, w Window) error {
	for e, err := range src.Events(ctx, w) {
		if err != nil {
			return err
		}
		k := eventKey{id: e.EventID}
		if e.EventID == "" {
			k = eventKey{stream: e.LogStream, message: e.Message}
		}
		if _, again := p.seen[k]; again {
			continue
		}
		p.seen[k] = struct{}{}
		if t := time.UnixMilli(e.Timestamp); t.After(p.newest) {
			p.newest = t
		}
		if err := p.each(e); err != nil {
			return err
		}
	}
	return nil
}

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
