package emulator

import (
	"context"
	"net/http"
	"strings"
	"time"
)

// StartLiveTail: new events of log groups, as they come, in an event stream.
// Source: CloudWatch Logs API reference: one update a second with at most 500
// events, sessions of three hours, ten groups.
const (
	liveTailPause  = time.Second
	liveTailEvents = 500
	liveTailLimit  = 3 * time.Hour
	liveTailGroups = 10

	// liveTailLead is how long a session waits before it answers at all. The
	// SDK for Go closes the request's body when the response begins; if net/http
	// has not found the end of that body yet, it drops the connection, and the
	// session with it. No server but one on the same machine is that quick.
	liveTailLead = 25 * time.Millisecond
)

type liveTailRequest struct {
	LogGroupIdentifiers   []string `json:"logGroupIdentifiers"`
	LogStreamNames        []string `json:"logStreamNames,omitempty"`
	LogStreamNamePrefixes []string `json:"logStreamNamePrefixes,omitempty"`
	LogEventFilterPattern string   `json:"logEventFilterPattern,omitempty"`
}

type liveTailStart struct {
	RequestID string `json:"requestId"`
	SessionID string `json:"sessionId"`
	liveTailRequest
}

type liveTailEvent struct {
	IngestionTime      int64  `json:"ingestionTime"`
	LogGroupIdentifier string `json:"logGroupIdentifier"`
	LogStreamName      string `json:"logStreamName"`
	Message            string `json:"message"`
	Timestamp          int64  `json:"timestamp"`
}

type liveTailUpdate struct {
	SessionMetadata struct {
		Sampled bool `json:"sampled"`
	} `json:"sessionMetadata"`
	SessionResults []liveTailEvent `json:"sessionResults"`
}

// liveTail is one session.
type liveTail struct {
	server *Server
	sel    selection
	groups []string         // by name
	next   map[string]int64 // the number of the next event of each group
}

func (s *Server) newLiveTail(req liveTailRequest) (*liveTail, *logsError) {
	if n := len(req.LogGroupIdentifiers); n == 0 || n > liveTailGroups {
		return nil, logsInvalid("1 validation error detected: Value at 'logGroupIdentifiers' failed to satisfy constraint: Member must have length between 1 and %d", liveTailGroups)
	}
	match, err := filterPattern(req.LogEventFilterPattern)
	if err != nil {
		return nil, err
	}
	t := &liveTail{server: s, sel: selection{to: 1 << 62, match: match}, next: map[string]int64{}}
	if len(req.LogStreamNames)+len(req.LogStreamNamePrefixes) > 0 {
		t.sel.streams = func(name string) bool {
			for _, n := range req.LogStreamNames {
				if n == name {
					return true
				}
			}
			for _, p := range req.LogStreamNamePrefixes {
				if strings.HasPrefix(name, p) {
					return true
				}
			}
			return false
		}
	}
	s.logs.mu.Lock()
	defer s.logs.mu.Unlock()
	s.logs.deliver()
	for _, id := range req.LogGroupIdentifiers {
		g := s.logs.groups[(&logsRequest{LogGroupIdentifier: id}).group()]
		if g == nil {
			return nil, noLogGroup
		}
		t.groups = append(t.groups, g.name)
		t.next[g.name] = g.first + int64(len(g.events))
	}
	return t, nil
}

// update takes what is new.
func (t *liveTail) update() liveTailUpdate {
	u := liveTailUpdate{SessionResults: []liveTailEvent{}}
	s := t.server
	s.logs.mu.Lock()
	defer s.logs.mu.Unlock()
	s.logs.deliver()
	for _, name := range t.groups {
		g := s.logs.groups[name]
		if g == nil {
			continue
		}
		found, next, more := s.logs.scan(g, t.sel, t.next[name], liveTailEvents-len(u.SessionResults))
		t.next[name] = next
		u.SessionMetadata.Sampled = u.SessionMetadata.Sampled || more
		for _, e := range found {
			u.SessionResults = append(u.SessionResults, liveTailEvent{e.ingested, s.set.AccountID + ":" + name, e.stream.name, e.text, e.at})
		}
	}
	return u
}

// serve sends updates until the client leaves, the server stops or three hours
// are over.
func (t *liveTail) serve(ctx context.Context, w http.ResponseWriter, req liveTailRequest) {
	select {
	case <-time.After(liveTailLead):
	case <-ctx.Done():
		return
	}
	w.Header().Set("Content-Type", "application/vnd.amazon.eventstream")
	w.WriteHeader(http.StatusOK)
	writeFrame(w, "initial-response", "application/x-amz-json-1.1", []byte("{}"))
	writeFrame(w, "sessionStart", "application/json", encodeJSON(liveTailStart{w.Header().Get("X-Amzn-Requestid"), newUUID(), req}))
	again, end := time.NewTicker(liveTailPause), time.NewTimer(liveTailLimit)
	defer again.Stop()
	defer end.Stop()
	for {
		select {
		case <-again.C:
			writeFrame(w, "sessionUpdate", "application/json", encodeJSON(t.update()))
		case <-ctx.Done():
			return
		case <-t.server.stopping:
			return
		case <-end.C:
			return
		}
	}
}
