package reports

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"coldbench/record"
)

// Generator is what the load generator said of itself when the run ended, and
// why arrivals were not sent, as the rows tell it. Its quantiles describe this
// run and claim nothing about another, so no interval stands beside them.
type Generator struct {
	record.GeneratorStats
	NotSentBy map[string]int64 // measured rows, by error type
}

// shortSecond is a second in which fewer requests were sent than were due.
type shortSecond struct {
	at time.Duration // its beginning
	record.SecondCount
}

func (s shortSecond) missing() int64 { return s.Intended - s.Sent }

// shortSeconds lists them, the worst first.
func (g *Generator) shortSeconds() []shortSecond {
	var out []shortSecond
	for i, s := range g.AchievedPerSecond {
		if s.Sent < s.Intended {
			out = append(out, shortSecond{time.Duration(i) * time.Second, s})
		}
	}
	slices.SortStableFunc(out, func(a, b shortSecond) int { return cmp.Compare(b.missing(), a.missing()) })
	return out
}

// rateSentence compares what was sent in each second with what was due.
func (g *Generator) rateSentence() string {
	var peak int64
	for _, s := range g.AchievedPerSecond {
		peak = max(peak, s.Intended)
	}
	text := fmt.Sprintf("%s due, %s sent; busiest second %s", count(g.Scheduled), count(g.Sent), count(peak))
	short := g.shortSeconds()
	if len(short) == 0 {
		return text + "; in no second fewer were sent than were due"
	}
	worst := short[0]
	return text + fmt.Sprintf("; fewer were sent than due in %s of %s, worst at %s: %s of %s",
		count(int64(len(short))), plural(int64(len(g.AchievedPerSecond)), "second", "seconds"), span(worst.at), count(worst.Sent), count(worst.Intended))
}

// generatorFacts are the lines of the section on the generator; none where the
// run was never closed.
func (r *Report) generatorFacts() []fact {
	g := r.Generator
	if g == nil {
		return nil
	}
	var facts []fact
	add := func(name, text string) {
		if text != "" {
			facts = append(facts, fact{name, text})
		}
	}
	add("Lag", g.lagWords())
	add("Rate", g.rateSentence())
	add("Not sent", g.notSentWords())
	add("Processors", r.cpuWords())
	add("Garbage collector", fmt.Sprintf("%s, %s in all, the longest %s", plural(g.GCPauses, "pause", "pauses"), span(g.GCPauseTotal), span(g.GCPauseMax)))
	add("Connections", g.connectionWords())
	add("In flight", g.inFlightWords())
	add("Waiting", g.waitWords())
	if g.StartMissed > 0 {
		add("Start", "ready "+span(g.StartMissed)+" after it")
	}
	if g.Abandoned > 0 {
		add("Abandoned", plural(g.Abandoned, "attempt", "attempts")+" went on after their time was over")
	}
	if r.Host != nil {
		add("Limits", limitWords(r.Host))
	}
	return facts
}

func (g *Generator) lagWords() string {
	l := g.Lag
	if l.N == 0 {
		return ""
	}
	text := fmt.Sprintf("p50 %s, p99 %s, max %s, of all %s sent, warm-up included", span(l.P50), span(l.P99), span(l.Max), plural(l.N, "request", "requests"))
	if l.Clamped > 0 {
		return text + fmt.Sprintf("; %s above an hour, and clamped to it", plural(l.Clamped, "is", "are"))
	}
	return text + "; none clamped"
}

func (g *Generator) notSentWords() string {
	if len(g.NotSentBy) == 0 {
		return "none"
	}
	var total int64
	var parts []string
	for _, why := range slices.SortedFunc(maps.Keys(g.NotSentBy), func(a, b string) int {
		return cmp.Or(cmp.Compare(g.NotSentBy[b], g.NotSentBy[a]), cmp.Compare(a, b))
	}) {
		total += g.NotSentBy[why]
		parts = append(parts, count(g.NotSentBy[why])+" × "+plain(cmp.Or(why, "no reason"), 120))
	}
	return count(total) + ": " + join(parts)
}

func (r *Report) cpuWords() string {
	g := r.Generator
	if g.Elapsed <= 0 {
		return ""
	}
	text := sig3(g.Cores()) + " busy in the mean"
	if h := r.Host; h != nil && h.GOMAXPROCS > 0 {
		text = fmt.Sprintf("%s of %s busy in the mean (%s)", sig3(g.Cores()), count(int64(h.GOMAXPROCS)), percent(g.Cores()/float64(h.GOMAXPROCS)))
	}
	return text + fmt.Sprintf(": %s of processor time in %s, by the whole process of bench", span(time.Duration(g.CPUSeconds*float64(time.Second))), span(g.Elapsed))
}

func (g *Generator) connectionWords() string {
	text := fmt.Sprintf("prepared for %s in flight; %s waited for a connection to be opened; %s added, growth denied to %s",
		count(g.Ahead), plural(g.ConnsGrown, "request", "requests"), plural(g.WorkersGrown, "worker", "workers"), plural(g.GrowthDenied, "arrival", "arrivals"))
	if g.PreconnectError != "" {
		text += "; not all could be opened ahead: " + plain(g.PreconnectError, 300)
	}
	return text
}

func (g *Generator) inFlightWords() string {
	text := "at most " + count(g.MaxInFlight)
	switch {
	case g.InFlightLimit == 0:
	case g.InFlightLimitBy != "":
		text += fmt.Sprintf(" of %s, which is what the machine allows (%s)", count(g.InFlightLimit), plain(g.InFlightLimitBy, 60))
	default:
		text += fmt.Sprintf(" of %s that the plan allows", count(g.InFlightLimit))
	}
	return text
}

func (g *Generator) waitWords() string {
	if g.Waiter == "" {
		return ""
	}
	if g.Spin == 0 {
		return plain(g.Waiter, 40) + ", without spinning"
	}
	return fmt.Sprintf("%s, and spinning for the last %s of a wait", plain(g.Waiter, 40), span(g.Spin))
}

// limitWords names the limits of the machine that bound a generator.
func limitWords(h *record.Host) string {
	var parts []string
	if h.OpenFileLimit > 0 {
		parts = append(parts, count(h.OpenFileLimit)+" open files")
	}
	if ports := h.Limits["local_ports"]; ports != "" {
		parts = append(parts, plain(ports, 20)+" local ports to one address")
	}
	return strings.Join(parts, ", ")
}

// generatorLine is the one line of the terminal. Its shape does not depend on
// the figures.
func (r *Report) generatorLine() string {
	g := r.Generator
	if g == nil || g.Lag.N == 0 || g.Elapsed <= 0 {
		return ""
	}
	ms := func(d time.Duration) string { return withUnit(milliseconds(d), "ms") }
	return fmt.Sprintf("lag p99 %s, max %s · processors busy %s · longest pause %s · connections opened under load %s",
		ms(g.Lag.P99), ms(g.Lag.Max), sig3(g.Cores()), ms(g.GCPauseMax), count(g.ConnsGrown))
}

// SummaryGenerator is a Generator in summary.json.
type SummaryGenerator struct {
	LagMs     SummaryLag       `json:"lag_ms"`
	NotSentBy map[string]int64 `json:"not_sent_by"` // measured arrivals

	CPUSeconds float64 `json:"cpu_seconds"`
	Cores      float64 `json:"cores"` // processors kept busy in the mean; 0 where not known
	GCPauses   int64   `json:"gc_pauses"`
	GCTotalMs  float64 `json:"gc_pause_total_ms"`
	GCMaxMs    float64 `json:"gc_pause_max_ms"`

	Ahead           int64   `json:"ahead"`
	ConnsGrown      int64   `json:"conns_grown"`
	WorkersGrown    int64   `json:"workers_grown"`
	GrowthDenied    int64   `json:"growth_denied"`
	MaxInFlight     int64   `json:"max_in_flight"`
	InFlightLimit   int64   `json:"in_flight_limit"`
	InFlightLimitBy string  `json:"in_flight_limit_by,omitempty"`
	Waiter          string  `json:"waiter"`
	SpinMs          float64 `json:"spin_ms"`
	Abandoned       int64   `json:"abandoned"`
	PreconnectError string  `json:"preconnect_error,omitempty"`
	StartMissedMs   float64 `json:"start_missed_ms"`

	PerSecond []record.SecondCount `json:"achieved_per_second"`
}

// SummaryLag is of every request that was sent, the warm-up included.
type SummaryLag struct {
	N       int64   `json:"n"`
	P50     float64 `json:"p50"`
	P99     float64 `json:"p99"`
	P999    float64 `json:"p999"`
	Max     float64 `json:"max"`
	Clamped int64   `json:"clamped"`
}

func (g *Generator) summary() *SummaryGenerator {
	if g == nil {
		return nil
	}
	s := &SummaryGenerator{
		LagMs:     SummaryLag{g.Lag.N, milliseconds(g.Lag.P50), milliseconds(g.Lag.P99), milliseconds(g.Lag.P999), milliseconds(g.Lag.Max), g.Lag.Clamped},
		NotSentBy: map[string]int64{}, CPUSeconds: g.CPUSeconds, Cores: g.Cores(),
		GCPauses: g.GCPauses, GCTotalMs: milliseconds(g.GCPauseTotal), GCMaxMs: milliseconds(g.GCPauseMax),
		Ahead: g.Ahead, ConnsGrown: g.ConnsGrown, WorkersGrown: g.WorkersGrown, GrowthDenied: g.GrowthDenied,
		MaxInFlight: g.MaxInFlight, InFlightLimit: g.InFlightLimit, InFlightLimitBy: g.InFlightLimitBy,
		Waiter: g.Waiter, SpinMs: milliseconds(g.Spin), Abandoned: g.Abandoned, PreconnectError: g.PreconnectError, StartMissedMs: milliseconds(g.StartMissed),
		PerSecond: append([]record.SecondCount{}, g.AchievedPerSecond...),
	}
	maps.Copy(s.NotSentBy, g.NotSentBy)
	return s
}
