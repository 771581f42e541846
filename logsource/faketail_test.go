package logsource_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws/protocol/eventstream"
)

// tailScript is how the fake's live tails behave.
type tailScript struct {
	atMost  int           // events in an update, the rest is left out ("sampled"); 0 = 500
	session time.Duration // after which a session times out; 0 = 3 hours
	cut     bool          // end sessions by closing the connection
	silent  bool          // sessions send nothing
	refused int           // sessions that are throttled before one is served
}

// frame is one message of an event stream.
func frame(kind, name string, payload any) []byte {
	body, _ := json.Marshal(payload)
	m := eventstream.Message{Payload: body}
	m.Headers.Set(":message-type", eventstream.StringValue(kind))
	m.Headers.Set(":content-type", eventstream.StringValue("application/json"))
	if kind == "exception" {
		m.Headers.Set(":exception-type", eventstream.StringValue(name))
	} else {
		m.Headers.Set(":event-type", eventstream.StringValue(name))
	}
	var b bytes.Buffer
	if err := eventstream.NewEncoder().Encode(&b, m); err != nil {
		panic(err)
	}
	return b.Bytes()
}

// liveTail sends, once a second, what has become visible since the session was
// opened.
func (f *fakeLogs) liveTail(w http.ResponseWriter, r *http.Request, in map[string]any) {
	f.mu.Lock()
	err := f.admit("StartLiveTail", r.Host, in)
	script := f.tail
	if f.tail.refused > 0 && err == nil {
		f.tail.refused--
		err = &apiError{"ThrottlingException", "Rate exceeded"}
	}
	f.mu.Unlock()
	if err != nil {
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		w.WriteHeader(http.StatusBadRequest)
		_ = json.NewEncoder(w).Encode(map[string]string{"__type": err.code, "message": err.message})
		return
	}
	if script.session == 0 {
		script.session = 3 * time.Hour
	}
	if script.atMost == 0 {
		script.atMost = 500
	}
	w.Header().Set("Content-Type", "application/vnd.amazon.eventstream")
	out := http.NewResponseController(w)
	send := func(b []byte) bool {
		if _, err := w.Write(b); err != nil {
			return false
		}
		return out.Flush() == nil
	}
	if !send(frame("event", "initial-response", struct{}{})) || !send(frame("event", "sessionStart", map[string]any{"sessionId": "s"})) {
		return
	}
	f.stream(r, script, send)
	if !script.cut {
		send(frame("exception", "SessionTimeoutException", map[string]string{"message": "the session timed out"}))
	}
}

func (f *fakeLogs) stream(r *http.Request, script tailScript, send func([]byte) bool) {
	since := time.Now()
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	end := time.After(script.session)
	for {
		select {
		case <-r.Context().Done():
			return
		case <-end:
			return
		case <-tick.C:
		}
		if script.silent {
			continue
		}
		now := time.Now()
		results, sampled := f.between(since, now, script.atMost)
		since = now
		if !send(frame("event", "sessionUpdate", map[string]any{"sessionMetadata": map[string]any{"sampled": sampled}, "sessionResults": results})) {
			return
		}
	}
}

// between lists up to limit events that became visible in (from, to].
func (f *fakeLogs) between(from, to time.Time, limit int) (results []map[string]any, sampled bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	results = []map[string]any{}
	for _, e := range f.events {
		if !e.visible.After(from) || e.visible.After(to) {
			continue
		}
		if len(results) == limit {
			return results, true
		}
		results = append(results, map[string]any{"logStreamName": e.stream, "timestamp": e.at, "ingestionTime": e.at + 1, "message": e.message, "logGroupIdentifier": f.arn()})
	}
	return results, false
}
