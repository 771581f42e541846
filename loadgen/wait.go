package loadgen

import "time"

// Waiter waits for instants. One goroutine at a time calls Until; Interrupt may
// come from any.
type Waiter interface {
	// Until returns at t or as soon after it as the system allows, and at
	// once after Interrupt. A caller must not take its return as proof that t
	// has come.
	Until(t time.Time)
	// Interrupt ends the present wait and all later ones.
	Interrupt()
	// Close gives up what the Waiter holds.
	Close() error
	// Name is how the waiting is done: "timerfd" or "sleep".
	Name() string
}

// NewWaiter returns the most precise Waiter of this system: an absolute timerfd
// on Linux, else NewSleepWaiter.
func NewWaiter() Waiter {
	if w := newTimerfd(); w != nil {
		return w
	}
	return NewSleepWaiter()
}

// NewSleepWaiter returns a Waiter on Go's own timers. Where the runtime's
// network poller sleeps in whole milliseconds (Linux), it is 0.5 ms late in the
// median; testing/synctest can drive it.
func NewSleepWaiter() Waiter { return sleeper(make(chan struct{})) }

type sleeper chan struct{}

func (s sleeper) Until(t time.Time) {
	timer := time.NewTimer(time.Until(t))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-s:
	}
}

func (s sleeper) Interrupt() {
	select {
	case <-s:
	default:
		close(s)
	}
}

func (s sleeper) Close() error { return nil }
func (s sleeper) Name() string { return "sleep" }
