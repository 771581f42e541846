package reports

import (
	"io"
	"time"

	"coldbench/cost"
	"coldbench/record"
)

// ExplanationSummary is the JSON form of Explanation. Keys may be added within
// a version of the schema; none is renamed or removed.
type ExplanationSummary struct {
	Schema      string                 `json:"schema"`
	Run         string                 `json:"run"`
	Provenance  record.Provenance      `json:"provenance"`
	Function    record.Function        `json:"function"`
	Row         ExplainedRow           `json:"row"`
	Start       ExplainedStart         `json:"start"`
	Report      *ExplainedReport       `json:"report"` // null where none was found
	Environment *ExplainedEnvironment  `json:"environment"`
	Residue     *Residue               `json:"residue"`
	Bill        *cost.Bill             `json:"bill"`
	Sources     map[string]cost.Source `json:"price_sources,omitempty"` // by the source of a line of the bill
	Unexplored  []string               `json:"not_explained"`
}

// ExplainedRow is the row as it stands in the run, its place, and the four
// times in milliseconds; null where that point was never reached.
type ExplainedRow struct {
	record.Invocation
	Place      record.Pos `json:"place"`
	ResponseMs *float64   `json:"response_ms"`
	ServiceMs  *float64   `json:"service_ms"`
	LagMs      *float64   `json:"lag_ms"`
	TTFBMs     *float64   `json:"ttfb_ms"`
}

// ExplainedStart says how the environment had started, and how that was
// decided.
type ExplainedStart struct {
	Kind    record.Start `json:"kind"`
	Rule    string       `json:"rule"`
	Meaning string       `json:"meaning"`
}

// ExplainedReport is the REPORT, field by field and verbatim.
type ExplainedReport struct {
	Place  record.Pos       `json:"place"`
	AlsoAt []record.Pos     `json:"also_at,omitempty"`
	Fields *record.Platform `json:"fields"`
	Raw    string           `json:"raw"`
}

// ExplainedEnvironment is what stands around the REPORT in its log stream.
type ExplainedEnvironment struct {
	LogStream    string          `json:"log_stream"` // "" where the lines came with the response alone
	ServedBefore int64           `json:"served_before"`
	Lines        []ExplainedLine `json:"lines"`
}

// ExplainedLine is one platform line, verbatim.
type ExplainedLine struct {
	Place record.Pos          `json:"place"`
	Time  *time.Time          `json:"time"`
	Kind  record.PlatformKind `json:"kind"`
	Own   bool                `json:"own"` // of the request itself
	Raw   string              `json:"raw"`
}

// Summary gives the value that WriteJSON writes.
func (x *Explanation) Summary() *ExplanationSummary {
	j := &x.Joined
	s := &ExplanationSummary{
		Schema: ExplanationSchema, Run: x.Dir, Provenance: x.Plan.Provenance, Function: x.function(),
		Row:     ExplainedRow{Invocation: j.Invocation, Place: x.Row},
		Start:   ExplainedStart{j.Start, j.StartRule, x.Meaning},
		Residue: x.Residue, Bill: x.Bill, Unexplored: append([]string{}, x.Unexplored...),
	}
	ms := func(d time.Duration) *float64 {
		v := milliseconds(d)
		return &v
	}
	if j.Sent > 0 {
		s.Row.LagMs = ms(j.Lag())
	}
	if j.FirstByte > 0 {
		s.Row.TTFBMs = ms(j.TTFB())
	}
	if j.Answered() {
		s.Row.ResponseMs, s.Row.ServiceMs = ms(j.Response()), ms(j.Service())
	}
	if p := j.Platform; p != nil {
		s.Report = &ExplainedReport{x.Report, x.AlsoAt, p, p.Raw}
		s.Environment = &ExplainedEnvironment{p.LogStream, x.Served, []ExplainedLine{}}
	}
	for _, l := range x.Around {
		line := ExplainedLine{Place: l.Pos, Kind: l.Kind, Own: l.Own, Raw: l.Text}
		if !l.Time.IsZero() {
			line.Time = &l.Time
		}
		s.Environment.Lines = append(s.Environment.Lines, line)
	}
	if x.Bill != nil {
		s.Sources = map[string]cost.Source{}
		for _, l := range x.Bill.Lines {
			if c, ok := cost.Cite(l.Source); ok {
				s.Sources[l.Source] = c
			}
		}
	}
	return s
}

// WriteJSON writes the explanation as one indented object and a newline.
func (x *Explanation) WriteJSON(w io.Writer) error { return writeJSON(w, x.Summary()) }
