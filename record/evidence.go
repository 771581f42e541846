package record

import "time"

// JoinCounts says how rows and REPORTs met. Matched + Unclaimed is the number
// of distinct REPORTs, Matched + Missing <= the number of rows.
type JoinCounts struct {
	Matched     int64 `json:"matched"`
	Missing     int64 `json:"missing"`       // rows that should have a REPORT and have none
	Unclaimed   int64 `json:"unclaimed"`     // REPORTs that belong to no row
	Disagreeing int64 `json:"disagreeing"`   // rows whose evidence on Start contradicts itself
	Expected    int64 `json:"expected"`      // rows that should have a REPORT; Missing is a part of them
	NoRequestID int64 `json:"no_request_id"` // answered rows that carry no id, where REPORTs are expected

	NoStream     int64    `json:"no_stream,omitempty"`   // matched REPORTs whose log stream is not known
	Environments int      `json:"environments"`          // distinct log streams among the matched REPORTs
	MissingIDs   []string `json:"missing_ids,omitempty"` // the first 20
}

// Cell is one function of the plan and a memory size that its REPORTs print.
type Cell struct {
	Function int
	MemoryMB float64
}

// Evidence is what Check judges a run by. Counts come from Add, called once
// for every joined row; the quantiles from whoever keeps the distributions.
// The zero value is ready for use; an Evidence is not safe for concurrent use.
type Evidence struct {
	Rows         int64             // rows that count: all but those of the warm-up
	Warmup       int64             // rows of the warm-up; they count in Conservation and nowhere else
	Outcomes     map[Outcome]int64 // sums to Rows
	Starts       map[Start]int64   // sums to Rows
	NotSentBy    map[string]int64  // NotSent by ErrorType
	Errors       map[string]int64  // rows that are neither OK nor NotSent, by ErrorType; at most 100 kinds
	Memory       map[Cell]int64    // REPORTs by function and memory size; at most 100 cells
	Conservation Conservation

	Redirects      int64              // rows that ended well with an HTTP status that leads elsewhere; nobody followed
	Late           int64              // rows that were sent too late: see MaxLagFloor
	LagP50, LagP99 Opt[time.Duration] // of rows that were sent

	Join             JoinCounts // zero where no log was read
	EmulatorReports  int64      // REPORTs in a shape that only another emulator prints
	TruncatedReports int64

	Floor         *Floor // of the machine; nil where it was not calibrated
	PeakPerSecond int64  // arrivals that were due in the busiest second

	// As GeneratorStats says:
	Interrupted     bool
	StartMissed     time.Duration
	PreconnectError string
	Abandoned       int64
	NeverClosed     bool // no generator.json
}

// maxKinds bounds maps whose keys come from outside.
const maxKinds = 100

// Add counts one joined row. It keeps nothing of j.
func (e *Evidence) Add(j *Joined) {
	if e.Outcomes == nil {
		e.Outcomes = map[Outcome]int64{}
		e.Starts = map[Start]int64{}
		e.NotSentBy = map[string]int64{}
		e.Errors = map[string]int64{}
		e.Memory = map[Cell]int64{}
	}
	e.Conservation.Add(j.Seq)
	if j.Phase == PhaseWarmup {
		e.Warmup++
		return
	}
	e.Rows++
	e.Outcomes[j.Outcome]++
	e.Starts[j.Start]++
	switch j.Outcome {
	case OK:
	case NotSent:
		bump(e.NotSentBy, j.ErrorType)
	default:
		bump(e.Errors, j.ErrorType)
	}
	if j.Outcome == OK && redirect(j.Status) {
		e.Redirects++
	}
	if late(&j.Invocation) {
		e.Late++
	}
	if p := j.Platform; p != nil {
		e.addReport(j.Function, p)
	}
}

// redirect says whether an HTTP status is no answer but the address of one. RFC
// 9110, section 15.4; 304 answers a question, 300 and 305 are not in use.
func redirect(status int) bool {
	switch status {
	case 301, 302, 303, 307, 308:
		return true
	}
	return false
}

// late says whether the lag of a row is part of its figures. A row that was
// never answered has only the floor.
func late(r *Invocation) bool {
	if r.Sent == 0 {
		return false
	}
	limit := MaxLagFloor
	if r.Answered() {
		limit = max(limit, time.Duration(MaxLagShare*float64(r.Service())))
	}
	return r.Lag() > limit
}

func (e *Evidence) addReport(fn int, p *Platform) {
	if p.MemorySizeMB.Valid {
		bump(e.Memory, Cell{fn, p.MemorySizeMB.Value})
	}
	if p.Emulator {
		e.EmulatorReports++
	}
	if p.Truncated {
		e.TruncatedReports++
	}
}

// bump counts a key unless the map is full of others.
func bump[K comparable](m map[K]int64, k K) {
	if _, ok := m[k]; ok || len(m) < maxKinds {
		m[k]++
	}
}
