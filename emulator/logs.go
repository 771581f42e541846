package emulator

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"coldbench/emulator/patterns"
)

// The CloudWatch Logs API, JSON 1.1 protocol, version 2014-03-28.

// logsError is an error answer of the Logs API.
type logsError struct {
	kind    string
	text    string
	compile *queryCompileError // of a malformed query
}

func logsInvalid(format string, args ...any) *logsError {
	return &logsError{kind: "InvalidParameterException", text: fmt.Sprintf(format, args...)}
}

var (
	noLogGroup  = &logsError{kind: "ResourceNotFoundException", text: "The specified log group does not exist."}
	noLogStream = &logsError{kind: "ResourceNotFoundException", text: "The specified log stream does not exist."}
	badToken    = &logsError{kind: "InvalidParameterException", text: "The specified nextToken is invalid."}
)

// logsRequest has the members of every operation that is served.
type logsRequest struct {
	LogGroupName        string
	LogGroupIdentifier  string
	LogGroupNamePrefix  string
	LogGroupNamePattern string
	LogStreamName       string
	LogStreamNames      []string
	LogStreamNamePrefix string
	StartTime           *int64
	EndTime             *int64
	FilterPattern       string
	NextToken           string
	Limit               *int
	StartFromHead       bool
	OrderBy             string
	Descending          bool
	Tags                tagMember
	TagKeys             []string
	ResourceArn         string
	RetentionInDays     int
	LogGroupNames       []string
	LogGroupIdentifiers []string
	QueryString         string
	QueryLanguage       string
	QueryID             string
	Status              string
	MaxResults          *int
	MaxItems            *int
	LogEvents           []struct {
		Timestamp int64
		Message   string
	}
}

// group is the group that the request names, by name or by ARN.
func (q *logsRequest) group() string {
	if q.LogGroupName != "" {
		return q.LogGroupName
	}
	return groupName(q.LogGroupIdentifier)
}

// groupName is the name in a group's identifier: a name or an ARN.
func groupName(id string) string {
	if _, name, ok := strings.Cut(id, ":log-group:"); ok {
		return strings.TrimSuffix(name, ":*")
	}
	return id
}

// maxLogsBody is the largest batch that PutLogEvents takes.
const maxLogsBody = 1 << 20

func (s *Server) serveLogs(w http.ResponseWriter, r *http.Request, op string) {
	body, err := readAll(http.MaxBytesReader(w, r.Body, maxLogsBody), r.ContentLength)
	if err != nil {
		writeLogs(w, nil, logsInvalid("Upload too large: %v", err))
		return
	}
	if op == "StartLiveTail" {
		s.startLiveTail(w, r, body)
		return
	}
	var q logsRequest
	if len(body) > 0 {
		if err := json.Unmarshal(body, &q); err != nil {
			writeLogs(w, nil, &logsError{kind: "SerializationException", text: err.Error()})
			return
		}
	}
	call := map[string]func(*logsRequest) (any, *logsError){
		"FilterLogEvents":       s.filterLogEvents,
		"GetLogEvents":          s.getLogEvents,
		"PutLogEvents":          s.putLogEvents,
		"DescribeLogGroups":     s.describeLogGroups,
		"ListLogGroups":         s.listLogGroups,
		"DescribeLogStreams":    s.describeLogStreams,
		"CreateLogGroup":        s.createLogGroup,
		"CreateLogStream":       s.createLogStream,
		"DeleteLogGroup":        s.deleteLogGroup,
		"DeleteLogStream":       s.deleteLogStream,
		"TagLogGroup":           s.tagLogGroup,
		"TagResource":           s.tagLogGroup,
		"UntagLogGroup":         s.untagLogGroup,
		"UntagResource":         s.untagLogGroup,
		"ListTagsLogGroup":      s.listLogTags,
		"ListTagsForResource":   s.listLogTags,
		"PutRetentionPolicy":    s.putRetention,
		"DeleteRetentionPolicy": s.deleteRetention,
		"StartQuery":            s.startQuery,
		"GetQueryResults":       s.getQueryResults,
		"StopQuery":             s.stopQuery,
		"DescribeQueries":       s.describeQueries,
	}[op]
	if call == nil {
		writeLogs(w, nil, &logsError{kind: "UnknownOperationException", text: "The emulator has no operation " + op + " of CloudWatch Logs."})
		return
	}
	if bad := s.logs.refuse(op, q.NextToken); bad != nil {
		writeLogs(w, nil, bad)
		return
	}
	answer, bad := s.callLogs(call, &q)
	writeLogs(w, answer, bad)
}

func (s *Server) startLiveTail(w http.ResponseWriter, r *http.Request, body []byte) {
	var req liveTailRequest
	if err := json.Unmarshal(body, &req); err != nil {
		writeLogs(w, nil, &logsError{kind: "SerializationException", text: err.Error()})
		return
	}
	bad := s.logs.refuse("StartLiveTail", "")
	if bad != nil {
		writeLogs(w, nil, bad)
		return
	}
	t, bad := s.newLiveTail(req)
	if bad != nil {
		writeLogs(w, nil, bad)
		return
	}
	t.serve(r.Context(), w, req)
}

// callLogs holds the store's lock for the call, not while the client reads.
func (s *Server) callLogs(call func(*logsRequest) (any, *logsError), q *logsRequest) (any, *logsError) {
	s.logs.mu.Lock()
	defer s.logs.mu.Unlock()
	s.logs.deliver()
	return call(q)
}

func writeLogs(w http.ResponseWriter, answer any, bad *logsError) {
	status := http.StatusOK
	if bad != nil {
		status = http.StatusBadRequest
		w.Header().Set("X-Amzn-Errortype", bad.kind)
		answer = struct {
			Type    string             `json:"__type"`
			Message string             `json:"message"`
			Compile *queryCompileError `json:"queryCompileError,omitempty"`
		}{bad.kind, bad.text, bad.compile}
	}
	var body []byte
	if answer != nil {
		body = encodeJSON(answer)
	}
	h := w.Header()
	h.Set("Content-Type", "application/x-amz-json-1.1")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body)
}

// selection is what FilterLogEvents and GetLogEvents choose by.
func (q *logsRequest) selection() (selection, *logsError) {
	sel := selection{to: 1 << 62}
	if q.StartTime != nil {
		sel.from = *q.StartTime
	}
	if q.EndTime != nil {
		sel.to = *q.EndTime
	}
	switch {
	case len(q.LogStreamNames) > 0 && q.LogStreamNamePrefix != "":
		return sel, logsInvalid("LogStreamNames and LogStreamNamePrefix are mutually exclusive parameters.")
	case len(q.LogStreamNames) > 0:
		names := make(map[string]bool, len(q.LogStreamNames))
		for _, n := range q.LogStreamNames {
			names[n] = true
		}
		sel.streams = func(n string) bool { return names[n] }
	case q.LogStreamNamePrefix != "":
		sel.streams = func(n string) bool { return strings.HasPrefix(n, q.LogStreamNamePrefix) }
	}
	match, err := filterPattern(q.FilterPattern)
	sel.match = match
	return sel, err
}

// maxPattern is the length of a filter pattern (CloudWatch Logs API reference,
// FilterLogEvents).
const maxPattern = 1024

// filterPattern compiles a filter pattern; nil lets every event through.
func filterPattern(text string) (func(string) bool, *logsError) {
	if len(text) > maxPattern {
		return nil, logsInvalid("1 validation error detected: Value at 'filterPattern' failed to satisfy constraint: Member must have length less than or equal to %d", maxPattern)
	}
	match, bad := patterns.Compile(text)
	if bad != nil {
		return nil, logsInvalid("%s", bad.Text)
	}
	return match, nil
}

type filteredEvent struct {
	EventID       string `json:"eventId"`
	IngestionTime int64  `json:"ingestionTime"`
	LogStreamName string `json:"logStreamName"`
	Message       string `json:"message"`
	Timestamp     int64  `json:"timestamp"`
}

func (s *Server) filterLogEvents(q *logsRequest) (any, *logsError) {
	limit, err := q.limit(10000, 10000)
	if err != nil {
		return nil, err
	}
	g := s.logs.groups[q.group()]
	if g == nil {
		return nil, noLogGroup
	}
	sel, err := q.selection()
	if err != nil {
		return nil, err
	}
	var start int64
	if q.NextToken != "" {
		kind, n, err := readToken(q.NextToken, g.name)
		if err != nil || kind != "e" {
			return nil, badToken
		}
		start = n
	}
	found, next, more := s.logs.scan(g, sel, start, limit)
	answer := struct {
		Events             []filteredEvent `json:"events"`
		NextToken          string          `json:"nextToken,omitempty"`
		SearchedLogStreams []struct{}      `json:"searchedLogStreams"`
	}{Events: make([]filteredEvent, 0, len(found)), SearchedLogStreams: []struct{}{}}
	for _, e := range found {
		answer.Events = append(answer.Events, filteredEvent{fmt.Sprintf("%056d", e.id), e.ingested, e.stream.name, e.text, e.at})
	}
	if more {
		answer.NextToken = token("e", g.name, next)
	}
	return answer, nil
}

type outputEvent struct {
	IngestionTime int64  `json:"ingestionTime"`
	Message       string `json:"message"`
	Timestamp     int64  `json:"timestamp"`
}

// getLogEvents pages both ways. At an end the same token comes back, which is
// how clients know it.
func (s *Server) getLogEvents(q *logsRequest) (any, *logsError) {
	limit, err := q.limit(10000, 10000)
	if err != nil {
		return nil, err
	}
	g := s.logs.groups[q.group()]
	if g == nil {
		return nil, noLogGroup
	}
	if g.streams[q.LogStreamName] == nil {
		return nil, noLogStream
	}
	q.LogStreamNames, q.LogStreamNamePrefix = []string{q.LogStreamName}, ""
	sel, err := q.selection()
	if err != nil {
		return nil, err
	}
	kind, at := "b", int64(1)<<62
	if q.StartFromHead {
		kind, at = "f", 0
	}
	if q.NextToken != "" {
		if kind, at, err = readToken(q.NextToken, g.name+q.LogStreamName); err != nil {
			return nil, err
		}
	}
	found := s.page(g, sel, kind, at, limit)
	first, last := at, at
	if n := len(found); n > 0 {
		first, last = found[0].n, found[n-1].n+1
	} else if at > g.first+int64(len(g.events)) {
		first, last = g.first+int64(len(g.events)), g.first+int64(len(g.events))
	}
	answer := struct {
		Events            []outputEvent `json:"events"`
		NextBackwardToken string        `json:"nextBackwardToken"`
		NextForwardToken  string        `json:"nextForwardToken"`
	}{[]outputEvent{}, token("b", g.name+q.LogStreamName, first), token("f", g.name+q.LogStreamName, last)}
	for _, e := range found {
		answer.Events = append(answer.Events, outputEvent{e.ingested, e.text, e.at})
	}
	return answer, nil
}

func (s *Server) page(g *logGroup, sel selection, kind string, at int64, limit int) []numbered {
	if kind == "f" {
		found, _, _ := s.logs.scan(g, sel, at, limit)
		return found
	}
	return s.logs.scanBack(g, sel, at, limit)
}

// putLogEvents writes a client's own events.
func (s *Server) putLogEvents(q *logsRequest) (any, *logsError) {
	g := s.logs.groups[q.group()]
	if g == nil {
		return nil, noLogGroup
	}
	stream := g.streams[q.LogStreamName]
	if stream == nil {
		return nil, noLogStream
	}
	now := time.Now()
	oldest, newest := now.Add(-14*24*time.Hour).UnixMilli(), now.Add(2*time.Hour).UnixMilli()
	for i := 1; i < len(q.LogEvents); i++ {
		if q.LogEvents[i].Timestamp < q.LogEvents[i-1].Timestamp {
			return nil, logsInvalid("Log events in a single PutLogEvents request must be in chronological order.")
		}
	}
	rejected := map[string]int{}
	for i, e := range q.LogEvents {
		switch {
		case e.Timestamp < oldest:
			rejected["tooOldLogEventEndIndex"] = i + 1
		case e.Timestamp > newest:
			if _, ok := rejected["tooNewLogEventStartIndex"]; !ok {
				rejected["tooNewLogEventStartIndex"] = i
			}
		default:
			s.logs.take(g, logEvent{stream: stream, at: e.Timestamp, ingested: now.UnixMilli(), text: e.Message})
		}
	}
	answer := map[string]any{"nextSequenceToken": token("s", g.name, g.first+int64(len(g.events)))}
	if len(rejected) > 0 {
		answer["rejectedLogEventsInfo"] = rejected
	}
	return answer, nil
}
