package loadgen

import (
	"context"
	"errors"
	"sync"
	"time"
)

// attempts ends what is in flight: each attempt when the client's time-out is
// over, all of them when the run is aborted.
//
// It is a lean stand-in for context.WithTimeoutCause: all attempts have the
// same time-out, so their deadlines come in the order of their begins, and one
// timer, which is set once in a time-out, serves them all. Measured with the
// lean client, never idle, on one processor: 1.2 us less for each request.
type attempts struct {
	base    context.Context // for the values
	timeout time.Duration

	mu          sync.Mutex
	first, last *attempt    // in the order of their deadlines
	timer       *time.Timer // nil until the first attempt
	armed       bool        // the timer will fire at the deadline of first or before
	cause       error       // everything is over
}

// attempt is the context of one attempt.
type attempt struct {
	of         *attempts
	deadline   time.Time
	prev, next *attempt // guarded by of.mu
	listed     bool     // guarded by of.mu

	mu    sync.Mutex
	done  chan struct{} // made when it is asked for
	cause error         // why it has ended
	hooks *hook
}

// hook is what is to be called at the end of an attempt.
type hook struct {
	of     *attempt
	call   func()
	next   *hook
	called bool // or taken back
}

func newAttempts(base context.Context, timeout time.Duration) *attempts {
	return &attempts{base: base, timeout: timeout}
}

// begin makes the context of an attempt that begins now. It must be finished.
func (t *attempts) begin(now time.Time) *attempt {
	a := &attempt{of: t, deadline: now.Add(t.timeout)}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.cause != nil {
		a.cause = t.cause
		return a
	}
	if a.prev = t.last; a.prev != nil {
		a.prev.next = a
	} else {
		t.first = a
	}
	t.last, a.listed = a, true
	switch {
	case t.timer == nil:
		t.timer = time.AfterFunc(t.timeout, t.sweep)
	case !t.armed:
		t.timer.Reset(t.timeout)
	}
	t.armed = true
	return a
}

// unlist takes a out of the list. The lock is held.
func (t *attempts) unlist(a *attempt) {
	if !a.listed {
		return
	}
	if a.prev != nil {
		a.prev.next = a.next
	} else {
		t.first = a.next
	}
	if a.next != nil {
		a.next.prev = a.prev
	} else {
		t.last = a.prev
	}
	a.prev, a.next, a.listed = nil, nil, false
}

// sweep ends the attempts whose time is over, and sets the timer for the next.
func (t *attempts) sweep() {
	var over []*attempt
	t.mu.Lock()
	now := time.Now()
	for a := t.first; a != nil && !a.deadline.After(now); a = t.first {
		t.unlist(a)
		over = append(over, a)
	}
	if t.armed = t.first != nil; t.armed {
		t.timer.Reset(t.first.deadline.Sub(now))
	}
	t.mu.Unlock()
	for _, a := range over {
		_ = a.end(errTimeout)
	}
}

// abort ends every attempt, and those that are still to begin.
func (t *attempts) abort(cause error) {
	var over []*attempt
	t.mu.Lock()
	t.cause = cause
	for a := t.first; a != nil; a = t.first {
		t.unlist(a)
		over = append(over, a)
	}
	if t.timer != nil {
		t.timer.Stop()
	}
	t.mu.Unlock()
	for _, a := range over {
		_ = a.end(cause)
	}
}

// finish lets go of the attempt and returns what ended it before, or nil.
func (a *attempt) finish() (cause error) {
	a.of.mu.Lock()
	a.of.unlist(a)
	a.of.mu.Unlock()
	return a.end(context.Canceled)
}

// end ends the attempt, unless it has ended, and returns what had ended it.
func (a *attempt) end(cause error) (before error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.cause != nil {
		return a.cause
	}
	a.cause = cause
	if a.done != nil {
		close(a.done)
	}
	for h := a.hooks; h != nil; h = h.next {
		if !h.called {
			h.called = true
			go h.call()
		}
	}
	a.hooks = nil
	return nil
}

// Deadline, Done, Err and Value are those of context.Context.
func (a *attempt) Deadline() (time.Time, bool) { return a.deadline, true }

func (a *attempt) Done() <-chan struct{} {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.done == nil {
		a.done = make(chan struct{})
		if a.cause != nil {
			close(a.done)
		}
	}
	return a.done
}

func (a *attempt) Err() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case a.cause == nil:
		return nil
	case errors.Is(a.cause, errTimeout):
		return context.DeadlineExceeded
	}
	return context.Canceled
}

func (a *attempt) Value(key any) any { return a.of.base.Value(key) }

// AfterFunc calls f in a goroutine of its own when the attempt has ended. It is
// what context.AfterFunc, and the contexts made from this one, look for.
func (a *attempt) AfterFunc(f func()) (stop func() bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	h := &hook{of: a, call: f}
	if a.cause != nil {
		h.called = true
		go f()
	} else {
		h.next, a.hooks = a.hooks, h
	}
	return h.stop
}

// stop says whether it kept the hook from being called. One that was taken back
// stays in the list, which is as short as the attempt.
func (h *hook) stop() bool {
	h.of.mu.Lock()
	defer h.of.mu.Unlock()
	if h.called {
		return false
	}
	h.called, h.call = true, nil
	return true
}
