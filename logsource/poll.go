package logsource

import (
	"context"
	"errors"
	"time"

	"coldbench/record"
)

// PollOptions says how long to wait for late events. The zero value asks once.
type PollOptions struct {
	Every   time.Duration // between two questions, doubled up to 16 times as long
	AtMost  time.Duration // from the first question to the last
	Overlap time.Duration // how far behind the newest event each question starts; 0 = from the beginning
}

// ErrIncomplete says that the time was over before everything had arrived.
var ErrIncomplete = errors.New("the deadline passed before every log event had arrived")

// Poll hands each event of the window to each, once, and asks again until done
// reports true or the time of o is over; the last question is asked then, and
// if that does not help either Poll returns ErrIncomplete. An error of each
// ends it too.
//
// With Overlap, an event that is delivered later than the newest by more than
// Overlap is missed, and memory is bounded by the events of that span.
func Poll(ctx context.Context, src Source, w Window, o PollOptions, each func(record.Event) error, done func() bool) error {
	p := poll{seen: newSeen(forgetAbove), each: each, window: w}
	return p.until(ctx, src, o, done, func() time.Time {
		if o.Overlap <= 0 || p.newest.IsZero() {
			return time.Time{}
		}
		return p.newest.Add(-o.Overlap)
	})
}

// poll is the state between two questions.
type poll struct {
	seen   *seen
	each   func(record.Event) error
	window Window
	newest time.Time
}

// until asks again and again. next gives the time from which the following
// question has to start; it never goes back.
func (p *poll) until(ctx context.Context, src Source, o PollOptions, done func() bool, next func() time.Time) error {
	deadline := time.Now().Add(o.AtMost)
	for wait := o.Every; ; wait = min(2*wait, 16*o.Every) {
		if err := p.once(ctx, src); err != nil {
			return err
		}
		if done() {
			return nil
		}
		left := time.Until(deadline)
		if o.Every <= 0 || left <= 0 {
			return ErrIncomplete
		}
		if err := sleep(ctx, min(wait, left)); err != nil {
			return err
		}
		if from := next(); from.After(p.window.From) {
			p.window.From = from
			p.seen.forget(p.window.span().from)
		}
	}
}

func (p *poll) once(ctx context.Context, src Source) error {
	within := p.window.span()
	for e, err := range src.Events(ctx, p.window) {
		if err != nil {
			return err
		}
		// What lies before the window has been forgotten, so it would be
		// taken for new.
		if !within.holds(&e) || !p.seen.add(&e) {
			continue
		}
		if t := time.UnixMilli(e.Timestamp); e.Timestamp != 0 && t.After(p.newest) {
			p.newest = t
		}
		if err := p.each(e); err != nil {
			return err
		}
	}
	return nil
}
