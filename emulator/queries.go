package emulator

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"coldbench/emulator/insights"
)

// StartQuery, GetQueryResults, StopQuery and DescribeQueries of the Logs API.

// The states of a query.
const (
	queryScheduled = "Scheduled"
	queryRunning   = "Running"
	queryComplete  = "Complete"
	queryCancelled = "Cancelled"
)

const (
	maxRunningQueries = 30     // CloudWatch Logs quotas, concurrent queries
	maxKeptQueries    = 100    // the oldest ended ones are forgotten beyond it
	maxQueryText      = 10_000 // StartQuery, queryString
	maxQueryGroups    = 50
)

// startedQuery is a query and what it found.
type startedQuery struct {
	id      string
	groups  []string
	text    string // as DescribeQueries shows it
	created time.Time
	from    time.Time // what it is about
	to      time.Time

	mu         sync.Mutex
	status     string
	rows       [][]insights.Field
	statistics queryStatistics
	took       time.Duration
}

type queryStatistics struct {
	BytesScanned            float64 `json:"bytesScanned"`
	EstimatedBytesSkipped   float64 `json:"estimatedBytesSkipped"`
	EstimatedRecordsSkipped float64 `json:"estimatedRecordsSkipped"`
	LogGroupsScanned        float64 `json:"logGroupsScanned"`
	RecordsMatched          float64 `json:"recordsMatched"`
	RecordsScanned          float64 `json:"recordsScanned"`
	ResultCount             float64 `json:"resultCount"`
}

func (q *startedQuery) state() string {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.status
}

// turn moves a query on from one state to the next, unless it was stopped.
func (q *startedQuery) turn(from, to string) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.status != from {
		return false
	}
	q.status = to
	return true
}

func (q *startedQuery) active() bool {
	s := q.state()
	return s == queryScheduled || s == queryRunning
}

// queryGroups are the groups that a query names, in one of three ways.
func (q *logsRequest) queryGroups() ([]string, *logsError) {
	ways, names := 0, slices.Clone(q.LogGroupNames)
	for _, id := range q.LogGroupIdentifiers {
		names = append(names, groupName(id))
	}
	if q.LogGroupName != "" {
		names = append(names, q.LogGroupName)
		ways++
	}
	for _, list := range [][]string{q.LogGroupNames, q.LogGroupIdentifiers} {
		if len(list) > 0 {
			ways++
		}
	}
	if ways != 1 || len(names) > maxQueryGroups {
		return nil, logsInvalid("Exactly one of logGroupName, logGroupNames and logGroupIdentifiers must be given, with at most %d log groups.", maxQueryGroups)
	}
	return names, nil
}

// startQuery compiles a query and runs it in the background. Which events it
// sees is settled here: those that the delay of the log lets be seen now.
func (s *Server) startQuery(q *logsRequest) (any, *logsError) {
	limit, err := q.limit(insights.DefaultRows, insights.MaxRows)
	if err != nil {
		return nil, err
	}
	compiled, groups, err := s.checkQuery(q)
	if err != nil {
		return nil, err
	}
	from, to := *q.StartTime*1000, *q.EndTime*1000+999
	sel := selection{from: from, to: to + 1}
	started := &startedQuery{
		id: newUUID(), groups: groups, created: time.Now(), status: queryScheduled, from: time.UnixMilli(from), to: time.UnixMilli(to),
		text: querySource(groups) + fmt.Sprintf(" START=%d END=%d | %s", from, to, q.QueryString),
	}
	var events []insights.Event
	for _, name := range groups {
		events = append(events, s.queryEvents(name, sel, &started.statistics)...)
	}
	if err := s.keepQuery(started); err != nil {
		return nil, err
	}
	go func() {
		defer s.work.Done()
		started.run(compiled, events, limit, s.stopping)
	}()
	return struct {
		QueryID string `json:"queryId"`
	}{started.id}, nil
}

func querySource(groups []string) string {
	var b strings.Builder
	for i, g := range groups {
		if i > 0 {
			b.WriteString(" | ")
		}
		fmt.Fprintf(&b, "SOURCE %q", g)
	}
	return b.String()
}

func (s *Server) checkQuery(q *logsRequest) (*insights.Query, []string, *logsError) {
	groups, err := q.queryGroups()
	if err != nil {
		return nil, nil, err
	}
	switch {
	case q.StartTime == nil || q.EndTime == nil:
		return nil, nil, logsInvalid("startTime and endTime must be given.")
	case *q.StartTime < 0 || *q.EndTime < *q.StartTime || *q.EndTime > insights.MaxTime/1000:
		return nil, nil, logsInvalid("startTime must not be after endTime.")
	case q.QueryLanguage != "" && q.QueryLanguage != "CWLI":
		return nil, nil, logsInvalid("The emulator knows the query language CWLI only.")
	case len(q.QueryString) > maxQueryText:
		return nil, nil, logsInvalid("1 validation error detected: Value at 'queryString' failed to satisfy constraint: Member must have length less than or equal to %d", maxQueryText)
	}
	for _, name := range groups {
		if s.logs.groups[name] == nil {
			return nil, nil, &logsError{kind: noLogGroup.kind, text: fmt.Sprintf(
				"Log group '%s' does not exist for account ID '%s' (Service: AWSLogs; Status Code: 400; Error Code: ResourceNotFoundException; Request ID: %s; Proxy: null)",
				name, s.set.AccountID, newUUID())}
		}
	}
	compiled, bad := insights.Compile(q.QueryString)
	if bad != nil {
		return nil, nil, malformed(bad, q.QueryString)
	}
	return compiled, groups, nil
}

// malformed is a compile error as StartQuery answers it.
func malformed(bad *insights.SyntaxError, query string) *logsError {
	return &logsError{
		kind: "MalformedQueryException",
		text: bad.Place(query),
		compile: &queryCompileError{
			Location: queryLocation{bad.Start, bad.End},
			Message:  bad.Text,
		},
	}
}

type queryCompileError struct {
	Location queryLocation `json:"location"`
	Message  string        `json:"message"`
}

type queryLocation struct {
	StartCharOffset int `json:"startCharOffset"`
	EndCharOffset   int `json:"endCharOffset"`
}

// queryEvents are the events of a group in a window.
func (s *Server) queryEvents(name string, sel selection, count *queryStatistics) []insights.Event {
	g := s.logs.groups[name]
	var events []insights.Event
	count.LogGroupsScanned++
	for i := range s.logs.visible(g) {
		e := &g.events[i]
		if !sel.wants(e) {
			continue
		}
		count.RecordsScanned++
		count.BytesScanned += float64(len(e.text))
		events = append(events, insights.Event{
			Group: s.set.AccountID + ":" + name, Stream: e.stream.name, ID: e.id, At: e.at, Ingested: e.ingested, Text: e.text,
		})
	}
	return events
}

// keepQuery adds a query to those that are known, and reserves its goroutine.
func (s *Server) keepQuery(q *startedQuery) *logsError {
	running := 0
	for _, other := range s.logs.queries {
		if other.active() {
			running++
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if running >= maxRunningQueries || s.closing {
		return &logsError{kind: "LimitExceededException", text: "Account maximum query concurrency limit of " + fmt.Sprint(maxRunningQueries) + " reached."}
	}
	s.work.Add(1)
	if len(s.logs.queries) >= maxKeptQueries {
		s.logs.queries = slices.Delete(s.logs.queries, 0, 1)
	}
	s.logs.queries = append(s.logs.queries, q)
	return nil
}

// run runs the query to its end, or until it or the server is stopped.
func (q *startedQuery) run(compiled *insights.Query, events []insights.Event, limit int, stopping <-chan struct{}) {
	if !q.turn(queryScheduled, queryRunning) {
		return
	}
	found := compiled.Run(events, insights.Frame{Started: q.created, From: q.from, To: q.to}, limit, func() bool {
		select {
		case <-stopping:
			q.turn(queryRunning, queryCancelled)
		default:
		}
		return q.state() != queryRunning
	})
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.status != queryRunning {
		return
	}
	q.rows, q.status, q.took = found.Rows, queryComplete, time.Since(q.created)
	q.statistics.RecordsMatched, q.statistics.ResultCount = float64(found.Matched), float64(len(found.Rows))
}

// query finds a query by its id.
func (s *Server) query(id string) (*startedQuery, *logsError) {
	for _, q := range s.logs.queries {
		if q.id == id {
			return q, nil
		}
	}
	return nil, &logsError{kind: noLogGroup.kind, text: "Query " + id + " does not exist."}
}

func (s *Server) getQueryResults(q *logsRequest) (any, *logsError) {
	q.Limit = q.MaxItems
	limit, err := q.limit(insights.DefaultRows, insights.DefaultRows)
	if err != nil {
		return nil, err
	}
	query, err := s.query(q.QueryID)
	if err != nil {
		return nil, err
	}
	query.mu.Lock()
	defer query.mu.Unlock()
	page, next, err := cut(query.rows, q.NextToken, "q"+query.id, limit)
	if err != nil {
		return nil, err
	}
	answer := struct {
		QueryLanguage string             `json:"queryLanguage"`
		Results       [][]insights.Field `json:"results"`
		Statistics    queryStatistics    `json:"statistics"`
		Status        string             `json:"status"`
		NextToken     string             `json:"nextToken,omitempty"`
	}{"CWLI", page, query.statistics, query.status, next}
	if answer.Results == nil {
		answer.Results = [][]insights.Field{}
	}
	return answer, nil
}

func (s *Server) stopQuery(q *logsRequest) (any, *logsError) {
	query, err := s.query(q.QueryID)
	if err != nil {
		return nil, err
	}
	if !query.turn(queryScheduled, queryCancelled) && !query.turn(queryRunning, queryCancelled) {
		return nil, logsInvalid("Query %s is not running.", q.QueryID)
	}
	return map[string]bool{"success": true}, nil
}

type queryInfo struct {
	BytesScanned  float64 `json:"bytesScanned,omitempty"`
	CreateTime    int64   `json:"createTime"`
	LogGroupName  string  `json:"logGroupName"`
	QueryDuration int64   `json:"queryDuration,omitempty"`
	QueryID       string  `json:"queryId"`
	QueryLanguage string  `json:"queryLanguage"`
	QueryString   string  `json:"queryString"`
	Status        string  `json:"status"`
}

// describeQueries lists queries, the newest first.
func (s *Server) describeQueries(q *logsRequest) (any, *logsError) {
	q.Limit = q.MaxResults
	limit, err := q.limit(1000, 1000)
	if err != nil {
		return nil, err
	}
	var list []queryInfo
	for _, known := range slices.Backward(s.logs.queries) {
		known.mu.Lock()
		info := queryInfo{
			known.statistics.BytesScanned, known.created.UnixMilli(), known.groups[0], known.took.Milliseconds(),
			known.id, "CWLI", known.text, known.status,
		}
		known.mu.Unlock()
		if (q.LogGroupName == "" || slices.Contains(known.groups, q.LogGroupName)) && (q.Status == "" || q.Status == info.Status) {
			list = append(list, info)
		}
	}
	page, next, err := cut(list, q.NextToken, "queries", limit)
	if err != nil {
		return nil, err
	}
	return struct {
		Queries   []queryInfo `json:"queries"`
		NextToken string      `json:"nextToken,omitempty"`
	}{append([]queryInfo{}, page...), next}, nil
}
