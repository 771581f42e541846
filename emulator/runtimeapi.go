package emulator

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"time"
)

// The Runtime API, version 2018-06-01, for one environment. Each environment has
// its own listener, because its clients know a host and a port and nothing else;
// one http.Server serves them all and finds the environment by the listener.

// session is the conversation with one runtime process. What a process may call
// depends on its state; everything else is refused with 403.
type session struct {
	events chan event      // to the goroutine that runs the invocation
	ext    *extensions     // of the process
	wake   chan *delivery  // to the parked next
	ended  <-chan struct{} // the environment is over

	restore restoreMode

	mu     sync.Mutex
	state  sessionState
	id     string  // of the invocation at hand
	stream *stream // of the invocation at hand
}

type sessionState uint8

const (
	stateStarted      sessionState = iota // process runs, has not called next yet
	stateFailed                           // has called init/error
	stateReady                            // has called next and waits
	stateRunning                          // has an invocation
	stateAnswered                         // has posted response or error, not yet called next
	stateRestoreReady                     // waits in restore/next for its snapshot
	stateRestoring                        // has been answered there and runs its hooks
)

var stateNames = [...]string{"Started", "InitError", "Ready", "Running", "ResponseSent", "RestoreReady", "Restoring"}

// event is what the runtime did.
type event struct {
	kind      eventKind
	at        time.Time
	began     time.Time // when a response began to arrive
	body      []byte
	errorType string // Lambda-Runtime-Function-Error-Type, or errorTooLarge
	ctype     string
}

type eventKind uint8

const (
	eventReady     eventKind = iota // first next after start or answer
	eventResponse                   // response
	eventError                      // error
	eventInitError                  // init/error or restore/error
	eventRestoring                  // restore/next was answered
)

// delivery is an invocation on its way to the runtime.
type delivery struct {
	id       string
	payload  []byte
	deadline time.Time
	arn      string
	trace    string
	client   string // Lambda-Runtime-Client-Context
	tenant   string // Lambda-Runtime-Aws-Tenant-Id
	stream   *stream
}

func newSession(ended <-chan struct{}) *session {
	// A process can make at most three calls that count before the invoking
	// goroutine has to act: ready, answer, ready.
	return &session{events: make(chan event, 4), wake: make(chan *delivery, 1), ended: ended, ext: newExtensions(ended)}
}

// deliver hands an invocation to the process, which must be ready.
func (s *session) deliver(d *delivery) {
	s.mu.Lock()
	s.state, s.id, s.stream = stateRunning, d.id, d.stream
	s.mu.Unlock()
	s.wake <- d
}

// enter changes the state if it is one of from, else it says why not.
func (s *session) enter(to sessionState, from ...sessionState) *runtimeError {
	return s.enterAs(stateNames[to], to, from...)
}

// answerStates are what the platform calls the state between a call and its end;
// here that is no state of its own.
var answerStates = map[string]string{"response": "InvocationResponse", "error": "InvocationErrorResponse"}

func (s *session) enterAs(name string, to sessionState, from ...sessionState) *runtimeError {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range from {
		if s.state == f {
			s.state = to
			return nil
		}
	}
	return &runtimeError{
		403, "InvalidStateTransition",
		"State transition from " + stateNames[s.state] + " to " + name + " failed for runtime. Error: State transition is not allowed",
	}
}

// runtimeError is an error answer of the Runtime API.
type runtimeError struct {
	status    int
	errorType string
	message   string
}

func (e *runtimeError) write(w http.ResponseWriter) {
	writeJSON(w, e.status, struct {
		Message string `json:"errorMessage"`
		Type    string `json:"errorType"`
	}{e.message, e.errorType})
}

func accepted(w http.ResponseWriter) {
	const body = `{"status":"OK"}` + "\n"
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(http.StatusAccepted)
	_, _ = w.Write([]byte(body))
}

const runtimePrefix = "/2018-06-01/runtime/"

// serveRuntime answers one call of an environment's processes: of the Runtime
// API first, because that is what counts on the way of an invocation.
func (e *environment) serveRuntime(w http.ResponseWriter, r *http.Request) {
	s := e.session.Load()
	if s == nil {
		containerError().write(w)
		return
	}
	path, ok := strings.CutPrefix(r.URL.Path, runtimePrefix)
	if !ok {
		e.serveOther(s, w, r)
		return
	}
	method := http.MethodPost
	switch id, call, _ := strings.Cut(strings.TrimPrefix(path, "invocation/"), "/"); {
	case path == "invocation/next" && r.Method == http.MethodGet:
		e.serveNext(s, w, r)
	case path == "init/error" && r.Method == method:
		s.initError(w, r)
	case strings.HasPrefix(path, "invocation/") && r.Method == method && (call == "response" || call == "error"):
		s.answer(w, r, id, call)
	case strings.HasPrefix(path, "restore/"):
		s.serveRestore(w, r, path)
	case path == "invocation/next", path == "init/error", strings.HasPrefix(path, "invocation/") && (call == "response" || call == "error"):
		w.WriteHeader(http.StatusMethodNotAllowed)
	default:
		http.NotFound(w, r)
	}
}

// serveOther answers a call of the other APIs at the same address.
func (e *environment) serveOther(s *session, w http.ResponseWriter, r *http.Request) {
	if call, ok := strings.CutPrefix(r.URL.Path, extensionPrefix); ok {
		e.serveExtension(s, w, r, call)
		return
	}
	if words, ok := subscribePaths[strings.TrimSuffix(r.URL.Path, "/")]; ok {
		e.serveSubscription(s, w, r, words)
		return
	}
	if r.URL.Path == "/2018-06-01/ping" && r.Method == http.MethodGet {
		_, _ = w.Write([]byte("pong"))
		return
	}
	http.NotFound(w, r)
}

// containerError is the answer of an environment that is over.
func containerError() *runtimeError {
	return &runtimeError{http.StatusInternalServerError, "InternalServerError", "Internal Server Error"}
}

// serveNext parks the process until there is an invocation for it.
func (e *environment) serveNext(s *session, w http.ResponseWriter, r *http.Request) {
	now := time.Now()
	first, err := s.ready()
	if err != nil {
		err.write(w)
		return
	}
	if first {
		s.events <- event{kind: eventReady, at: now}
	}
	select {
	case d := <-s.wake:
		d.write(w)
	case <-r.Context().Done():
		// The client gave up waiting, or is dead. It may call again.
	case <-s.ended:
		containerError().write(w)
	}
}

// ready notes a call of next. Only the first after a start or an answer counts;
// a client that gave up waiting may ask again.
func (s *session) ready() (first bool, err *runtimeError) {
	s.mu.Lock()
	if s.state == stateReady || (s.state == stateRunning && len(s.wake) > 0) {
		s.mu.Unlock()
		return false, nil
	}
	s.mu.Unlock()
	err = s.enter(stateReady, stateStarted, stateAnswered, stateRestoring)
	return err == nil, err
}

func (d *delivery) write(w http.ResponseWriter) {
	h := w.Header()
	h["Content-Type"] = []string{"application/json"}
	h["Lambda-Runtime-Aws-Request-Id"] = []string{d.id}
	h["Lambda-Runtime-Deadline-Ms"] = []string{strconv.FormatInt(d.deadline.UnixMilli(), 10)}
	h["Lambda-Runtime-Invoked-Function-Arn"] = []string{d.arn}
	h["Lambda-Runtime-Trace-Id"] = []string{d.trace}
	if d.client != "" {
		h["Lambda-Runtime-Client-Context"] = []string{d.client}
	}
	if d.tenant != "" {
		h["Lambda-Runtime-Aws-Tenant-Id"] = []string{d.tenant}
	}
	h["Content-Length"] = []string{strconv.Itoa(len(d.payload))}
	_, _ = w.Write(d.payload)
}

// answer takes a response or an error for the invocation at hand.
func (s *session) answer(w http.ResponseWriter, r *http.Request, id, call string) {
	s.mu.Lock()
	known, stream := id == s.id && id != "", s.stream
	s.mu.Unlock()
	if !known {
		(&runtimeError{400, "InvalidRequestID", "Invalid request ID"}).write(w)
		return
	}
	if err := s.enterAs(answerStates[call], stateAnswered, stateRunning); err != nil {
		err.write(w)
		return
	}
	ev := event{kind: eventResponse, began: time.Now(), ctype: r.Header.Get("Content-Type")}
	if mode := r.Header.Get("Lambda-Runtime-Function-Response-Mode"); call == "response" && mode != "" && mode != "streaming" {
		ev.kind, ev.at, ev.errorType = eventError, ev.began, errorMode
		ev.body = errorPayload{Type: errorMode, Message: "Invalid function response mode"}.encode()
		s.events <- ev
		(&runtimeError{400, "InvalidFunctionResponseMode", "Invalid function response mode"}).write(w)
		return
	}
	if call == "error" {
		ev.kind, ev.errorType = eventError, r.Header.Get("Lambda-Runtime-Function-Error-Type")
	}
	var body []byte
	var whole bool
	var err error
	if stream != nil && ev.kind == eventResponse {
		whole, err = stream.copy(r.Body, newAnswerHeader(r))
	} else {
		body, whole, err = readBounded(r)
	}
	ev.at, ev.body = time.Now(), body
	switch {
	case err != nil:
		// The process died in the middle of its answer: its end is the event.
		return
	case !whole:
		ev.kind, ev.errorType, ev.body = eventError, errorTooLarge, tooLargeBody()
		s.events <- ev
		(&runtimeError{413, "RequestEntityTooLarge", "Exceeded maximum allowed payload size (" + strconv.Itoa(maxResponse) + " bytes)."}).write(w)
		return
	}
	if t := r.Trailer.Get("Lambda-Runtime-Function-Error-Type"); t != "" {
		ev.kind, ev.errorType, ev.body = eventError, t, trailerError(r.Trailer.Get("Lambda-Runtime-Function-Error-Body"), t)
	}
	s.events <- ev
	// The caller's reply goes out first: the goroutine that writes it runs now,
	// on this processor, instead of when some other wakes up.
	runtime.Gosched()
	accepted(w)
}

// readBounded reads an answer. One that is too large is read to its end and
// thrown away, so that the connection stays usable, but not for ever.
func readBounded(r *http.Request) (body []byte, whole bool, err error) {
	body, err = readAll(io.LimitReader(r.Body, maxResponse+1), min(r.ContentLength, maxResponse))
	if err != nil || len(body) <= maxResponse {
		return body, true, err
	}
	_, err = io.CopyN(io.Discard, r.Body, 32*maxResponse)
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return nil, false, err
}

func tooLargeBody() []byte {
	return errorPayload{
		Message: "Response payload size exceeded maximum allowed payload size (" + strconv.Itoa(maxResponse) + " bytes).",
		Type:    errorTooLarge, messageFirst: true,
	}.encode()
}

// trailerError is the error of a response that broke off: the runtime sends it,
// in base64, behind the body.
func trailerError(encoded, errorType string) []byte {
	if b, err := base64.StdEncoding.DecodeString(encoded); err == nil && len(b) > 0 {
		return b
	}
	return errorPayload{Type: errorType, Message: "The function's response ended with an error.", messageFirst: true}.encode()
}

// initError takes the failure of an init.
func (s *session) initError(w http.ResponseWriter, r *http.Request) { s.initFailed(w, r, stateStarted) }

// initFailed takes the failure of an init or of a restore.
func (s *session) initFailed(w http.ResponseWriter, r *http.Request, from sessionState) {
	if err := s.enter(stateFailed, from); err != nil {
		err.write(w)
		return
	}
	body, _, err := readBounded(r)
	if err != nil {
		body = nil
	}
	s.events <- event{kind: eventInitError, at: time.Now(), body: body, errorType: r.Header.Get("Lambda-Runtime-Function-Error-Type")}
	accepted(w)
}

// errorPayload is what the platform answers for a function that could not.
type errorPayload struct {
	Type         string
	Message      string
	messageFirst bool
}

func (p errorPayload) encode() []byte {
	if p.messageFirst {
		return encodeJSON(struct {
			Message string `json:"errorMessage"`
			Type    string `json:"errorType"`
		}{p.Message, p.Type})
	}
	return encodeJSON(struct {
		Type    string `json:"errorType"`
		Message string `json:"errorMessage"`
	}{p.Type, p.Message})
}

// errorTypeOf reads the errorType that a runtime put into its error, for the
// platform's lines, when the header does not say it.
func errorTypeOf(body []byte) string {
	var e struct {
		Type string `json:"errorType"`
	}
	if json.Unmarshal(body, &e) != nil {
		return ""
	}
	return e.Type
}
