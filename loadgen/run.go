package loadgen

import (
	"context"
	"math"
	"runtime"
	"sync"
	"time"

	"coldbench/record"
)

// abandonAfter is how long an attempt may go on after its context has ended.
const abandonAfter = 2 * time.Second

// spareFiles is the default of Config.SpareFiles.
const spareFiles = 24

// Run sends the arrivals of c.Schedule to c.Target at their due times and hands
// one row for each to c.Recorder. No send waits for the reply to another, none
// is early, and every arrival that was due becomes exactly one row.
//
// When ctx ends, the schedule is cut there: later arrivals are not scheduled
// (Stats.Interrupted), what is in flight is awaited. When c.Abort is closed,
// what is in flight is cut too and becomes record.TransportError with
// record.ErrInterrupted. Neither is an error of Run.
//
// Run returns when all rows are with the recorder. Its error is a fault of c,
// or the first error of the recorder, which ends the load like ctx does.
func Run(ctx context.Context, c Config) (Stats, error) {
	if err := c.validate(); err != nil {
		return Stats{}, err
	}
	defer letGarbageGather(c.GCReserve)()
	g := newGenerator(context.WithoutCancel(ctx), c.withDefaults())
	defer g.attempts.abort(context.Canceled)
	if c.Waiter == nil {
		defer func() { _ = g.waiter.Close() }()
	}
	g.prepare(ctx)
	defer g.feed.close()
	defer g.unwanted()
	if err := g.fixStart(); err != nil {
		g.finish()
		g.running.Wait()
		return Stats{}, err
	}

	var failure failure
	g.onFailure = func(err error) {
		failure.set(err)
		g.cutNow()
	}
	defer context.AfterFunc(ctx, g.cutNow)()
	clerk := g.startClerk()
	g.startProvider()
	g.lead0()
	g.drain()
	close(g.refused)
	<-clerk
	s := g.stats()
	s.Interrupted = g.shortened || g.aborted
	return s, failure.get()
}

// failure keeps the first error.
type failure struct {
	mu  sync.Mutex
	err error
}

func (f *failure) set(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err == nil {
		f.err = err
	}
}

func (f *failure) get() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.err
}

func newGenerator(values context.Context, c Config) *generator {
	g := &generator{
		Config:     c,
		attempts:   newAttempts(values, c.Timeout),
		cutCh:      make(chan struct{}),
		growth:     newBucket(c.Growth, growthDepth),
		waiter:     c.Waiter,
		capReason:  record.ErrInFlightCap,
		ended:      make(chan struct{}),
		lastDenied: -1,
		freed:      make(chan struct{}, 1),
		scarce:     make(chan struct{}, 1),
		refused:    make(chan *record.Invocation, 4096),
	}
	g.cut.Store(math.MaxInt64)
	if g.waiter == nil {
		g.waiter = NewWaiter()
	}
	g.limitByFiles()
	if g.Ahead == 0 {
		g.Ahead, g.burst = ahead(c.Schedule, g.MaxInFlight)
	}
	g.Ahead = min(g.Ahead, g.MaxInFlight)
	return g
}

// limitByFiles lowers MaxInFlight to what the limit of open files allows.
func (g *generator) limitByFiles() {
	limit, byFiles := filesAllow(&g.Config)
	if byFiles {
		g.MaxInFlight, g.capReason = limit, record.ErrFileLimit
	}
}

// filesAllow is how many of the requests that may be in flight the limit of open
// files allows, and whether that is fewer.
func filesAllow(c *Config) (limit int, fewer bool) {
	free := freeFiles()
	if c.FilesPerRequest == 0 || free < 0 {
		return c.MaxInFlight, false
	}
	allowed := max(1, (free-int64(c.SpareFiles))/int64(c.FilesPerRequest))
	return int(min(allowed, int64(c.MaxInFlight))), allowed < int64(c.MaxInFlight)
}

// prepare does everything that takes time: it opens connections, has the first
// requests built and starts the workers.
func (g *generator) prepare(ctx context.Context) {
	g.tally = newTally()
	g.preconnect(ctx)
	begin := g.Start
	if begin.IsZero() {
		begin = time.Now()
	}
	g.wanted, g.unwanted = context.WithCancel(g.attempts.base)
	g.feed = newFeed(g.wanted, &g.Config, begin)
	g.mu.Lock()
	g.slots = g.Ahead
	for range g.slots + 1 {
		g.addWorker()
	}
	g.mu.Unlock()
	g.chooseSpin()
	g.awaitFeed(ctx)
	runtime.GC() // what preparing left behind is not collected under load
}

// preconnect opens the connections of the first requests. The end of ctx cuts
// it, which is no fault.
func (g *generator) preconnect(ctx context.Context) {
	p, ok := g.Target.(Preconnecter)
	if !ok {
		return
	}
	until := time.Now().Add(g.Timeout)
	if !g.Start.IsZero() {
		await(ctx, g.Start.Add(-connectFrom))
		until = g.Start.Add(-connectUntil)
	}
	within, cancel := context.WithDeadline(ctx, until)
	defer cancel()
	if err := p.Preconnect(within, g.Ahead); err != nil && ctx.Err() == nil {
		g.tally.preconn = oneLine(err.Error())
	}
}

// await returns at t or when ctx has ended.
func await(ctx context.Context, t time.Time) {
	timer := time.NewTimer(time.Until(t))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// fixStart fixes offset 0.
func (g *generator) fixStart() error {
	g.tally.begin()
	now := time.Now()
	if g.Start.IsZero() {
		g.base = now.Add(g.Lead)
	} else {
		// A Start from elsewhere has no monotonic reading; with that of the same
		// instant it gets one, and stays the same to the nanosecond.
		g.base = now.Add(g.Start.Sub(now))
	}
	if g.Ready != nil {
		if err := g.Ready(g.base); err != nil {
			return err
		}
	}
	g.tally.missed = max(0, g.now())
	return nil
}

// awaitFeed returns when the first requests are prepared, so that a burst at the
// very start leaves as one, or when there is no time to wait for it.
func (g *generator) awaitFeed(ctx context.Context) {
	until := time.Now().Add(prepareAhead)
	if !g.Start.IsZero() {
		until = g.Start.Add(-2 * startLead)
	}
	timer := time.NewTimer(time.Until(until))
	defer timer.Stop()
	select {
	case <-g.feed.primed:
	case <-timer.C:
	case <-ctx.Done():
	case <-g.Abort:
	}
}

// startClerk writes the rows of refused arrivals until refused is closed.
func (g *generator) startClerk() <-chan struct{} {
	done := make(chan struct{})
	go func() {
		defer close(done)
		for row := range g.refused {
			g.write(row, nil)
		}
	}()
	return done
}

// lead0 makes the first leader.
func (g *generator) lead0() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.pop().wake <- toLead
}

// cutNow ends the schedule at this instant.
func (g *generator) cutNow() {
	if g.cut.CompareAndSwap(math.MaxInt64, int64(g.now())) {
		close(g.cutCh)
		g.unwanted()
		g.waiter.Interrupt()
	}
}

func (g *generator) fail(err error) { g.onFailure(err) }

// drain waits for the last arrival, then for the replies, and cuts what is left
// when its time is over or the run is aborted.
func (g *generator) drain() {
	select {
	case <-g.ended:
	case <-g.Abort:
		g.aborted = true
		g.cutNow()
		g.attempts.abort(errAborted)
		<-g.ended
	}
	finished := make(chan struct{})
	go func() {
		g.running.Wait()
		close(finished)
	}()
	limit := time.NewTimer(g.Drain)
	defer limit.Stop()
	select {
	case <-finished:
		return
	case <-g.Abort:
		g.aborted = true
	case <-limit.C:
	}
	g.attempts.abort(errAborted)
	limit.Reset(abandonAfter)
	select {
	case <-finished:
	case <-limit.C:
		g.abandon()
	}
}

// abandon writes the rows of attempts that ignore the end of their context, and
// returns when the others have written theirs.
func (g *generator) abandon() {
	g.mu.Lock()
	var left, writing []*worker
	for _, w := range g.workers {
		switch {
		case !w.busy:
		case w.claimed.CompareAndSwap(false, true):
			left = append(left, w)
		default:
			writing = append(writing, w)
		}
	}
	g.mu.Unlock()
	for _, w := range left {
		row := g.newRow(&w.job)
		began, now := g.base.Add(time.Duration(w.began.Load())), time.Now()
		cause := errAborted
		if now.Sub(began) >= g.Timeout {
			cause = errTimeout
		}
		fill(row, &Reply{}, cause)
		g.stamp(row, &Reply{}, began, now)
		g.tally.sent(w.id, row)
		g.write(row, nil)
		g.abandoned++
	}
	for _, w := range writing {
		<-w.stopped
	}
}
