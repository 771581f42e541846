package loadgen

import (
	"math"
	"runtime"
	"runtime/debug"
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"coldbench/record"
)

// maxLagRecorded is the end of the lag histogram; what is above is clamped to
// it and counted.
const maxLagRecorded = time.Hour

// Stats is what a generator says of itself when a run has ended.
type Stats struct {
	record.GeneratorStats

	Start  time.Time     // offset 0 of every row, with a monotonic reading
	Waiter string        // how due times were waited for
	Spin   time.Duration // that was in force
	Lag    Lag           // of every row that was sent

	Ahead     int   // workers that were ready before the first arrival
	Grown     int64 // workers that were added
	InFlight  int   // the limit that was in force
	Abandoned int64 // attempts that did not return after their context had ended; their goroutines may live on

	// PreconnectError says why fewer connections were opened ahead than asked
	// for; nil where all were.
	PreconnectError error
}

// Lag summarises the generator's own lateness, sent - intended. Quantiles have
// three significant digits.
type Lag struct {
	N                        int64
	P50, P90, P99, P999, Max time.Duration
	Mean                     time.Duration
	Clamped                  int64 // above an hour, counted as an hour
}

// tally gathers what the sends tell, in shards so that workers seldom meet.
type tally struct {
	shards  []shard
	cpu     time.Duration
	gc      debug.GCStats
	preconn error
}

type shard struct {
	mu      sync.Mutex
	lag     *hdrhistogram.Histogram
	clamped int64
	sent    []int64 // by second
	end     time.Duration
	notSent int64 // refused by the target itself
	_       [64]byte
}

func newTally() *tally {
	t := &tally{shards: make([]shard, 2*runtime.GOMAXPROCS(0)), cpu: processCPU()}
	for i := range t.shards {
		t.shards[i].lag = hdrhistogram.New(1, int64(maxLagRecorded), 3)
	}
	debug.ReadGCStats(&t.gc)
	return t
}

// sent counts the row of an attempt.
func (t *tally) sent(id int, row *record.Invocation) {
	s := &t.shards[id%len(t.shards)]
	s.mu.Lock()
	defer s.mu.Unlock()
	if row.Outcome == record.NotSent {
		s.notSent++
		return
	}
	lag := row.Lag()
	if lag > maxLagRecorded {
		lag = maxLagRecorded
		s.clamped++
	}
	_ = s.lag.RecordValue(int64(max(0, lag))) // in range by now
	second := int(row.Sent / time.Second)
	if s.sent = extend(s.sent, second); second < len(s.sent) {
		s.sent[second]++
	}
	s.end = max(s.end, row.Sent, row.Done)
}

// extend makes xs long enough for the index i, up to the longest run.
func extend(xs []int64, i int) []int64 {
	if i >= int(record.MaxDuration/time.Second) {
		return xs
	}
	for len(xs) <= i {
		xs = append(xs, 0)
	}
	return xs
}

// stats sums everything up.
func (g *generator) stats() Stats {
	t := g.tally
	s := Stats{
		Start:           g.base,
		Waiter:          g.waiter.Name(),
		Spin:            g.Spin,
		Ahead:           g.Ahead,
		Grown:           g.grown,
		InFlight:        g.MaxInFlight,
		PreconnectError: t.preconn,
	}
	s.Scheduled = g.scheduled
	s.MaxInFlight = int64(g.maxInFlight)
	s.ConnsGrown, s.GrowthDenied = g.grown, g.denied
	lag := hdrhistogram.New(1, int64(maxLagRecorded), 3)
	var sent []int64
	for i := range t.shards {
		h := &t.shards[i]
		h.mu.Lock()
		lag.Merge(h.lag)
		s.Lag.Clamped += h.clamped
		s.End = max(s.End, h.end)
		for k, n := range h.sent {
			sent = extend(sent, k)
			sent[k] += n
		}
		h.mu.Unlock()
	}
	s.Sent = lag.TotalCount()
	s.NotSent = s.Scheduled - s.Sent
	s.AchievedPerSecond = seconds(g.intended, sent)
	s.Lag.from(lag)
	s.CPUSeconds = (processCPU() - t.cpu).Seconds()
	s.addGC(&t.gc)
	return s
}

func (l *Lag) from(h *hdrhistogram.Histogram) {
	if l.N = h.TotalCount(); l.N == 0 {
		return
	}
	at := func(q float64) time.Duration { return time.Duration(h.ValueAtQuantile(100 * q)) }
	l.P50, l.P90, l.P99, l.P999 = at(0.5), at(0.9), at(0.99), at(0.999)
	l.Max, l.Mean = time.Duration(h.Max()), time.Duration(math.Round(h.Mean()))
}

func seconds(intended, sent []int64) []record.SecondCount {
	out := make([]record.SecondCount, max(len(intended), len(sent)))
	for i, n := range intended {
		out[i].Intended = n
	}
	for i, n := range sent {
		out[i].Sent = n
	}
	return out
}

// addGC sets the pauses of the garbage collector since before was read. The
// longest is looked for among the 256 last, which the runtime keeps.
func (s *Stats) addGC(before *debug.GCStats) {
	var now debug.GCStats
	debug.ReadGCStats(&now)
	s.GCPauses = now.NumGC - before.NumGC
	s.GCPauseTotal = now.PauseTotal - before.PauseTotal
	for i := range min(int(s.GCPauses), len(now.Pause)) {
		s.GCPauseMax = max(s.GCPauseMax, now.Pause[i])
	}
}
