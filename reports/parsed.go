package reports

import (
	"cmp"
	"fmt"
	"hash/maphash"
	"io"
	"iter"
	"slices"
	"time"

	"coldbench/cost"
	"coldbench/parsers"
	"coldbench/record"
)

// ParsedSchema is the version of the JSON form of Parsed.
const ParsedSchema = "coldbench.parsed/v1"

// ParsedOptions say what log lines alone do not. The zero value prices x86_64
// in us-east-1.
type ParsedOptions struct {
	Region string
	Arch   string                // of the functions, for the bill: x86_64 or arm64
	Counts func() parsers.Counts // asked after the last record; nil where no scanner read them
}

// Parsed summarises platform log lines without a run: what an operator asks of
// a log. BuildParsed fills it.
type Parsed struct {
	Kinds        map[record.PlatformKind]int64
	Reports      int64
	Starts       map[record.Start]int64
	FromLine     int64 // REPORTs whose start is read off their own line alone
	ColdRate     Rate
	Environments int64     // distinct log streams, 0 where the lines name none
	First, Last  time.Time // of the lines that carry a time
	Quantities   []Quantity
	Headroom     *Headroom
	Bill         *cost.Bill
	Errors       []ErrorKind // of REPORTs with a status: Type is the status and error type
	Emulated     int64       // REPORTs in a shape that only an emulator prints
	Truncated    int64
	Counts       *parsers.Counts
	Warnings     []record.Warning
}

// parsedKinds are the quantities that a REPORT holds, in the order of tables.
func parsedKinds() []quantityKind {
	var out []quantityKind
	for _, k := range quantityKinds {
		switch k.name {
		case "init":
			out = append(out, k, quantityKind{"restore", "ms", "Restore Duration of the REPORT", func(j *record.Joined) (float64, bool) {
				return reported(j, func(p *record.Platform) record.Opt[float64] { return p.RestoreDurationMs })
			}})
		case "duration", "billed", "max_memory_used":
			out = append(out, k)
		}
	}
	return out
}

// BuildParsed reads platform records, in memory that grows only with the
// number of distinct log streams (a hash each). It returns the first error of
// the sequence.
func BuildParsed(records iter.Seq2[record.Platform, error], o ParsedOptions) (*Parsed, error) {
	c := newParsedCollector(o)
	for p, err := range records {
		if err != nil {
			return nil, fmt.Errorf("summarise platform lines: %w", err)
		}
		c.add(&p)
	}
	return c.finish(o), nil
}

type parsedCollector struct {
	p      *Parsed
	kinds  []quantityKind
	dists  []*splitDist
	usage  usageCollector
	arch   record.Function
	errors map[string]*ErrorKind
	envs   map[uint64]struct{}
	seed   maphash.Seed
}

func newParsedCollector(o ParsedOptions) *parsedCollector {
	c := &parsedCollector{
		p:     &Parsed{Kinds: map[record.PlatformKind]int64{}, Starts: map[record.Start]int64{}},
		kinds: parsedKinds(), arch: record.Function{Arch: o.Arch},
		errors: map[string]*ErrorKind{}, envs: map[uint64]struct{}{}, seed: maphash.MakeSeed(),
	}
	for _, k := range c.kinds {
		c.dists = append(c.dists, newSplitDist(k.unit))
	}
	return c
}

func (c *parsedCollector) add(p *record.Platform) {
	c.p.Kinds[p.Kind]++
	if t := p.Timestamp; !t.IsZero() {
		if c.p.First.IsZero() || t.Before(c.p.First) {
			c.p.First = t
		}
		if t.After(c.p.Last) {
			c.p.Last = t
		}
	}
	if p.LogStream != "" {
		c.envs[maphash.String(c.seed, p.LogStream)] = struct{}{}
	}
	if p.Kind == record.KindReport {
		c.report(p)
	}
}

func (c *parsedCollector) report(p *record.Platform) {
	c.p.Reports++
	start := p.Start
	if start == "" {
		start = startOfLine(p)
		c.p.FromLine++
	}
	c.p.Starts[start]++
	j := record.Joined{Platform: p, Start: start}
	for i, k := range c.kinds {
		if v, ok := k.read(&j); ok {
			c.dists[i].add(start, v)
		}
	}
	c.usage.addReport(p, c.arch)
	if p.Emulator {
		c.p.Emulated++
	}
	if p.Truncated {
		c.p.Truncated++
	}
	if p.Status != "" && p.Status != "success" {
		c.failure(p)
	}
}

// startOfLine reads the start off a REPORT alone. A start whose init failed
// prints no Init Duration and looks warm; only the lines around it could tell.
func startOfLine(p *record.Platform) record.Start {
	switch {
	case p.Truncated:
		return record.StartUnknown
	case p.RestoreDurationMs.Valid:
		return record.StartRestored
	case p.InitDurationMs.Valid:
		return record.StartCold
	}
	return record.StartWarm
}

func (c *parsedCollector) failure(p *record.Platform) {
	name := p.Status
	if p.ErrorType != "" {
		name += " " + p.ErrorType
	}
	e := c.errors[name]
	if e == nil {
		if len(c.errors) >= maxErrorKeys {
			name = "(others)"
		}
		if e = c.errors[name]; e == nil {
			e = &ErrorKind{Type: plain(name, 120), Example: plain(p.RequestID, 80)}
			c.errors[name] = e
		}
	}
	e.N++
}

func (c *parsedCollector) finish(o ParsedOptions) *Parsed {
	p := c.p
	for i, k := range c.kinds {
		if k.name == "restore" && c.dists[i].all.N() == 0 {
			continue
		}
		p.Quantities = append(p.Quantities, Quantity{Name: k.name, Unit: k.unit, About: k.about, Rows: c.dists[i].rows(false)})
	}
	p.ColdRate = coldRate(p.Starts)
	p.Environments = int64(len(c.envs))
	p.Headroom = c.usage.head()
	for _, e := range c.errors {
		p.Errors = append(p.Errors, *e)
	}
	slices.SortFunc(p.Errors, func(a, b ErrorKind) int { return cmp.Or(cmp.Compare(b.N, a.N), cmp.Compare(a.Type, b.Type)) })
	p.Errors = p.Errors[:min(len(p.Errors), maxErrorKinds)]
	p.Bill, p.Warnings = c.usage.bill(o.Region)
	if o.Counts != nil {
		n := o.Counts()
		p.Counts = &n
	}
	p.warn()
	return p
}

func (p *Parsed) warn() {
	add := func(code, remedy, format string, a ...any) {
		p.Warnings = append(p.Warnings, record.Warning{Code: code, Text: fmt.Sprintf(format, a...), Remedy: remedy})
	}
	if p.Reports == 0 {
		add("no_reports", "give the function's own log group, not filtered down to application lines", "no REPORT line was found")
	}
	if n := p.Counts; n != nil && n.Broken > 0 {
		add("unread", "`bench parse --records` names each with its place on stderr", "%s not be read and %s in no figure", plural(n.Broken, "platform line could", "platform lines could"), one(n.Broken, "is", "are"))
	}
	if p.Emulated > 0 {
		add("foreign_emulator", "read the log of a deployed function", "%s a shape that only an emulator prints: init and memory figures are not true", plural(p.Emulated, "REPORT has", "REPORTs have"))
	}
	if p.Truncated > 0 {
		add("truncated_reports", "read the log group instead of the response's tail", "%s cut: an Init Duration may be lost", plural(p.Truncated, "REPORT is", "REPORTs are"))
	}
	if p.FromLine > 0 {
		add("start_from_line", "keep the INIT_START, START and END lines in the input", "%s classed by the REPORT line alone: a start whose init failed looks warm there", plural(p.FromLine, "start is", "starts are"))
	}
	r := &Report{Quantities: p.Quantities}
	p.Warnings = append(p.Warnings, tooFew(r)...)
}

// ParsedSummary is the JSON form of Parsed. Keys may be added within a version
// of the schema; none is renamed or removed.
type ParsedSummary struct {
	Schema       string                             `json:"schema"`
	Reports      int64                              `json:"reports"`
	Kinds        map[record.PlatformKind]int64      `json:"kinds"`
	Starts       map[record.Start]int64             `json:"starts"`
	ColdRate     *SummaryRate                       `json:"cold_rate"`
	Environments int64                              `json:"environments"`
	First        *time.Time                         `json:"first"`
	Last         *time.Time                         `json:"last"`
	Quantities   map[string]map[string]SummaryStats `json:"quantities"`
	Memory       *SummaryMemory                     `json:"memory"`
	Errors       []SummaryError                     `json:"errors"`
	Bill         *cost.Bill                         `json:"bill"`
	Read         *parsers.Counts                    `json:"read"` // what the scanner met; null without one
	Warnings     []record.Warning                   `json:"warnings"`
}

// Summary gives the value that WriteJSON writes.
func (p *Parsed) Summary() *ParsedSummary {
	s := &ParsedSummary{
		Schema: ParsedSchema, Reports: p.Reports, Kinds: p.Kinds, Starts: everyStart(p.Starts), Environments: p.Environments,
		Quantities: summaryQuantities(p.Quantities), Errors: []SummaryError{}, Bill: p.Bill, Read: p.Counts,
		Warnings: append([]record.Warning{}, p.Warnings...),
	}
	if c := p.ColdRate; c.N > 0 {
		s.ColdRate = &SummaryRate{K: c.K, N: c.N, Rate: c.Share(), CI95: [2]float64{c.Lo, c.Hi}}
	}
	if !p.First.IsZero() {
		s.First, s.Last = &p.First, &p.Last
	}
	if h := p.Headroom; h != nil {
		s.Memory = &SummaryMemory{h.MaxUsedMB, h.SizeMB, h.Free()}
	}
	for _, e := range p.Errors {
		s.Errors = append(s.Errors, SummaryError{Type: e.Type, Example: e.Example, N: e.N})
	}
	for i := range s.Warnings {
		s.Warnings[i].Text = ordinary(s.Warnings[i].Text)
	}
	return s
}

// WriteJSON writes the summary as one indented object and a newline.
func (p *Parsed) WriteJSON(w io.Writer) error { return writeJSON(w, p.Summary()) }
