package emulator

import (
	"slices"
	"strings"
	"sync"
	"time"
)

// eventOverhead is what CloudWatch adds to the size of each event.
const eventOverhead = 26

// logStore holds what functions and platform have written, in memory.
type logStore struct {
	limit int64
	delay time.Duration

	mu     sync.Mutex
	groups map[string]*logGroup

	queries []*startedQuery // the oldest first
	trouble logTrouble
}

// logGroup is a bounded queue of events. They are held in the order of their
// arrival, which for everything the emulator writes is the order of time.
type logGroup struct {
	name      string
	created   time.Time
	tags      map[string]string
	retention int // days; 0 = for ever
	events    []logEvent
	first     int64 // number of events[0]; events are numbered from 0
	bytes     int64
	dropped   int64 // events that had to go for newer ones
	ids       int64 // events that were accepted
	streams   map[string]*logStream
}

type logStream struct {
	name     string
	created  time.Time
	firstAt  int64 // milliseconds; 0 = no event
	lastAt   int64
	ingested int64
	bytes    int64
}

type logEvent struct {
	stream   *logStream
	id       int64 // within its group; one that is delivered twice has the same
	at       int64 // milliseconds of the Unix epoch
	ingested int64
	text     string
}

func newLogStore(limit int64, delay time.Duration, faults LogFaults) *logStore {
	return &logStore{limit: limit, delay: delay, groups: map[string]*logGroup{}, trouble: newLogTrouble(faults)}
}

// group finds or makes a group. The lock must be held.
func (s *logStore) group(name string) *logGroup {
	g := s.groups[name]
	if g == nil {
		g = &logGroup{name: name, created: time.Now(), streams: map[string]*logStream{}}
		s.groups[name] = g
	}
	return g
}

func (g *logGroup) stream(name string) *logStream {
	s := g.streams[name]
	if s == nil {
		s = &logStream{name: name, created: time.Now()}
		g.streams[name] = s
	}
	return s
}

// append writes one event. Group and stream are made when they don't exist.
func (s *logStore) append(group, stream string, at time.Time, text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	g := s.group(group)
	s.take(g, logEvent{stream: g.stream(stream), at: at.UnixMilli(), ingested: time.Now().UnixMilli(), text: text})
}

// add makes an event one of those that are shown.
func (g *logGroup) add(e logEvent, limit int64) {
	g.events = append(g.events, e)
	s, size := e.stream, int64(len(e.text)+eventOverhead)
	g.bytes += size
	s.bytes += size
	if s.firstAt == 0 || e.at < s.firstAt {
		s.firstAt = e.at
	}
	s.lastAt, s.ingested = max(s.lastAt, e.at), max(s.ingested, e.ingested)
	g.trim(limit)
}

// trim drops the oldest events beyond limit bytes. The array is copied down
// only when half of it is dropped, so that an event costs constant time.
func (g *logGroup) trim(limit int64) {
	n := 0
	for g.bytes > limit && n < len(g.events)-1 {
		e := &g.events[n]
		if e.stream != nil {
			size := int64(len(e.text) + eventOverhead)
			g.bytes -= size
			e.stream.bytes -= size
			g.dropped++
		}
		*e = logEvent{}
		n++
	}
	g.events = g.events[n:]
	g.first += int64(n)
}

// drop removes a stream and its events.
func (g *logGroup) drop(name string) {
	s := g.streams[name]
	delete(g.streams, name)
	g.bytes -= s.bytes
	for i := range g.events {
		if e := &g.events[i]; e.stream == s {
			*e = logEvent{} // its number stays taken, as tokens count on it
		}
	}
}

// selection is what a reader asks for.
type selection struct {
	streams func(string) bool // nil = all
	from    int64             // milliseconds, inclusive
	to      int64             // exclusive
	match   func(string) bool // nil = all
}

func (q *selection) wants(e *logEvent) bool {
	return e.stream != nil && e.at >= q.from && e.at < q.to &&
		(q.streams == nil || q.streams(e.stream.name)) &&
		(q.match == nil || q.match(e.text))
}

// visible is the number of events of a group that the delay lets be seen now.
func (s *logStore) visible(g *logGroup) int {
	n := len(g.events)
	if s.delay == 0 || s.trouble.Disorder > 0 { // then they were held until now
		return n
	}
	limit := time.Now().Add(-s.delay).UnixMilli()
	for n > 0 && g.events[n-1].ingested > limit {
		n--
	}
	return n
}

// scan gives up to limit events from number start on, and the number to go on
// from; more says whether there may be others.
func (s *logStore) scan(g *logGroup, q selection, start int64, limit int) (found []numbered, next int64, more bool) {
	end, size := s.visible(g), 0
	i := int(max(0, start-g.first))
	for ; i < end; i++ {
		e := &g.events[i]
		if !q.wants(e) {
			continue
		}
		if len(found) == limit || (size > 0 && size+len(e.text) > 1<<20) {
			return found, g.first + int64(i), true
		}
		size += len(e.text)
		found = append(found, numbered{g.first + int64(i), *e})
	}
	return found, g.first + int64(max(i, 0)), false
}

// scanBack gives the last up to limit events before number end, oldest first.
func (s *logStore) scanBack(g *logGroup, q selection, end int64, limit int) []numbered {
	var found []numbered
	for i := int(min(int64(s.visible(g)), end-g.first)) - 1; i >= 0 && len(found) < limit; i-- {
		if e := &g.events[i]; q.wants(e) {
			found = append(found, numbered{g.first + int64(i), *e})
		}
	}
	slices.Reverse(found)
	return found
}

type numbered struct {
	n int64
	logEvent
}

// sortedGroups lists the groups whose name the filter accepts, by name.
func (s *logStore) sortedGroups(accept func(string) bool) []*logGroup {
	var list []*logGroup
	for name, g := range s.groups {
		if accept(name) {
			list = append(list, g)
		}
	}
	slices.SortFunc(list, func(a, b *logGroup) int { return strings.Compare(a.name, b.name) })
	return list
}
