package reports

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"strings"

	"coldbench/cost"
	"coldbench/record"
)

// SummarySchema is the version of summary.json. Keys may be added within a
// version; none is renamed or removed.
const SummarySchema = "coldbench.summary/v1"

// Summary is summary.json, and what --json prints. Counts are of measured
// arrivals; a number that the sample does not support is null.
type Summary struct {
	Schema      string                   `json:"schema"`
	Provenance  record.Provenance        `json:"provenance"`
	Verdict     record.Verdict           `json:"verdict"`
	Headline    string                   `json:"headline"`
	Findings    []string                 `json:"findings"`
	Warnings    []record.Warning         `json:"warnings"`
	Arrivals    int64                    `json:"arrivals"`
	Planned     int64                    `json:"planned_arrivals"`
	Warmup      int64                    `json:"warmup_arrivals"` // counted nowhere else
	Partial     bool                     `json:"partial"`         // interrupted, killed or cut
	Interrupted bool                     `json:"interrupted"`
	RanMs       float64                  `json:"ran_ms"`   // from the start to the last arrival that was due
	Outcomes    map[record.Outcome]int64 `json:"outcomes"` // sums to arrivals
	Starts      map[record.Start]int64   `json:"starts"`   // of arrivals that reached a function

	Environments int64                              `json:"environments"`
	Platform     record.JoinCounts                  `json:"platform"`
	ColdRate     *SummaryRate                       `json:"cold_rate"` // of known starts; null without one
	Quantities   map[string]map[string]SummaryStats `json:"quantities"`
	Connections  map[string]map[string]SummaryStats `json:"connections"` // parts of a request as the client saw them, for new and reused connections; those that occurred
	Phases       []SummaryPhases                    `json:"phases"`      // means, so that the parts add up
	Bursts       []SummaryBurst                     `json:"bursts"`
	ByTag        map[record.Tag]SummaryTag          `json:"by_tag"` // empty where no arrival has a tag
	Errors       []SummaryError                     `json:"errors"`
	Memory       *SummaryMemory                     `json:"memory"`
	Bill         *cost.Bill                         `json:"bill"`      // null where nothing was billed
	Generator    *SummaryGenerator                  `json:"generator"` // null where the run was never closed
	Plan         *record.Plan                       `json:"plan"`
	Host         *record.Host                       `json:"host,omitempty"`
}

// SummaryStats is one cell of quantities: a quantity over all, cold, warm,
// restored or provisioned starts.
type SummaryStats struct {
	N    int64                   `json:"n"`
	Min  *float64                `json:"min"`
	P50  *float64                `json:"p50"`
	P90  *float64                `json:"p90"`
	P95  *float64                `json:"p95"`
	P99  *float64                `json:"p99"`
	P999 *float64                `json:"p999"`
	Max  *float64                `json:"max"`
	Mean *float64                `json:"mean"`
	CI95 map[string]*[2]*float64 `json:"ci95"` // by quantile: order-statistic interval, or null; its upper end is null where only the lower one is known

	// Of requests that timed out is known that they took at least what was
	// waited. They are part of N; what they leave open is null above and a
	// lower bound here.
	Censored int64              `json:"censored,omitempty"`
	AtLeast  map[string]float64 `json:"at_least,omitempty"` // by key: p50 ... p999, min, max, mean
}

// SummaryRate is a share with its exact 95 % interval.
type SummaryRate struct {
	K    int64      `json:"k"`
	N    int64      `json:"n"`
	Rate float64    `json:"rate"` // 0..1
	CI95 [2]float64 `json:"ci95"`
}

// SummaryPhases says where the time of one kind of start went: means over the
// same rows.
type SummaryPhases struct {
	Start      record.Start `json:"start"`
	N          int64        `json:"n"`
	LagMs      float64      `json:"lag_ms"`
	ResidueMs  float64      `json:"residue_ms"`
	InitMs     float64      `json:"init_ms"`
	DurationMs float64      `json:"duration_ms"`
	ResponseMs float64      `json:"response_ms"`
}

// SummaryBurst is one burst as the rows show it.
type SummaryBurst struct {
	FromMs   float64                `json:"from_ms"` // offset of its first arrival
	ToMs     float64                `json:"to_ms"`
	Arrivals int64                  `json:"arrivals"`
	Starts   map[record.Start]int64 `json:"starts"`
}

// SummaryTag is the part of the run that carries one tag.
type SummaryTag struct {
	Arrivals   int64                              `json:"arrivals"`
	Outcomes   map[record.Outcome]int64           `json:"outcomes"`
	Starts     map[record.Start]int64             `json:"starts"`
	Quantities map[string]map[string]SummaryStats `json:"quantities"`
}

// SummaryError counts rows of one outcome and error type.
type SummaryError struct {
	Outcome record.Outcome `json:"outcome"`
	Type    string         `json:"type"`
	Example string         `json:"example,omitempty"`
	N       int64          `json:"n"`
}

// SummaryMemory is the highest use of memory against its size.
type SummaryMemory struct {
	MaxUsedMB float64 `json:"max_used_mb"`
	SizeMB    float64 `json:"size_mb"`
	Headroom  float64 `json:"headroom"` // share never used, 0..1
}

// Summary gives the report as a value of the documented schema.
func (r *Report) Summary() *Summary {
	s := &Summary{
		Schema: SummarySchema, Provenance: r.Plan.Provenance, Verdict: r.Verdict, Headline: ordinary(r.Banner().Headline),
		Findings: make([]string, len(r.Findings)), Warnings: append([]record.Warning{}, r.Warnings...),
		Arrivals: r.Arrivals, Planned: r.Planned, Warmup: r.Warmup, Partial: r.Partial, Interrupted: r.Interrupted, RanMs: milliseconds(r.Ran),
		Outcomes: everyOutcome(r.Outcomes), Starts: everyStart(r.Starts),
		Environments: r.Environments, Platform: r.Join, Quantities: summaryQuantities(r.Quantities), Connections: summaryQuantities(r.Connections),
		Phases: []SummaryPhases{}, Bursts: []SummaryBurst{}, Errors: []SummaryError{}, Bill: r.Bill, Generator: r.Generator.summary(), Plan: r.Plan, Host: r.Host,
	}
	if s.Verdict.Reasons == nil {
		s.Verdict.Reasons = []record.Reason{}
	}
	for i, f := range r.Findings {
		s.Findings[i] = ordinary(f)
	}
	for i := range s.Warnings {
		s.Warnings[i].Text = ordinary(s.Warnings[i].Text)
	}
	if c := r.ColdRate; c.N > 0 {
		s.ColdRate = &SummaryRate{K: c.K, N: c.N, Rate: c.Share(), CI95: [2]float64{c.Lo, c.Hi}}
	}
	for _, p := range r.Phases {
		s.Phases = append(s.Phases, SummaryPhases(p))
	}
	for _, b := range r.Bursts {
		s.Bursts = append(s.Bursts, SummaryBurst{milliseconds(b.From), milliseconds(b.To), b.Arrivals, everyStart(b.Starts)})
	}
	for _, e := range r.Errors {
		s.Errors = append(s.Errors, SummaryError(e))
	}
	s.ByTag = map[record.Tag]SummaryTag{}
	for _, t := range r.Tags {
		s.ByTag[t.Tag] = SummaryTag{t.Arrivals, everyOutcome(t.Outcomes), everyStart(t.Starts), summaryQuantities(t.Quantities)}
	}
	if h := r.Headroom; h != nil {
		s.Memory = &SummaryMemory{h.MaxUsedMB, h.SizeMB, h.Free()}
	}
	return s
}

// ordinary replaces the fixed spaces of printed numbers by plain ones, for
// readers that are programs.
func ordinary(s string) string {
	return strings.NewReplacer(thin, " ", nbsp, " ").Replace(s)
}

func everyOutcome(in map[record.Outcome]int64) map[record.Outcome]int64 {
	out := map[record.Outcome]int64{}
	for _, o := range record.Outcomes {
		out[o] = in[o]
	}
	for o, n := range in { // a later version may know more
		out[o] = n
	}
	return out
}

func everyStart(in map[record.Start]int64) map[record.Start]int64 {
	out := map[record.Start]int64{}
	for _, s := range record.Starts {
		out[s] = in[s]
	}
	return out
}

func summaryQuantities(in []Quantity) map[string]map[string]SummaryStats {
	out := map[string]map[string]SummaryStats{}
	for _, q := range in {
		split := map[string]SummaryStats{}
		for _, row := range q.Rows {
			split[startName(row.Start)] = row.Numbers.summary()
		}
		out[q.Name+"_"+strings.ToLower(q.Unit)] = split
	}
	return out
}

func (n *Numbers) summary() SummaryStats {
	s := SummaryStats{N: n.N, CI95: map[string]*[2]*float64{}, Censored: n.Censored}
	set := func(field **float64, key string, v float64, bound bool) {
		if !bound {
			*field = &v
			return
		}
		if s.AtLeast == nil {
			s.AtLeast = map[string]float64{}
		}
		s.AtLeast[key] = v
	}
	if n.N > 0 {
		set(&s.Min, "min", n.Min, n.Censored > 0 && n.Min >= n.Least)
		set(&s.Max, "max", n.Max, n.Censored > 0)
		set(&s.Mean, "mean", n.Mean, n.Censored > 0)
	}
	for i, field := range []**float64{&s.P50, &s.P90, &s.P95, &s.P99, &s.P999} {
		key := quantileKeys[i]
		s.CI95[key] = nil
		if q, ok := n.At(tableQuantiles[i]); ok {
			set(field, key, q.Value, q.AtLeast)
			s.CI95[key] = &[2]*float64{&q.Lo, nil}
			if !math.IsInf(q.Hi, 1) {
				s.CI95[key][1] = &q.Hi
			}
		}
	}
	return s
}

// WriteJSON writes summary.json: one indented object and a newline.
func (r *Report) WriteJSON(w io.Writer) error { return writeJSON(w, r.Summary()) }

func writeJSON(w io.Writer, v any) error {
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return fmt.Errorf("write summary as JSON: %w", err)
	}
	if _, err := w.Write(append(b, '\n')); err != nil {
		return fmt.Errorf("write summary as JSON: %w", err)
	}
	return nil
}
