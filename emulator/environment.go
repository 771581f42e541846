package emulator

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"coldbench/emulator/runtimes"
	"coldbench/emulator/telemetry"
	"coldbench/fleet"
	"coldbench/sandbox"
)

// environment is one execution environment: a log stream, a folder that is its
// /tmp, a listener for the Runtime API and, most of the time, a runtime process.
// The process goes with a time-out or a crash; the environment stays, and its
// next invocation starts another (a suppressed init).
//
// The goroutine that runs an invocation has the environment for itself. Only
// end may come from elsewhere.
type environment struct {
	server  *Server
	version *version
	slot    fleet.Env
	kind    string // AWS_LAMBDA_INITIALIZATION_TYPE
	stream  string
	tmp     string
	delay   time.Duration // modelled, before it starts

	listener net.Listener
	session  atomic.Pointer[session]
	begun    bool              // its first init has been tried
	moved    chan *environment // takes the request from an init that it waits for; nil = it stays
	// firstInitDuration waits for the REPORT of the first invocation.
	firstInitDuration time.Duration
	unable            *apiError // a fault of this machine in the first init
	fromSnapshot      *restored // likewise; nil = it was not restored
	hooksFrom         time.Time // when the runtime hooks of a restore began
	extended          bool      // the process at hand has extensions
	boosted           bool      // the process still has the CPU of the init phase
	frozen            bool
	out               *output

	phase     string    // of the init that has begun last
	initBegan time.Time // when that was

	logMu sync.Mutex                       // orders the lines of platform and function
	told  atomic.Pointer[telemetry.Stream] // nil where nobody can have subscribed
	tail  *tail                            // of the invocation at hand; nil = nobody wants it

	over   chan struct{} // closed by end
	mu     sync.Mutex
	closed bool
	proc   Process
}

// newEnvironment makes an environment without any resource yet. The lock is held.
func (s *Server) newEnvironment(v *version, slot fleet.Env, kind string) *environment {
	id := randomHex(16)
	return &environment{
		server: s, version: v, slot: slot, kind: kind,
		stream: fmt.Sprintf("%s/[%s]%s", time.Now().UTC().Format("2006/01/02"), v.number, id),
		tmp:    filepath.Join(s.set.WorkDir, "tmp", id),
		over:   make(chan struct{}),
		delay:  s.set.delay.draw(v.deployment()),
	}
}

// log writes one event to the environment's stream and to the tail of the
// invocation at hand.
func (e *environment) log(at time.Time, text string) {
	e.logMu.Lock()
	defer e.logMu.Unlock()
	e.write(at, text)
}

func (e *environment) write(at time.Time, text string) {
	e.server.logs.append(e.version.config.LogGroup, e.stream, at, text)
	e.tail.add(text)
}

// openTail writes the first line of an invocation ("" where the log level keeps
// it back) and keeps the tail from it on, if anybody wants it.
func (e *environment) openTail(wanted bool, first string) {
	e.logMu.Lock()
	defer e.logMu.Unlock()
	if wanted {
		e.tail = &tail{}
	}
	if first != "" {
		e.write(time.Now(), first)
	}
}

// closeTail gives what was kept since openTail.
func (e *environment) closeTail() []byte {
	e.logMu.Lock()
	defer e.logMu.Unlock()
	if e.tail == nil {
		return nil
	}
	kept := e.tail.b
	e.tail = nil
	return kept
}

// listen opens the environment's own Runtime API.
func (e *environment) listen() error {
	if e.listener != nil {
		return nil
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("open a Runtime API for an environment: %w", err)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return errors.Join(errClosed, l.Close())
	}
	e.listener = &environmentListener{Listener: l, environment: e}
	e.server.serveRuntimeOn(e.listener)
	return nil
}

var errClosed = errors.New("the environment has been ended")

// failure says why an init or an invocation came to nothing.
type failure struct {
	status    string // of the REPORT
	errorType string // of the REPORT
	message   string // of a failure that the platform saw itself
	body      func(requestID string) []byte
	fault     *apiError // the machine is to blame, not the function
}

func platformFailure(status, reportType, payloadType, message string) *failure {
	return &failure{status: status, errorType: reportType, message: message, body: func(id string) []byte {
		return errorPayload{Type: payloadType, Message: "RequestId: " + id + " Error: " + message}.encode()
	}}
}

func timeoutFailure(limit time.Duration) *failure {
	return platformFailure(statusTimeout, "", errorTimeout, fmt.Sprintf("Task timed out after %.2f seconds", limit.Seconds()))
}

// exitFailure words the end of a runtime process as Lambda does.
func exitFailure(exit *sandbox.ExitError) *failure {
	switch {
	case exit != nil && exit.OOM:
		return platformFailure(statusError, errorOOM, errorExit, "Runtime exited with error: signal: killed")
	case exit == nil || (exit.Code == 0 && exit.Signal == 0):
		return platformFailure(statusError, errorExit, errorExit, "Runtime exited without providing a reason")
	}
	return platformFailure(statusError, errorExit, errorExit, "Runtime exited with error: "+exit.Error())
}

// startFailure tells a fault of the code from one of this machine.
func startFailure(err error) *failure {
	var function *runtimes.FunctionError
	var unable *launchError
	switch {
	case errors.As(err, &unable):
		return platformFailure(statusError, errorLaunch, errorLaunch, unable.message)
	case errors.As(err, &function):
		return platformFailure(statusError, scrubErrorType(function.Type), function.Type, function.Message)
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.ENOEXEC):
		return platformFailure(statusError, errorEntry, errorEntry, launchMessage(err))
	}
	return &failure{status: statusError, errorType: errorSandbox, fault: serviceError("%v", err)}
}

// start starts a runtime process with so much CPU.
func (e *environment) start(share float64) error {
	l, err := e.version.layout(e.server.set.Sandbox.Private(), e.server.set.WorkDir)
	if err != nil {
		return err
	}
	if err := e.listen(); err != nil {
		return err
	}
	out, write, err := newOutput(e.logFunction)
	if err != nil {
		return fmt.Errorf("open a pipe for the function's output: %w", err)
	}
	s := newSession(e.over)
	s.restore = e.restoreMode()
	e.session.Store(s)
	proc, err := e.launch(s, sandbox.Spec{
		ID: e.version.function.name, Command: l.command, Dir: l.task, Env: e.variables(l),
		Root: l.root, Mounts: slices.Concat(l.mounts, e.server.set.Mounts),
		MemoryMB: e.version.config.MemoryMB, CPUShare: share,
		Tmp: e.tmp, TmpMB: e.version.config.EphemeralMB,
		Stdout: write, Stderr: write,
	}, write)
	closeErr := write.Close()
	if err := errors.Join(err, closeErr); err != nil {
		out.close()
		return err
	}
	e.server.noteStart(e.version.function.name, proc.StartTook())
	if !e.adopt(proc, out) {
		proc.Kill()
		out.close()
		return errClosed
	}
	return nil
}

// adopt takes the process unless the environment was ended meanwhile.
func (e *environment) adopt(p Process, out *output) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return false
	}
	e.proc, e.out = p, out
	return true
}

// stop ends the runtime process, if there is one, with its extensions, which are
// told why, and takes its last words.
func (e *environment) stop(reason string) {
	e.mu.Lock()
	p := e.proc
	e.proc = nil
	e.mu.Unlock()
	e.extended = false
	if p == nil {
		e.closeTelemetry()
		return
	}
	e.shutdown(p, e.session.Load(), e.out, reason)
	p.Kill()
	e.out.close()
	e.session.Store(nil)
	e.closeTelemetry()
}

// freeze stops the process between invocations, where that is asked for.
func (e *environment) freeze() {
	if !e.server.set.Freeze || e.proc == nil {
		return
	}
	e.holdTelemetry(true)
	if err := e.proc.Freeze(); err != nil {
		e.server.set.Logger.Warn("freeze an environment", "environment", e, "error", err)
		return
	}
	e.frozen = true
}

func (e *environment) thaw() {
	if !e.frozen {
		return
	}
	e.frozen = false
	if err := e.proc.Thaw(); err != nil {
		e.server.set.Logger.Warn("thaw an environment", "environment", e, "error", err)
	}
	e.holdTelemetry(false)
}

// end gives up everything that the environment holds. It may be called at any
// time and by anyone; the invocation at hand, if any, sees its process end.
func (e *environment) end() {
	e.mu.Lock()
	if e.closed {
		e.mu.Unlock()
		return
	}
	e.closed = true
	p, out, s := e.proc, e.out, e.session.Load()
	e.mu.Unlock()
	if p != nil && s != nil {
		e.shutdown(p, s, out, reasonSpindown)
	}
	close(e.over)
	if e.listener != nil {
		_ = e.listener.Close()
	}
	if p != nil {
		p.Kill()
		out.close()
	}
	e.closeTelemetry()
	if err := e.server.set.Sandbox.RemoveTmp(e.tmp); err != nil {
		e.server.set.Logger.Warn("remove the /tmp of an environment", "error", err)
	}
	e.version.release()
}
