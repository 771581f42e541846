package loadgen

import (
	"runtime"
	"slices"
	"time"
)

// autoSpin is Config.Spin where a spare core was found: a little above the
// usual lateness of a wake-up from the timerfd, 40 to 70 us.
const autoSpin = 80 * time.Microsecond

// shortWait is about what arming the timerfd, sleeping and being woken costs of
// processor time on a virtual machine, where arming leaves the guest. A shorter
// wait costs less by looking at the clock, between turns of other goroutines,
// and ends on time.
const shortWait = 15 * time.Microsecond

// Spinning pauses for spinPause when, of some 32 latest wake-ups, more than
// this share came so late that nothing was left to spin away: others need the
// processor.
const (
	spinPause    = time.Second
	maxOverslept = 0.25
)

// maxSpinning is the largest share of its time that the leader spins.
const maxSpinning = 0.25

// pace is how close arrivals have followed each other lately: means over some
// 32 of them, of the gap and of the part of it that a spin would take.
type pace struct {
	last      time.Duration
	gap, spun float64
}

func (p *pace) note(at, spin time.Duration) {
	gap := at - p.last
	p.last = at
	p.gap += (float64(gap) - p.gap) / 32
	p.spun += (float64(min(gap, spin)) - p.spun) / 32
}

// sparse says whether a spin before each arrival would be little; that of no
// arrivals is.
func (p *pace) sparse() bool { return p.spun <= maxSpinning*p.gap }

// maySpin says whether the wait for the arrival at at, of which left is left, is
// to end in a spin: where the wait is long, or arrivals are rare enough that
// spinning before each of them is little. An arrival soon after another must
// not be later than the others for it: of a Poisson process at 1,000/s a
// quarter of the gaps are below 300 us, and the gaps would not be exponential.
func (g *generator) maySpin(left, at time.Duration) bool {
	if g.Spin <= 0 || at <= g.noSpin {
		return false
	}
	return float64(g.Spin) < maxSpinning*float64(left) || g.pace.sparse()
}

// judgeSpin takes note of a wake-up at now that was meant to precede at.
func (g *generator) judgeSpin(now, at time.Duration) {
	late := 0.0
	if now > at {
		late = 1
	}
	if g.overslept += (late - g.overslept) / 32; g.overslept > maxOverslept {
		g.noSpin, g.overslept = now+spinPause, 0
	}
}

// chooseSpin resolves Config.Spin. Without a second core, spinning takes from
// the replies what it gives to the sends; with one that is busy, from others.
func (g *generator) chooseSpin() {
	if g.Spin >= 0 && g.waiter.Name() == "timerfd" {
		g.short = shortWait
	}
	switch {
	case g.Spin < 0:
		g.Spin = 0
	case g.Spin > 0:
		g.Spin = min(g.Spin, MaxSpin)
	case g.waiter.Name() == "timerfd" && runtime.GOMAXPROCS(0) > 1 && spareCore(g.waiter):
		g.Spin = autoSpin
	}
}

// spareCore says whether short waits end about when they should, which on a
// machine without an idle core they do not. It takes about 4 ms.
func spareCore(w Waiter) bool {
	late := wakeUps(w, 16, 250*time.Microsecond)
	return late[len(late)*3/4] < 2*autoSpin
}

// wakeUps returns how late each of n waits of the given length ended, sorted.
func wakeUps(w Waiter, n int, length time.Duration) []time.Duration {
	late := make([]time.Duration, n)
	for i := range late {
		due := time.Now().Add(length)
		w.Until(due)
		late[i] = time.Since(due)
	}
	slices.Sort(late)
	return late
}
