package loadgen_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"coldbench/loadgen"
	"coldbench/record"
	"coldbench/target/scripted"
)

func TestTargetsThatBreakTheContract(t *testing.T) {
	for _, c := range []struct {
		fault     scripted.Fault
		outcome   record.Outcome
		errorType string
	}{
		{scripted.Panic, record.TransportError, loadgen.ErrTargetPanic},
		{scripted.Empty, record.TransportError, loadgen.ErrBadReply},
		{scripted.Deaf, record.TimedOut, record.ErrClientTimeout}, // given up
	} {
		t.Run(string(c.fault), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				service := time.Millisecond
				if c.fault == scripted.Deaf {
					service = time.Hour
				}
				m, s := run(t, t.Context(), loadgen.Config{
					Schedule: loadgen.Constant(3, time.Second),
					Target:   scripted.New(scripted.Step{Fault: c.fault, Service: dur(service)}),
					Timeout:  time.Second,
				})
				if len(m.rows) != 3 || s.Sent != 3 {
					t.Fatalf("%d rows, %+v", len(m.rows), s)
				}
				for _, r := range m.rows {
					if r.Outcome != c.outcome || r.ErrorType != c.errorType || r.Sent == 0 || r.Error == "" {
						t.Errorf("row %+v", r)
					}
				}
				if c.fault == scripted.Deaf {
					if s.Abandoned != 3 {
						t.Errorf("abandoned %d", s.Abandoned)
					}
					time.Sleep(2 * time.Hour) // let the deaf ones end: no second row, no leak
					if len(m.twice) > 0 {
						t.Errorf("two rows of %v", m.twice)
					}
				}
			})
		})
	}
}

func TestRequestThatCannotBeBuilt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, s := run(t, t.Context(), loadgen.Config{
			Schedule: loadgen.Constant(3, time.Second),
			Target:   scripted.New(),
			Payload: func(seq int64, _ loadgen.Arrival) ([]byte, error) {
				switch seq {
				case 0:
					return nil, errors.New("no such\nfile")
				case 1:
					panic("oops")
				}
				return []byte("four"), nil
			},
		})
		for i := range int64(2) {
			if r := m.rows[i]; r.Outcome != record.NotSent || r.ErrorType != record.ErrNoRequest || r.Error == "" {
				t.Errorf("row %+v", r)
			}
		}
		if r := m.rows[2]; r.Outcome != record.OK || r.RequestBytes != 4 {
			t.Errorf("row %+v", r)
		}
		if s.NotSent != 2 || s.Sent != 1 {
			t.Errorf("%+v", s)
		}
	})
}

func TestRecorderErrorEndsTheLoad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &memory{fail: 3}
		s, err := loadgen.Run(t.Context(), loadgen.Config{
			Schedule: loadgen.Constant(10, time.Hour),
			Target:   scripted.New(),
			Recorder: m,
			Waiter:   loadgen.NewSleepWaiter(),
		})
		if err == nil || len(m.rows) != 3 || !s.Interrupted {
			t.Errorf("%v, %d rows, %+v", err, len(m.rows), s)
		}
	})
}
