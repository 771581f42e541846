package loadgen

import (
	"context"
	"time"
)

// provideAfter is how long a burst may be in flight before workers for the next
// one are added. A burst that is answered sooner leaves its own behind.
const provideAfter = 250 * time.Millisecond

// startProvider starts what keeps workers and connections ready for the next
// burst while the one before is still in flight, as it is with cold starts that
// take seconds. It adds them off the send path, between the bursts, within the
// limit of growth.
func (g *generator) startProvider() {
	if g.burst == 0 {
		return
	}
	g.running.Add(1)
	go func() {
		defer g.running.Done()
		for g.awaitScarcity() {
			g.provide()
		}
	}()
}

// awaitScarcity returns true when the provider was called and the burst has had
// its time, false after the last arrival.
func (g *generator) awaitScarcity() bool {
	select {
	case <-g.scarce:
	case <-g.ended:
		return false
	}
	return g.pause(provideAfter)
}

// pause returns false if the last arrival was dispatched meanwhile.
func (g *generator) pause(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-g.ended:
		return false
	}
}

// provide adds workers until a burst of them is free.
func (g *generator) provide() {
	for {
		n, wait := g.lacking()
		switch {
		case n > 0:
			g.add(n)
		case wait == 0 || !g.pause(wait):
			return
		}
	}
}

// lacking takes the tokens for the workers that are to be added now, or says
// when to ask again; 0 and 0 mean that enough are free.
func (g *generator) lacking() (n int, again time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	lack := min(g.burst-(g.slots-g.inFlight), g.MaxInFlight-g.slots)
	if lack <= 0 {
		return 0, 0
	}
	now := g.now()
	if g.pressed(now) {
		return 0, pressurePause
	}
	if n = min(lack, growthDepth); !g.growth.takeAll(n, now) {
		return 0, max(g.growth.wait(n), time.Millisecond)
	}
	return n, 0
}

// add opens n connections and adds n workers. A connection that could not be
// opened is opened by its request.
func (g *generator) add(n int) {
	if p, ok := g.Target.(Preconnecter); ok {
		within, cancel := context.WithTimeout(g.wanted, g.Timeout)
		_ = p.Preconnect(within, n)
		cancel()
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.over {
		return
	}
	g.slots += n
	g.grown += int64(n)
	for range n {
		g.addWorker()
	}
	if g.blocked {
		notify(g.freed)
	}
}
