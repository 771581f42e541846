package emulator

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
)

const extensionPrefix = "/2020-01-01/extension/"

// The error types of the Extensions API.
const (
	badExtensionName    = "Extension.InvalidExtensionName"
	badExtensionState   = "Extension.InvalidExtensionState"
	badExtensionEvent   = "Extension.InvalidEventType"
	noExtensionID       = "Extension.MissingExtensionIdentifier"
	badExtensionID      = "Extension.InvalidExtensionIdentifier"
	unknownExtension    = "Extension.UnknownExtensionIdentifier"
	extensionHeader     = "Extension.MissingHeader"
	tooManyExtensions   = "Extension.TooManyExtensions"
	registrationsClosed = "Extension.RegistrationClosed"
)

func forbidden(errorType, message string) *runtimeError {
	return &runtimeError{http.StatusForbidden, errorType, message}
}

// serveExtension answers one call of the Extensions API.
func (e *environment) serveExtension(s *session, w http.ResponseWriter, r *http.Request, call string) {
	method := http.MethodPost
	if call == "event/next" {
		method = http.MethodGet
	}
	switch {
	case call != "register" && call != "event/next" && call != "init/error" && call != "exit/error":
		http.NotFound(w, r)
	case r.Method != method:
		w.WriteHeader(http.StatusMethodNotAllowed)
	case call == "register":
		e.register(s.ext, w, r)
	default:
		who, err := s.ext.caller(r)
		switch {
		case err != nil:
			err.write(w)
		case call == "event/next":
			s.ext.serveNext(who, w, r)
		case call == "init/error":
			s.ext.report(who, w, r, extensionInitError, errorExtensionInit)
		default:
			s.ext.report(who, w, r, extensionExitError, errorExtensionExit)
		}
	}
}

// caller finds the extension by the identifier that it was given.
func (x *extensions) caller(r *http.Request) (*extension, *runtimeError) {
	id := r.Header.Get("Lambda-Extension-Identifier")
	if id == "" {
		return nil, forbidden(noExtensionID, "Missing Lambda-Extension-Identifier header")
	}
	if _, err := uuid.Parse(id); err != nil {
		return nil, forbidden(badExtensionID, "Invalid Lambda-Extension-Identifier")
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, e := range x.list {
		if e.id == id {
			return e, nil
		}
	}
	return nil, forbidden(unknownExtension, "Unknown extension "+id)
}

// registration is the body of register.
type registration struct {
	Events []string `json:"events"`
	Keys   []string `json:"configurationKeys"`
}

// register takes an external extension by the name of its file, or an internal
// one by any other name.
func (e *environment) register(x *extensions, w http.ResponseWriter, r *http.Request) {
	name := r.Header.Get("Lambda-Extension-Name")
	var body registration
	text, whole, err := readBounded(r)
	if err == nil && whole {
		err = json.Unmarshal(text, &body)
	}
	var refused *runtimeError
	var id string
	switch {
	case name == "":
		refused = forbidden(badExtensionName, "Empty extension name")
	case err != nil || !whole:
		refused = forbidden("InvalidRequestFormat", "the request body is not a registration in JSON")
	case len(body.Keys) > 0:
		refused = forbidden("InvalidRequestFormat", "configurationKeys are deprecated; use environment variables instead")
	default:
		id, refused = x.register(name, body.Events)
	}
	if refused != nil {
		refused.write(w)
		return
	}
	e.openTelemetry()
	answer := struct {
		Version string `json:"functionVersion"`
		Name    string `json:"functionName"`
		Handler string `json:"handler"`
		Account string `json:"accountId,omitempty"`
	}{e.version.number, e.version.function.name, e.version.config.Handler, ""}
	for _, feature := range strings.Split(r.Header.Get("Lambda-Extension-Accept-Feature"), ",") {
		if strings.TrimSpace(feature) == "accountId" {
			answer.Account = e.server.set.AccountID
		}
	}
	w.Header().Set("Lambda-Extension-Identifier", id)
	writeJSON(w, http.StatusOK, answer)
	x.tell() // the runtime may have waited for this
}

// register notes a registration and gives the extension its identifier.
func (x *extensions) register(name string, events []string) (id string, refused *runtimeError) {
	x.mu.Lock()
	defer x.mu.Unlock()
	i := slices.IndexFunc(x.list, func(e *extension) bool { return e.name == name })
	external := i >= 0 && x.list[i].external
	for _, event := range events {
		switch {
		case event != eventInvoke && event != eventShutdown:
			return "", forbidden(badExtensionEvent, event+": ErrorInvalidEventType")
		case event == eventShutdown && !external:
			return "", forbidden(badExtensionEvent, event+": ShutdownEventNotSupportedForInternalExtension")
		}
	}
	var e *extension
	switch {
	case external:
		if e = x.list[i]; e.state != extensionStarted {
			return "", e.refuse(extensionRegistered, name)
		}
	case x.closed:
		return "", forbidden(registrationsClosed, "Extension registration closed already")
	case len(x.list) >= maxExtensions:
		return "", forbidden(tooManyExtensions, "Extension limit (10) reached")
	case i >= 0:
		return "", forbidden(badExtensionState, "Extension with this name already registered")
	default:
		e = &extension{name: name, wake: make(chan struct{}, 1)}
		x.list = append(x.list, e)
	}
	e.id, e.events, e.state = newUUID(), slices.Compact(slices.Sorted(slices.Values(events))), extensionRegistered
	return e.id, nil
}

// refuse answers a call that the state of the extension doesn't allow. The lock
// is held.
func (e *extension) refuse(to extensionState, who string) *runtimeError {
	return forbidden(badExtensionState, "State transition from "+string(e.state)+" to "+string(to)+" failed for extension "+who+". Error: State transition is not allowed")
}

// serveNext parks the extension until there is something for it.
func (x *extensions) serveNext(e *extension, w http.ResponseWriter, r *http.Request) {
	if refused := x.ready(e, time.Now()); refused != nil {
		refused.write(w)
		return
	}
	for {
		if n := x.take(e); n != nil {
			h := w.Header()
			h.Set("Lambda-Extension-Identifier", e.id)
			h.Set("Lambda-Extension-Event-Identifier", newUUID())
			writeJSON(w, http.StatusOK, n)
			return
		}
		select {
		case <-e.wake:
		case <-r.Context().Done():
			return // The client gave up waiting, or is dead. It may call again.
		case <-x.ended:
			containerError().write(w)
			return
		}
	}
}

// ready notes a call of next. Only the first after registration or an event
// counts.
func (x *extensions) ready(e *extension, now time.Time) *runtimeError {
	x.mu.Lock()
	defer x.mu.Unlock()
	switch {
	case e.state == extensionRegistered, e.state == extensionRunning && e.waiting == nil:
		e.state, x.last = extensionReady, now
		x.tell()
	case e.state == extensionReady, e.state == extensionRunning:
	default:
		return e.refuse(extensionReady, e.id)
	}
	return nil
}

// take gives the extension what waits for it.
func (x *extensions) take(e *extension) *notice {
	x.mu.Lock()
	defer x.mu.Unlock()
	n := e.waiting
	e.waiting = nil
	return n
}

// report takes init/error and exit/error. What they lead to comes with the end of
// a process or of the time: the extension is expected to exit.
func (x *extensions) report(e *extension, w http.ResponseWriter, r *http.Request, to extensionState, errorType string) {
	given := r.Header.Get("Lambda-Extension-Function-Error-Type")
	if _, _, err := readBounded(r); err != nil {
		return // the process died in the middle of it: its end counts
	}
	if given == "" {
		forbidden(extensionHeader, "Lambda-Extension-Function-Error-Type not found").write(w)
		return
	}
	if refused := x.reported(e, to, errorType, given); refused != nil {
		refused.write(w)
		return
	}
	accepted(w)
}

func (x *extensions) reported(e *extension, to extensionState, errorType, given string) *runtimeError {
	x.mu.Lock()
	defer x.mu.Unlock()
	switch {
	case e.state == to:
		return nil // the first report counts
	case to == extensionInitError && e.state != extensionRegistered,
		e.state != extensionRegistered && e.state != extensionReady && e.state != extensionRunning:
		return e.refuse(to, e.id)
	}
	e.state, e.errorType = to, given
	x.failed(errorType)
	return nil
}
