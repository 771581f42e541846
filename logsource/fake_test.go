package logsource_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// fakeLogs is CloudWatch Logs, as far as it is documented, over HTTP: JSON 1.1
// with X-Amz-Target. What it does badly is drawn from rng.
type fakeLogs struct {
	mu     sync.Mutex
	rng    *rand.Rand
	group  string
	events []fakeEvent
	calls  map[string]int
	hosts  map[string]string // operation to the Host it was sent to
	last   map[string]map[string]any

	pageSize   int
	throttle   float64 // share of requests that are throttled
	expire     float64 // share of page tokens that are refused
	duplicate  float64 // share of events that a listing repeats
	emptyPages float64 // share of pages that are empty though more follow
	shuffle    bool    // listings are in no order
	queryLimit int
	running    int // answers "Running" of each query
	refuse     map[string]string

	tail tailScript

	tokens  map[string]*listing
	queries map[string]*query
	serial  int
}

type fakeEvent struct {
	id, stream, message string
	at                  int64
	visible             time.Time // when it is delivered
}

type listing struct {
	rest []fakeEvent
}

type query struct {
	rows    []fakeEvent
	matched int
	running int
}

func newFake(group string) *fakeLogs {
	return &fakeLogs{
		group: group, rng: rand.New(rand.NewPCG(1, 2)), calls: map[string]int{}, hosts: map[string]string{}, last: map[string]map[string]any{},
		pageSize: 100, queryLimit: 10000, refuse: map[string]string{}, tokens: map[string]*listing{}, queries: map[string]*query{},
	}
}

func (f *fakeLogs) add(stream, message string, at, visible time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.events = append(f.events, fakeEvent{id: fmt.Sprintf("%056d", len(f.events)), stream: stream, message: message, at: at.UnixMilli(), visible: visible})
}

func (f *fakeLogs) count(op string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.calls[op]
}

// apiError is an answer in the form of JSON 1.1.
type apiError struct{ code, message string }

func (e *apiError) Error() string { return e.code + ": " + e.message }

func (f *fakeLogs) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	op := strings.TrimPrefix(r.Header.Get("X-Amz-Target"), "Logs_20140328.")
	var in map[string]any
	body, err := io.ReadAll(r.Body)
	if err == nil {
		err = json.Unmarshal(body, &in)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	if op == "StartLiveTail" {
		f.liveTail(w, r, in)
		return
	}
	f.mu.Lock()
	out, refusal := f.answer(op, r.Host, in)
	f.mu.Unlock()
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	w.Header().Set("X-Amzn-Requestid", "00000000-0000-0000-0000-000000000000")
	if refusal != nil {
		w.WriteHeader(http.StatusBadRequest)
		_ = json.NewEncoder(w).Encode(map[string]string{"__type": refusal.code, "message": refusal.message})
		return
	}
	_ = json.NewEncoder(w).Encode(out)
}

func (f *fakeLogs) admit(op, host string, in map[string]any) *apiError {
	f.calls[op]++
	f.hosts[op] = host
	f.last[op] = in
	if code := f.refuse[op]; code != "" {
		code, message, _ := strings.Cut(code, ": ")
		return &apiError{code, message}
	}
	if f.rng.Float64() < f.throttle {
		return &apiError{"ThrottlingException", "Rate exceeded"}
	}
	return nil
}

func (f *fakeLogs) answer(op, host string, in map[string]any) (any, *apiError) {
	if err := f.admit(op, host, in); err != nil {
		return nil, err
	}
	switch op {
	case "FilterLogEvents":
		return f.filter(in)
	case "DescribeLogStreams":
		return f.describeStreams(in)
	case "GetLogEvents":
		return f.get(in)
	case "DescribeLogGroups":
		return map[string]any{"logGroups": []map[string]any{
			{"logGroupName": f.group + "-other", "logGroupArn": "arn:aws:logs:eu-west-1:123456789012:log-group:" + f.group + "-other"},
			{"logGroupName": f.group, "arn": f.arn() + ":*", "logGroupArn": f.arn()},
		}}, nil
	case "StartQuery":
		return f.startQuery(in)
	case "GetQueryResults":
		return f.queryResults(in)
	case "StopQuery":
		return map[string]any{"success": true}, nil
	}
	return nil, &apiError{"UnknownOperationException", op}
}

func (f *fakeLogs) arn() string { return "arn:aws:logs:eu-west-1:123456789012:log-group:" + f.group }

func (f *fakeLogs) wrongGroup(in map[string]any) *apiError {
	name, _ := in["logGroupName"].(string)
	if id, ok := in["logGroupIdentifier"].(string); ok {
		name = strings.TrimPrefix(id, "arn:aws:logs:eu-west-1:123456789012:log-group:")
	}
	if name != f.group {
		return &apiError{"ResourceNotFoundException", "The specified log group does not exist."}
	}
	return nil
}

func number(in map[string]any, key string, otherwise int64) int64 {
	if v, ok := in[key].(float64); ok {
		return int64(v)
	}
	return otherwise
}

// visible lists delivered events of a span, both ends included, in the order
// that the script asks for.
func (f *fakeLogs) visible(from, to int64) []fakeEvent {
	var out []fakeEvent
	for _, e := range f.events {
		if e.at < from || e.at > to || time.Now().Before(e.visible) {
			continue
		}
		out = append(out, e)
		if f.rng.Float64() < f.duplicate {
			out = append(out, e)
		}
	}
	if f.shuffle {
		f.rng.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
	} else {
		slices.SortStableFunc(out, func(a, b fakeEvent) int { return cmp.Compare(a.at, b.at) })
	}
	return out
}

// page cuts the next page off a listing and gives the token of the rest.
func (f *fakeLogs) page(in map[string]any, first func() []fakeEvent) (page []fakeEvent, next string, err *apiError) {
	l := &listing{}
	if token, ok := in["nextToken"].(string); ok {
		l = f.tokens[token]
		if l == nil || f.rng.Float64() < f.expire {
			return nil, "", &apiError{"InvalidParameterException", "The specified nextToken is invalid."}
		}
		l = &listing{rest: slices.Clone(l.rest)}
	} else {
		l.rest = first()
	}
	n := min(f.pageSize, len(l.rest))
	if f.rng.Float64() < f.emptyPages {
		n = 0
	}
	page, l.rest = l.rest[:n], l.rest[n:]
	if len(l.rest) > 0 {
		f.serial++
		next = "token-" + strconv.Itoa(f.serial)
		f.tokens[next] = l
	}
	return page, next, nil
}

func (f *fakeLogs) filter(in map[string]any) (any, *apiError) {
	if err := f.wrongGroup(in); err != nil {
		return nil, err
	}
	page, next, err := f.page(in, func() []fakeEvent {
		return f.visible(number(in, "startTime", 0), number(in, "endTime", 1<<62))
	})
	if err != nil {
		return nil, err
	}
	events := []map[string]any{}
	for _, e := range page {
		events = append(events, map[string]any{"eventId": e.id, "logStreamName": e.stream, "timestamp": e.at, "message": e.message, "ingestionTime": e.at + 1})
	}
	out := map[string]any{"events": events}
	if next != "" {
		out["nextToken"] = next
	}
	return out, nil
}

func (f *fakeLogs) describeStreams(in map[string]any) (any, *apiError) {
	if err := f.wrongGroup(in); err != nil {
		return nil, err
	}
	type stream struct {
		name        string
		first, last int64
	}
	found := map[string]*stream{}
	for _, e := range f.visible(0, 1<<62) {
		s := found[e.stream]
		if s == nil {
			s = &stream{name: e.stream, first: e.at}
			found[e.stream] = s
		}
		s.first, s.last = min(s.first, e.at), max(s.last, e.at)
	}
	var list []*stream
	for _, s := range found {
		list = append(list, s)
	}
	slices.SortFunc(list, func(a, b *stream) int { return cmp.Or(cmp.Compare(b.last, a.last), cmp.Compare(a.name, b.name)) })
	from := 0
	if token, ok := in["nextToken"].(string); ok {
		from, _ = strconv.Atoi(token)
	}
	to := min(from+max(1, f.pageSize/4), len(list))
	streams := []map[string]any{}
	for _, s := range list[min(from, to):to] {
		streams = append(streams, map[string]any{"logStreamName": s.name, "firstEventTimestamp": s.first, "lastEventTimestamp": s.last})
	}
	out := map[string]any{"logStreams": streams}
	if to < len(list) {
		out["nextToken"] = strconv.Itoa(to)
	}
	return out, nil
}

func (f *fakeLogs) get(in map[string]any) (any, *apiError) {
	if err := f.wrongGroup(in); err != nil {
		return nil, err
	}
	token, given := in["nextToken"].(string)
	if given && strings.HasPrefix(token, "end-") {
		return map[string]any{"events": []any{}, "nextForwardToken": token}, nil
	}
	page, next, err := f.page(in, func() []fakeEvent {
		all := f.visible(number(in, "startTime", 0), number(in, "endTime", 1<<62)-1)
		return slices.DeleteFunc(all, func(e fakeEvent) bool { return e.stream != in["logStreamName"] })
	})
	if err != nil {
		return nil, err
	}
	if next == "" {
		f.serial++
		next = "end-" + strconv.Itoa(f.serial)
	}
	events := []map[string]any{}
	for _, e := range page {
		events = append(events, map[string]any{"timestamp": e.at, "message": e.message, "ingestionTime": e.at + 1})
	}
	return map[string]any{"events": events, "nextForwardToken": next}, nil
}

var exactWindow = regexp.MustCompile(`filter toMillis\(@timestamp\) >= (\d+) and toMillis\(@timestamp\) <= (\d+)`)

func (f *fakeLogs) startQuery(in map[string]any) (any, *apiError) {
	if err := f.wrongGroup(in); err != nil {
		return nil, err
	}
	from, to := number(in, "startTime", 0)*1000, number(in, "endTime", 0)*1000
	if m := exactWindow.FindStringSubmatch(in["queryString"].(string)); m != nil {
		a, _ := strconv.ParseInt(m[1], 10, 64)
		b, _ := strconv.ParseInt(m[2], 10, 64)
		from, to = max(from, a), min(to, b)
	}
	rows := f.visible(from, to)
	limit := min(f.queryLimit, int(number(in, "limit", 10000)))
	f.serial++
	id := "query-" + strconv.Itoa(f.serial)
	f.queries[id] = &query{rows: rows[:min(limit, len(rows))], matched: len(rows), running: f.running}
	return map[string]any{"queryId": id}, nil
}

func (f *fakeLogs) queryResults(in map[string]any) (any, *apiError) {
	q := f.queries[in["queryId"].(string)]
	if q.running > 0 {
		q.running--
		return map[string]any{"status": "Running", "results": rowsOf(q.rows[:len(q.rows)/2])}, nil
	}
	return map[string]any{"status": "Complete", "results": rowsOf(q.rows), "statistics": map[string]any{"recordsMatched": q.matched, "recordsScanned": q.matched, "bytesScanned": 1}}, nil
}

func rowsOf(events []fakeEvent) any {
	rows := [][]map[string]string{}
	for _, e := range events {
		rows = append(rows, []map[string]string{
			{"field": "@timestamp", "value": time.UnixMilli(e.at).UTC().Format("2006-01-02 15:04:05.000")},
			{"field": "@logStream", "value": e.stream},
			{"field": "@message", "value": e.message},
			{"field": "@ptr", "value": "ptr-" + e.id},
		})
	}
	return rows
}
