package reports

import (
	"fmt"
	"io"
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
	Environments int64 // distinct log streams, 0 where the lines name none
	Concurrency  *Concurrency
	First, Last  time.Time // of the lines that carry a time
	Quantities   []Quantity
	Headroom     *Headroom
	Bill         *cost.Bill
	Errors       []ErrorKind // of REPORTs with a status: Type is the status and error type
	Emulated     int64       // REPORTs in a shape that only an emulator prints
	Truncated    int64
	Envelopes    []string // in which the lines came, where they were read from files
	Counts       *parsers.Counts
	Warnings     []record.Warning
}

func (p *Parsed) warn() {
	add := func(code, remedy, format string, a ...any) {
		p.Warnings = append(p.Warnings, record.Warning{Code: code, Text: fmt.Sprintf(format, a...), Remedy: remedy})
	}
	if p.Reports == 0 {
		add("no_reports", "read the function's whole log group: aws logs tail /aws/lambda/NAME --since 1d | bench parse, or "+
			"bench logs --log-group /aws/lambda/NAME; in the JSON log format the system log level must be INFO or DEBUG", "%s", p.nothing())
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

// nothing says what there is instead of REPORTs.
func (p *Parsed) nothing() string {
	text := "no REPORT line was found"
	var others int64
	for _, n := range p.Kinds {
		others += n
	}
	switch n := p.Counts; {
	case others > 0:
		text += ", only " + plural(others, "other platform line", "other platform lines")
	case n != nil && n.Application > 0:
		text += ": " + plural(n.Application, "line was read, and is the application's", "lines were read, all of the application")
	}
	return text
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
	Concurrency  *SummaryConcurrency                `json:"concurrency"` // null where no line has a time
	First        *time.Time                         `json:"first"`
	Last         *time.Time                         `json:"last"`
	Quantities   map[string]map[string]SummaryStats `json:"quantities"`
	Memory       *SummaryMemory                     `json:"memory"`
	Errors       []SummaryError                     `json:"errors"`
	Bill         *cost.Bill                         `json:"bill"`
	Envelopes    []string                           `json:"envelopes"` // in which the lines came
	Read         *parsers.Counts                    `json:"read"`      // what the scanner met; null without one
	Warnings     []record.Warning                   `json:"warnings"`
}

// Summary gives the value that WriteJSON writes.
func (p *Parsed) Summary() *ParsedSummary {
	s := &ParsedSummary{
		Schema: ParsedSchema, Reports: p.Reports, Kinds: p.Kinds, Starts: everyStart(p.Starts), Environments: p.Environments, Concurrency: p.Concurrency.summary(),
		Quantities: summaryQuantities(p.Quantities), Errors: []SummaryError{}, Bill: p.Bill, Read: p.Counts, Envelopes: append([]string{}, p.Envelopes...),
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
