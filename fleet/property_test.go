package fleet_test

import (
	"testing"
	"time"

	"coldbench/fleet"

	"pgregory.net/rapid"
)

// world drives one account with random calls and keeps its own, naive books.
type world struct {
	t       *rapid.T
	limits  fleet.Limits
	account *fleet.Account
	now     time.Duration
	fns     []*function
	served  int
	done    int
	cut     int // requests that ended because their environment was dropped
}

type function struct {
	fleet    *fleet.Function
	pool     *fleet.Pool
	reserved int // -1 = none
	target   int
	busy     map[fleet.Env]fleet.Kind
	alive    map[fleet.Env]bool // every environment the driver holds
	ready    map[fleet.Env]bool // provisioned, past init
	starting map[fleet.Env]bool
	early    map[fleet.Env]bool // on demand, starting ahead
	fresh    map[fleet.Env]bool // on demand, no request yet
	waiting  map[fleet.Env]bool // cold, its request waits for the init
	zones    int
	borrow   bool
	colds    []time.Duration
}

func newWorld(t *rapid.T) *world {
	w := &world{t: t, limits: fleet.Limits{
		Concurrency:    rapid.IntRange(0, 12).Draw(t, "concurrency"),
		MinUnreserved:  rapid.IntRange(0, 3).Draw(t, "min unreserved"),
		Environments:   rapid.IntRange(0, 8).Draw(t, "environments"),
		RequestsPerEnv: rapid.IntRange(0, 3).Draw(t, "requests per env"),
	}}
	w.account = fleet.NewAccount(w.limits)
	for range rapid.IntRange(1, 3).Draw(t, "functions") {
		f := w.account.Function()
		c := fleet.PoolConfig{
			Placement: rapid.SampledFrom([]fleet.Placement{fleet.MRU, fleet.LRU, fleet.Random}).Draw(t, "placement"),
			KeepAlive: rapid.SampledFrom([]fleet.KeepAlive{
				fleet.Fixed(0), fleet.Fixed(time.Second), fleet.Halving(time.Second), fleet.Uniform(time.Second, 4*time.Second),
			}).Draw(t, "keep-alive"),
			MaxAge: rapid.SampledFrom([]time.Duration{0, 3 * time.Second}).Draw(t, "max age"),
			Seed:   rapid.Uint64().Draw(t, "seed"),
			Zones:  rapid.IntRange(0, 3).Draw(t, "zones"),
			Ahead:  rapid.SampledFrom([]float64{0, 0.5, 0.8}).Draw(t, "ahead"),
			Borrow: rapid.Bool().Draw(t, "borrow"),
		}
		w.fns = append(w.fns, &function{
			fleet: f, reserved: -1, pool: f.Pool(c), zones: c.Zones, borrow: c.Borrow,
			early: map[fleet.Env]bool{}, fresh: map[fleet.Env]bool{}, waiting: map[fleet.Env]bool{},
			busy: map[fleet.Env]fleet.Kind{}, alive: map[fleet.Env]bool{},
			ready: map[fleet.Env]bool{}, starting: map[fleet.Env]bool{},
		})
	}
	return w
}

func (w *world) pick() *function {
	return w.fns[rapid.IntRange(0, len(w.fns)-1).Draw(w.t, "function")]
}

func pickEnv[V any](w *world, m map[fleet.Env]V) (fleet.Env, bool) {
	var list []fleet.Env
	for e := range 200 {
		if _, ok := m[fleet.Env(e)]; ok {
			list = append(list, fleet.Env(e))
		}
	}
	if len(list) == 0 {
		return 0, false
	}
	return rapid.SampledFrom(list).Draw(w.t, "env"), true
}

func (w *world) wait(*rapid.T) {
	w.now += time.Duration(rapid.IntRange(0, 1500).Draw(w.t, "ms")) * time.Millisecond
}

func (w *world) arrive(*rapid.T) {
	f := w.pick()
	f.collect(w) // so that the books know what is left before the decision
	free := 0
	for e := range f.ready {
		if _, busy := f.busy[e]; !busy {
			free++
		}
	}
	idle := 0
	for e := range f.alive {
		if _, busy := f.busy[e]; !busy && !f.ready[e] && !f.starting[e] && !f.early[e] {
			idle++
		}
	}
	d := f.pool.Arrive(w.now)
	if d.Kind == fleet.Throttled {
		if d.Env != fleet.NoEnv || d.Throttle == fleet.NotThrottled || d.Throttle.Reason() == "" {
			w.t.Fatalf("throttle without a reason: %+v", d)
		}
		return
	}
	if _, twice := f.busy[d.Env]; twice {
		w.t.Fatalf("two requests in environment %d", d.Env)
	}
	w.served++
	switch d.Kind {
	case fleet.Cold:
		if (idle > 0 && f.zones <= 1) || f.alive[d.Env] {
			w.t.Fatalf("cold start in slot %d with %d idle", d.Env, idle)
		}
		f.colds = append(f.colds, w.now)
		f.waiting[d.Env] = true
		f.startEarly(w)
	case fleet.Proactive:
		if !f.alive[d.Env] || !f.fresh[d.Env] || f.early[d.Env] {
			w.t.Fatalf("environment %d was not initialised ahead", d.Env)
		}
	case fleet.Warm:
		if !f.alive[d.Env] || f.ready[d.Env] || f.fresh[d.Env] || f.early[d.Env] {
			w.t.Fatalf("warm start in environment %d that does not exist", d.Env)
		}
	case fleet.Provisioned:
		if !f.ready[d.Env] {
			w.t.Fatalf("environment %d is not provisioned", d.Env)
		}
	}
	if d.Kind != fleet.Provisioned && free > 0 && w.limits.RequestsPerEnv == 0 {
		w.t.Fatalf("%v though %d provisioned environments are free", d.Kind, free)
	}
	f.alive[d.Env], f.busy[d.Env] = true, d.Kind
	delete(f.fresh, d.Env)
}

func (f *function) forget(e fleet.Env) {
	delete(f.alive, e)
	delete(f.busy, e)
	delete(f.ready, e)
	delete(f.starting, e)
	delete(f.early, e)
	delete(f.fresh, e)
	delete(f.waiting, e)
}

func (w *world) finish(*rapid.T) {
	f := w.pick()
	e, ok := pickEnv(w, f.busy)
	if !ok {
		return
	}
	w.done++
	kept := f.pool.Done(e, w.now)
	delete(f.busy, e)
	delete(f.waiting, e)
	if !kept {
		f.forget(e)
	}
}

func (w *world) drop(*rapid.T) {
	f := w.pick()
	e, ok := pickEnv(w, f.busy)
	if !ok {
		return
	}
	w.cut++
	f.pool.Drop(e, w.now)
	f.forget(e)
}

func (f *function) collect(w *world) {
	for _, x := range f.pool.Expire(w.now, nil) {
		if _, busy := f.busy[x.Env]; busy || !f.alive[x.Env] {
			w.t.Fatalf("expired environment %d: busy %v, alive %v", x.Env, busy, f.alive[x.Env])
		}
		if x.At > w.now {
			w.t.Fatalf("expired at %v, now is %v", x.At, w.now)
		}
		f.forget(x.Env)
	}
}

func (w *world) expire(*rapid.T) { w.pick().collect(w) }

func (w *world) reserve(*rapid.T) {
	f := w.pick()
	n := rapid.IntRange(-1, 6).Draw(w.t, "reserve")
	if n < 0 {
		f.fleet.Unreserve()
		f.reserved = -1
	} else if f.fleet.Reserve(n) == nil {
		f.reserved = n
	}
}

func (w *world) provision(*rapid.T) {
	f := w.pick()
	n := rapid.IntRange(0, 4).Draw(w.t, "provision")
	list, err := f.pool.Provision(n, w.now, nil)
	if err != nil {
		return
	}
	f.target = n
	for _, e := range list {
		if f.alive[e] {
			w.t.Fatalf("slot %d given twice", e)
		}
		f.alive[e], f.starting[e] = true, true
	}
	f.collect(w)
}

func (w *world) makeReady(*rapid.T) {
	f := w.pick()
	if e, ok := pickEnv(w, f.starting); ok {
		delete(f.starting, e)
		if !f.pool.Ready(e, w.now) {
			f.forget(e)
			return
		}
		f.ready[e] = true
	}
}

// check compares the fleet's counts with the books.
func (w *world) check(*rapid.T) {
	unreservedBusy, setAside := 0, 0
	for _, f := range w.fns {
		demand := 0
		for _, kind := range f.busy {
			if kind != fleet.Provisioned {
				demand++
			}
		}
		if got := f.fleet.InFlight(); got != demand {
			w.t.Fatalf("in flight on demand: fleet says %d, books say %d", got, demand)
		}
		if f.pool.Busy() != len(f.busy) {
			w.t.Fatalf("busy: fleet says %d, books say %d", f.pool.Busy(), len(f.busy))
		}
		if got := f.pool.Size(); got > len(f.alive) {
			w.t.Fatalf("size: fleet says %d, books say at most %d", got, len(f.alive))
		}
		if f.pool.Allocated() > f.target {
			w.t.Fatalf("allocated %d, asked for %d", f.pool.Allocated(), f.target)
		}
		if f.reserved < 0 {
			unreservedBusy += demand
		}
		setAside += max(f.reserved, f.target)
		f.checkScaling(w)
	}
	if w.account.InFlight() != unreservedBusy {
		w.t.Fatalf("unreserved in flight: fleet says %d, books say %d", w.account.InFlight(), unreservedBusy)
	}
	if w.limits.Concurrency > 0 && setAside > 0 && w.limits.Concurrency-setAside < w.limits.MinUnreserved && w.account.Unreserved() != 0 {
		w.t.Fatalf("set aside %d of %d", setAside, w.limits.Concurrency)
	}
	if total := w.served - w.done - w.cut; total != w.busy() {
		w.t.Fatalf("served %d - done %d - cut %d is not busy %d", w.served, w.done, w.cut, w.busy())
	}
}

func (w *world) busy() (n int) {
	for _, f := range w.fns {
		n += len(f.busy)
	}
	return n
}

// checkScaling: within any window of length t at most n + t*n/10s environments
// start.
func (f *function) checkScaling(w *world) {
	n := w.limits.Environments
	if n == 0 {
		return
	}
	for first := range f.colds {
		span := w.now - f.colds[first]
		most := n + int(span*time.Duration(n)/fleet.ScalingWindow)
		if got := len(f.colds) - first; got > most {
			w.t.Fatalf("%d new environments within %v, want at most %d", got, span, most)
		}
	}
}

func TestFleetAgainstNaiveBooks(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(t)
		t.Repeat(map[string]func(*rapid.T){
			"":          w.check,
			"wait":      w.wait,
			"arrive":    w.arrive,
			"arrive2":   w.arrive,
			"finish":    w.finish,
			"drop":      w.drop,
			"expire":    w.expire,
			"reserve":   w.reserve,
			"provision": w.provision,
			"ready":     w.makeReady,

			"early ready": w.earlyReady,
			"initialised": w.initialised,
			"reassign":    w.reassign,
		})
	})
}

// TestConcurrencyNeverExceeded looks at limits that do not change, so that the
// number in flight has one bound for the whole run.
func TestConcurrencyNeverExceeded(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		limit := rapid.IntRange(1, 20).Draw(t, "concurrency")
		reserved := rapid.IntRange(0, limit).Draw(t, "reserved")
		a := fleet.NewAccount(fleet.Limits{Concurrency: limit})
		f, g := a.Function(), a.Function()
		if err := f.Reserve(reserved); err != nil {
			t.Fatal(err)
		}
		pools := []*fleet.Pool{f.Pool(fleet.PoolConfig{}), g.Pool(fleet.PoolConfig{})}
		bounds := []int{reserved, limit - reserved}
		var held [2][]fleet.Env
		for range rapid.IntRange(1, 100).Draw(t, "steps") {
			i := rapid.IntRange(0, 1).Draw(t, "pool")
			if rapid.Bool().Draw(t, "arrive") {
				d := pools[i].Arrive(0)
				if (d.Kind == fleet.Throttled) != (len(held[i]) == bounds[i]) {
					t.Fatalf("pool %d with %d of %d in flight: %+v", i, len(held[i]), bounds[i], d)
				}
				if d.Kind != fleet.Throttled {
					held[i] = append(held[i], d.Env)
				}
			} else if n := len(held[i]); n > 0 {
				pools[i].Done(held[i][n-1], 0)
				held[i] = held[i][:n-1]
			}
		}
	})
}

// TestSameSeedSameDecisions: two fleets with one seed decide alike.
func TestSameSeedSameDecisions(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := fleet.PoolConfig{
			Placement: fleet.Random, Seed: rapid.Uint64().Draw(t, "seed"),
			KeepAlive: fleet.Uniform(time.Second, 3*time.Second),
		}
		a, b := onDemand(c, fleet.Limits{}), onDemand(c, fleet.Limits{})
		var now time.Duration
		var held []fleet.Env
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			now += time.Duration(rapid.IntRange(0, 900).Draw(t, "ms")) * time.Millisecond
			if rapid.Bool().Draw(t, "arrive") {
				da, db := a.Arrive(now), b.Arrive(now)
				if da != db {
					t.Fatalf("%+v and %+v", da, db)
				}
				held = append(held, da.Env)
			} else if n := len(held); n > 0 {
				a.Done(held[n-1], now)
				b.Done(held[n-1], now)
				held = held[:n-1]
			}
			a.Expire(now, nil)
			b.Expire(now, nil)
		}
	})
}
