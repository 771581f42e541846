package reports

import (
	"bytes"
	"cmp"
	"fmt"
	"hash/maphash"
	"iter"
	"slices"
	"time"

	"coldbench/parsers"
	"coldbench/record"
	"coldbench/stats"
)

// BuildParsed reads platform records, in memory that grows only with the
// number of distinct log streams (a hash each). It returns the first error of
// the sequence.
func BuildParsed(records iter.Seq2[record.Platform, error], o ParsedOptions) (*Parsed, error) {
	b := NewParsedBuilder(o)
	var v parsers.View
	for p, err := range records {
		if err != nil {
			return nil, fmt.Errorf("summarise platform lines: %w", err)
		}
		viewOf(&p, &v)
		b.Add(&v)
	}
	return b.Parsed(), nil
}

// viewOf fills in what a ParsedBuilder looks at. v lends its texts' room.
func viewOf(p *record.Platform, v *parsers.View) {
	*v = parsers.View{
		Kind: p.Kind, DurationMs: p.DurationMs, BilledDurationMs: p.BilledDurationMs, MemorySizeMB: p.MemorySizeMB,
		MaxMemoryUsedMB: p.MaxMemoryUsedMB, InitDurationMs: p.InitDurationMs, RestoreDurationMs: p.RestoreDurationMs,
		Timestamp: p.Timestamp, Start: p.Start, StartRule: p.StartRule, Emulator: p.Emulator, Truncated: p.Truncated,
		RequestID: append(v.RequestID[:0], p.RequestID...), LogStream: append(v.LogStream[:0], p.LogStream...),
		Status: append(v.Status[:0], p.Status...), ErrorType: append(v.ErrorType[:0], p.ErrorType...),
	}
}

// ParsedBuilder fills a Parsed, one platform record at a time. Make one with
// NewParsedBuilder. It allocates nothing for a record that is like others, and
// keeps no part of one. It is not for concurrent use.
type ParsedBuilder struct {
	o       ParsedOptions
	p       *Parsed
	dists   [len(parsedKinds)][len(startOrder)]*stats.Dist
	starts  [len(startOrder)]int64
	reports int64 // REPORT lines; the other kinds are counted in p
	usage   usageCollector
	arch    record.Function
	errors  map[string]*ErrorKind
	envs    map[uint64]struct{}
	stream  []byte // of the record before
	seed    maphash.Seed
	busy    busyCollector
}

// startOrder are the starts, as indices of arrays.
var startOrder = [...]record.Start{
	record.StartCold, record.StartWarm, record.StartRestored, record.StartProvisioned, record.StartUnknown,
}

// parsedKinds are the quantities that a REPORT holds, in the order of tables.
var parsedKinds = [...]struct{ name, unit, about string }{
	{"init", "ms", "Init Duration of the REPORT"},
	{"restore", "ms", "Restore Duration of the REPORT"},
	{"duration", "ms", "Duration of the REPORT"},
	{"billed", "ms", "Billed Duration of the REPORT"},
	{"max_memory_used", "MB", "Max Memory Used of the REPORT"},
}

// NewParsedBuilder returns a builder without records.
func NewParsedBuilder(o ParsedOptions) *ParsedBuilder {
	return &ParsedBuilder{
		o:    o,
		p:    &Parsed{Kinds: map[record.PlatformKind]int64{}, Starts: map[record.Start]int64{}},
		arch: record.Function{Arch: o.Arch}, errors: map[string]*ErrorKind{}, envs: map[uint64]struct{}{}, seed: maphash.MakeSeed(),
	}
}

// Add takes one record. It reads the kind, the figures, status, error type,
// request id, time, log stream, and what a Pairing decided.
func (b *ParsedBuilder) Add(v *parsers.View) {
	if t := v.Timestamp; !t.IsZero() {
		if b.p.First.IsZero() || t.Before(b.p.First) {
			b.p.First = t
		}
		if t.After(b.p.Last) {
			b.p.Last = t
		}
	}
	if len(v.LogStream) > 0 && !bytes.Equal(v.LogStream, b.stream) {
		b.stream = append(b.stream[:0], v.LogStream...)
		b.envs[maphash.Bytes(b.seed, v.LogStream)] = struct{}{}
	}
	if v.Kind != record.KindReport {
		b.p.Kinds[v.Kind]++
		return
	}
	b.reports++
	b.report(v)
}

func (b *ParsedBuilder) report(v *parsers.View) {
	i := 0
	if v.Start == "" {
		i = startOfLine(v)
		b.p.FromLine++
	} else if i = slices.Index(startOrder[:], v.Start); i < 0 {
		i = len(startOrder) - 1
	}
	b.starts[i]++
	// The order is that of parsedKinds.
	for k, f := range [len(parsedKinds)]record.Opt[float64]{v.InitDurationMs, v.RestoreDurationMs, v.DurationMs, v.BilledDurationMs, v.MaxMemoryUsedMB} {
		if !f.Valid {
			continue
		}
		d := b.dists[k][i]
		if d == nil {
			d = stats.NewDist(parsedKinds[k].unit)
			b.dists[k][i] = d
		}
		d.Add(f.Value)
	}
	if v.DurationMs.Valid {
		b.busy.add(v.Timestamp, time.Duration(v.DurationMs.Value*float64(time.Millisecond)))
	}
	b.usage.addFigures(v.BilledDurationMs, v.MemorySizeMB, v.MaxMemoryUsedMB, &b.arch)
	if v.Emulator {
		b.p.Emulated++
	}
	if v.Truncated {
		b.p.Truncated++
	}
	if len(v.Status) > 0 && string(v.Status) != "success" {
		b.failure(v)
	}
}

// startOfLine reads the start off a REPORT alone, as an index of startOrder. A
// start whose init failed prints no Init Duration and looks warm; only the
// lines around it could tell.
func startOfLine(v *parsers.View) int {
	switch {
	case v.Truncated:
		return slices.Index(startOrder[:], record.StartUnknown)
	case v.RestoreDurationMs.Valid:
		return slices.Index(startOrder[:], record.StartRestored)
	case v.InitDurationMs.Valid:
		return slices.Index(startOrder[:], record.StartCold)
	}
	return slices.Index(startOrder[:], record.StartWarm)
}

func (b *ParsedBuilder) failure(v *parsers.View) {
	name := string(v.Status)
	if len(v.ErrorType) > 0 {
		name += " " + string(v.ErrorType)
	}
	e := b.errors[name]
	if e == nil {
		if len(b.errors) >= maxErrorKeys {
			name = "(others)"
		}
		if e = b.errors[name]; e == nil {
			e = &ErrorKind{Type: plain(name, 120), Example: plain(string(v.RequestID), 80)}
			b.errors[name] = e
		}
	}
	e.N++
}

// Parsed gives the summary of what was added. It is called once, at the end.
func (b *ParsedBuilder) Parsed() *Parsed {
	p := b.p
	if p.Reports = b.reports; b.reports > 0 {
		p.Kinds[record.KindReport] = b.reports
	}
	for i, n := range b.starts {
		if n > 0 {
			p.Starts[startOrder[i]] = n
		}
	}
	for k, kind := range parsedKinds {
		d := b.split(k)
		if kind.name == "restore" && d.all.N() == 0 {
			continue
		}
		p.Quantities = append(p.Quantities, Quantity{Name: kind.name, Unit: kind.unit, About: kind.about, Rows: d.rows(false)})
	}
	p.ColdRate = coldRate(p.Starts)
	p.Environments = int64(len(b.envs))
	p.Concurrency = b.busy.concurrency()
	p.Headroom = b.usage.head()
	for _, e := range b.errors {
		p.Errors = append(p.Errors, *e)
	}
	slices.SortFunc(p.Errors, func(a, b ErrorKind) int { return cmp.Or(cmp.Compare(b.N, a.N), cmp.Compare(a.Type, b.Type)) })
	p.Errors = p.Errors[:min(len(p.Errors), maxErrorKinds)]
	p.Bill, p.Warnings = b.usage.bill(b.o.Region)
	if b.o.Counts != nil {
		n := b.o.Counts()
		p.Counts = &n
	}
	p.warn()
	return p
}

// split puts the distributions of one quantity together, and adds that of all
// starts.
func (b *ParsedBuilder) split(k int) *splitDist {
	s := newSplitDist(parsedKinds[k].unit)
	for i, d := range b.dists[k] {
		if d == nil {
			continue
		}
		s.kinds[startOrder[i]] = d
		if err := s.all.Merge(d); err != nil {
			panic(err) // the units are the same
		}
	}
	return s
}
