package loadgen

import (
	"context"
	"fmt"
	"runtime"
	"time"

	"coldbench/record"
)

// Calibration is what this machine allows at best, whatever the target.
type Calibration struct {
	Waiter    string     // how due times are waited for
	WakeUp    record.Lag // how late waits end, one millisecond apart, without spinning
	SpareCore bool       // a Run would spin by itself
	PerSecond float64    // requests per second to a target that answers at once
}

// Calibrate measures this machine's floor: waits for the given time (1 s if not
// positive), then 20,000 requests that are due at once. No lag below WakeUp is
// to be had without spinning, and no rate near PerSecond with a real client.
// The end of ctx shortens it.
func Calibrate(ctx context.Context, d time.Duration) (Calibration, error) {
	if d <= 0 {
		d = time.Second
	}
	var c Calibration
	rest, err := Run(ctx, Config{
		Schedule: Every(time.Millisecond, 0, d),
		Target:   immediate{}, Recorder: nobody{}, Ahead: 16, Spin: -1,
	})
	if err != nil {
		return c, fmt.Errorf("calibrate: %w", err)
	}
	c.Waiter, c.WakeUp = rest.Waiter, rest.Lag
	w := NewWaiter()
	c.SpareCore = w.Name() == "timerfd" && runtime.GOMAXPROCS(0) > 1 && spareCore(w)
	if err := w.Close(); err != nil {
		return c, fmt.Errorf("calibrate: %w", err)
	}
	full, err := Run(ctx, Config{
		Schedule: Together(Every(1, 0, 1), flood),
		Target:   immediate{}, Recorder: nobody{}, Ahead: 64, MaxLag: time.Hour, Spin: -1,
	})
	if err != nil {
		return c, fmt.Errorf("calibrate: %w", err)
	}
	if full.End > 0 {
		c.PerSecond = float64(full.Sent) / full.End.Seconds()
	}
	return c, nil
}

// flood is how many requests are due at once: some 50 ms of work.
const flood = 20_000

// immediate answers at once.
type immediate struct{}

func (immediate) Invoke(context.Context, Request) Reply {
	now := time.Now()
	return Reply{Sent: now, FirstByte: now, Done: now, Outcome: record.OK}
}

// nobody forgets the rows.
type nobody struct{}

func (nobody) Record(*record.Invocation, []byte) error { return nil }
