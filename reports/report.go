package reports

import (
	"io"
	"time"

	"coldbench/cost"
	"coldbench/record"
)

// Report is everything that the writers print of one run. Build fills it, and
// no writer changes it; it is not for concurrent use, because distributions
// sort themselves when they are read.
type Report struct {
	Plan *record.Plan
	Host *record.Host // nil where the run does not hold it

	Generator *Generator // nil where the run was never closed

	Dir   string // the run directory, as it was given
	Ended time.Duration

	Verdict  record.Verdict
	Warnings []record.Warning
	Findings []string // sentences about what the run shows, for people

	Arrivals int64 // measured rows; the outcomes sum to it
	Planned  int64 // as the plan foresaw
	Warmup   int64 // rows that were sent to warm up and count nowhere else
	Partial  bool  // interrupted, killed or truncated

	Interrupted bool          // a signal ended the load before the plan did
	GivenUp     int64         // measured rows that were waited for when the second Ctrl-C came
	Ran         time.Duration // from the start to the last arrival that was due

	Outcomes     map[record.Outcome]int64
	Starts       map[record.Start]int64 // of the rows that reached a function
	Environments int64
	Join         record.JoinCounts
	Errors       []ErrorKind // most frequent first, at most maxErrorKinds

	Quantities []Quantity // in the order of the table
	Tags       []TagGroup // one for each tag; tables show them where there are two or more
	ColdRate   Rate
	Headroom   *Headroom  // nil without memory figures
	Bill       *cost.Bill // nil where nothing was billed or no tariff fits
	Phases     []PhaseMeans

	// Connections are the parts of a request as its client saw them, each split
	// by whether the connection was new or reused; empty where not observed.
	Connections []Quantity

	Bursts   []Burst
	Timeline Timeline
	Lanes    []Lane // an even sample of the environments
}

// Quantity is one measured thing, split by how the environment had started.
type Quantity struct {
	Name  string // response, service, ... as in DESIGN's four names
	Unit  string // ms or MB
	About string // what it is, for footnotes
	Rows  []Split
}

// Split is a quantity over one kind of start, or over all of them.
type Split struct {
	Start   record.Start // "" for all starts
	Numbers Numbers
}

// Numbers summarises one sample. The zero value is an empty sample.
type Numbers struct {
	N              int64
	Min, Max, Mean float64
	Clamped        int64      // values outside of what the histogram holds
	Censored       int64      // values of N that are lower bounds, of requests that timed out; Max and Mean are then lower bounds too
	Least          float64    // the smallest of them
	Quantiles      []Quantile // at tableQuantiles
	Curve          []Quantile // ascending, for the percentile chart, up to the first lower bound; may be empty

	dist histogram
}

// Quantile is one quantile with its two-sided order-statistic interval. Where
// OK is false the sample is too small for the interval, Value is not to be
// quoted, and Need says how many values there would have to be. AtLeast says
// that Value is a lower bound, for requests that timed out have that rank, and
// an infinite Hi that the interval has no upper one.
type Quantile struct {
	P             float64 // 0..1
	Value, Lo, Hi float64
	OK            bool
	AtLeast       bool
	Need          int64
}

// histogram is what the .hgrm files need of a distribution.
type histogram interface {
	WriteHgrm(w io.Writer, scale float64) error
}

// tableQuantiles are the quantiles of every table and of summary.json.
var tableQuantiles = []float64{0.5, 0.9, 0.95, 0.99, 0.999}

// quantileKeys names tableQuantiles in summary.json.
var quantileKeys = []string{"p50", "p90", "p95", "p99", "p999"}

// At returns the quantile p of Quantiles; ok is false when it is not there or
// not supported by the sample.
func (n *Numbers) At(p float64) (q Quantile, ok bool) {
	for _, q := range n.Quantiles {
		if q.P == p {
			return q, q.OK
		}
	}
	return Quantile{P: p}, false
}

// Of returns the numbers of one kind of start; Start "" is all. It is nil
// where the quantity does not have that kind.
func (q *Quantity) Of(s record.Start) *Numbers {
	for i := range q.Rows {
		if q.Rows[i].Start == s {
			return &q.Rows[i].Numbers
		}
	}
	return nil
}

// Quantity finds a quantity by its name, or nil.
func (r *Report) Quantity(name string) *Quantity {
	for i := range r.Quantities {
		if r.Quantities[i].Name == name {
			return &r.Quantities[i]
		}
	}
	return nil
}

// numbers is Quantity(name).Of(s), never nil.
func (r *Report) numbers(name string, s record.Start) *Numbers {
	if q := r.Quantity(name); q != nil {
		if n := q.Of(s); n != nil {
			return n
		}
	}
	return &Numbers{}
}

// TagGroup is the part of a run that carries one tag.
type TagGroup struct {
	Tag        record.Tag
	Arrivals   int64
	Outcomes   map[record.Outcome]int64
	Starts     map[record.Start]int64
	Quantities []Quantity // response and service
}

// ErrorKind counts rows of one outcome and error type.
type ErrorKind struct {
	Outcome record.Outcome
	Type    string
	Example string // the text of the first one
	N       int64
}

// Rate is a share with its exact (Clopper-Pearson) 95 % interval, which takes
// the events as independent.
type Rate struct {
	K, N   int64
	Lo, Hi float64 // 0..1
}

// Share is K/N, 0 where N is 0.
func (r Rate) Share() float64 {
	if r.N == 0 {
		return 0
	}
	return float64(r.K) / float64(r.N)
}

// Headroom compares the highest memory that a REPORT printed with the memory
// size of its function.
type Headroom struct {
	MaxUsedMB, SizeMB float64
}

// Free is the share of the memory that was never used.
func (h Headroom) Free() float64 {
	if h.SizeMB == 0 {
		return 0
	}
	return 1 - h.MaxUsedMB/h.SizeMB
}

// PhaseMeans says where the time of one kind of start went. All fields are
// means in milliseconds over the same rows, so that they add up to ResponseMs.
type PhaseMeans struct {
	Start                                record.Start
	N                                    int64
	LagMs, ResidueMs, InitMs, DurationMs float64
	ResponseMs                           float64
}

// Burst is one burst of the plan, as the rows show it.
type Burst struct {
	From, To time.Duration // first and last intended arrival
	Arrivals int64
	Starts   map[record.Start]int64
}

// Timeline is every start over time, binned so that its size does not depend
// on the number of rows.
type Timeline struct {
	Span   time.Duration // 0 to the last intended arrival
	Layers []Layer       // in the order in which they are drawn
	Spread []Spread      // distribution over a logarithmic axis, per kind
}

// Layer is one kind of mark. Either Marks holds each one, or Cells counts them.
type Layer struct {
	Kind  string // a record.Start, or kindError
	N     int64
	Marks []Mark
	Cells *grid
}

// Mark is one start, drawn one by one.
type Mark struct {
	At          time.Duration
	Ms          float64 // response; 0 where no reply arrived
	RequestID   string
	Environment string
	Error       string
}

// Spread counts response times of one kind in logarithmic classes.
type Spread struct {
	Start   record.Start
	N       int64
	Classes []int64 // class i starts at classLow(i) milliseconds
}

// kindError is the layer of rows that failed, whatever their start.
const kindError = "error"
