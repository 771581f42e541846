package emulator

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Tags and retention of log groups. Both are kept and answered; retention
// removes nothing, as events live in memory and are bounded by their size.

// tagMember is a member that is a map of tags in some operations and a list of
// their keys in UntagLogGroup.
type tagMember struct {
	set  map[string]string
	keys []string
}

// UnmarshalJSON implements json.Unmarshaler.
func (m *tagMember) UnmarshalJSON(text []byte) error {
	if len(text) > 0 && text[0] == '[' {
		return json.Unmarshal(text, &m.keys)
	}
	return json.Unmarshal(text, &m.set)
}

// taggedGroup is the group of a request about tags, which names it or gives its
// ARN.
func (s *Server) taggedGroup(q *logsRequest) (*logGroup, *logsError) {
	name := q.group()
	if q.ResourceArn != "" {
		name = groupName(q.ResourceArn)
	}
	g := s.logs.groups[name]
	if g == nil {
		return nil, noLogGroup
	}
	return g, nil
}

func (s *Server) tagLogGroup(q *logsRequest) (any, *logsError) {
	g, err := s.taggedGroup(q)
	if err != nil {
		return nil, err
	}
	tags := maps.Clone(g.tags)
	if tags == nil {
		tags = map[string]string{}
	}
	maps.Copy(tags, q.Tags.set)
	const most = 50 // CloudWatch Logs quotas, tags of a log group
	if len(tags) > most {
		return nil, &logsError{kind: "TooManyTagsException", text: fmt.Sprintf("The resource can have no more than %d tags.", most)}
	}
	g.tags = tags
	return nil, nil
}

func (s *Server) untagLogGroup(q *logsRequest) (any, *logsError) {
	g, err := s.taggedGroup(q)
	if err != nil {
		return nil, err
	}
	for _, key := range slices.Concat(q.Tags.keys, q.TagKeys) {
		delete(g.tags, key)
	}
	return nil, nil
}

func (s *Server) listLogTags(q *logsRequest) (any, *logsError) {
	g, err := s.taggedGroup(q)
	if err != nil {
		return nil, err
	}
	tags := map[string]string{}
	maps.Copy(tags, g.tags)
	return map[string]any{"tags": tags}, nil
}

// retentions are the days that a retention may have (CloudWatch Logs API
// reference, PutRetentionPolicy).
var retentions = []int{1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653}

func (s *Server) putRetention(q *logsRequest) (any, *logsError) {
	g := s.logs.groups[q.group()]
	switch {
	case g == nil:
		return nil, noLogGroup
	case !slices.Contains(retentions, q.RetentionInDays):
		return nil, logsInvalid("1 validation error detected: Value '%d' at 'retentionInDays' failed to satisfy constraint: Member must satisfy enum value set: [%s]",
			q.RetentionInDays, strings.Trim(fmt.Sprint(retentions), "[]"))
	}
	g.retention = q.RetentionInDays
	return nil, nil
}

func (s *Server) deleteRetention(q *logsRequest) (any, *logsError) {
	g := s.logs.groups[q.group()]
	if g == nil {
		return nil, noLogGroup
	}
	g.retention = 0
	return nil, nil
}
