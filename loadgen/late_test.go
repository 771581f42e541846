package loadgen_test

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"coldbench/loadgen"
	"coldbench/record"
	"coldbench/target/scripted"
)

// No arrival waits for a worker for longer than MaxLag, even where the next may
// be added much later, or one becomes free.
func TestMaxLagIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, s := run(t, t.Context(), loadgen.Config{
			Schedule: loadgen.Together(loadgen.Every(time.Hour, 0, time.Hour), 200),
			Target:   scripted.New(scripted.Step{Service: dur(30 * time.Second)}),
			Ahead:    16, Growth: 0.01, MaxLag: 2 * time.Second,
		})
		sent, refused := 0, 0
		for _, r := range m.rows {
			switch {
			case r.Outcome == record.OK && r.Lag() <= 1:
				sent++
			case r.Outcome == record.NotSent && r.ErrorType == record.ErrGrowthLimit:
				refused++
			default:
				t.Errorf("row %+v", r)
			}
		}
		if sent != 80 || refused != 120 || s.GrowthDenied != 120 {
			t.Errorf("sent %d, refused %d, %+v", sent, refused, s)
		}
	})
}

// slowDisk takes its time for each row.
type slowDisk struct {
	takes time.Duration
	wrote chan time.Time
}

func (s slowDisk) Record(*record.Invocation, []byte) error {
	time.Sleep(s.takes)
	s.wrote <- time.Now()
	return nil
}

// An aborted run returns when the last row is with the recorder, not before.
func TestAbortAwaitsTheRecorder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		abort := make(chan struct{})
		time.AfterFunc(2*time.Second, func() { close(abort) })
		disk := slowDisk{time.Minute, make(chan time.Time, 1)}
		_, err := loadgen.Run(t.Context(), loadgen.Config{
			Schedule: loadgen.Constant(1, time.Second), Target: scripted.New(), Recorder: disk,
			Abort: abort, Waiter: loadgen.NewSleepWaiter(),
		})
		if err != nil || len(disk.wrote) != 1 {
			t.Errorf("%d rows written when Run returned, %v", len(disk.wrote), err)
		}
	})
}

// connecting is a target that opens connections, and counts them.
type connecting struct {
	*scripted.Target
	opened atomic.Int64
}

func (c *connecting) Preconnect(_ context.Context, n int) error {
	c.opened.Add(int64(n))
	return nil
}

// Bursts leave as one while those before are still in flight: their workers and
// connections are made ready between them.
func TestBurstsThatOverlapLeaveOnTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const burst = 1000
		target := &connecting{Target: scripted.New(scripted.Step{Service: dur(3500 * ms)})}
		m, s := run(t, t.Context(), loadgen.Config{
			Schedule: loadgen.Together(loadgen.Every(time.Second, 0, 6*time.Second), burst),
			Target:   target,
		})
		for _, r := range m.rows {
			if r.Lag() > 1 || r.Outcome != record.OK {
				t.Fatalf("row %+v", r)
			}
		}
		// Four bursts are in flight at a time. Two more workers lead and spare.
		if len(m.rows) != 6*burst || s.MaxInFlight != 4*burst || s.WorkersGrown < 3*burst || s.WorkersGrown > 4*burst {
			t.Errorf("%d rows, %+v", len(m.rows), s)
		}
		if n := target.opened.Load(); n != s.Ahead+s.WorkersGrown {
			t.Errorf("%d connections for %d workers ahead and %d later", n, s.Ahead, s.WorkersGrown)
		}
	})
}
