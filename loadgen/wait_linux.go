package loadgen

import (
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// timerfd waits on a timer of the kernel that is armed with an absolute time
// and read through the runtime's network poller: no thread is held, and the
// wake-up is not rounded to a millisecond as those of Go's timers are
// (golang/go issue 53824).
type timerfd struct {
	file *os.File
	fd   int

	// The runtime's monotonic clock is CLOCK_MONOTONIC; epoch pairs an instant
	// of one with a reading of the other.
	epoch   time.Time
	epochNs int64
}

// newTimerfd returns nil where there is none to be had.
func newTimerfd() Waiter {
	fd, err := unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC)
	if err != nil {
		return nil
	}
	w := &timerfd{file: os.NewFile(uintptr(fd), "timerfd"), fd: fd}
	// A file that the poller does not take has no deadlines; reading it would
	// hold a thread or fail with EAGAIN.
	if err := w.file.SetReadDeadline(time.Time{}); err != nil || !w.calibrate() {
		_ = w.file.Close()
		return nil
	}
	return w
}

// calibrate reads both clocks until two readings of one closely enclose one of
// the other, and keeps the closest pair.
func (w *timerfd) calibrate() bool {
	best := int64(1 << 62)
	for range 16 {
		var a, b unix.Timespec
		if unix.ClockGettime(unix.CLOCK_MONOTONIC, &a) != nil {
			return false
		}
		now := time.Now()
		if unix.ClockGettime(unix.CLOCK_MONOTONIC, &b) != nil {
			return false
		}
		if width := b.Nano() - a.Nano(); width < best {
			best, w.epoch, w.epochNs = width, now, a.Nano()+width/2
		}
	}
	return true
}

func (w *timerfd) Until(t time.Time) {
	// 0 would disarm the timer; anything in the past fires at once.
	at := max(1, w.epochNs+int64(t.Sub(w.epoch)))
	spec := unix.ItimerSpec{Value: unix.NsecToTimespec(at)}
	if unix.TimerfdSettime(w.fd, unix.TFD_TIMER_ABSTIME, &spec, nil) != nil {
		time.Sleep(time.Until(t))
		return
	}
	var expirations [8]byte
	_, _ = w.file.Read(expirations[:]) // an error is the deadline that Interrupt set
}

func (w *timerfd) Interrupt()   { _ = w.file.SetReadDeadline(time.Unix(1, 0)) }
func (w *timerfd) Close() error { return w.file.Close() }
func (w *timerfd) Name() string { return "timerfd" }
