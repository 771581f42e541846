package fleet_test

import (
	"testing"
	"time"

	"coldbench/fleet"
)

func TestZonesAreSeparate(t *testing.T) {
	// With one environment idle in each of 3 zones every arrival is warm in its
	// own; with two of three busy, some arrivals find their zone empty though
	// another has one idle.
	p := onDemand(fleet.PoolConfig{Zones: 3, Seed: 1}, fleet.Limits{})
	cold := 0
	for i := range 300 {
		d := p.Arrive(time.Duration(i) * ms)
		if d.Kind == fleet.Cold {
			cold++
		}
		p.Done(d.Env, time.Duration(i)*ms)
	}
	if cold != 3 {
		t.Errorf("%d cold starts one after the other in 3 zones", cold)
	}
	var kinds [2]int
	for range 100 {
		a, b := p.Arrive(time.Second), p.Arrive(time.Second)
		if b.Kind == fleet.Cold {
			kinds[0]++
		} else {
			kinds[1]++
		}
		p.Done(a.Env, time.Second)
		p.Drop(b.Env, time.Second)
	}
	if kinds[0] == 0 {
		t.Error("an arrival was never cold with idle environments in other zones only")
	}
}

func TestAheadShare(t *testing.T) {
	// 0.75 ahead is 3 for each cold start, against the scaling rate.
	p := onDemand(fleet.PoolConfig{Ahead: 0.75}, fleet.Limits{Environments: 6})
	arrive(t, p, 0, fleet.Cold)
	list := p.Ahead(0, nil)
	if len(list) != 3 || p.Size() != 4 {
		t.Fatalf("started %v, size %d", list, p.Size())
	}
	arrive(t, p, 0, fleet.Cold) // none is ready yet
	if more := p.Ahead(0, nil); len(more) != 1 {
		t.Errorf("started %v: 1 + 3 + 1 leave one of six", more)
	}
	if again := p.Ahead(0, nil); len(again) != 0 {
		t.Errorf("what the rate refused was made up for: %v", again)
	}
	if !p.Ready(list[0], 1*ms) {
		t.Fatal("not wanted")
	}
	env := arrive(t, p, 2*ms, fleet.Proactive)
	p.Done(env, 3*ms)
	arrive(t, p, 4*ms, fleet.Warm)
	p.Retire(5 * ms)
	if got := p.Expire(5*ms, nil); len(got) != 3 {
		t.Errorf("retired %v, want the three that still start", got)
	}
	if p.Ready(list[1], 6*ms) {
		t.Error("wanted after it was retired")
	}
}

func TestBorrowMovesTheOldestRequest(t *testing.T) {
	p := onDemand(fleet.PoolConfig{Borrow: true}, fleet.Limits{Concurrency: 3})
	a := arrive(t, p, 0, fleet.Cold)
	if !p.Initialised(a) {
		t.Fatal("moved")
	}
	b, c := arrive(t, p, 1*ms, fleet.Cold), arrive(t, p, 2*ms, fleet.Cold)
	if _, _, ok := p.Reassign(2 * ms); ok {
		t.Fatal("moved to nothing")
	}
	p.Done(a, 3*ms)
	from, to, ok := p.Reassign(3 * ms)
	if !ok || from != b || to != a || p.Busy() != 2 || p.Size() != 3 {
		t.Fatalf("from %d to %d (%v), busy %d, size %d", from, to, ok, p.Busy(), p.Size())
	}
	if p.Initialised(b) || !p.Initialised(c) {
		t.Error("what was moved is said wrong")
	}
	// The environment that lost its request is idle once its init has ended, and
	// the next request is its first.
	if !p.Ready(b, 4*ms) || arrive(t, p, 5*ms, fleet.Proactive) != b {
		t.Error("the environment is lost")
	}
	if d := p.Arrive(6 * ms); d.Throttle != fleet.AccountConcurrency {
		t.Errorf("a fourth request: %+v", d)
	}
}
