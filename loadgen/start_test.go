package loadgen_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"coldbench/loadgen"
	"coldbench/record"
	"coldbench/target/scripted"
)

// preconnecting is a target whose connections take a while to open.
type preconnecting struct {
	*scripted.Target
	takes    time.Duration
	stubborn bool // it does not look at its context
	began    time.Time
}

func (c *preconnecting) Preconnect(ctx context.Context, _ int) error {
	c.began = time.Now()
	if c.stubborn {
		ctx = context.Background()
	}
	select {
	case <-time.After(c.takes):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Where the start is open, nothing that takes time makes the first arrivals
// late.
func TestAnOpenStartWaitsForAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		called := time.Now()
		var told time.Time
		m, s := run(t, t.Context(), loadgen.Config{
			Schedule: loadgen.Constant(4, time.Second),
			Target:   &preconnecting{Target: scripted.New(), takes: 700 * ms},
			Lead:     250 * ms,
			Ready:    func(start time.Time) error { told = start; return nil },
		})
		if got := s.Start.Sub(called); got != 950*ms || !told.Equal(s.Start) {
			t.Errorf("started after %v, said to be %v", got, told.Sub(called))
		}
		if s.StartMissed != 0 || s.PreconnectError != "" || len(m.rows) != 4 {
			t.Errorf("%d rows, %+v", len(m.rows), s)
		}
		for _, r := range m.rows {
			if r.Lag() > 1 {
				t.Errorf("row %d was %v late", r.Seq, r.Lag())
			}
		}
	})
}

// A start that was given stays, and the run says what was not ready by then.
func TestAGivenStartIsKept(t *testing.T) {
	tests := []struct {
		name    string
		target  *preconnecting
		missed  time.Duration
		because string
	}{
		{"in time", &preconnecting{takes: 700 * ms}, 0, ""},
		{"cut", &preconnecting{takes: time.Hour}, 0, "context deadline exceeded"},
		{"late", &preconnecting{takes: 20 * time.Second, stubborn: true}, 5 * time.Second, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				tt.target.Target = scripted.New()
				start := time.Now().Add(time.Minute).Round(0) // as it comes from elsewhere: wall clock only
				m, s := run(t, t.Context(), loadgen.Config{Schedule: loadgen.Constant(1, 2*time.Second), Target: tt.target, Start: start})
				if !s.Start.Equal(start) || s.StartMissed != tt.missed || s.PreconnectError != tt.because {
					t.Errorf("started %v off, %+v", s.Start.Sub(start), s)
				}
				if early := start.Sub(tt.target.began); early != 15*time.Second {
					t.Errorf("connections were opened %v before the start", early)
				}
				for _, r := range m.rows {
					if late := max(0, tt.missed-r.Intended); r.Lag() > max(1, late) {
						t.Errorf("row %d was %v late, not %v", r.Seq, r.Lag(), late)
					}
				}
			})
		})
	}
}

// An interrupt before the start ends the wait, and is no fault of preconnecting.
func TestInterruptBeforeTheStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		called := time.Now()
		m, s := run(t, ctx, loadgen.Config{
			Schedule: loadgen.Constant(1, 2*time.Second),
			Target:   &preconnecting{Target: scripted.New(), takes: time.Hour},
			Start:    called.Add(time.Hour),
		})
		if len(m.rows) != 0 || !s.Interrupted || s.PreconnectError != "" || time.Since(called) != time.Second {
			t.Errorf("%d rows after %v, %+v", len(m.rows), time.Since(called), s)
		}
	})
}

func TestARunThatCannotBeRecordedSendsNothing(t *testing.T) {
	full := errors.New("disk full")
	m := &memory{}
	_, err := loadgen.Run(t.Context(), loadgen.Config{
		Schedule: loadgen.Constant(1000, time.Hour), Target: scripted.New(), Recorder: m,
		Ready: func(time.Time) error { return full },
	})
	if !errors.Is(err, full) || len(m.rows) != 0 {
		t.Errorf("%d rows, %v", len(m.rows), err)
	}
}

// Two generators that share one start mean the same instants, whenever each was
// begun and however long its preparing took.
func TestTwoGeneratorsShareAStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now().Add(time.Minute).Round(0)
		schedule := loadgen.Poisson(50, 2*time.Second, 7)
		type side struct {
			m *memory
			s loadgen.Stats
		}
		sides := make(chan side)
		for _, wait := range []time.Duration{0, 777*ms + 7} {
			go func() {
				time.Sleep(wait)
				m, s := run(t, t.Context(), loadgen.Config{
					Schedule: schedule, Target: &preconnecting{Target: scripted.New(), takes: wait}, Start: start,
				})
				sides <- side{m, s}
			}()
		}
		a, b := <-sides, <-sides
		if len(a.m.rows) == 0 || len(a.m.rows) != len(b.m.rows) {
			t.Fatalf("%d and %d rows", len(a.m.rows), len(b.m.rows))
		}
		for seq, r := range a.m.rows {
			here, there := a.s.Start.Add(r.Intended), b.s.Start.Add(b.m.rows[seq].Intended)
			if !here.Equal(there) || !here.Equal(start.Add(r.Intended)) {
				t.Fatalf("arrival %d: %v and %v", seq, here, there)
			}
			if r.Sent != b.m.rows[seq].Sent {
				t.Fatalf("arrival %d was sent at %v and %v", seq, r.Sent, b.m.rows[seq].Sent)
			}
		}
	})
}

// tardy wakes its sleeper later than asked, by always the same time.
type tardy struct {
	loadgen.Waiter
	by time.Duration
}

func (w tardy) Until(t time.Time) { w.Waiter.Until(t.Add(w.by)) }

func runTardy(t *testing.T, by time.Duration, c loadgen.Config) (*memory, loadgen.Stats) {
	t.Helper()
	m := &memory{}
	c.Target, c.Recorder, c.Waiter = scripted.New(), m, tardy{loadgen.NewSleepWaiter(), by}
	s, err := loadgen.Run(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	return m, s
}

func TestExactLag(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, s := runTardy(t, 1234567, loadgen.Config{Schedule: loadgen.Constant(4, 2*time.Second)})
		for i := range int64(8) {
			r := m.rows[i]
			if at := time.Duration(i) * 250 * ms; r.Intended != at || r.Sent != at+1234567 || r.Lag() != 1234567 || r.Response() != 1234567 || r.Service() != 0 {
				t.Errorf("row %+v", r)
			}
		}
		// Quantiles have three digits.
		if l := s.Lag; l.N != 8 || l.P50 < 1234*time.Microsecond || l.Max > 1236*time.Microsecond {
			t.Errorf("%+v", l)
		}
	})
}

// Woken 600 ms late, the generator sends what was due at 0, 250 and 500 ms at
// 600; what was due at 750, 1000 and 1250 at 1350; at 1500, 1750 and 2000 at
// 2100; at 2250, 2500 and 2750 at 2850.
func TestAchievedPerSecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, s := runTardy(t, 600*ms, loadgen.Config{Schedule: loadgen.Constant(4, 3*time.Second)})
		want := []record.SecondCount{{Intended: 4, Sent: 3}, {Intended: 4, Sent: 3}, {Intended: 4, Sent: 6}}
		if len(s.AchievedPerSecond) != 3 || [3]record.SecondCount(s.AchievedPerSecond) != [3]record.SecondCount(want) {
			t.Errorf("%+v, want %+v", s.AchievedPerSecond, want)
		}
		if s.End != 2850*ms || s.Elapsed != 2850*ms {
			t.Errorf("end %v, elapsed %v", s.End, s.Elapsed)
		}
	})
}

// What is beyond the histogram is clamped to its end and counted; the row has
// the true time.
func TestLagBeyondTheRangeIsClamped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, s := runTardy(t, 90*time.Minute, loadgen.Config{Schedule: loadgen.Constant(1, 2*time.Second)})
		if r := m.rows[0]; r.Lag() != 90*time.Minute {
			t.Errorf("row %+v", r)
		}
		if l := s.Lag; l.N != 2 || l.Clamped != 2 || l.Max < time.Hour || l.Max > time.Hour+4*time.Second {
			t.Errorf("%+v", l)
		}
	})
}

// With 65 workers at most and 66 arrivals at once, the last leaves when the
// first is answered.
func TestWaitingForAWorkerIsLag(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, s := run(t, t.Context(), loadgen.Config{
			Schedule: loadgen.Together(loadgen.Every(time.Hour, 10*ms, time.Hour), 66),
			Target:   scripted.New(scripted.Step{Service: dur(100*ms + 3)}),
			Ahead:    1, Growth: 1e-9,
		})
		for i, r := range m.rows {
			late := time.Duration(0)
			if i == 65 {
				late = 100*ms + 3
			}
			if r.Lag() != late || r.Response() != late+100*ms+3 {
				t.Errorf("row %+v", r)
			}
		}
		if s.WorkersGrown != 64 || s.GrowthDenied != 1 {
			t.Errorf("%+v", s)
		}
	})
}

// The wait after the last arrival, at 300 ms, is bounded by Drain; attempts
// that ignore that are given up two seconds later.
func TestDrainIsBounded(t *testing.T) {
	for _, tt := range []struct {
		name      string
		target    loadgen.Target
		ends      time.Duration
		abandoned int64
	}{
		{"heeded", scripted.New(scripted.Step{Fault: scripted.Hang}), 550*ms + 1, 0},
		{"ignored", sleeping(10 * time.Second), 2550*ms + 1, 4},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m, s := run(t, t.Context(), loadgen.Config{Schedule: loadgen.Constant(10, 400*ms), Target: tt.target, Drain: 250*ms + 1})
				if got := time.Since(s.Start); got != tt.ends || s.Abandoned != tt.abandoned || s.Interrupted {
					t.Errorf("over after %v, %+v", got, s)
				}
				for i, r := range m.rows {
					if r.Sent != max(1, time.Duration(i)*100*ms) || r.Done != 0 || r.Outcome != record.TransportError || r.ErrorType != record.ErrInterrupted {
						t.Errorf("row %+v", r)
					}
				}
				if len(m.rows) != 4 {
					t.Errorf("%d rows", len(m.rows))
				}
				time.Sleep(10 * time.Second) // of the bubble: the attempts return at last
			})
		})
	}
}

// sleeping answers late, whatever its context says.
type sleeping time.Duration

func (s sleeping) Invoke(context.Context, loadgen.Request) loadgen.Reply {
	time.Sleep(time.Duration(s))
	return loadgen.Reply{Outcome: record.OK}
}
