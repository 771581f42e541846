package fleet_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"coldbench/fleet"
)

const ms = time.Millisecond

func onDemand(c fleet.PoolConfig, l fleet.Limits) *fleet.Pool {
	return fleet.NewAccount(l).Function().Pool(c)
}

// arrive asserts the kind of one decision.
func arrive(t *testing.T, p *fleet.Pool, now time.Duration, want fleet.Kind) fleet.Env {
	t.Helper()
	d := p.Arrive(now)
	if d.Kind != want {
		t.Fatalf("Arrive(%v) = %+v, want %v", now, d, want)
	}
	return d.Env
}

func TestPlacementPicksAmongThreeIdle(t *testing.T) {
	// Three environments start at 0 and fall idle in the order 0, 1, 2.
	for _, c := range []struct {
		placement fleet.Placement
		want      []fleet.Env
	}{
		{fleet.MRU, []fleet.Env{2, 1, 0}},
		{fleet.LRU, []fleet.Env{0, 1, 2}},
	} {
		p := onDemand(fleet.PoolConfig{Placement: c.placement}, fleet.Limits{})
		for range 3 {
			arrive(t, p, 0, fleet.Cold)
		}
		for i := range fleet.Env(3) {
			p.Done(i, time.Duration(i+1)*ms)
		}
		for _, want := range c.want {
			if got := arrive(t, p, 10*ms, fleet.Warm); got != want {
				t.Errorf("%v: got environment %d, want %d", c.placement, got, want)
			}
		}
	}
}

func TestFixedKeepAlive(t *testing.T) {
	p := onDemand(fleet.PoolConfig{KeepAlive: fleet.Fixed(10 * time.Second)}, fleet.Limits{})
	env := arrive(t, p, 0, fleet.Cold)
	p.Done(env, 1*time.Second) // idle from 1 s, dropped at 11 s
	env = arrive(t, p, 10*time.Second, fleet.Warm)
	p.Done(env, 12*time.Second) // dropped at 22 s
	if at, ok := p.NextExpiry(); !ok || at > 22*time.Second {
		t.Fatalf("NextExpiry = %v, %v", at, ok)
	}
	if got := p.Expire(22*time.Second-1, nil); len(got) != 0 {
		t.Fatalf("expired before its time: %v", got)
	}
	got := p.Expire(30*time.Second, nil)
	if len(got) != 1 || got[0] != (fleet.Expiry{Env: env, At: 22 * time.Second}) {
		t.Fatalf("Expire = %v", got)
	}
	arrive(t, p, 31*time.Second, fleet.Cold)
}

func TestFixedZeroIsAlwaysCold(t *testing.T) {
	p := onDemand(fleet.PoolConfig{KeepAlive: fleet.Fixed(0)}, fleet.Limits{})
	for range 5 {
		p.Done(arrive(t, p, 0, fleet.Cold), 0)
	}
	if got := p.Expire(0, nil); len(got) != 5 {
		t.Fatalf("Expire = %v", got)
	}
}

func TestDefaultKeepsForTheFirstTick(t *testing.T) {
	// With the default nothing is dropped in the first 380 s: a second burst of
	// the same size is warm throughout.
	p := onDemand(fleet.PoolConfig{Seed: 7}, fleet.DefaultLimits())
	for i := range fleet.Env(40) {
		arrive(t, p, 0, fleet.Cold)
		_ = i
	}
	for i := range fleet.Env(40) {
		p.Done(i, 0)
	}
	for range 40 {
		arrive(t, p, fleet.HalvingTick-1, fleet.Warm)
	}
}

func TestHalvingSurvival(t *testing.T) {
	// survive(t) = 2^-floor(t/tick): of 4,096 about 2,048 are left after the
	// first tick, 1,024 after the second. Standard deviation sqrt(n p q) is 32
	// and 28; five of them are allowed.
	p := onDemand(fleet.PoolConfig{KeepAlive: fleet.Halving(time.Second), Seed: 3}, fleet.Limits{})
	const n = 4096
	for range n {
		p.Arrive(0)
	}
	for i := range fleet.Env(n) {
		p.Done(i, 0)
	}
	for _, c := range []struct {
		at       time.Duration
		want, sd int
	}{
		{time.Second - 1, 4096, 0},
		{time.Second, 2048, 32},
		{2 * time.Second, 1024, 28},
		{3 * time.Second, 512, 22},
	} {
		p.Expire(c.at, nil)
		if got := p.Idle(); got < c.want-5*c.sd || got > c.want+5*c.sd {
			t.Errorf("after %v: %d of %d left, want about %d", c.at, got, n, c.want)
		}
	}
}

func TestMaxAge(t *testing.T) {
	p := onDemand(fleet.PoolConfig{KeepAlive: fleet.Fixed(time.Hour), MaxAge: 10 * time.Second}, fleet.Limits{})
	env := arrive(t, p, 0, fleet.Cold)
	if !p.Done(env, 9*time.Second) {
		t.Fatal("ended before its age")
	}
	if got := p.Expire(10*time.Second, nil); len(got) != 1 || got[0].At != 10*time.Second {
		t.Fatalf("idle: Expire = %v, want its end at 10 s", got)
	}
	env = arrive(t, p, 11*time.Second, fleet.Cold)
	if p.Done(env, 25*time.Second) {
		t.Fatal("busy past its age, and kept")
	}
}

func TestScalingRate(t *testing.T) {
	// 1,000 at once, then one each 10 ms (1,000 per 10 s), and nothing saved up
	// beyond 1,000 however long it was quiet.
	l := fleet.DefaultLimits()
	l.Concurrency, l.RequestsPerEnv = 0, 0
	p := onDemand(fleet.PoolConfig{}, l)
	cold := func(now time.Duration) (n int) {
		for p.Arrive(now).Kind == fleet.Cold {
			n++
		}
		return n
	}
	for _, c := range []struct {
		at   time.Duration
		want int
	}{
		{0, 1000}, {10*ms - 1, 0}, {10 * ms, 1}, {1010 * ms, 100}, {time.Hour, 1000},
	} {
		if got := cold(c.at); got != c.want {
			t.Errorf("at %v: %d new environments, want %d", c.at, got, c.want)
		}
	}
	d := p.Arrive(time.Hour)
	if d.Throttle != fleet.ScalingRate || d.Env != fleet.NoEnv || d.RetryAfter != 10*ms {
		t.Errorf("over the rate: %+v", d)
	}
}

func TestRequestRate(t *testing.T) {
	// Concurrency 2 and 10 requests a second for each: 20 in the bucket, then one
	// each 50 ms, though one environment would do.
	l := fleet.Limits{Concurrency: 2, RequestsPerEnv: 10}
	p := onDemand(fleet.PoolConfig{}, l)
	served := func(now time.Duration) (n int) {
		for {
			d := p.Arrive(now)
			if d.Kind == fleet.Throttled {
				if d.Throttle != fleet.AccountRate {
					t.Fatalf("at %v: %v", now, d.Throttle)
				}
				return n
			}
			n++
			p.Done(d.Env, now)
		}
	}
	if n := served(0); n != 20 {
		t.Errorf("at 0: %d, want 20", n)
	}
	if n := served(50 * ms); n != 1 {
		t.Errorf("at 50 ms: %d, want 1", n)
	}
}

func TestReservedZeroThrottlesAll(t *testing.T) {
	a := fleet.NewAccount(fleet.DefaultLimits())
	f := a.Function()
	if err := f.Reserve(0); err != nil {
		t.Fatal(err)
	}
	d := f.Pool(fleet.PoolConfig{}).Arrive(0)
	if d.Throttle.Reason() != "ReservedFunctionConcurrentInvocationLimitExceeded" {
		t.Fatalf("got %+v", d)
	}
}

func TestReservedIsGuaranteeAndCap(t *testing.T) {
	// An account of 10 with 4 reserved for f leaves 6 for g.
	a := fleet.NewAccount(fleet.Limits{Concurrency: 10})
	f, g := a.Function(), a.Function()
	if err := f.Reserve(4); err != nil {
		t.Fatal(err)
	}
	count := func(p *fleet.Pool) (n int, last fleet.Throttle) {
		for {
			d := p.Arrive(0)
			if d.Kind == fleet.Throttled {
				return n, d.Throttle
			}
			n++
		}
	}
	if n, why := count(g.Pool(fleet.PoolConfig{})); n != 6 || why != fleet.AccountConcurrency {
		t.Errorf("unreserved: %d, %v", n, why)
	}
	if n, why := count(f.Pool(fleet.PoolConfig{})); n != 4 || why != fleet.ReservedConcurrency {
		t.Errorf("reserved: %d, %v", n, why)
	}
}

func TestReserveRefusals(t *testing.T) {
	a := fleet.NewAccount(fleet.DefaultLimits())
	f := a.Function()
	if err := f.Reserve(900); err != nil { // leaves exactly 100
		t.Error(err)
	}
	var under *fleet.UnreservedError
	if err := a.Function().Reserve(1); !errors.As(err, &under) || under.Minimum != 100 {
		t.Errorf("leaving 99: %v", err)
	}
	if err := f.Reserve(10); err != nil {
		t.Error(err)
	}
	p := f.Pool(fleet.PoolConfig{})
	if _, err := p.Provision(11, 0, nil); !errors.Is(err, fleet.ErrAboveReserved) {
		t.Errorf("provision above the reservation: %v", err)
	}
	if _, err := p.Provision(10, 0, nil); err != nil {
		t.Error(err)
	}
	if err := f.Reserve(9); !errors.Is(err, fleet.ErrBelowProvisioned) {
		t.Errorf("reserve below provisioned: %v", err)
	}
	f.Unreserve()
	if got := a.Unreserved(); got != 990 {
		t.Errorf("unreserved = %d, want 1000 - 10 provisioned", got)
	}
}

func TestProvisionedFirstThenSpillOver(t *testing.T) {
	p := onDemand(fleet.PoolConfig{}, fleet.Limits{Concurrency: 100})
	list, err := p.Provision(2, 0, nil)
	if err != nil || len(list) != 2 {
		t.Fatal(list, err)
	}
	arrive(t, p, 0, fleet.Cold) // not ready yet: on demand serves
	for _, e := range list {
		if !p.Ready(e, 1*ms) {
			t.Fatal("not wanted")
		}
	}
	if p.Allocated() != 2 || p.Available() != 2 {
		t.Fatalf("allocated %d, available %d", p.Allocated(), p.Available())
	}
	a := arrive(t, p, 2*ms, fleet.Provisioned)
	b := arrive(t, p, 2*ms, fleet.Provisioned)
	arrive(t, p, 2*ms, fleet.Cold)
	p.Done(a, 3*ms)
	arrive(t, p, 3*ms, fleet.Provisioned)
	// Two hours idle do not end a provisioned environment.
	p.Done(b, 4*ms)
	if got := p.Expire(2*time.Hour, nil); len(got) != 0 {
		t.Errorf("expired: %v", got)
	}
}

func TestProvisionDownLetsTheIdleGoFirst(t *testing.T) {
	p := onDemand(fleet.PoolConfig{}, fleet.Limits{})
	list, _ := p.Provision(3, 0, nil)
	for _, e := range list {
		p.Ready(e, 0)
	}
	busy := arrive(t, p, 0, fleet.Provisioned)
	if _, err := p.Provision(1, 1*ms, nil); err != nil {
		t.Fatal(err)
	}
	if got := p.Expire(1*ms, nil); len(got) != 2 {
		t.Fatalf("dropped %v, want two idle ones", got)
	}
	if !p.Done(busy, 2*ms) {
		t.Error("the one that stays was dropped")
	}
	busy = arrive(t, p, 3*ms, fleet.Provisioned)
	if _, err := p.Provision(0, 4*ms, nil); err != nil {
		t.Fatal(err)
	}
	if p.Done(busy, 5*ms) {
		t.Error("kept though no longer wanted")
	}
	if p.Size() != 0 {
		t.Errorf("size %d", p.Size())
	}
}

func TestRetireDropsIdleNowAndBusyLater(t *testing.T) {
	p := onDemand(fleet.PoolConfig{}, fleet.Limits{})
	a, b := arrive(t, p, 0, fleet.Cold), arrive(t, p, 0, fleet.Cold)
	p.Done(a, 1*ms)
	p.Retire(2 * ms)
	if got := p.Expire(2*ms, nil); len(got) != 1 || got[0].Env != a {
		t.Errorf("Expire = %v", got)
	}
	if p.Done(b, 3*ms) || p.Size() != 0 {
		t.Errorf("busy environment kept, size %d", p.Size())
	}
}

func TestParse(t *testing.T) {
	for _, s := range []string{"fixed:10m0s", "fixed:0s", "halving:6m20s", "uniform:5m0s,15m0s"} {
		k, err := fleet.ParseKeepAlive(s)
		if err != nil || k.String() != s {
			t.Errorf("ParseKeepAlive(%q) = %v, %v", s, k, err)
		}
	}
	if k, err := fleet.ParseKeepAlive(""); err != nil || k.String() != "halving:6m20s" {
		t.Errorf("default: %v, %v", k, err)
	}
	for _, s := range []string{"fixed", "fixed:x", "fixed:-1s", "halving:0s", "uniform:1m", "uniform:2m,1m", "lru:1m"} {
		if k, err := fleet.ParseKeepAlive(s); err == nil {
			t.Errorf("ParseKeepAlive(%q) = %v", s, k)
		}
	}
	for _, s := range []string{"mru", "lru", "random"} {
		if p, err := fleet.ParsePlacement(s); err != nil || p.String() != s {
			t.Errorf("ParsePlacement(%q) = %v, %v", s, p, err)
		}
	}
	if _, err := fleet.ParsePlacement("fifo"); err == nil {
		t.Error("fifo is no placement")
	}
}

func Example() {
	account := fleet.NewAccount(fleet.DefaultLimits())
	pool := account.Function().Pool(fleet.PoolConfig{KeepAlive: fleet.Fixed(time.Minute)})

	first := pool.Arrive(0)
	second := pool.Arrive(10 * time.Millisecond) // the first is still busy
	pool.Done(first.Env, 20*time.Millisecond)
	third := pool.Arrive(30 * time.Millisecond)
	fmt.Println(first.Kind, second.Kind, third.Kind)

	pool.Done(second.Env, 40*time.Millisecond)
	fmt.Println(pool.Expire(2*time.Minute, nil))
	// Output:
	// cold cold warm
	// [{1 1m0.04s}]
}
