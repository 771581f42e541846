package emulator

import (
	"fmt"
	"runtime"
	"time"

	"coldbench/emulator/telemetry"
)

// invocation is one request on its way through an environment.
type invocation struct {
	target   target
	id       string
	payload  []byte
	arn      string // as invoked, qualifier included
	trace    string
	client   string // client context, JSON
	tenant   string // as the caller names it
	wantTail bool
	stream   *stream // takes the response in parts; nil = as a whole
	// answer is called once: as soon as the reply is known, or, where the tail
	// or a stream is wanted, when the environment has been given back, so that
	// the caller's next request finds it.
	answer func(reply)
}

// early says whether the reply is sent as soon as it is known.
func (inv *invocation) early() bool { return !inv.wantTail && inv.stream == nil }

// reply gives the caller the reply, unless it has it.
func (inv *invocation) reply(r reply) {
	if inv.answer != nil {
		inv.answer(r)
		inv.answer = nil
	}
}

// reply is what the caller gets.
type reply struct {
	body   []byte
	failed bool
	tail   []byte
	fault  *apiError // the invocation could not be run at all
}

// tail keeps the last bytes of an invocation's log. A nil tail keeps nothing.
type tail struct{ b []byte }

func (t *tail) add(text string) {
	if t == nil {
		return
	}
	t.b = append(t.b, text...)
	if n := len(t.b) - tailBytes; n > 0 {
		t.b = t.b[:copy(t.b, t.b[n:])]
	}
}

// outcome is how the invocation ended.
type outcome struct {
	body      []byte
	failed    bool
	end       time.Time
	status    string
	errorType string
	began     time.Time // when the response began to arrive, and when it had
	answered  time.Time
	ready     time.Time // when the runtime called next
	done      bool      // logRuntimeDone has been called
	message   string    // of the failure, for the old log style
	reset     bool      // the runtime process is gone or must go
	peakMB    int       // read when the answer came; 0 = not read yet
}

func (o *outcome) fail(id string, f *failure, end time.Time) {
	o.end, o.status, o.errorType, o.message, o.reset = end, f.status, f.errorType, f.message, true
	if o.body == nil {
		o.body, o.failed = f.body(id), true
	}
}

// run takes an invocation through the environment: its init, if there has been
// none, then START, the function, END and REPORT. When it returns, the
// environment can take the next, unless the reply has a fault: that is one of
// this machine, and the environment is of no more use.
func (e *environment) run(inv *invocation) reply {
	c := &e.version.config
	rep := report{RequestID: inv.id, MemoryMB: c.MemoryMB}
	e.thaw()
	defer e.freeze()
	if !e.begun {
		e.initAhead()
	}
	if e.unable != nil && e.kind == onDemand {
		return reply{fault: e.unable}
	}
	rep.Init, rep.Restore = e.takeInit(), e.takeRestore()
	if rep.Restore != nil && rep.Restore.failure != nil {
		return reply{fault: rep.Restore.failure}
	}
	dispatch := time.Now()
	f := e.suppressedInit()
	if f != nil && f.fault != nil {
		return reply{fault: f.fault}
	}
	e.logStart(inv)
	var out outcome
	if f != nil {
		out.fail(inv.id, f, time.Now())
	} else {
		out = e.handle(inv, dispatch)
	}
	r := reply{body: out.body, failed: out.failed}
	if inv.early() {
		inv.reply(r)
	}
	rep.PeakMB, rep.Status, rep.ErrorType, rep.Message = e.settle(&out), out.status, out.errorType, out.message
	rep.Duration = out.end.Sub(dispatch)
	if out.status == statusTimeout {
		rep.Duration = c.Timeout // as AWS prints it
	}
	e.logRuntimeDone(inv, &out, dispatch)
	e.logEnd(inv, rep, &out)
	r.tail = e.closeTail()
	if out.reset {
		e.stop(out.reason())
	}
	return r
}

// firstInit is the init phase. It has its own limit and a full vCPU; when it
// fails, the init is tried again within the invocation, and the REPORT of that
// has no Init Duration. A fault of this machine is not the function's: it is
// returned, so that nothing of it is tried again in the function's Duration.
func (e *environment) firstInit() (d time.Duration, fault *apiError) {
	c := &e.version.config
	e.logInitStart(phaseInit)
	e.boosted = true
	d, f := e.initialise(e.server.set.InitLimit, max(initCPUShare, c.cpuShare()))
	if f != nil {
		return 0, f.fault
	}
	return d, nil
}

// suppressedInit starts a runtime within the invocation where there is none:
// after a failed init, a time-out or a crash. It counts as Duration and against
// the function's time-out.
func (e *environment) suppressedInit() *failure {
	if e.proc != nil {
		return nil
	}
	c := &e.version.config
	e.boosted = false
	e.logInitStart(phaseInvoke)
	_, f := e.initialise(c.Timeout, c.cpuShare())
	return f
}

// handle gives the invocation to the ready runtime and waits until that asks for
// the next one.
func (e *environment) handle(inv *invocation, dispatch time.Time) (out outcome) {
	c := &e.version.config
	if e.boosted {
		e.boosted = false
		if err := e.proc.SetCPU(c.cpuShare()); err != nil {
			e.server.set.Logger.Warn("limit the CPU of a function", "function", e.version.function.name, "error", err)
		}
	}
	deadline := dispatch.Add(c.Timeout)
	s := e.session.Load()
	var changed <-chan struct{}
	if e.extended {
		if f := s.ext.failure(); f != nil { // since the last invocation
			out.fail(inv.id, f, time.Now())
			return out
		}
		changed = s.ext.changed
		s.ext.invoke(&notice{Event: eventInvoke, Deadline: deadline.UnixMilli(), ID: inv.id, ARN: inv.arn, Tracing: xray(inv.trace)})
	}
	s.deliver(&delivery{id: inv.id, payload: inv.payload, deadline: deadline, arn: inv.arn, trace: inv.trace, client: inv.client, tenant: inv.tenant, stream: inv.stream})
	timer := time.NewTimer(time.Until(deadline))
	defer timer.Stop()
	for {
		select {
		case ev := <-s.events:
			if out.take(ev); ev.kind == eventReady {
				if !e.extended || e.extensionsDone(s.ext, inv, &out, dispatch) {
					return out
				}
				continue
			}
			if inv.early() {
				inv.reply(reply{body: out.body, failed: out.failed})
			}
			runtime.Gosched() // the runtime's call is answered first
			// Reading the kernel's counters takes time that the runtime needs
			// anyway to come back for the next invocation.
			out.peakMB = e.proc.PeakMemoryMB()
		case <-changed:
			if f := s.ext.failure(); f != nil {
				e.takeRest(s, &out)
				out.fail(inv.id, f, time.Now())
				return out
			}
			if !out.ready.IsZero() && e.extensionsDone(s.ext, inv, &out, dispatch) {
				return out
			}
		case <-e.proc.Exited():
			e.takeRest(s, &out)
			out.fail(inv.id, s.ext.blame(exitFailure(e.proc.ExitError())), time.Now())
			return out
		case <-timer.C:
			out.fail(inv.id, timeoutFailure(c.Timeout), deadline)
			return out
		}
	}
}

// extensionsDone says whether every extension that got the invocation has called
// next too, now that the runtime has. The invocation ends with the last of them;
// the caller has its reply since the runtime gave it.
func (e *environment) extensionsDone(x *extensions, inv *invocation, out *outcome, dispatch time.Time) bool {
	e.syncOutput()
	e.logRuntimeDone(inv, out, dispatch)
	idle, last := x.idle()
	if idle {
		out.end = later(out.end, last)
	}
	return idle
}

// take notes what the runtime did.
func (o *outcome) take(ev event) {
	switch ev.kind {
	case eventReady:
		o.end, o.ready = ev.at, ev.at
	case eventResponse:
		o.body, o.began, o.answered = notNil(ev.body), ev.began, ev.at
	case eventError:
		o.began, o.answered = ev.began, ev.at
		o.body, o.failed = notNil(ev.body), true
		if ev.errorType == errorTooLarge {
			o.status, o.errorType = statusError, errorTooLarge
		}
	}
}

func notNil(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}

// takeRest takes an answer that arrived just before the process ended.
func (e *environment) takeRest(s *session, out *outcome) {
	for {
		select {
		case ev := <-s.events:
			out.take(ev)
		default:
			return
		}
	}
}

// settle makes sure that all that has been printed stands in the log, and reads
// the memory that was used. It ends the runtime where that is due, unless there
// are extensions, which are to learn of the end of the invocation first.
func (e *environment) settle(out *outcome) (peakMB int) {
	p := e.proc
	if p == nil {
		return unknownPeakMB
	}
	if !out.reset {
		e.syncOutput()
		return max(unknownPeakMB, out.peakMB)
	}
	if e.extended {
		e.syncOutput()
	} else {
		e.stop(out.reason())
	}
	return max(unknownPeakMB, p.PeakMemoryMB())
}

// syncOutput takes out what the runtime and its extensions have printed.
func (e *environment) syncOutput() {
	e.out.sync()
	if !e.extended {
		return
	}
	if p, ok := e.proc.(*extendedProcess); ok {
		for _, o := range p.outs {
			o.sync()
		}
	}
}

// reason is why the invocation brings a shutdown.
func (o *outcome) reason() string {
	if o.status == statusTimeout {
		return reasonTimeout
	}
	return reasonFailure
}

// spans are the parts of the runtime's time, as far as they came about. Source:
// AWS Lambda developer guide, "Lambda Telemetry API Event schema reference".
func (o *outcome) spans(dispatch time.Time) []span {
	var list []span
	for _, part := range [...]struct {
		name     string
		from, to time.Time
	}{{"responseLatency", dispatch, o.began}, {"responseDuration", o.began, o.answered}, {"runtimeOverhead", o.answered, o.ready}} {
		if !part.from.IsZero() && !part.to.IsZero() {
			list = append(list, newSpan(part.name, part.from, part.to))
		}
	}
	return list
}

func newSpan(name string, from, to time.Time) span {
	return span{name, from.UTC().Format(telemetry.TimeForm), millis(to.Sub(from))}
}

// extensionSpan is the time that the extensions took beyond the runtime's.
func (o *outcome) extensionSpan() []span {
	if o.ready.IsZero() || !o.end.After(o.ready) {
		return nil
	}
	return []span{newSpan("extensionOverhead", o.ready, o.end)}
}

// produced is the size of the response in bytes.
func (o *outcome) produced(inv *invocation) int64 {
	if inv.stream != nil {
		return inv.stream.produced()
	}
	return int64(len(o.body))
}

// cpuShare is the number of vCPUs that come with the memory.
func (c *config) cpuShare() float64 { return float64(c.MemoryMB) / cpuPerVCPU }

// String is for logs of the server.
func (e *environment) String() string { return fmt.Sprintf("%s %s", e.version.function.name, e.stream) }
