package loadgen

import (
	"context"
	"fmt"
	"math"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"coldbench/record"
)

// order is what a worker does next.
type order int

const (
	toSend order = iota // its job
	toLead              // wait for the next arrival
	toStop
)

// worker is one goroutine that leads or sends. At any time one worker leads:
// it waits for the next due time, takes one of the due arrivals for itself,
// hands the others out, makes another worker leader and sends. So the one that
// was woken by the clock sends without a further switch of goroutines (leader
// and followers: Schmidt et al., Pattern-Oriented Software Architecture 2,
// 2000).
type worker struct {
	id      int
	wake    chan order // capacity 1: giving an order never waits
	job     job
	began   atomic.Int64 // offset of the attempt
	busy    bool         // guarded by generator.mu
	claimed atomic.Bool  // the row of job is written or about to be
	stopped chan struct{}
}

// generator is the state of one Run.
type generator struct {
	Config
	base     time.Time // offset 0
	attempts *attempts
	feed     *feed
	tally    *tally

	cut   atomic.Int64  // no arrival after this offset is scheduled
	cutCh chan struct{} // closed when cut is set

	// wanted ends, by unwanted, when nothing needs to be prepared any more: at the
	// cut, or after the last arrival.
	wanted   context.Context
	unwanted context.CancelFunc

	pressedAt atomic.Int64 // offset at which a worker was last found late

	burst  int           // workers that are to be free for the next burst; 0 = there are none
	scarce chan struct{} // capacity 1: fewer than burst are free

	// Of the leader alone, and of the holder of mu while the leader is blocked:
	trend      trend
	noSpin     time.Duration // offset before which nobody spins
	pace       pace
	short      time.Duration // waits below it are not worth arming a timer
	overslept  float64       // share of the latest wake-ups that left nothing to spin away
	waiter     Waiter
	patience   *time.Timer   // of awaitWorker
	token      time.Duration // how long the next token of growth takes, when pass was blocked
	capReason  string        // why MaxInFlight is what it is
	intended   []int64
	scheduled  int64
	ended      chan struct{} // closed when the last arrival is dispatched
	shortened  bool          // the cut left arrivals out
	lastDenied int64         // position of the arrival that was denied growth last

	onFailure func(error)
	aborted   bool  // of Run alone
	abandoned int64 // of Run alone

	freed   chan struct{} // a worker is idle again, while the leader is blocked
	refused chan *record.Invocation

	mu          sync.Mutex
	idle        []*worker // the one that was busy last is taken first
	workers     []*worker
	slots       int // len(workers) = slots + 1: one leads
	growth      bucket
	inFlight    int
	maxInFlight int
	grown       int64
	denied      int64
	blocked     bool // the leader waits for a worker
	behind      bool // the next arrival waits, or has waited, for a worker
	over        bool

	running sync.WaitGroup
}

func (g *generator) now() time.Duration { return time.Since(g.base) }

// work is the life of a worker.
func (g *generator) work(w *worker) {
	defer g.running.Done()
	defer close(w.stopped)
	for next := <-w.wake; ; {
		switch next {
		case toLead:
			next = g.lead(w)
		case toSend:
			g.send(w)
			next = g.rest(w)
		case toStop:
			return
		}
	}
}

// rest puts w among the idle and waits for its next order.
func (g *generator) rest(w *worker) order {
	g.mu.Lock()
	w.busy = false
	g.inFlight--
	g.Progress.inFlight.Store(int64(g.inFlight))
	if g.over {
		g.mu.Unlock()
		return toStop
	}
	if g.blocked && g.serve(w) {
		g.mu.Unlock()
		return toSend
	}
	g.idle = append(g.idle, w)
	blocked := g.blocked
	g.mu.Unlock()
	if blocked {
		select {
		case g.freed <- struct{}{}:
		default:
		}
	}
	return <-w.wake
}

// serve gives w the arrival that the blocked leader waits to hand out, if it is
// a plain case; anything else is the leader's. So a generator that is behind
// does not change goroutines twice for each request. The lock is held, and the
// feed is the holder's as long as the leader is blocked.
func (g *generator) serve(w *worker) bool {
	now := g.now()
	cut := time.Duration(g.cut.Load())
	j := g.feed.next(false)
	if j == nil || j.arrival.At > min(now, cut) || g.refusal(j, now, cut) != "" {
		return false
	}
	g.give(w, j, now)
	g.count(j)
	g.feed.take()
	g.Progress.scheduled.Store(g.scheduled)
	return true
}

// lead waits for the next arrival until it has one for w to send, or until the
// schedule has ended.
func (g *generator) lead(w *worker) order {
	for {
		j := g.feed.next(true)
		if j == nil || !g.await(j.arrival.At) {
			g.shortened = j != nil || g.feed.shortened
			return g.finish()
		}
		mine, blocked := g.pass(w)
		if mine {
			return toSend
		}
		if blocked {
			g.awaitWorker()
		}
	}
}

// await returns true at the offset or after it, or false if the load was cut
// before it.
func (g *generator) await(at time.Duration) bool {
	spinning := false
	for {
		if at > time.Duration(g.cut.Load()) {
			return false
		}
		left := at - g.now()
		switch {
		case left <= 0:
			return true
		case spinning:
		case left < g.short:
			runtime.Gosched()
		case g.maySpin(left, at):
			spinning = true
			if left > g.Spin+g.short {
				g.waiter.Until(g.base.Add(at - g.Spin))
				g.judgeSpin(g.now(), at)
			}
		default:
			g.waiter.Until(g.base.Add(at))
		}
	}
}

// passHold is how many arrivals are handed out while holding the lock.
const passHold = 256

// pass hands out every arrival that is due, in one go. It says whether w has
// one of them to send (then another worker leads), and whether it stopped at an
// arrival that has to wait for a worker.
func (g *generator) pass(w *worker) (mine, blocked bool) {
	now := g.now()
	cut := time.Duration(g.cut.Load())
	horizon := min(now, cut)
	g.mu.Lock()
	defer g.mu.Unlock()
	for n := 1; ; n++ {
		if n%passHold == 0 { // workers that are done want to say so
			g.mu.Unlock()
			g.mu.Lock()
		}
		j := g.feed.next(false)
		if j == nil || j.arrival.At > horizon {
			break
		}
		reason := g.refusal(j, now, cut)
		if reason == "" && g.inFlight >= g.slots && !g.grow(now, now-j.arrival.At) {
			blocked = true
			break
		}
		switch {
		case reason != "":
			g.refuse(j, reason)
		case !mine:
			mine = true
			g.give(w, j, now)
		default:
			f := g.pop()
			g.give(f, j, now)
			f.wake <- toSend
		}
		g.count(j)
		g.feed.take()
	}
	g.blocked, g.behind = blocked && !mine, blocked
	g.token = g.growth.wait(1)
	if g.slots-g.inFlight < g.burst {
		notify(g.scarce)
	}
	if mine {
		g.pop().wake <- toLead
	}
	g.Progress.scheduled.Store(g.scheduled)
	g.Progress.inFlight.Store(int64(g.inFlight))
	return mine, blocked
}

// refusal says why j must not be sent, or "".
func (g *generator) refusal(j *job, now, cut time.Duration) string {
	switch {
	case j.err != nil:
		return record.ErrNoRequest
	case g.inFlight >= g.MaxInFlight:
		return g.capReason
	case now-j.arrival.At > g.MaxLag && (g.behind || g.inFlight >= g.slots):
		return record.ErrGrowthLimit
	case cut < math.MaxInt64 && g.inFlight >= g.slots && !g.growth.peek(now):
		return record.ErrInterrupted // no time is left to wait for a worker
	}
	return ""
}

// give makes j the job of w.
func (g *generator) give(w *worker, j *job, now time.Duration) {
	w.job = *j
	w.began.Store(int64(now))
	w.claimed.Store(false)
	w.busy = true
	g.inFlight++
	g.maxInFlight = max(g.maxInFlight, g.inFlight)
	if s, ok := w.job.ready.(Starter); ok {
		w.job.started = time.Now()
		s.Start()
	}
}

// pop takes the idle worker that was busy last. There always is one: of slots
// + 1 workers, slots at most are in flight.
func (g *generator) pop() *worker {
	w := g.idle[len(g.idle)-1]
	g.idle = g.idle[:len(g.idle)-1]
	return w
}

// Growth pauses for pressurePause after a worker began its job pressureDelay
// after it got it: then the processor is short, and more workers, each with a
// connection to open, would make it shorter. Measured at 40,000/s beside other
// work on two processors: with a pause of 5 ms, 2,000 to 7,000 connections were
// opened and up to half of the arrivals given up; with this one, at most 130 and
// 2 %. A target that stalls makes nobody begin late.
const (
	pressureDelay = time.Millisecond
	pressurePause = 100 * time.Millisecond
)

func (g *generator) pressed(now time.Duration) bool {
	at := time.Duration(g.pressedAt.Load())
	return at > 0 && now-at < pressurePause
}

// grow adds a worker if the limit of growth allows it and it would help.
func (g *generator) grow(now, late time.Duration) bool {
	if g.pressed(now) || !g.trend.worsens(now, late) || !g.growth.take(now) {
		g.deny()
		return false
	}
	g.slots++
	g.grown++
	g.addWorker()
	return true
}

// deny counts an arrival that got no worker of its own; once, however often it
// asks.
func (g *generator) deny() {
	if g.lastDenied != g.scheduled {
		g.lastDenied = g.scheduled
		g.denied++
	}
}

// addWorker starts an idle worker.
func (g *generator) addWorker() {
	w := &worker{id: len(g.workers), wake: make(chan order, 1), stopped: make(chan struct{})}
	g.workers = append(g.workers, w)
	g.idle = append(g.idle, w)
	g.running.Add(1)
	go g.work(w)
}

// awaitWorker returns when a worker may be free, when the next may be added, or
// when the load is cut.
func (g *generator) awaitWorker() {
	patience := min(max(g.token, time.Millisecond), g.MaxLag)
	if g.patience == nil {
		g.patience = time.NewTimer(patience)
	} else {
		g.patience.Reset(patience)
	}
	defer g.patience.Stop()
	cut := g.cutCh
	if g.cut.Load() < math.MaxInt64 {
		cut = nil // known already
	}
	select {
	case <-g.freed:
	case <-g.patience.C:
	case <-cut:
	}
	g.mu.Lock()
	g.blocked = false // the feed is the leader's again
	g.mu.Unlock()
}

// count notes that j was due and has been dealt with.
func (g *generator) count(j *job) {
	g.scheduled++
	g.pace.note(j.arrival.At, g.Spin)
	second := int(max(0, j.arrival.At) / time.Second)
	g.intended = extend(g.intended, second)
	if second < len(g.intended) {
		g.intended[second]++
	}
}

// finish ends the leadership for good.
func (g *generator) finish() order {
	g.mu.Lock()
	g.over = true
	idle := g.idle
	g.idle = nil
	g.mu.Unlock()
	for _, w := range idle {
		w.wake <- toStop
	}
	g.unwanted()
	close(g.ended)
	return toStop
}

// refuse writes the row of an arrival that is not sent, off the send path as
// long as the clerk keeps up.
func (g *generator) refuse(j *job, reason string) {
	j.drop()
	if reason == record.ErrGrowthLimit {
		g.deny()
	}
	row := g.newRow(j)
	row.Outcome, row.ErrorType, row.Error = record.NotSent, reason, g.explain(reason, j)
	select {
	case g.refused <- row:
	default:
		g.write(row, nil)
	}
}

func (g *generator) explain(reason string, j *job) string {
	switch reason {
	case record.ErrNoRequest:
		return oneLine(j.err.Error())
	case record.ErrInFlightCap:
		return fmt.Sprintf("%d requests were in flight, the most allowed", g.MaxInFlight)
	case record.ErrFileLimit:
		return fmt.Sprintf("%d requests were in flight, the most that the limit of open files allows", g.MaxInFlight)
	case record.ErrGrowthLimit:
		return fmt.Sprintf("no worker within %v: %g may be added per second", g.MaxLag, g.Growth)
	case record.ErrInterrupted:
		return "the run was interrupted before a worker was free"
	}
	return ""
}
