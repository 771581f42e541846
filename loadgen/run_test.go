package loadgen_test

import (
	"context"
	"errors"
	"os"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"coldbench/loadgen"
	"coldbench/record"
	"coldbench/target/scripted"
)

const ms = time.Millisecond

func TestMain(m *testing.M) {
	if os.Getenv(serverEnv) != "" {
		serveForever()
	}
	goleak.VerifyTestMain(m)
}

// memory keeps the rows by position.
type memory struct {
	mu    sync.Mutex
	rows  map[int64]record.Invocation
	twice []int64
	seen  func(*record.Invocation)
	fail  int // Record returns an error from this row on; 0 = never
}

func (m *memory) Record(row *record.Invocation, _ []byte) error {
	if m.seen != nil {
		m.seen(row)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.rows == nil {
		m.rows = map[int64]record.Invocation{}
	}
	if _, ok := m.rows[row.Seq]; ok {
		m.twice = append(m.twice, row.Seq)
	}
	m.rows[row.Seq] = *row
	if m.fail > 0 && len(m.rows) >= m.fail {
		return errors.New("disk full")
	}
	return nil
}

// run runs c in a bubble with rows kept in the returned memory.
func run(t testing.TB, ctx context.Context, c loadgen.Config) (*memory, loadgen.Stats) {
	t.Helper()
	m := &memory{}
	c.Recorder = m
	c.Waiter = loadgen.NewSleepWaiter()
	s, err := loadgen.Run(ctx, c)
	if err != nil {
		t.Fatal(err)
	}
	return m, s
}

func dur(d time.Duration) record.Duration { return record.Duration(d) }

func TestExactTimes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		// 4 arrivals, 250 ms apart, each answered 400 ms later: two overlap.
		target := scripted.New(scripted.Step{Service: dur(400 * ms), TTFB: dur(100 * ms)})
		m, s := run(t, t.Context(), loadgen.Config{
			Schedule: loadgen.Constant(4, time.Second),
			Target:   target,
			Warmup:   300 * ms,
		})
		for i := range int64(4) {
			at := time.Duration(i) * 250 * ms
			want := record.Invocation{
				Seq: i, Intended: at, Sent: max(1, at), FirstByte: at + 100*ms, Done: at + 400*ms,
				Outcome: record.OK, RequestID: scripted.RequestID(i),
			}
			if at < 300*ms {
				want.Phase = record.PhaseWarmup
			}
			if got := m.rows[i]; got != want {
				t.Errorf("row %d:\n got %+v\nwant %+v", i, got, want)
			}
		}
		if s.Scheduled != 4 || s.Sent != 4 || s.NotSent != 0 || s.MaxInFlight != 2 || s.Interrupted {
			t.Errorf("stats %+v", s)
		}
		if s.End != 1150*ms { // 750 + 400
			t.Errorf("end %v", s.End)
		}
		if s.Lag.N != 4 || s.Lag.Max > 1 { // offset 0 is written as 1 ns
			t.Errorf("lag %+v", s.Lag)
		}
		want := []record.SecondCount{{Intended: 4, Sent: 4}}
		if !slices.Equal(s.AchievedPerSecond, want) {
			t.Errorf("per second %+v", s.AchievedPerSecond)
		}
	})
}

func TestBurstReachesTheTargetWhole(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		target := scripted.New(scripted.Step{Service: dur(time.Second)})
		m, s := run(t, t.Context(), loadgen.Config{
			Schedule: loadgen.Together(loadgen.Every(time.Second, 0, time.Second), 700),
			Target:   target,
		})
		if target.MaxInFlight() != 700 || s.MaxInFlight != 700 || s.Ahead != 701 || s.WorkersGrown != 0 {
			t.Errorf("in flight %d, %+v", target.MaxInFlight(), s)
		}
		for i, r := range m.rows {
			if r.Lag() > 1 {
				t.Fatalf("row %d was %v late", i, r.Lag())
			}
		}
	})
}

// The server stops for one second of ten at 1,000 arrivals per second, and is
// back half a millisecond before an arrival. One that is k ms into the stall
// waits 999.5-k ms; the 10,000 rows hold 1,000 such waits 1 ms apart, so the p99
// (99 rows above it) is 900.5 ms.
func TestStallIsSeen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, s := run(t, t.Context(), loadgen.Config{
			Schedule: loadgen.Constant(1000, 10*time.Second),
			Target:   stalling{from: 5 * time.Second, to: 5999500 * time.Microsecond, start: time.Now().Add(time.Second)},
			Start:    time.Now().Add(time.Second),
		})
		var times []time.Duration
		for _, r := range m.rows {
			times = append(times, r.Response())
			if r.Lag() > 1 {
				t.Fatalf("row %d was %v late", r.Seq, r.Lag())
			}
		}
		slices.Sort(times)
		if len(times) != 10_000 {
			t.Fatalf("%d rows", len(times))
		}
		if p99 := times[9900]; p99 != 900500*time.Microsecond {
			t.Errorf("p99 %v", p99)
		}
		if top := times[9999]; top != 999500*time.Microsecond {
			t.Errorf("max %v", top)
		}
		// 1,000 waited, 900 of them beyond the 100 that were ready.
		if s.MaxInFlight != 1000 || s.WorkersGrown != 1000-s.Ahead || s.GrowthDenied != 0 {
			t.Errorf("stats %+v", s)
		}
	})
}

// stalling answers at once, except that nobody is served in [from, to).
type stalling struct {
	from, to time.Duration
	start    time.Time
}

func (s stalling) Invoke(_ context.Context, _ loadgen.Request) loadgen.Reply {
	sent := time.Now()
	if at := sent.Sub(s.start); at >= s.from && at < s.to {
		time.Sleep(s.to - at)
	}
	return loadgen.Reply{Sent: sent, FirstByte: time.Now(), Done: time.Now(), Outcome: record.OK}
}

func TestInFlightLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		// Ten at once, three may be in flight: seven rows were not sent.
		m, s := run(t, t.Context(), loadgen.Config{
			Schedule:    loadgen.Together(loadgen.Every(time.Second, 100*ms, 2*time.Second), 10),
			Target:      scripted.New(scripted.Step{Service: dur(200 * ms)}),
			MaxInFlight: 3,
		})
		var refused int
		for _, r := range m.rows {
			if r.Outcome != record.NotSent {
				continue
			}
			refused++
			if r.ErrorType != record.ErrInFlightCap || r.Sent != 0 || r.Done != 0 || r.Error == "" {
				t.Errorf("row %+v", r)
			}
		}
		if len(m.rows) != 20 || refused != 14 || s.NotSent != 14 || s.Sent != 6 || s.MaxInFlight != 3 {
			t.Errorf("%d rows, %d refused, %+v", len(m.rows), refused, s)
		}
	})
}

func TestGrowthLimitDelaysThenRefuses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		// 200 at once with 16 ready and 64 that may be added at once, then one
		// each 100 ms: 80 leave on time, nine in the second after, and the other
		// 111 are given up when they are a second late.
		m, s := run(t, t.Context(), loadgen.Config{
			Schedule: loadgen.Together(loadgen.Every(time.Hour, 0, time.Hour), 200),
			Target:   scripted.New(scripted.Step{Service: dur(30 * time.Second)}),
			Ahead:    16, Growth: 10,
		})
		var lags []time.Duration
		refused := 0
		for _, r := range m.rows {
			if r.Outcome == record.NotSent && r.ErrorType == record.ErrGrowthLimit {
				refused++
			} else {
				lags = append(lags, r.Lag())
			}
		}
		slices.Sort(lags)
		if len(lags) != 89 || refused != 111 {
			t.Fatalf("%d sent, %d refused; %+v", len(lags), refused, s)
		}
		for i, lag := range lags {
			// A token is waited for to the nanosecond after it is there.
			want := max(0, time.Duration(i-79)*100*ms) + 1
			if lag != want {
				t.Errorf("lag %d is %v, not %v", i, lag, want)
			}
		}
		if s.GrowthDenied != 120 || s.WorkersGrown != 73 {
			t.Errorf("%d were denied growth, %d workers added", s.GrowthDenied, s.WorkersGrown)
		}
	})
}

func TestClientTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, _ := run(t, t.Context(), loadgen.Config{
			Schedule: loadgen.Constant(2, time.Second),
			Target:   scripted.New(scripted.Step{Service: dur(time.Second)}, scripted.Step{Fault: scripted.Hang}),
			Timeout:  600 * ms,
		})
		for _, r := range m.rows {
			if r.Outcome != record.TimedOut || r.ErrorType != record.ErrClientTimeout || r.Done != 0 || r.Sent == 0 {
				t.Errorf("row %+v", r)
			}
		}
	})
}

func TestInterruptDrains(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		start := time.Now().Add(time.Second)
		time.AfterFunc(time.Until(start)+550*ms, cancel)
		// Arrivals at 0, 100, ... 500 ms were due, those in flight are answered.
		m, s := run(t, ctx, loadgen.Config{
			Schedule: loadgen.Constant(10, time.Hour),
			Target:   scripted.New(scripted.Step{Service: dur(300 * ms)}),
			Start:    start,
		})
		if len(m.rows) != 6 || !s.Interrupted || s.Scheduled != 6 {
			t.Fatalf("%d rows, %+v", len(m.rows), s)
		}
		for _, r := range m.rows {
			if r.Outcome != record.OK {
				t.Errorf("row %+v", r)
			}
		}
		if got := time.Since(start); got != 800*ms { // 500 + 300
			t.Errorf("run took %v", got)
		}
	})
}

func TestAbortCutsWhatIsInFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		abort := make(chan struct{})
		start := time.Now().Add(time.Second)
		time.AfterFunc(time.Until(start)+550*ms, func() { close(abort) })
		m, s := run(t, t.Context(), loadgen.Config{
			Schedule: loadgen.Constant(10, time.Hour),
			Target:   scripted.New(scripted.Step{Service: dur(300 * ms)}),
			Start:    start,
			Abort:    abort,
		})
		// Those of 0, 100 and 200 ms were answered, those of 300, 400 and 500 cut.
		for i, r := range m.rows {
			cut := r.Outcome == record.TransportError && r.ErrorType == record.ErrInterrupted
			if i <= 2 && r.Outcome != record.OK || i > 2 && !cut {
				t.Errorf("row %+v", r)
			}
		}
		if len(m.rows) != 6 || !s.Interrupted || time.Since(start) != 550*ms {
			t.Errorf("%d rows after %v, %+v", len(m.rows), time.Since(start), s)
		}
	})
}

// Real clock: nothing leaves before its time, whatever waits and spins, and a
// start from elsewhere is kept.
func TestNeverEarlyByTheRealClock(t *testing.T) {
	for _, w := range []struct {
		name   string
		waiter func() loadgen.Waiter
		spin   time.Duration
	}{
		{"default", func() loadgen.Waiter { return nil }, 0},
		{"spinning", func() loadgen.Waiter { return nil }, loadgen.MaxSpin},
		{"sleeping", loadgen.NewSleepWaiter, -1},
	} {
		t.Run(w.name, func(t *testing.T) {
			m := &memory{}
			start := time.Now().Add(30 * ms).Round(0) // as it comes from elsewhere: wall clock only
			s, err := loadgen.Run(t.Context(), loadgen.Config{
				Schedule: loadgen.Poisson(2000, 100*ms, 1),
				Target:   scripted.New(),
				Recorder: m,
				Start:    start,
				Waiter:   w.waiter(),
				Spin:     w.spin,
			})
			if err != nil {
				t.Fatal(err)
			}
			if d := s.Start.Sub(start).Abs(); d > 10*ms { // the wall clock may be stepped meanwhile, not much
				t.Errorf("the run began %v away from its start", d)
			}
			for _, r := range m.rows {
				if r.Lag() < 0 || r.Outcome != record.OK {
					t.Fatalf("row %+v", r)
				}
			}
			if n := loadgen.Count(loadgen.Poisson(2000, 100*ms, 1)); int64(len(m.rows)) != n {
				t.Errorf("%d rows of %d", len(m.rows), n)
			}
		})
	}
}

func TestConfigFaults(t *testing.T) {
	for _, c := range []loadgen.Config{
		{},
		{Target: scripted.New()},
		{Target: scripted.New(), Recorder: &memory{}, Timeout: -1},
	} {
		if _, err := loadgen.Run(t.Context(), c); err == nil {
			t.Errorf("%+v runs", c)
		}
	}
	// Nothing to send is no fault.
	if s, err := loadgen.Run(t.Context(), loadgen.Config{Target: scripted.New(), Recorder: &memory{}}); err != nil || s.Scheduled != 0 {
		t.Errorf("empty schedule: %+v, %v", s, err)
	}
}
