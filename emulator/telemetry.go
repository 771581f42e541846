package emulator

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"coldbench/emulator/telemetry"
)

// The Telemetry API and the Logs API before it, for one environment. What is told
// are the same events that the log format JSON writes; see platformjson.go.

// subscribePaths are where a subscription is put, and the words of each API.
var subscribePaths = map[string]subscribeWords{
	"/2022-07-01/telemetry": {telemetry.Telemetry, "TELEMETRY", "telemetrySubscription", "ValidationError", "Telemetry.SubscriptionClosed", "Telemetry API subscription is closed already"},
	"/2020-08-15/logs":      {telemetry.Logs, "LOGS", "logsSubscription", "Logs.ValidationError", "Logs.SubscriptionClosed", "Logs API subscription is closed already"},
}

type subscribeWords struct {
	api        telemetry.API
	line, kind string // of the log
	invalid    string // error types
	closed     string
	closedText string
}

// openTelemetry begins to keep what extensions may subscribe to. Whoever comes
// after the init has begun learns of its start.
func (e *environment) openTelemetry() {
	e.logMu.Lock()
	defer e.logMu.Unlock()
	if e.told.Load() != nil {
		return
	}
	stream := telemetry.NewStream(telemetry.Options{})
	stream.Publish(telemetry.Event{Time: e.initBegan, Type: "platform.initStart", Record: e.initStart(), Audience: telemetry.TelemetryAPI})
	e.told.Store(stream)
}

// shutTelemetry ends the time of subscriptions, and the stream where nobody has
// subscribed.
func (e *environment) shutTelemetry() {
	if stream := e.told.Load(); stream != nil && !stream.Shut() {
		e.closeTelemetry()
	}
}

func (e *environment) closeTelemetry() {
	if stream := e.told.Swap(nil); stream != nil {
		stream.Close()
	}
}

// holdTelemetry stops deliveries to processes that are frozen.
func (e *environment) holdTelemetry(on bool) {
	if stream := e.told.Load(); stream != nil {
		stream.Hold(on)
	}
}

// flushTelemetry delivers what has been told, within d.
func (e *environment) flushTelemetry(ctx context.Context, d time.Duration) {
	stream := e.told.Load()
	if stream == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	stream.Flush(ctx)
}

// publish tells those who subscribed.
func (e *environment) publish(kind string, record any, audience telemetry.Audience) {
	if stream := e.told.Load(); stream != nil {
		stream.Publish(telemetry.Event{Time: time.Now(), Type: kind, Record: record, Audience: audience})
	}
}

// logFunction writes a line that the function has printed, logExtension one of an
// extension.
func (e *environment) logFunction(at time.Time, text string) {
	e.logPrinted(telemetry.Function, at, text)
}

func (e *environment) logExtension(at time.Time, text string) {
	e.logPrinted(telemetry.Extension, at, text)
}

func (e *environment) logPrinted(kind string, at time.Time, text string) {
	e.logMu.Lock()
	defer e.logMu.Unlock()
	e.write(at, text)
	if stream := e.told.Load(); stream != nil {
		stream.Publish(telemetry.Event{Time: at, Type: kind, Record: text, Structured: e.json()})
	}
}

// serveSubscription answers a Subscribe request.
func (e *environment) serveSubscription(s *session, w http.ResponseWriter, r *http.Request, words subscribeWords) {
	if r.Method != http.MethodPut {
		w.WriteHeader(http.StatusMethodNotAllowed)
		return
	}
	who, refused := s.ext.caller(r)
	if refused != nil {
		refused.write(w)
		return
	}
	body, whole, err := readBounded(r)
	if err != nil {
		return // the client is gone
	}
	if !whole {
		(&runtimeError{http.StatusBadRequest, words.invalid, "the request body is too large"}).write(w)
		return
	}
	how, err := telemetry.ParseSubscription(words.api, body)
	if err != nil {
		(&runtimeError{http.StatusBadRequest, words.invalid, err.Error()}).write(w)
		return
	}
	fresh, err := false, telemetry.ErrClosed
	if stream := e.told.Load(); stream != nil {
		fresh, err = stream.Subscribe(who.name, how)
	}
	switch {
	case errors.Is(err, telemetry.ErrClosed):
		forbidden(words.closed, words.closedText).write(w)
		return
	case err != nil:
		(&runtimeError{http.StatusBadRequest, words.invalid, err.Error()}).write(w)
		return
	case fresh:
		e.logSubscription(who.name, how.Types, words)
	}
	writeJSON(w, http.StatusOK, "OK")
}

// logSubscription writes that an extension has subscribed.
func (e *environment) logSubscription(name string, types []string, words subscribeWords) {
	shown := make([]string, len(types))
	for i, t := range types {
		shown[i] = strings.ToUpper(t[:1]) + t[1:]
	}
	line := words.line + "\tName: " + name + "\tState: Subscribed\tTypes: [" + strings.Join(shown, ", ") + "]\n"
	audience := telemetry.TelemetryAPI
	if words.api == telemetry.Logs {
		audience = telemetry.LogsAPI
	}
	e.tell("INFO", words.kind, line, subscriptionRecord{name, "Subscribed", types}, audience)
}
