package emulator

import (
	"fmt"
	"time"
)

// invocation is one request on its way through an environment.
type invocation struct {
	target   target
	id       string
	payload  []byte
	arn      string // as invoked, qualifier included
	trace    string
	client   string // client context, JSON
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
	message   string // of the failure, for the old log style
	reset     bool   // the runtime process is gone or must go
	peakMB    int    // read when the answer came; 0 = not read yet
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
		e.begun = true
		e.placed()
		rep.Init = e.firstInit()
	}
	dispatch := time.Now()
	f := e.suppressedInit()
	if f != nil && f.fault != nil {
		return reply{fault: f.fault}
	}
	e.openTail(inv.wantTail, e.startLine(inv.id))
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
	e.logEnd(rep, len(out.body))
	r.tail = e.closeTail()
	return r
}

// firstInit is the init phase. It has its own limit and a full vCPU; when it
// fails, the init is tried again within the invocation, and the REPORT of that
// has no Init Duration.
func (e *environment) firstInit() time.Duration {
	c := &e.version.config
	e.logInitStart(phaseInit)
	e.boosted = true
	d, f := e.initialise(e.server.set.InitLimit, max(initCPUShare, c.cpuShare()))
	switch {
	case f == nil:
		return d
	case f.fault == nil:
		e.logInitReport(initReport{Duration: d, Phase: phaseInit, Status: f.status, ErrorType: f.errorType})
	}
	return 0
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
	d, f := e.initialise(c.Timeout, c.cpuShare())
	if f != nil && f.fault == nil {
		e.logInitReport(initReport{Duration: d, Phase: phaseInvoke, Status: f.status, ErrorType: f.errorType})
	}
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
	s.deliver(&delivery{id: inv.id, payload: inv.payload, deadline: deadline, arn: inv.arn, trace: inv.trace, client: inv.client, stream: inv.stream})
	timer := time.NewTimer(time.Until(deadline))
	defer timer.Stop()
	for {
		select {
		case ev := <-s.events:
			if out.take(ev); ev.kind == eventReady {
				return out
			}
			if inv.early() {
				inv.reply(reply{body: out.body, failed: out.failed})
			}
			// Reading the kernel's counters takes time that the runtime needs
			// anyway to come back for the next invocation.
			out.peakMB = e.proc.PeakMemoryMB()
		case <-e.proc.Done():
			e.takeRest(s, &out)
			out.fail(inv.id, exitFailure(e.proc.ExitError()), time.Now())
			return out
		case <-timer.C:
			out.fail(inv.id, timeoutFailure(c.Timeout), deadline)
			return out
		}
	}
}

// take notes what the runtime did.
func (o *outcome) take(ev event) {
	switch ev.kind {
	case eventReady:
		o.end = ev.at
	case eventResponse:
		o.body = notNil(ev.body)
	case eventError:
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

// settle ends the runtime where that is due, makes sure that all it has printed
// stands in the log, and reads the memory it used.
func (e *environment) settle(out *outcome) (peakMB int) {
	p := e.proc
	if !out.reset {
		e.out.sync()
		return max(unknownPeakMB, out.peakMB)
	}
	e.stop()
	if p == nil {
		return unknownPeakMB
	}
	return max(unknownPeakMB, p.PeakMemoryMB())
}

// cpuShare is the number of vCPUs that come with the memory.
func (c *config) cpuShare() float64 { return float64(c.MemoryMB) / cpuPerVCPU }

// String is for logs of the server.
func (e *environment) String() string { return fmt.Sprintf("%s %s", e.version.function.name, e.stream) }
