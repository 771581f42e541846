package emulator

import (
	"container/heap"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"
)

// LogFaults make the Logs API as awkward for its readers as CloudWatch Logs
// can be, so that they can be tested. The zero value makes it well-behaved.
// What comes of a fault depends on Seed and on the order of the requests.
type LogFaults struct {
	Seed uint64
	// Disorder is by how much more than Options.LogDelay an event may be late:
	// each is shown after a time of its own, drawn evenly from 0 to Disorder,
	// and pages are in the order in which events came to be shown.
	Disorder time.Duration
	// Duplicates is the share of events, from 0 to 1, that are delivered twice:
	// with the same id, time and text, each with its own lateness.
	Duplicates float64
	// Throttle is the share of reading requests, from 0 to less than 1, that are
	// answered with ThrottlingException.
	Throttle float64
	// ExpiredTokens is the share of requests with a page token, from 0 to less
	// than 1, whose token is refused, as the service refuses one after its 24
	// hours. The same token may be taken when it is sent again.
	ExpiredTokens float64
}

func (f LogFaults) check() error {
	switch {
	case f.Disorder < 0:
		return fmt.Errorf("log faults: disorder %v is negative", f.Disorder)
	case !(f.Duplicates >= 0 && f.Duplicates <= 1):
		return fmt.Errorf("log faults: a share of duplicates of %v is not in 0 to 1", f.Duplicates)
	case !(f.Throttle >= 0 && f.Throttle < 1):
		return fmt.Errorf("log faults: a share of throttled requests of %v is not in 0 to 1", f.Throttle)
	case !(f.ExpiredTokens >= 0 && f.ExpiredTokens < 1):
		return fmt.Errorf("log faults: a share of expired tokens of %v is not in 0 to 1", f.ExpiredTokens)
	}
	return nil
}

// String is the faults as the record of a run shows them.
func (f LogFaults) String() string {
	if f == (LogFaults{}) {
		return "none"
	}
	return fmt.Sprintf("seed %d, disorder %v, duplicates %g, throttle %g, expired tokens %g",
		f.Seed, f.Disorder, f.Duplicates, f.Throttle, f.ExpiredTokens)
}

// logTrouble brings the faults about. The lock of the store guards it.
type logTrouble struct {
	LogFaults
	rng  *rand.Rand
	held heldEvents
}

func newLogTrouble(f LogFaults) logTrouble {
	return logTrouble{LogFaults: f, rng: rand.New(rand.NewPCG(f.Seed, 0x6c6f6773))}
}

// heldEvent is an event on its way.
type heldEvent struct {
	due   time.Time
	group *logGroup
	event logEvent
}

// heldEvents is a heap, the next to be shown on top.
type heldEvents []heldEvent

// Len implements heap.Interface.
func (h heldEvents) Len() int { return len(h) }

// Less implements heap.Interface.
func (h heldEvents) Less(i, j int) bool { return h[i].due.Before(h[j].due) }

// Swap implements heap.Interface.
func (h heldEvents) Swap(i, j int) { h[i], h[j] = h[j], h[i] }

// Push implements heap.Interface.
func (h *heldEvents) Push(e any) { *h = append(*h, e.(heldEvent)) }

// Pop implements heap.Interface.
func (h *heldEvents) Pop() any {
	old := *h
	e := old[len(old)-1]
	old[len(old)-1] = heldEvent{}
	*h = old[:len(old)-1]
	return e
}

var _ heap.Interface = (*heldEvents)(nil)

// take accepts an event: it is shown at once, or held until it is due, once or
// twice.
func (s *logStore) take(g *logGroup, e logEvent) {
	g.ids++
	e.id = g.ids
	copies := 1
	if s.trouble.Duplicates > 0 && s.trouble.rng.Float64() < s.trouble.Duplicates {
		copies = 2
	}
	for range copies {
		if s.trouble.Disorder == 0 {
			g.add(e, s.limit)
			continue
		}
		late := time.Duration(s.trouble.rng.Int64N(int64(s.trouble.Disorder) + 1))
		heap.Push(&s.trouble.held, heldEvent{time.Now().Add(s.delay + late), g, e})
	}
}

// deliver shows the held events that are due. The lock must be held.
func (s *logStore) deliver() {
	now := time.Now()
	for len(s.trouble.held) > 0 && !s.trouble.held[0].due.After(now) {
		h := heap.Pop(&s.trouble.held).(heldEvent)
		if s.groups[h.group.name] == h.group && h.group.streams[h.event.stream.name] == h.event.stream {
			h.group.add(h.event, s.limit)
		}
	}
}

var throttled = &logsError{kind: "ThrottlingException", text: "Rate exceeded"}

// refuse draws whether a request meets a fault.
func (s *logStore) refuse(op, nextToken string) *logsError {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := &s.trouble
	reads := strings.HasPrefix(op, "Get") || strings.HasPrefix(op, "Describe") || strings.HasPrefix(op, "Start") || op == "FilterLogEvents"
	switch {
	case t.Throttle > 0 && reads && t.rng.Float64() < t.Throttle:
		return throttled
	case t.ExpiredTokens > 0 && nextToken != "" && t.rng.Float64() < t.ExpiredTokens:
		return badToken
	}
	return nil
}
