package experiment

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"coldbench/loadgen"
	"coldbench/record"
	"coldbench/target/scripted"
)

// connecting is a target whose connections take longer to open than lead.
type connecting struct {
	*scripted.Target
	ready time.Time
	err   error
}

func (c *connecting) Preconnect(context.Context, int) error {
	time.Sleep(lead + 100*time.Millisecond)
	c.ready = time.Now()
	return c.err
}

func options(t *testing.T, target loadgen.Target) Options {
	t.Helper()
	return Options{
		Plan: &record.Plan{Name: "steady", Verb: "steady", Provenance: record.Simulated, Arrivals: 5, Timeout: record.Duration(time.Second), MaxInFlight: 10},
		Dir:  filepath.Join(t.TempDir(), "run"), Schedule: loadgen.Constant(100, 50*time.Millisecond), Target: target,
	}
}

// What takes time is done before the start is fixed, and what went wrong
// meanwhile is kept.
func TestPreparingIsNoLag(t *testing.T) {
	target := &connecting{Target: scripted.New(), err: errors.New("refused by 123456789012")}
	o := options(t, target)
	if _, err := Run(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	run, err := record.Open(o.Dir)
	if err != nil {
		t.Fatal(err)
	}
	if d := run.Plan.StartedAt.Sub(target.ready); d < lead {
		t.Errorf("the run started %v after its connections were there, not %v", d, lead)
	}
	if g := run.Generator; g == nil || g.Scheduled != 5 || g.PreconnectError == "" || g.PreconnectError != Redact(g.PreconnectError) || g.Waiter == "" {
		t.Errorf("%+v", g)
	}
	if h := run.Host; h == nil || h.Clock != run.Generator.Waiter {
		t.Errorf("%+v", h)
	}
}

func TestTheStartIsThatOfThePlan(t *testing.T) {
	t.Parallel()
	o := options(t, scripted.New())
	o.Start = time.Now().Add(time.Second).Round(0)
	if _, err := Run(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	run, err := record.Open(o.Dir)
	if err != nil {
		t.Fatal(err)
	}
	if !run.Plan.StartedAt.Equal(o.Start) {
		t.Errorf("started at %v, not %v", run.Plan.StartedAt, o.Start)
	}
}

func TestAStartThatHasPassed(t *testing.T) {
	o := options(t, scripted.New())
	o.Start = time.Now()
	if _, err := Run(t.Context(), o); !errors.Is(err, ErrStartPassed) {
		t.Errorf("%v", err)
	}
	if _, err := os.Stat(o.Dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a run directory was made: %v", err)
	}
}
