package reports

import (
	"fmt"
	"iter"
	"time"

	"coldbench/record"
	"coldbench/stats"
)

// source is what a Report is made of: joined rows in one pass, and what is
// only known after it.
type source struct {
	plan      *record.Plan
	host      *record.Host
	generator *record.GeneratorStats // nil where the run was never closed
	dir       string
	rows      iter.Seq2[record.Joined, error]
	counts    func() record.JoinCounts
	warnings  func() []record.Warning
}

// assemble reads the rows once and fills a Report.
func assemble(s source, o Options) (*Report, error) {
	c := newCollector(s.plan)
	var row record.Joined // one for all, since what reads it takes its address
	for j, err := range s.rows {
		if err != nil {
			return nil, fmt.Errorf("report of %s: %w", s.dir, err)
		}
		row = j
		c.add(&row)
	}
	r := &Report{Plan: s.plan, Host: s.host, Dir: s.dir, Planned: s.plan.Arrivals, Join: s.counts()}
	c.fill(r)
	r.Environments = int64(r.Join.Environments)
	r.Ended = r.Timeline.Span
	if g := s.generator; g != nil {
		r.Ended = max(r.Ended, g.End)
		r.Generator = &Generator{GeneratorStats: *g, NotSentBy: c.evidence.NotSentBy}
	}
	r.Interrupted = s.generator != nil && s.generator.Interrupted
	r.Partial = s.generator == nil || r.Interrupted || r.Arrivals+r.Warmup < r.Planned
	r.Headroom = c.usage.head()

	verdict, warnings := record.Check(s.plan, c.evidenceOf(s, r))
	r.Verdict = verdict
	r.Warnings = append(r.Warnings, warnings...)
	r.Warnings = append(r.Warnings, s.warnings()...)
	region := o.Region
	if region == "" {
		region = s.plan.Region
	}
	bill, billWarnings := c.usage.bill(region)
	r.Bill = bill
	r.Warnings = append(r.Warnings, billWarnings...)
	r.Warnings = append(r.Warnings, ownWarnings(r, c)...)
	r.Findings = findings(r)
	return r, nil
}

// evidenceOf completes what record.Check judges by.
func (c *collector) evidenceOf(s source, r *Report) record.Evidence {
	e := c.evidence
	e.Join = r.Join
	e.NeverClosed = s.generator == nil
	if g := s.generator; g != nil {
		e.Interrupted, e.StartMissed, e.PreconnectError, e.Abandoned = g.Interrupted, g.StartMissed, g.PreconnectError, g.Abandoned
		for _, second := range g.AchievedPerSecond {
			e.PeakPerSecond = max(e.PeakPerSecond, second.Intended)
		}
	}
	if s.host != nil {
		e.Floor = s.host.Floor
	}
	for i, k := range quantityKinds {
		if k.name == "lag" {
			e.LagP50 = quantileDuration(c.quantities[i].all, 0.5)
			e.LagP99 = quantileDuration(c.quantities[i].all, 0.99)
		}
	}
	return e
}

// quantileDuration is the sample's own quantile: the verdict asks what did
// happen in this run, not what would in another.
func quantileDuration(d *stats.Dist, p float64) record.Opt[time.Duration] {
	if d.N() == 0 {
		return record.Opt[time.Duration]{}
	}
	return record.Some(time.Duration(d.At(p).Value * 1e6))
}
