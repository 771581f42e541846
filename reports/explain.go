package reports

import (
	"errors"
	"fmt"
	"time"

	"coldbench/cost"
	"coldbench/parsers"
	"coldbench/record"
)

// ExplanationSchema is the version of the JSON form of Explanation.
const ExplanationSchema = "coldbench.explanation/v1"

// Wanted names one row of a run: by its request id or a beginning of it that
// no other row has, or, where RequestID is "", by its place in the schedule.
type Wanted struct {
	RequestID string
	Seq       int64
}

// Explanation walks the figures of one row back to the lines that they come
// from. Numbers are exact: none is rounded or derived but those that say so.
type Explanation struct {
	Dir        string
	Plan       *record.Plan
	Joined     record.Joined
	Row        record.Pos // where the row stands
	Report     record.Pos // where the REPORT stands; zero where there is none
	AlsoAt     []record.Pos
	Meaning    string            // of Joined.StartRule
	Around     []EnvironmentLine // of the environment, the REPORT included, in the order of the log
	Served     int64             // REPORTs of other requests before it in its log stream
	Residue    *Residue          // nil where it has no meaning
	Bill       *cost.Bill        // of this request alone; nil without a REPORT
	Unexplored []string          // what could not be explained, one sentence each
}

// EnvironmentLine is one platform line of the environment that served the row.
type EnvironmentLine struct {
	Pos  record.Pos
	Time time.Time // zero where the log does not tell
	Kind record.PlatformKind
	Own  bool // of the request itself
	Text string
}

// Residue is service − init − restore − duration, and what it is made of, in
// milliseconds. Init and restore are 0 where the request did not wait for
// them.
type Residue struct {
	Ms         float64 `json:"ms"`
	ServiceMs  float64 `json:"service_ms"`
	InitMs     float64 `json:"init_ms"`
	RestoreMs  float64 `json:"restore_ms"`
	DurationMs float64 `json:"duration_ms"`
}

// Explain finds one row of a run and all that its figures come from. It reads
// the rows once and the platform's log twice, and keeps of either only what
// belongs to the row, so memory does not grow with the run; an environment's
// REPORTs are judged with all lines of its own log stream.
//
// Errors are those of reading, *UnknownRequestError, and
// *AmbiguousRequestError.
func Explain(run *record.Run, w Wanted) (*Explanation, error) {
	row, err := findRow(run, w)
	if err != nil {
		return nil, err
	}
	x := &Explanation{Dir: run.Dir, Plan: run.Plan, Row: row.Pos}
	if err := x.join(run, row.Value); err != nil {
		return nil, fmt.Errorf("explain %s: %w", run.Dir, err)
	}
	x.Meaning = parsers.RuleMeaning(x.Joined.StartRule)
	x.arithmetic()
	x.lacks()
	return x, nil
}

// join puts the row and its REPORT together, as a report of the whole run
// does, from the lines of its environment alone.
func (x *Explanation) join(run *record.Run, row record.Invocation) error {
	var lines environmentLines
	if row.RequestID != "" {
		if err := lines.read(run, row.RequestID); err != nil {
			return err
		}
	}
	j, err := record.NewJoin(lines.platforms(row.RequestID), record.JoinOptions{ExpectReports: run.Plan.ExpectReports})
	if err != nil {
		return err
	}
	for joined, err := range j.Rows(func(yield func(record.Invocation, error) bool) { yield(row, nil) }) {
		if err != nil {
			return err
		}
		x.Joined = joined
	}
	if p := x.Joined.Platform; p != nil {
		x.Report, x.AlsoAt = lines.placesOf(p)
		x.Around, x.Served = lines.around(p.LogStream)
	}
	return nil
}

func (x *Explanation) function() (f record.Function) {
	if i := x.Joined.Function; i >= 0 && i < len(x.Plan.Functions) {
		f = x.Plan.Functions[i]
	}
	return f
}

// arithmetic fills in residue and bill.
func (x *Explanation) arithmetic() {
	j := &x.Joined
	if ms, ok := residue(j); ok {
		x.Residue = &Residue{Ms: ms, ServiceMs: milliseconds(j.Service()), DurationMs: j.Platform.DurationMs.Value}
		x.Residue.InitMs, x.Residue.RestoreMs = waitedFor(j)
	}
	var u usageCollector
	u.add(x.Plan, j)
	bill, warnings := u.bill(x.Plan.Region)
	x.Bill = bill
	for _, w := range warnings {
		x.Unexplored = append(x.Unexplored, w.Text)
	}
}

// lacks says what there is no explanation of, and why.
func (x *Explanation) lacks() {
	j := &x.Joined
	add := func(format string, a ...any) { x.Unexplored = append(x.Unexplored, fmt.Sprintf(format, a...)) }
	switch {
	case j.Platform != nil:
	case j.RequestID == "" && j.Outcome == record.NotSent:
		add("the request was never sent, so no platform saw it")
	case j.RequestID == "":
		add("the reply named no request id, so no REPORT can be told to be its")
	case !x.Plan.ExpectReports:
		add("the target's platform prints no REPORT that bench could read")
	default:
		add("%s has no REPORT of the request: none had been delivered when the run ended", record.EventsFile)
	}
	if j.Platform != nil && j.Platform.LogStream == "" {
		add("the REPORT came with the response alone: which environment served it is not known")
	}
	if j.Platform != nil && x.Residue == nil {
		add("residue is only for requests that ended well and whose REPORT has a Duration")
	}
}

// UnknownRequestError says that a run has no row of that name.
type UnknownRequestError struct {
	Wanted        Wanted
	Dir           string
	Rows, WithIDs int64
	Nearest       string // the request id that is most like it; "" where no row has one
	NearestSeq    int64
}

// Error names what there is instead.
func (e *UnknownRequestError) Error() string {
	if e.Wanted.RequestID == "" {
		return fmt.Sprintf("explain %s: no row has seq %d: the run has %d rows", e.Dir, e.Wanted.Seq, e.Rows)
	}
	text := fmt.Sprintf("explain %s: no request id begins with %q: ", e.Dir, plain(e.Wanted.RequestID, 80))
	switch {
	case e.WithIDs == 0:
		return text + fmt.Sprintf("none of %d rows has one", e.Rows)
	case e.Nearest != "":
		return text + fmt.Sprintf("%d of %d rows have one, the nearest is %q (seq %d)", e.WithIDs, e.Rows, plain(e.Nearest, 80), e.NearestSeq)
	}
	return text + fmt.Sprintf("%d of %d rows have one", e.WithIDs, e.Rows)
}

// AmbiguousRequestError says that more than one row has that beginning.
type AmbiguousRequestError struct {
	Wanted Wanted
	Dir    string
	N      int64
	First  []string // request ids, at most 5
}

// Error lists the first of them.
func (e *AmbiguousRequestError) Error() string {
	text := fmt.Sprintf("explain %s: %d request ids begin with %q:", e.Dir, e.N, plain(e.Wanted.RequestID, 80))
	for _, id := range e.First {
		text += " " + plain(id, 80)
	}
	if e.N > int64(len(e.First)) {
		text += " …"
	}
	return text
}

// IsNoSuchRequest says whether the row could not be found, or not be told from
// others.
func IsNoSuchRequest(err error) bool {
	var unknown *UnknownRequestError
	var ambiguous *AmbiguousRequestError
	return errors.As(err, &unknown) || errors.As(err, &ambiguous)
}
