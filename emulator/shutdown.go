package emulator

import (
	"context"
	"slices"
	"time"
)

// Why a shutdown happens, as extensions are told.
const (
	reasonSpindown = "spindown"
	reasonTimeout  = "timeout"
	reasonFailure  = "failure"
)

// defaultShutdown is the time that an environment with external extensions has
// to shut down. One with internal extensions only has a quarter of it, one
// without any has none: its processes are killed at once. Source: AWS Lambda
// developer guide, "Understanding the Lambda execution environment lifecycle"
// (2,000, 500 and 0 ms).
const defaultShutdown = 2 * time.Second

// runtimeShare is the part of the time that the runtime has for itself before
// the external extensions are told. Source: the platform's published runtime
// interface emulator.
const runtimeShare = 0.3

// shutdown lets the runtime and its extensions end by themselves, as far as they
// may: the runtime gets SIGTERM, then the extensions that asked for it SHUTDOWN.
// What still runs at the end is the caller's to kill. It does nothing where there
// are no extensions.
func (e *environment) shutdown(p Process, s *session, out *output, reason string) {
	some, external := s.ext.any()
	if !some {
		return
	}
	s.ext.wrapped.Do(func() { e.wrapUp(p, s.ext, out, external, reason) })
}

func (e *environment) wrapUp(p Process, x *extensions, out *output, external bool, reason string) {
	budget := e.server.set.Shutdown
	if !external {
		budget /= 4
	}
	ctx, cancel := context.WithTimeout(context.Background(), budget)
	defer cancel()
	deadline, _ := ctx.Deadline()
	x.expectEnds()
	if e.server.set.Freeze {
		if err := p.Thaw(); err != nil {
			e.server.set.Logger.Warn("thaw an environment for its end", "environment", e, "error", err)
		}
		e.holdTelemetry(false)
	}
	runtimeTime := budget
	if external {
		runtimeTime = time.Duration(float64(budget) * runtimeShare)
	}
	e.endRuntime(ctx, p, runtimeTime)
	out.sync()
	if !external {
		return
	}
	// What has happened so far arrives before word of the end does, if it is
	// taken quickly: half of the time must remain.
	e.flushTelemetry(ctx, budget/5)
	x.notify(&notice{Event: eventShutdown, Reason: reason, Deadline: deadline.UnixMilli()})
	x.awaitEnds(ctx)
}

// endRuntime asks the runtime process to end and waits for so long. If there are
// extensions that go on, it is killed then.
func (e *environment) endRuntime(ctx context.Context, p Process, d time.Duration) {
	exited := p.Exited()
	if exited == nil {
		return // it was never started
	}
	p.Terminate()
	ctx, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	select {
	case <-exited:
		return
	case <-ctx.Done():
	}
	if extended, ok := p.(*extendedProcess); ok {
		extended.killRuntime()
	}
}

// expectEnds says that from now on the end of an extension is no failure.
func (x *extensions) expectEnds() {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.ending, x.closed = true, true
}

// notify hands a SHUTDOWN to the extensions that asked for it.
func (x *extensions) notify(n *notice) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, e := range x.list {
		if e.awaited() {
			e.post(n)
		}
	}
}

// awaited says whether the extension gets time to end. The lock is held.
func (e *extension) awaited() bool {
	return e.external && !e.gone && slices.Contains(e.events, eventShutdown)
}

// awaitEnds returns when every extension that got a SHUTDOWN has ended, or with
// ctx.
func (x *extensions) awaitEnds(ctx context.Context) {
	for {
		x.mu.Lock()
		alive, exits := slices.ContainsFunc(x.list, (*extension).awaited), x.exits
		x.mu.Unlock()
		if !alive {
			return
		}
		select {
		case <-exits:
		case <-ctx.Done():
			return
		}
	}
}
