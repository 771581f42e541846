package loadgen

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"coldbench/record"
)

// ErrorType values of targets that break their contract, with TransportError.
const (
	ErrTargetPanic = "Target.Panic"
	ErrBadReply    = "Target.BadReply"
)

// Causes of the end of an attempt.
var (
	errTimeout = errors.New("the client's time-out")
	errAborted = errors.New("the run was interrupted")
)

// maxErrorText bounds the text of a row, in bytes.
const maxErrorText = 300

// send makes the one attempt of w's job and writes its row, unless the run has
// given the attempt up meanwhile and written it.
func (g *generator) send(w *worker) {
	j := &w.job
	before := time.Now()
	a := g.attempts.begin(before)
	began := before.Sub(g.base)
	waited := began - time.Duration(w.began.Swap(int64(began)))
	switch {
	case !j.started.IsZero(): // it is on the wire, and the leader may still be starting others
		before = j.started
	case waited > pressureDelay:
		g.pressedAt.Store(int64(began))
	}
	reply := g.invoke(a, j)
	after := time.Now()
	cause := a.finish()
	if !w.claimed.CompareAndSwap(false, true) {
		return
	}
	row := g.newRow(j)
	fill(row, &reply, cause)
	g.stamp(row, &reply, before, after)
	g.tally.sent(w.id, row)
	g.write(row, reply.Tail)
}

// invoke calls the target and turns a panic into a reply.
func (g *generator) invoke(ctx context.Context, j *job) (reply Reply) {
	defer func() {
		if p := recover(); p != nil {
			reply = Reply{
				Outcome:   record.TransportError,
				ErrorType: ErrTargetPanic,
				Error:     fmt.Sprintf("the target panicked: %v", p),
			}
		}
	}()
	if j.ready != nil {
		return j.ready.Send(ctx)
	}
	return g.Target.Invoke(ctx, j.request())
}

// newRow is the part of a row that is known before the attempt.
func (g *generator) newRow(j *job) *record.Invocation {
	row := &record.Invocation{
		Seq:      j.seq,
		Function: j.arrival.Function,
		Tag:      j.arrival.Tag,
		Intended: j.arrival.At,
	}
	if row.Intended < g.Warmup {
		row.Phase = record.PhaseWarmup
	}
	return row
}

// fill copies what became of the attempt, and judges replies that the target
// left open by the cause that ended their context (nil = none did).
func fill(row *record.Invocation, r *Reply, cause error) {
	row.Outcome, row.Status, row.ErrorType, row.Error = r.Outcome, r.Status, r.ErrorType, oneLine(r.Error)
	row.RequestID, row.Version = r.RequestID, r.Version
	row.RequestBytes, row.ResponseBytes = r.RequestBytes, r.ResponseBytes
	row.Conn = r.Conn
	unanswered := r.Outcome == "" || r.Outcome == record.TransportError
	switch {
	case unanswered && errors.Is(cause, errTimeout):
		row.Outcome, row.ErrorType = record.TimedOut, record.ErrClientTimeout
		row.Error = orElse(row.Error, "no reply before the client's time-out")
	case unanswered && errors.Is(cause, errAborted):
		row.Outcome, row.ErrorType = record.TransportError, record.ErrInterrupted
		row.Error = orElse(row.Error, errAborted.Error())
	case r.Outcome == "":
		row.Outcome, row.ErrorType = record.TransportError, ErrBadReply
		row.Error = "the target returned no outcome"
	case r.Outcome == record.TimedOut && row.ErrorType == "" && errors.Is(cause, errTimeout):
		row.ErrorType = record.ErrClientTimeout
	}
}

// stamp sets the offsets of row. Instants that the target could not have seen
// (outside the attempt) are taken for missing; a missing Sent is the beginning
// of the attempt, a missing Done of an answered request its end.
func (g *generator) stamp(row *record.Invocation, r *Reply, before, after time.Time) {
	inside := func(t time.Time) bool { return !t.IsZero() && !t.Before(before) && !t.After(after) }
	if row.Outcome == record.NotSent {
		return
	}
	sent := r.Sent
	if !inside(sent) {
		sent = before
	}
	row.Sent = g.offset(sent)
	if inside(r.FirstByte) && !r.FirstByte.Before(sent) {
		row.FirstByte = g.offset(r.FirstByte)
	}
	done := r.Done
	switch row.Outcome {
	case record.OK, record.FunctionError, record.Throttled, record.Rejected:
		if !inside(done) || done.Before(sent) {
			done = after
		}
	}
	if inside(done) && !done.Before(sent) {
		row.Done = g.offset(done)
	}
}

// offset is never 0, which would say that the point was not reached.
func (g *generator) offset(t time.Time) time.Duration { return max(1, t.Sub(g.base)) }

// write hands over a row. The first error of the recorder ends the load.
func (g *generator) write(row *record.Invocation, tail []byte) {
	g.Progress.add(row.Outcome, max(row.Intended, row.Sent, row.Done))
	if err := g.Recorder.Record(row, tail); err != nil {
		g.fail(fmt.Errorf("record row %d: %w", row.Seq, err))
	}
}

// oneLine bounds a text to one line of 300 bytes of valid UTF-8.
func oneLine(s string) string {
	if len(s) > 4*maxErrorText {
		s = s[:4*maxErrorText]
	}
	s = strings.Join(strings.Fields(strings.ToValidUTF8(s, "?")), " ")
	if len(s) <= maxErrorText {
		return s
	}
	end := maxErrorText - len("...")
	for !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end] + "..."
}
