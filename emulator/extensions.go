package emulator

import (
	"slices"
	"sync"
	"time"
)

// Extensions, version 2020-01-01 of their API: processes from /opt/extensions
// (external) and parts of the runtime process (internal) that take part in init,
// invocation and shutdown.
//
// What may be called when, and what the answers say, follows the documentation
// (AWS Lambda developer guide, "Using the Lambda Extensions API to create
// extensions") and, where that is silent, what the platform's published runtime
// interface emulator does.

// maxExtensions is how many may register with one function.
const maxExtensions = 10

// What an extension may register for.
const (
	eventInvoke   = "INVOKE"
	eventShutdown = "SHUTDOWN"
)

// extensions are those of one runtime process, in the order of their start and
// registration. HTTP calls and the ends of processes change them; the goroutine
// that runs the environment waits for changed and then looks.
type extensions struct {
	changed chan struct{}   // capacity 1
	ended   <-chan struct{} // the environment is over

	mu      sync.Mutex
	list    []*extension
	closed  bool          // nobody can register any more
	fatal   string        // the first error type that ends all
	crash   *failure      // what came of it, once a process has ended
	last    time.Time     // when the last call of next that was waited for came
	ending  bool          // the ends of processes are wanted now
	wrapped sync.Once     // the shutdown
	exits   chan struct{} // closed and made anew when a process has ended
}

// extension is one of them. Its fields are guarded by extensions.mu.
type extension struct {
	name      string
	id        string
	external  bool
	events    []string
	state     extensionState
	errorType string // that it gave, or why it could not be launched
	gone      bool   // its process has ended
	waiting   *notice
	wake      chan struct{} // capacity 1: waiting has been set
}

type extensionState string

// The names are those that the log shows.
const (
	extensionStarted     extensionState = "Started"
	extensionRegistered  extensionState = "Registered"
	extensionReady       extensionState = "Ready"
	extensionRunning     extensionState = "Running"
	extensionInitError   extensionState = "InitError"
	extensionExitError   extensionState = "ExitError"
	extensionLaunchError extensionState = "LaunchError"
)

// notice is an event on its way to extensions.
type notice struct {
	Event    string   `json:"eventType"`
	Deadline int64    `json:"deadlineMs"`
	ID       string   `json:"requestId,omitempty"`
	ARN      string   `json:"invokedFunctionArn,omitempty"`
	Tracing  *tracing `json:"tracing,omitempty"`
	Reason   string   `json:"shutdownReason,omitempty"`
}

// tracing is how events show an X-Ray header.
type tracing struct {
	SpanID string `json:"spanId,omitempty"`
	Type   string `json:"type"`
	Value  string `json:"value"`
}

func xray(value string) *tracing { return &tracing{Type: "X-Amzn-Trace-Id", Value: value} }

func newExtensions(ended <-chan struct{}) *extensions {
	return &extensions{changed: make(chan struct{}, 1), ended: ended, exits: make(chan struct{})}
}

// tell wakes the goroutine that runs the environment.
func (x *extensions) tell() {
	select {
	case x.changed <- struct{}{}:
	default:
	}
}

// launched adds an external extension whose process runs.
func (x *extensions) launched(name string) *extension {
	x.mu.Lock()
	defer x.mu.Unlock()
	e := &extension{name: name, external: true, state: extensionStarted, wake: make(chan struct{}, 1)}
	x.list = append(x.list, e)
	return e
}

// notLaunched adds one whose process could not be started, which ends the init.
func (x *extensions) notLaunched(name, why, message string) {
	e := x.launched(name)
	x.mu.Lock()
	defer x.mu.Unlock()
	e.state, e.errorType, e.gone = extensionLaunchError, why, true
	x.failed(errorLaunch)
	x.conclude(message)
}

// failed notes the first error that ends all. The lock is held.
func (x *extensions) failed(errorType string) {
	if x.fatal == "" {
		x.fatal = errorType
	}
}

// conclude makes the failure that the error comes to. The lock is held.
func (x *extensions) conclude(message string) {
	if x.crash == nil {
		x.crash = platformFailure(statusError, x.fatal, x.fatal, message)
	}
	x.tell()
}

// exited notes the end of an extension's process.
func (x *extensions) exited(e *extension, message string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	e.gone = true
	close(x.exits)
	x.exits = make(chan struct{})
	if !x.ending {
		x.failed(errorCrash)
		x.conclude(message)
	}
}

// failure is what ended the extensions, nil while all is well. An error that one
// has reported gives its type to the end of the runtime process too.
func (x *extensions) failure() *failure {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.crash
}

// blame puts an error that an extension has reported in the place of what the
// runtime came to.
func (x *extensions) blame(f *failure) *failure {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.fatal == "" || f.message == "" {
		return f
	}
	return platformFailure(statusError, x.fatal, x.fatal, f.message)
}

// registered says whether every external extension has registered, so that the
// runtime may start.
func (x *extensions) registered() bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return !slices.ContainsFunc(x.list, func(e *extension) bool { return e.state == extensionStarted })
}

// close ends the time of registrations: the runtime is ready.
func (x *extensions) close() {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.closed = true
}

// idle says whether every extension waits for an event, and when the last one
// called next. One that has reported an error never does again: it is waited for
// until a process or the time ends.
func (x *extensions) idle() (bool, time.Time) {
	x.mu.Lock()
	defer x.mu.Unlock()
	busy := slices.ContainsFunc(x.list, func(e *extension) bool { return e.state != extensionReady })
	return !busy, x.last
}

// any says whether there are extensions at all, and external ones among them.
func (x *extensions) any() (some, external bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	return len(x.list) > 0, slices.ContainsFunc(x.list, func(e *extension) bool { return e.external })
}

// invoke hands an INVOKE to every extension that asked for it.
func (x *extensions) invoke(n *notice) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, e := range x.list {
		if slices.Contains(e.events, eventInvoke) && e.state == extensionReady {
			e.state = extensionRunning
			e.post(n)
		}
	}
}

// post leaves a notice at the extension's next. The lock is held.
func (e *extension) post(n *notice) {
	e.waiting = n
	select {
	case e.wake <- struct{}{}:
	default:
	}
}

// summary is what the log shows of an extension after the init.
type summary struct {
	Name      string         `json:"name"`
	State     extensionState `json:"state"`
	Events    []string       `json:"events"`
	ErrorType string         `json:"errorType,omitempty"`
}

func (x *extensions) summaries() []summary {
	x.mu.Lock()
	defer x.mu.Unlock()
	list := make([]summary, 0, len(x.list))
	for _, e := range x.list {
		list = append(list, summary{e.name, e.state, append([]string{}, e.events...), e.errorType})
	}
	return list
}
