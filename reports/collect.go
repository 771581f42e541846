package reports

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"coldbench/parsers"
	"coldbench/record"
	"coldbench/stats"
)

// Bounds of what is kept one by one; beyond them a run is counted in classes,
// so that memory does not grow with its length.
const (
	maxMarks      = 3000   // starts other than warm ones
	maxDots       = 1500   // warm starts, or starts of unknown kind
	maxErrorKinds = 20     // printed
	maxErrorKeys  = 1000   // counted apart
	maxTags       = 16     // told apart
	maxBursts     = 10_000 // told apart
	curvePoints   = 360
)

// quantityKind is one of the quantities, and how to read it off a row.
type quantityKind struct {
	name, unit, about string
	read              func(j *record.Joined) (float64, bool)
	waited            func(j *record.Joined, timeout time.Duration) time.Duration // of a request that timed out, at least; nil: it has no place
}

// quantityKinds are the quantities in the order of the tables. The four times
// of the client are those of rows that ended well, and at least what was waited
// of those that timed out (lag: of every row that was sent); what the platform
// said is that of every REPORT.
var quantityKinds = []quantityKind{
	{name: "response", unit: "ms", about: "intended send to last byte: what a user feels; of requests that ended well, and at least what was waited of those that timed out", waited: responseAtLeast, read: func(j *record.Joined) (float64, bool) {
		return milliseconds(j.Response()), wentWell(j)
	}},
	{name: "service", unit: "ms", about: "actual send to last byte, of the same requests", waited: serviceAtLeast, read: func(j *record.Joined) (float64, bool) {
		return milliseconds(j.Service()), wentWell(j)
	}},
	{name: "ttfb", unit: "ms", about: "actual send to first byte, of the same requests", waited: ttfbAtLeast, read: func(j *record.Joined) (float64, bool) {
		return milliseconds(j.TTFB()), wentWell(j) && j.FirstByte > 0
	}},
	{name: "lag", unit: "ms", about: "intended to actual send: the generator's own lateness", read: func(j *record.Joined) (float64, bool) {
		return milliseconds(j.Lag()), j.Sent > 0
	}},
	{name: "init", unit: "ms", about: "Init Duration of the REPORT", read: func(j *record.Joined) (float64, bool) {
		return reported(j, func(p *record.Platform) record.Opt[float64] { return p.InitDurationMs })
	}},
	{name: "duration", unit: "ms", about: "Duration of the REPORT", read: func(j *record.Joined) (float64, bool) {
		return reported(j, func(p *record.Platform) record.Opt[float64] { return p.DurationMs })
	}},
	{name: "billed", unit: "ms", about: "Billed Duration of the REPORT", read: func(j *record.Joined) (float64, bool) {
		return reported(j, func(p *record.Platform) record.Opt[float64] { return p.BilledDurationMs })
	}},
	{name: "residue", unit: "ms", about: "service − init − duration: placement, download and network, which no REPORT shows", read: residue},
	{name: "max_memory_used", unit: "MB", about: "Max Memory Used of the REPORT", read: func(j *record.Joined) (float64, bool) {
		return reported(j, func(p *record.Platform) record.Opt[float64] { return p.MaxMemoryUsedMB })
	}},
}

func wentWell(j *record.Joined) bool { return j.Outcome == record.OK && j.Answered() }

func reported(j *record.Joined, field func(*record.Platform) record.Opt[float64]) (float64, bool) {
	if j.Platform == nil {
		return 0, false
	}
	o := field(j.Platform)
	return o.Value, o.Valid
}

// started is the part of a request in which its environment was made ready:
// init, or the restore of a snapshot. An init that ran ahead of the request,
// as under provisioned concurrency, is no part of it.
func started(j *record.Joined) float64 {
	init, restore := waitedFor(j)
	return init + restore
}

func waitedFor(j *record.Joined) (init, restore float64) {
	if j.Platform == nil || j.Start == record.StartProvisioned || strings.HasPrefix(j.StartRule, parsers.RuleProactiveInit) {
		return 0, 0
	}
	return j.Platform.InitDurationMs.Value, j.Platform.RestoreDurationMs.Value
}

func residue(j *record.Joined) (float64, bool) {
	if !wentWell(j) || j.Platform == nil || !j.Platform.DurationMs.Valid {
		return 0, false
	}
	return milliseconds(j.Service()) - started(j) - j.Platform.DurationMs.Value, true
}

// splitDist is one distribution for all starts and one for each kind.
type splitDist struct {
	unit  string
	all   *stats.Dist
	kinds map[record.Start]*stats.Dist
}

func newSplitDist(unit string) *splitDist {
	return &splitDist{unit: unit, all: stats.NewDist(unit), kinds: map[record.Start]*stats.Dist{}}
}

func (s *splitDist) add(start record.Start, v float64) {
	s.all.Add(v)
	s.of(start).Add(v)
}

func (s *splitDist) addCensored(start record.Start, waited time.Duration) {
	s.all.AddCensored(milliseconds(waited))
	s.of(start).AddCensored(milliseconds(waited))
}

func (s *splitDist) of(start record.Start) *stats.Dist {
	d := s.kinds[start]
	if d == nil {
		d = stats.NewDist(s.unit)
		s.kinds[start] = d
	}
	return d
}

// rows gives the split of a quantity: all, cold and warm always, so that the
// shape of the output does not depend on the run, others where they occur.
func (s *splitDist) rows(curve bool) []Split {
	rows := []Split{{"", numbersOf(s.all, curve)}}
	for _, start := range record.Starts {
		d := s.kinds[start]
		switch {
		case d == nil && (start == record.StartCold || start == record.StartWarm):
			d = stats.NewDist(s.unit)
		case d == nil || (start == record.StartUnknown && d.N() == s.all.N()):
			continue // all starts unknown: the row "all" says it
		}
		rows = append(rows, Split{start, numbersOf(d, curve)})
	}
	return rows
}

func numbersOf(d *stats.Dist, curve bool) Numbers {
	if d.N() == 0 {
		return Numbers{Quantiles: quantilesOf(d.Summary(tableQuantiles...).Quantiles), dist: d}
	}
	s := d.Summary(tableQuantiles...)
	n := Numbers{N: s.N, Min: s.Min, Max: s.Max, Mean: s.Mean, Clamped: s.Clamped, Censored: s.Censored, Quantiles: quantilesOf(s.Quantiles), dist: d}
	_, n.Least = d.Censored()
	if curve {
		n.Curve = known(quantilesOf(d.Curve(curvePoints)))
	}
	return n
}

func quantilesOf(in []stats.Quantile) []Quantile {
	out := make([]Quantile, len(in))
	for i, q := range in {
		out[i] = Quantile{P: q.P, Value: q.Value, Lo: q.Lo, Hi: q.Hi, OK: q.OK, AtLeast: q.AtLeast, Need: q.Need}
	}
	return out
}

// collector turns joined rows into the parts of a Report, one row at a time.
type collector struct {
	plan       *record.Plan
	evidence   record.Evidence
	quantities []*splitDist
	outcomes   map[record.Outcome]int64
	starts     map[record.Start]int64
	tags       map[record.Tag]*tagCollector
	errors     map[errorKey]*ErrorKind
	phases     map[record.Start]*PhaseMeans
	bursts     map[int64]*Burst
	times      timelineCollector
	conns      connCollector
	lanes      laneCollector
	usage      usageCollector
	arrivals   int64
	warmup     int64
	givenUp    []givenUp
	last       time.Duration // of the arrivals that were due
	functions  map[int]int64
}

type errorKey struct {
	outcome record.Outcome
	kind    string
}

type tagCollector struct {
	arrivals          int64
	outcomes          map[record.Outcome]int64
	starts            map[record.Start]int64
	response, service *splitDist
}

func newCollector(p *record.Plan) *collector {
	c := &collector{
		plan:     p,
		outcomes: map[record.Outcome]int64{}, starts: map[record.Start]int64{}, tags: map[record.Tag]*tagCollector{},
		errors: map[errorKey]*ErrorKind{}, phases: map[record.Start]*PhaseMeans{}, bursts: map[int64]*Burst{},
		functions: map[int]int64{},
	}
	for _, k := range quantityKinds {
		c.quantities = append(c.quantities, newSplitDist(k.unit))
	}
	return c
}

// add takes one row. It keeps nothing of j itself.
func (c *collector) add(j *record.Joined) {
	c.evidence.Add(j)
	c.usage.add(c.plan, j)
	c.last = max(c.last, j.Intended)
	if j.Phase == record.PhaseWarmup {
		c.warmup++
		return
	}
	c.arrivals++
	c.functions[j.Function]++
	c.outcomes[j.Outcome]++
	reached := reachedFunction(j)
	if reached {
		c.starts[j.Start]++
	}
	for i, k := range quantityKinds {
		if v, ok := k.read(j); ok {
			c.quantities[i].add(j.Start, v)
		} else if k.waited != nil && timedOut(j) {
			c.quantities[i].addCensored(j.Start, k.waited(j, c.timeout()))
		}
	}
	c.addTag(j, reached)
	c.addGivenUp(j)
	c.addError(j)
	c.addPhases(j)
	c.addBurst(j)
	c.times.add(j)
	c.conns.add(j)
	c.lanes.add(j)
}

// reachedFunction says whether a start of some kind must have happened: the
// function answered, or a REPORT shows it.
func reachedFunction(j *record.Joined) bool {
	switch j.Outcome {
	case record.OK, record.FunctionError, record.TimedOut:
		return true
	}
	return j.Platform != nil
}

func (c *collector) addTag(j *record.Joined, reached bool) {
	tag := j.Tag
	t := c.tags[tag]
	if t == nil {
		if len(c.tags) >= maxTags {
			return
		}
		t = &tagCollector{outcomes: map[record.Outcome]int64{}, starts: map[record.Start]int64{}, response: newSplitDist("ms"), service: newSplitDist("ms")}
		c.tags[tag] = t
	}
	t.arrivals++
	t.outcomes[j.Outcome]++
	if reached {
		t.starts[j.Start]++
	}
	switch {
	case wentWell(j):
		t.response.add(j.Start, milliseconds(j.Response()))
		t.service.add(j.Start, milliseconds(j.Service()))
	case timedOut(j):
		t.response.addCensored(j.Start, responseAtLeast(j, c.timeout()))
		t.service.addCensored(j.Start, serviceAtLeast(j, c.timeout()))
	}
}

func (c *collector) addError(j *record.Joined) {
	if j.Outcome == record.OK {
		return
	}
	key := errorKey{j.Outcome, j.ErrorType}
	e := c.errors[key]
	if e == nil {
		if len(c.errors) >= maxErrorKeys {
			key.kind = "(others)"
			e = c.errors[key]
		}
		if e == nil {
			e = &ErrorKind{Outcome: j.Outcome, Type: plain(key.kind, 120), Example: plain(j.Error, 300)}
			c.errors[key] = e
		}
	}
	e.N++
}

func (c *collector) addPhases(j *record.Joined) {
	rest, ok := residue(j)
	if !ok {
		return
	}
	p := c.phases[j.Start]
	if p == nil {
		p = &PhaseMeans{Start: j.Start}
		c.phases[j.Start] = p
	}
	p.N++ // sums until the end
	p.LagMs += milliseconds(j.Lag())
	p.ResidueMs += rest
	p.InitMs += started(j)
	p.DurationMs += j.Platform.DurationMs.Value
	p.ResponseMs += milliseconds(j.Response())
}

func (c *collector) addBurst(j *record.Joined) {
	l := &c.plan.Load
	if j.Tag != record.TagBurst || l.Every <= 0 {
		return
	}
	k := int64((j.Intended - time.Duration(l.Offset)) / time.Duration(l.Every))
	b := c.bursts[k]
	if b == nil {
		if len(c.bursts) >= maxBursts {
			return
		}
		b = &Burst{From: j.Intended, To: j.Intended, Starts: map[record.Start]int64{}}
		c.bursts[k] = b
	}
	b.From, b.To = min(b.From, j.Intended), max(b.To, j.Intended)
	b.Arrivals++
	if reachedFunction(j) {
		b.Starts[j.Start]++
	}
}

// fill moves what was collected into the report.
func (c *collector) fill(r *Report) {
	r.Arrivals, r.Warmup, r.Outcomes, r.Starts = c.arrivals, c.warmup, c.outcomes, c.starts
	r.Ran, r.GivenUp = c.last, int64(len(c.givenUp))
	c.closeGivenUp()
	for i, k := range quantityKinds {
		r.Quantities = append(r.Quantities, Quantity{Name: k.name, Unit: k.unit, About: k.about, Rows: c.quantities[i].rows(k.name == "response")})
	}
	for _, tag := range slices.Sorted(maps.Keys(c.tags)) {
		if tag != "" || len(c.tags) > 1 {
			r.Tags = append(r.Tags, c.tags[tag].group(tag))
		}
	}
	for _, e := range c.errors {
		r.Errors = append(r.Errors, *e)
	}
	slices.SortFunc(r.Errors, func(a, b ErrorKind) int {
		return cmp.Or(cmp.Compare(b.N, a.N), cmp.Compare(a.Outcome, b.Outcome), cmp.Compare(a.Type, b.Type))
	})
	r.Errors = r.Errors[:min(len(r.Errors), maxErrorKinds)]
	for _, start := range record.Starts {
		if p := c.phases[start]; p != nil {
			n := float64(p.N)
			r.Phases = append(r.Phases, PhaseMeans{start, p.N, p.LagMs / n, p.ResidueMs / n, p.InitMs / n, p.DurationMs / n, p.ResponseMs / n})
		}
	}
	for _, k := range slices.Sorted(maps.Keys(c.bursts)) {
		r.Bursts = append(r.Bursts, *c.bursts[k])
	}
	r.Timeline = c.times.timeline()
	r.Connections = c.conns.quantities()
	r.Lanes = c.lanes.lanes()
	r.ColdRate = coldRate(r.Starts)
}

func (t *tagCollector) group(tag record.Tag) TagGroup {
	return TagGroup{Tag: tag, Arrivals: t.arrivals, Outcomes: t.outcomes, Starts: t.starts, Quantities: []Quantity{
		{Name: "response", Unit: "ms", Rows: t.response.rows(false)},
		{Name: "service", Unit: "ms", Rows: t.service.rows(false)},
	}}
}

// coldRate is the share of cold starts among the starts that are known.
func coldRate(starts map[record.Start]int64) Rate {
	r := Rate{K: starts[record.StartCold]}
	for start, n := range starts {
		if start != record.StartUnknown {
			r.N += n
		}
	}
	if r.N > 0 {
		i := stats.Proportion(r.K, r.N)
		r.Lo, r.Hi = i.Lo, i.Hi
	}
	return r
}
