package reports

import (
	"fmt"
	"iter"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"coldbench/record"
)

// A scene is a constructed run: rows as a client would have written them and
// what the platform said. Everything in it follows from a fixed seed.
type scene struct {
	plan    *record.Plan
	gen     *record.GeneratorStats
	host    *record.Host
	rows    []record.Joined
	rnd     *rand.Rand
	missing int64
}

func newScene(load record.Load) *scene {
	return &scene{
		plan: &record.Plan{
			Schema: record.PlanSchema, Name: "hello", Verb: string(load.Shape), Seed: 7, Provenance: record.Emulated,
			Target:    "emulated:hello",
			Functions: []record.Function{{Name: "hello", Runtime: "provided.al2023", Arch: "x86_64", MemoryMB: 512, Package: record.PackageBuiltin}},
			Load:      load, Timeout: record.Duration(time.Minute), MaxInFlight: 1000, ExpectReports: true,
			Emulator:  map[string]string{"keep_alive": "uniform:5m0s,7m0s"},
			StartedAt: time.Date(2026, 11, 23, 17, 30, 0, 0, time.UTC), Tool: "coldbench test",
		},
		gen: &record.GeneratorStats{},
		rnd: rand.New(rand.NewPCG(7, 11)),
	}
}

// around draws from a lognormal distribution with the given median in ms.
func (s *scene) around(median, sigma float64) float64 {
	return median * math.Exp(sigma*s.rnd.NormFloat64())
}

func ms(v float64) time.Duration { return time.Duration(v * 1e6) }

// ok adds a row that a function answered.
func (s *scene) ok(at time.Duration, tag record.Tag, start record.Start, env string) *record.Joined {
	init, work, rest := 0.0, s.around(2.1, 0.35), s.around(1.4, 0.3)
	switch start {
	case record.StartCold:
		init, rest = s.around(31, 0.12), s.around(9, 0.25)
	case record.StartRestored:
		rest = s.around(5, 0.25)
	}
	p := &record.Platform{
		Kind: record.KindReport, DurationMs: record.Some(work), BilledDurationMs: record.Some(math.Ceil(work + init)),
		MemorySizeMB: record.Some(512.0), MaxMemoryUsedMB: record.Some(math.Round(s.around(24, 0.05))), LogStream: env, Start: start,
	}
	if init > 0 {
		p.InitDurationMs = record.Some(init)
	}
	if start == record.StartRestored {
		p.RestoreDurationMs = record.Some(s.around(18, 0.15))
		init = p.RestoreDurationMs.Value
	}
	sent := at + ms(s.around(0.04, 0.4))
	seq := int64(len(s.rows))
	j := record.Joined{
		Invocation: record.Invocation{
			Seq: seq, Tag: tag, Phase: record.PhaseMeasure, Intended: at, Sent: sent,
			FirstByte: sent + ms(rest+init+work-0.05), Done: sent + ms(rest+init+work),
			Outcome: record.OK, Status: 200, RequestID: fmt.Sprintf("00000000-0000-4000-8000-%012x", seq),
		},
		Platform: p, Start: start,
	}
	s.rows = append(s.rows, j)
	return &s.rows[len(s.rows)-1]
}

// failed adds a row that did not end well, without a REPORT.
func (s *scene) failed(at time.Duration, o record.Outcome, kind, text string) {
	j := record.Joined{Invocation: record.Invocation{Seq: int64(len(s.rows)), Intended: at, Outcome: o, ErrorType: kind, Error: text}, Start: record.StartUnknown}
	if o != record.NotSent {
		j.Sent = at + ms(0.05)
		j.Done = j.Sent + ms(s.around(3, 0.2))
	}
	s.rows = append(s.rows, j)
}

// source is what Build would hand to assemble.
func (s *scene) source() source {
	s.plan.Arrivals = max(s.plan.Arrivals, int64(len(s.rows)))
	envs := map[string]bool{}
	c := record.JoinCounts{Missing: s.missing}
	for i := range s.rows {
		if s.rows[i].Platform != nil {
			c.Matched++
			envs[s.rows[i].Platform.LogStream] = true
		}
	}
	c.Expected, c.Environments = c.Matched+c.Missing, len(envs)
	return source{
		plan: s.plan, host: s.host, generator: s.gen, dir: "runs/20261123T173000Z-" + s.plan.Verb + "-hello", rows: s.all(),
		counts: func() record.JoinCounts { return c }, warnings: func() []record.Warning { return nil },
	}
}

func (s *scene) all() iter.Seq2[record.Joined, error] {
	return func(yield func(record.Joined, error) bool) {
		for _, j := range s.rows {
			if !yield(j, nil) {
				return
			}
		}
	}
}

func (s *scene) report(t testing.TB) *Report {
	t.Helper()
	r, err := assemble(s.source(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// spiky is a run of 30 s: a base of 5/s and bursts of 40 at 5, 15 and 25 s, of
// which the first finds no environment.
func spiky() *scene {
	s := newScene(record.Load{
		Shape: record.ShapeSpiky, Duration: record.Duration(30 * time.Second), BaseRate: 5, Burst: 40,
		Every: record.Duration(10 * time.Second), Offset: record.Duration(5 * time.Second),
	})
	s.fill(30*time.Second, 5, 40, 10*time.Second, 5*time.Second)
	s.gen = troubled()
	s.host = &record.Host{OS: "linux", Arch: "amd64", CPUs: 2, GOMAXPROCS: 2, Clock: "timerfd", OpenFileLimit: 1024, Limits: map[string]string{"local_ports": "28232"}}
	return s
}

// troubled is what a generator says that had some trouble with the second burst
// of spiky: 25 of its 45 requests left a second late, two of them an hour.
func troubled() *record.GeneratorStats {
	g := &record.GeneratorStats{
		Scheduled: 270, Sent: 270, MaxInFlight: 65,
		Lag:    record.Lag{N: 270, P50: 41 * time.Microsecond, P90: 90 * time.Microsecond, P99: 950 * time.Millisecond, P999: time.Hour, Max: time.Hour, Mean: 27 * time.Second, Clamped: 2},
		Waiter: "timerfd", Spin: 80 * time.Microsecond, Elapsed: 31 * time.Second, CPUSeconds: 0.62,
		GCPauses: 3, GCPauseTotal: 410 * time.Microsecond, GCPauseMax: 230 * time.Microsecond,
		Ahead: 41, ConnsGrown: 24, WorkersGrown: 30, GrowthDenied: 5, InFlightLimit: 65, InFlightLimitBy: record.ErrFileLimit,
		PreconnectError: "open connections to 127.0.0.1:80: 12 of 41: too many open files", End: 31 * time.Second,
	}
	for i := range 30 {
		s := record.SecondCount{Intended: 5, Sent: 5}
		switch i {
		case 5, 25:
			s = record.SecondCount{Intended: 45, Sent: 45}
		case 15:
			s = record.SecondCount{Intended: 45, Sent: 20}
		case 16:
			s = record.SecondCount{Intended: 5, Sent: 30}
		}
		g.AchievedPerSecond = append(g.AchievedPerSecond, s)
	}
	return g
}

// fill adds a base load and bursts over a fleet that keeps what it started.
func (s *scene) fill(length time.Duration, perSecond float64, burst int, every, offset time.Duration) {
	fleet := 0
	next := offset
	for at := time.Duration(0); at < length; at += time.Duration(float64(time.Second) / perSecond) {
		for ; burst > 0 && next <= at; next += every {
			for i := range burst {
				start := record.StartWarm
				if i >= fleet {
					start, fleet = record.StartCold, fleet+1
				}
				s.ok(next, record.TagBurst, start, fmt.Sprintf("2026/11/23/[$LATEST]%032x", i))
			}
		}
		start := record.StartWarm
		if fleet == 0 {
			start, fleet = record.StartCold, 1
		}
		s.ok(at, record.TagBase, start, fmt.Sprintf("2026/11/23/[$LATEST]%032x", s.rnd.IntN(fleet)))
	}
}

// large is a run of 12 min and some 57 000 requests with every kind of start
// and some errors.
func large() *scene {
	s := newScene(record.Load{
		Shape: record.ShapeSpiky, Duration: record.Duration(12 * time.Minute), BaseRate: 60, Burst: 800,
		Every: record.Duration(100 * time.Second), Spread: record.Duration(20 * time.Second), Offset: record.Duration(time.Minute),
	})
	for range 57_000 {
		at := time.Duration(s.rnd.Int64N(int64(12 * time.Minute)))
		start, tag := record.StartWarm, record.TagBase
		if into := (at - time.Minute) % (100 * time.Second); at > time.Minute && into < 20*time.Second {
			tag = record.TagBurst
			if s.rnd.Float64() < 0.02 {
				start = record.StartCold
			}
		}
		switch x := s.rnd.Float64(); {
		case x < 0.001:
			start = record.StartRestored
		case x < 0.0015:
			start = record.StartProvisioned
		case x < 0.0027:
			s.failed(at, record.FunctionError, "Runtime.ExitError", "RequestId: x Error: Runtime exited with error: exit status 1")
			continue
		case x < 0.003:
			s.failed(at, record.Throttled, "TooManyRequestsException", "Rate Exceeded.")
			continue
		}
		s.ok(at, tag, start, fmt.Sprintf("2026/11/23/[$LATEST]%032x", s.rnd.IntN(200)))
	}
	slices.SortStableFunc(s.rows, func(a, b record.Joined) int { return int(a.Intended - b.Intended) })
	for i := range s.rows {
		s.rows[i].Seq = int64(i)
	}
	return s
}
