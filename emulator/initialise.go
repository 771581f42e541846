package emulator

import (
	"errors"
	"time"

	"coldbench/sandbox"
)

// initialise starts a process, with its extensions, and waits until all of them
// ask for an invocation. The duration runs from just before the first of them was
// started. It writes what the log shows of an init.
func (e *environment) initialise(limit time.Duration, share float64) (time.Duration, *failure) {
	begin := time.Now()
	var f *failure
	end := begin
	if err := e.start(share); err != nil {
		f, end = startFailure(err), time.Now()
	} else {
		begin = e.proc.StartedAt()
		timer := time.NewTimer(limit - time.Since(begin))
		defer timer.Stop()
		end, f = e.awaitInit(timer.C, limit)
	}
	d := end.Sub(begin)
	if s := e.session.Load(); s != nil {
		e.logExtensions(s.ext)
		e.extended, _ = s.ext.any()
	}
	if f == nil {
		e.syncOutput() // what the init printed stands before what follows it
	}
	if f == nil || f.fault == nil || e.kind != onDemand {
		e.logInitReport(d, f)
	}
	if f == nil {
		e.shutTelemetry()
		return d, nil
	}
	e.stop(f.reason())
	return d, f
}

// awaitInit waits until the runtime and its extensions are ready, and says when
// the last of them was.
func (e *environment) awaitInit(due <-chan time.Time, limit time.Duration) (end time.Time, f *failure) {
	s := e.session.Load()
	var ready time.Time // of the runtime
	for {
		select {
		case ev := <-s.events:
			if ev.kind == eventRestoring {
				e.hooksFrom, limit = ev.at, e.server.set.InitLimit
				due = time.After(limit)
				continue
			}
			if ev.kind != eventReady {
				f = initFailure(ev)
				break
			}
			ready = ev.at
			s.ext.close()
			e.logInitDone(nil)
		case <-s.ext.changed:
			f = e.startRegistered(s.ext)
		case <-e.proc.Exited():
			if f = lastWords(s); f == nil {
				f = s.ext.blame(exitFailure(e.proc.ExitError()))
			}
		case <-due:
			f = timeoutFailure(limit)
		case <-e.over:
			f = startFailure(errClosed)
		}
		if f != nil {
			if ready.IsZero() {
				e.logInitDone(f)
			}
			return time.Now(), f
		}
		if idle, last := s.ext.idle(); idle && !ready.IsZero() {
			return later(ready, last), nil
		}
	}
}

// startRegistered starts the runtime when all external extensions have
// registered. The failure is theirs, or that of the start.
func (e *environment) startRegistered(x *extensions) *failure {
	if f := x.failure(); f != nil {
		return f
	}
	p, ok := e.proc.(*extendedProcess)
	if !ok || p.runtime.Load() != nil || !x.registered() {
		return nil
	}
	if err := p.startRuntime(); err != nil && !errors.Is(err, sandbox.ErrEnded) { // which awaitInit will see
		return startFailure(err)
	}
	return nil
}

// reason is why an init or an invocation that ended so brings a shutdown.
func (f *failure) reason() string {
	if f.status == statusTimeout {
		return reasonTimeout
	}
	return reasonFailure
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// lastWords is the init/error of a process that has ended since.
func lastWords(s *session) *failure {
	select {
	case ev := <-s.events:
		if ev.kind == eventInitError {
			return initFailure(ev)
		}
	default:
	}
	return nil
}

func initFailure(ev event) *failure {
	typ := ev.errorType
	if typ == "" {
		typ = errorTypeOf(ev.body)
	}
	return &failure{status: statusError, errorType: scrubErrorType(typ), body: func(string) []byte { return ev.body }}
}
