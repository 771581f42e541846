package loadgen_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"coldbench/loadgen"
	"coldbench/record"
)

// targetFunc is a Target that is a function.
type targetFunc func(ctx context.Context, req loadgen.Request) loadgen.Reply

func (f targetFunc) Invoke(ctx context.Context, req loadgen.Request) loadgen.Reply {
	return f(ctx, req)
}

// What is made from the context of an attempt ends with it: by the time-out, to
// the nanosecond, however many overlap, and at the latest when it has returned.
func TestEndOfAnAttempt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		var mu sync.Mutex
		ended := map[int64][]time.Duration{}
		note := func(seq int64) {
			mu.Lock()
			defer mu.Unlock()
			ended[seq] = append(ended[seq], time.Since(begin))
		}
		keep := make(chan context.Context, 3)
		target := targetFunc(func(ctx context.Context, req loadgen.Request) loadgen.Reply {
			if at, ok := ctx.Deadline(); !ok || time.Until(at) != time.Second {
				t.Errorf("deadline %v, %v", at, ok)
			}
			child, cancel := context.WithCancel(context.WithValue(ctx, t, 1))
			defer cancel()
			context.AfterFunc(ctx, func() { note(req.Seq) })
			context.AfterFunc(child, func() { note(req.Seq) })
			if stop := context.AfterFunc(ctx, func() { t.Error("taken back and called") }); !stop() || stop() {
				t.Error("a hook could not be taken back, or twice")
			}
			keep <- ctx
			if req.Seq == 1 { // the second is answered in time
				time.Sleep(100 * ms)
				if ctx.Err() != nil {
					t.Error(ctx.Err())
				}
				return loadgen.Reply{Outcome: record.OK}
			}
			<-child.Done()
			if !errors.Is(ctx.Err(), context.DeadlineExceeded) || !errors.Is(child.Err(), context.DeadlineExceeded) {
				t.Errorf("ended by %v and %v", ctx.Err(), child.Err())
			}
			return loadgen.Reply{}
		})
		m, _ := run(t, t.Context(), loadgen.Config{Schedule: loadgen.Constant(3, time.Second), Target: target, Timeout: time.Second, Start: begin})
		synctest.Wait()
		third := time.Second / 3
		for seq, at := range map[int64]time.Duration{0: time.Second, 1: third + 100*ms, 2: 2*third + time.Second} {
			for _, got := range ended[seq] {
				if got.Round(ms) != at.Round(ms) {
					t.Errorf("attempt %d ended at %v, want %v", seq, got, at)
				}
			}
			if len(ended[seq]) != 2 {
				t.Errorf("attempt %d: %d hooks were called", seq, len(ended[seq]))
			}
		}
		if m.rows[0].ErrorType != record.ErrClientTimeout || m.rows[1].Outcome != record.OK || m.rows[2].ErrorType != record.ErrClientTimeout {
			t.Errorf("rows %+v", m.rows)
		}
		for range 3 { // all have ended for those who ask late, too
			ctx := <-keep
			<-ctx.Done()
			called := make(chan struct{})
			stop := context.AfterFunc(ctx, func() { close(called) })
			<-called
			if ctx.Err() == nil || stop() {
				t.Error("not over")
			}
		}
	})
}

// An arrival whose request begins after the abort ends at once.
func TestAbortEndsWhatBeginsLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		abort, parent := make(chan struct{}), t.Context()
		causes := make(chan error, 3)
		target := targetFunc(func(ctx context.Context, req loadgen.Request) loadgen.Reply {
			if ctx.Value(t) != nil || parent.Err() != nil {
				t.Error("not the values of the parent")
			}
			if req.Seq == 0 {
				close(abort)
			}
			<-ctx.Done()
			causes <- ctx.Err()
			return loadgen.Reply{}
		})
		m, s := run(t, parent, loadgen.Config{Schedule: loadgen.Together(loadgen.Every(1, 0, 1), 3), Target: target, Abort: abort})
		if !s.Interrupted {
			t.Error("not interrupted")
		}
		close(causes)
		for err := range causes {
			if !errors.Is(err, context.Canceled) {
				t.Errorf("ended by %v", err)
			}
		}
		for _, row := range m.rows {
			if row.ErrorType != record.ErrInterrupted {
				t.Errorf("%+v", row)
			}
		}
	})
}
