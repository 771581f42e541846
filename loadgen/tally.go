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
	Start time.Time // offset 0 of every row, with a monotonic reading
}

// tally gathers what the sends tell, in shards so that workers seldom meet. Why
// not one for each worker: docs/decisions/0008.
type tally struct {
	shards  []shard
	cpu     time.Duration
	gc      debug.GCStats
	preconn string        // why fewer connections were opened ahead
	missed  time.Duration // how long after offset 0 everything was ready
}

type shard struct {
	mu       sync.Mutex
	lag      *hdrhistogram.Histogram
	clamped  int64
	dialled  int64   // a connection was opened for it
	bySecond []int64 // by second
	end      time.Duration
	_        [64]byte
}

func newTally() *tally {
	t := &tally{shards: make([]shard, 2*runtime.GOMAXPROCS(0))}
	for i := range t.shards {
		t.shards[i].lag = hdrhistogram.New(1, int64(maxLagRecorded), 3)
	}
	return t
}

// begin reads what is counted from here on.
func (t *tally) begin() {
	t.cpu = processCPU()
	debug.ReadGCStats(&t.gc)
}

// sent counts the row of an attempt.
func (t *tally) sent(id int, row *record.Invocation) {
	if row.Outcome == record.NotSent { // refused by the target itself
		return
	}
	s := &t.shards[id%len(t.shards)]
	s.mu.Lock()
	s.count(row)
	s.mu.Unlock()
}

func (s *shard) count(row *record.Invocation) {
	lag := row.Lag()
	if lag > maxLagRecorded {
		lag = maxLagRecorded
		s.clamped++
	}
	_ = s.lag.RecordValue(int64(max(0, lag))) // in range by now
	if row.Conn.Connect > 0 {
		s.dialled++
	}
	second := int(row.Sent / time.Second)
	if s.bySecond = extend(s.bySecond, second); second < len(s.bySecond) {
		s.bySecond[second]++
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
	s := Stats{Start: g.base}
	s.Scheduled = g.scheduled
	s.MaxInFlight = int64(g.maxInFlight)
	s.Waiter, s.Spin = g.waiter.Name(), g.Spin
	s.Ahead, s.WorkersGrown, s.GrowthDenied = int64(g.Ahead), g.grown, g.denied
	s.InFlightLimit = int64(g.MaxInFlight)
	if g.capReason != record.ErrInFlightCap {
		s.InFlightLimitBy = g.capReason
	}
	s.Abandoned, s.PreconnectError, s.StartMissed = g.abandoned, t.preconn, t.missed
	lag := hdrhistogram.New(1, int64(maxLagRecorded), 3)
	var sent []int64
	for i := range t.shards {
		h := &t.shards[i]
		h.mu.Lock()
		lag.Merge(h.lag)
		s.Lag.Clamped += h.clamped
		s.ConnsGrown += h.dialled
		s.End = max(s.End, h.end)
		for k, n := range h.bySecond {
			sent = extend(sent, k)
			sent[k] += n
		}
		h.mu.Unlock()
	}
	s.Sent = lag.TotalCount()
	s.NotSent = s.Scheduled - s.Sent
	s.AchievedPerSecond = seconds(g.intended, sent)
	summarise(&s.Lag, lag)
	s.Elapsed = max(0, g.now())
	s.CPUSeconds = (processCPU() - t.cpu).Seconds()
	s.addGC(&t.gc)
	return s
}

// summarise sets what l says of the values of h.
func summarise(l *record.Lag, h *hdrhistogram.Histogram) {
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
