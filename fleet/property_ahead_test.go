package fleet_test

import "pgregory.net/rapid"

// startEarly starts what the fleet wants ahead of requests.
func (f *function) startEarly(w *world) {
	for _, e := range f.pool.Ahead(w.now, nil) {
		if f.alive[e] {
			w.t.Fatalf("slot %d given twice", e)
		}
		f.alive[e], f.early[e], f.fresh[e] = true, true, true
		f.colds = append(f.colds, w.now)
	}
}

// earlyReady ends an init that ran ahead of requests.
func (w *world) earlyReady(*rapid.T) {
	f := w.pick()
	e, ok := pickEnv(w, f.early)
	if !ok {
		return
	}
	delete(f.early, e)
	if !f.pool.Ready(e, w.now) {
		w.t.Fatalf("environment %d is no longer wanted, and nobody has said so", e)
	}
}

// initialised ends the init of a cold start.
func (w *world) initialised(*rapid.T) {
	f := w.pick()
	if e, ok := pickEnv(w, f.waiting); ok {
		delete(f.waiting, e)
		if !f.pool.Initialised(e) {
			w.t.Fatalf("the request of environment %d was moved, and nobody has said so", e)
		}
	}
}

// reassign moves one request that waits for an init.
func (w *world) reassign(*rapid.T) {
	f := w.pick()
	f.collect(w)
	from, to, ok := f.pool.Reassign(w.now)
	if !ok {
		return
	}
	_, busy := f.busy[to]
	if !f.borrow || !f.waiting[from] || !f.alive[to] || busy || f.early[to] || f.ready[to] {
		w.t.Fatalf("request moved from %d (waits: %v) to %d (busy: %v)", from, f.waiting[from], to, busy)
	}
	f.busy[to] = f.busy[from]
	delete(f.busy, from)
	delete(f.waiting, from)
	delete(f.fresh, to)
	f.early[from], f.fresh[from] = true, true
}
