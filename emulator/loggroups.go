package emulator

import (
	"cmp"
	"regexp"
	"slices"
	"strings"
)

type logGroupJSON struct {
	Arn                       string `json:"arn"`
	CreationTime              int64  `json:"creationTime"`
	DeletionProtectionEnabled *bool  `json:"deletionProtectionEnabled,omitempty"`
	LogGroupArn               string `json:"logGroupArn"`
	LogGroupClass             string `json:"logGroupClass"`
	LogGroupName              string `json:"logGroupName"`
	MetricFilterCount         int    `json:"metricFilterCount"`
	RetentionInDays           int    `json:"retentionInDays,omitempty"`
	StoredBytes               *int64 `json:"storedBytes,omitempty"`
}

func (s *Server) logGroupARN(name string) string {
	return "arn:aws:logs:" + s.set.Region + ":" + s.set.AccountID + ":log-group:" + name
}

func (s *Server) describeLogGroups(q *logsRequest) (any, *logsError) {
	limit, err := q.limit(50, 50)
	if err != nil {
		return nil, err
	}
	if q.LogGroupNamePrefix != "" && q.LogGroupNamePattern != "" {
		return nil, logsInvalid("LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters.")
	}
	list := s.logs.sortedGroups(func(name string) bool {
		return strings.HasPrefix(name, q.LogGroupNamePrefix) && strings.Contains(name, q.LogGroupNamePattern)
	})
	page, next, err := cut(list, q.NextToken, "g", limit)
	if err != nil {
		return nil, err
	}
	answer := struct {
		LogGroups []logGroupJSON `json:"logGroups"`
		NextToken string         `json:"nextToken,omitempty"`
	}{[]logGroupJSON{}, next}
	for _, g := range page {
		d := logGroupJSON{
			Arn: s.logGroupARN(g.name) + ":*", CreationTime: g.created.UnixMilli(), LogGroupArn: s.logGroupARN(g.name),
			LogGroupClass: "STANDARD", LogGroupName: g.name, RetentionInDays: g.retention,
		}
		if q.LogGroupNamePattern == "" { // recorded so: a search shows less
			stored := g.bytes
			d.DeletionProtectionEnabled, d.StoredBytes = new(bool), &stored
		}
		answer.LogGroups = append(answer.LogGroups, d)
	}
	return answer, nil
}

type logGroupSummary struct {
	LogGroupArn   string `json:"logGroupArn"`
	LogGroupClass string `json:"logGroupClass"`
	LogGroupName  string `json:"logGroupName"`
}

// listLogGroups takes the pattern as a regular expression, as documented for
// ListLogGroups.
func (s *Server) listLogGroups(q *logsRequest) (any, *logsError) {
	limit, bad := q.limit(50, 1000)
	if bad != nil {
		return nil, bad
	}
	form, err := regexp.Compile(q.LogGroupNamePattern)
	if err != nil {
		return nil, logsInvalid("Invalid regular expression in logGroupNamePattern: %v", err)
	}
	page, next, bad := cut(s.logs.sortedGroups(form.MatchString), q.NextToken, "g", limit)
	if bad != nil {
		return nil, bad
	}
	answer := struct {
		LogGroups []logGroupSummary `json:"logGroups"`
		NextToken string            `json:"nextToken,omitempty"`
	}{[]logGroupSummary{}, next}
	for _, g := range page {
		answer.LogGroups = append(answer.LogGroups, logGroupSummary{s.logGroupARN(g.name), "STANDARD", g.name})
	}
	return answer, nil
}

type logStreamJSON struct {
	Arn                 string `json:"arn"`
	CreationTime        int64  `json:"creationTime"`
	FirstEventTimestamp int64  `json:"firstEventTimestamp,omitempty"`
	LastEventTimestamp  int64  `json:"lastEventTimestamp,omitempty"`
	LastIngestionTime   int64  `json:"lastIngestionTime,omitempty"`
	LogStreamName       string `json:"logStreamName"`
	StoredBytes         int64  `json:"storedBytes"`
}

func (s *Server) describeLogStreams(q *logsRequest) (any, *logsError) {
	limit, err := q.limit(50, 50)
	if err != nil {
		return nil, err
	}
	g := s.logs.groups[q.group()]
	if g == nil {
		return nil, noLogGroup
	}
	var list []*logStream
	for name, stream := range g.streams {
		if strings.HasPrefix(name, q.LogStreamNamePrefix) {
			list = append(list, stream)
		}
	}
	slices.SortFunc(list, func(a, b *logStream) int {
		c := strings.Compare(a.name, b.name)
		if q.OrderBy == "LastEventTime" {
			c = cmp.Or(cmp.Compare(a.lastAt, b.lastAt), c)
		}
		if q.Descending {
			return -c
		}
		return c
	})
	page, next, err := cut(list, q.NextToken, "s"+g.name, limit)
	if err != nil {
		return nil, err
	}
	answer := struct {
		LogStreams []logStreamJSON `json:"logStreams"`
		NextToken  string          `json:"nextToken,omitempty"`
	}{[]logStreamJSON{}, next}
	for _, l := range page {
		answer.LogStreams = append(answer.LogStreams, logStreamJSON{
			Arn: s.logGroupARN(g.name) + ":log-stream:" + l.name, CreationTime: l.created.UnixMilli(),
			FirstEventTimestamp: l.firstAt, LastEventTimestamp: l.lastAt, LastIngestionTime: l.ingested, LogStreamName: l.name,
		})
	}
	return answer, nil
}

func (s *Server) createLogGroup(q *logsRequest) (any, *logsError) {
	switch {
	case len(q.LogGroupName) > 512:
		return nil, logsInvalid("Invalid LogGroup or LogStream, both must have length less than or equal to 512.")
	case q.LogGroupName == "":
		return nil, logsInvalid("1 validation error detected: Value '' at 'logGroupName' failed to satisfy constraint: Member must have length greater than or equal to 1")
	case s.logs.groups[q.LogGroupName] != nil:
		return nil, &logsError{kind: "ResourceAlreadyExistsException", text: "The specified log group already exists"}
	}
	s.logs.group(q.LogGroupName).tags = q.Tags.set
	return nil, nil
}

func (s *Server) createLogStream(q *logsRequest) (any, *logsError) {
	g := s.logs.groups[q.group()]
	switch {
	case g == nil:
		return nil, noLogGroup
	case len(q.LogStreamName) > 512 || q.LogStreamName == "":
		return nil, logsInvalid("Invalid LogGroup or LogStream, both must have length less than or equal to 512.")
	case g.streams[q.LogStreamName] != nil:
		return nil, &logsError{kind: "ResourceAlreadyExistsException", text: "The specified log stream already exists"}
	}
	g.stream(q.LogStreamName)
	return nil, nil
}

func (s *Server) deleteLogGroup(q *logsRequest) (any, *logsError) {
	if s.logs.groups[q.group()] == nil {
		return nil, noLogGroup
	}
	delete(s.logs.groups, q.group())
	return nil, nil
}

func (s *Server) deleteLogStream(q *logsRequest) (any, *logsError) {
	g := s.logs.groups[q.group()]
	switch {
	case g == nil:
		return nil, noLogGroup
	case g.streams[q.LogStreamName] == nil:
		return nil, noLogStream
	}
	g.drop(q.LogStreamName)
	return nil, nil
}
