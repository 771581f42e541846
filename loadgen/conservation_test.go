package loadgen_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"coldbench/loadgen"
	"coldbench/record"
	"coldbench/target/scripted"
)

// Whatever happens, the rows are the arrivals that were due, each once, and the
// outcomes sum to them.
func TestConservation(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		steps := rapid.SliceOfN(rapid.Custom(anyStep), 1, 6).Draw(rt, "steps")
		rate := rapid.Float64Range(1, 500).Draw(rt, "rate")
		burst := rapid.IntRange(1, 100).Draw(rt, "burst")
		length := time.Duration(rapid.Int64Range(1, int64(2*time.Second)).Draw(rt, "length"))
		schedule := loadgen.Merge(
			loadgen.Poisson(rate, length, rapid.Uint64().Draw(rt, "seed")),
			loadgen.Together(loadgen.Every(300*ms, 0, length), burst),
		)
		limit := rapid.IntRange(1, 200).Draw(rt, "max in flight")
		growth := rapid.Float64Range(0.5, 1000).Draw(rt, "growth")
		cancelAt := time.Duration(rapid.Int64Range(0, int64(3*time.Second)).Draw(rt, "cancel")) | 1
		abortAt := time.Duration(rapid.Int64Range(0, int64(4*time.Second)).Draw(rt, "abort")) | 1
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			abort := make(chan struct{})
			start := time.Now().Add(time.Second)
			time.AfterFunc(time.Second+cancelAt, cancel)
			aborted := time.AfterFunc(time.Second+abortAt, func() { close(abort) })
			defer aborted.Stop()
			progress := &loadgen.Progress{}
			m, s := run(t, ctx, loadgen.Config{
				Schedule: schedule, Target: scripted.New(steps...), Start: start,
				Timeout: 700*ms + 1, MaxInFlight: limit, Ahead: 1, Growth: growth, MaxLag: 100 * ms,
				Abort: abort, Progress: progress,
			})
			cut := min(cancelAt, abortAt)
			due := loadgen.Count(loadgen.Cut(schedule, 0, cut+1))
			if err := conserved(m, s, due); err != nil {
				rt.Fatalf("%v: %d rows, %d due, %+v", err, len(m.rows), due, s)
			}
			if p := progress.Snapshot(); p.Rows != due || p.Scheduled != due || p.InFlight != 0 {
				rt.Fatalf("progress %+v", p)
			}
			time.Sleep(time.Hour) // deaf steps end
			if len(m.twice) > 0 {
				rt.Fatalf("two rows of %v", m.twice)
			}
		})
	})
}

func conserved(m *memory, s loadgen.Stats, due int64) error {
	var sent, notSent int64
	for seq := range due {
		r, ok := m.rows[seq]
		if !ok {
			return fmt.Errorf("no row %d", seq)
		}
		if !slices.Contains(record.Outcomes, r.Outcome) {
			return fmt.Errorf("outcome %q", r.Outcome)
		}
		if r.Outcome == record.NotSent {
			notSent++
			continue
		}
		sent++
		if r.Sent < r.Intended || r.Done != 0 && r.Done < r.Sent || r.FirstByte != 0 && r.FirstByte < r.Sent {
			return fmt.Errorf("row %+v", r)
		}
	}
	switch {
	case len(m.twice) > 0:
		return fmt.Errorf("two rows of %v", m.twice)
	case int64(len(m.rows)) != due || s.Scheduled != due:
		return errors.New("count")
	case s.Sent != sent || s.NotSent != notSent:
		return fmt.Errorf("sent %d, not %d", sent, notSent)
	}
	return nil
}

// anyStep draws answers of every kind, at times that collide with nothing.
func anyStep(t *rapid.T) scripted.Step {
	return scripted.Step{
		Service: record.Duration(rapid.Int64Range(0, int64(time.Second)).Draw(t, "service") | 1),
		Outcome: rapid.SampledFrom(record.Outcomes).Draw(t, "outcome"),
		Fault: rapid.SampledFrom([]scripted.Fault{
			scripted.NoFault, scripted.NoFault, scripted.NoFault, scripted.Panic, scripted.Empty, scripted.Hang, scripted.Deaf,
		}).Draw(t, "fault"),
	}
}
