package scripted

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"coldbench/loadgen"
	"coldbench/record"
)

// Target plays a script. It is safe for concurrent use.
type Target struct {
	special []Step // with a condition
	cycle   []Step
	ends    []int64 // ends[i] is where cycle[i] ends in the cycle
	length  int64

	calls    atomic.Int64
	inFlight atomic.Int64
	peak     atomic.Int64
}

// New returns a target that plays the steps. Without a step that has no
// condition, requests that no condition fits are answered OK at once. New does
// not validate: a script from outside goes through Read.
func New(steps ...Step) *Target {
	t := &Target{}
	for _, s := range steps {
		if s.conditional() {
			t.special = append(t.special, s)
			continue
		}
		t.length += int64(max(1, s.Times))
		t.cycle = append(t.cycle, s)
		t.ends = append(t.ends, t.length)
	}
	return t
}

// Invoke answers as the request's step says.
func (t *Target) Invoke(ctx context.Context, req loadgen.Request) loadgen.Reply {
	t.calls.Add(1)
	n := t.inFlight.Add(1)
	defer t.inFlight.Add(-1)
	for p := t.peak.Load(); n > p && !t.peak.CompareAndSwap(p, n); p = t.peak.Load() {
	}

	s := t.step(&req)
	r := loadgen.Reply{Sent: time.Now(), RequestBytes: int64(len(req.Payload))}
	if s.Fault == Hang {
		<-ctx.Done()
		return r
	}
	if s.Fault == Deaf {
		ctx = context.WithoutCancel(ctx)
	}
	ttfb := s.total()
	if s.TTFB > 0 {
		ttfb = time.Duration(s.TTFB)
	}
	if !pause(ctx, ttfb) {
		return r
	}
	r.FirstByte = r.Sent.Add(ttfb)
	if !pause(ctx, s.total()-ttfb) {
		return r
	}
	switch s.Fault {
	case Panic:
		panic("scripted: the step says so")
	case Empty:
		return loadgen.Reply{}
	}
	r.Done = r.Sent.Add(s.total())
	s.answer(&r, req.Seq)
	return r
}

// answer sets what the step states besides times.
func (s *Step) answer(r *loadgen.Reply, seq int64) {
	r.Outcome, r.Status = s.Outcome, s.Status
	if r.Outcome == "" {
		r.Outcome = record.OK
	}
	if r.Outcome == record.TransportError || r.Outcome == record.TimedOut || r.Outcome == record.NotSent {
		r.FirstByte, r.Done = time.Time{}, time.Time{} // no complete reply
	}
	r.ErrorType, r.Error, r.Version, r.ResponseBytes = s.ErrorType, s.Error, s.Version, s.ResponseBytes
	if r.RequestID = s.RequestID; r.RequestID == "" {
		r.RequestID = RequestID(seq)
	}
	if s.Tail != "" {
		r.Tail = []byte(strings.ReplaceAll(s.Tail, "{id}", r.RequestID))
	}
}

// RequestID is the id of the request at a position of the schedule where the
// script states none. It has the form of Lambda's.
func RequestID(seq int64) string {
	return fmt.Sprintf("%08x-0000-4000-8000-%012x", uint64(seq)>>48, uint64(seq)&(1<<48-1))
}

// step picks the step of a request.
func (t *Target) step(req *loadgen.Request) *Step {
	for i := range t.special {
		s := &t.special[i]
		if (s.Seq == nil || *s.Seq == req.Seq) && (s.Tag == "" || s.Tag == req.Tag) &&
			(s.Function == nil || *s.Function == req.Function) {
			return s
		}
	}
	if t.length == 0 {
		return &Step{}
	}
	at := req.Seq % t.length
	lo, hi := 0, len(t.ends)-1
	for lo < hi {
		if mid := (lo + hi) / 2; t.ends[mid] <= at {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return &t.cycle[lo]
}

// pause lets d pass and says whether ctx lasted that long.
func pause(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	if ctx.Done() == nil {
		time.Sleep(d)
		return true
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// Calls is how many requests there were.
func (t *Target) Calls() int64 { return t.calls.Load() }

// MaxInFlight is the most that were being answered at once.
func (t *Target) MaxInFlight() int64 { return t.peak.Load() }
