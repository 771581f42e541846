package stats

import (
	"fmt"
	"math"
	"slices"

	hdr "github.com/HdrHistogram/hdrhistogram-go"
)

const (
	// ExactLimit is how many values a Dist keeps as they are (160 kB). One more
	// turns it into a histogram.
	ExactLimit = 20_000

	// MaxValue is the largest value that a Dist holds: 24 h where the unit is
	// milliseconds. Larger ones are moved to it and counted.
	MaxValue = 86_400_000.0

	// perUnit is how many steps the histogram has in one unit: a value in ms is
	// held in ns. Up to 2047 steps it resolves single steps, above that three
	// significant digits, so that 0.001 ms is held as it is.
	perUnit = 1e6

	significantDigits = 3
)

// Dist is a distribution of values of one unit. Make one with [NewDist]. It is
// not safe for concurrent use, not even by readers alone: reading sorts.
type Dist struct {
	unit string

	n        int64
	min, max float64
	mean, m2 float64 // Welford: running mean and sum of squared deviations

	low, high, nan int64 // clamped from below, from above; left out

	censored int64   // values of n that are lower bounds
	least    float64 // the smallest of them

	values []float64 // while exact
	sorted bool
	hist   *hdr.Histogram // nil while exact
	steps  []step         // of hist; nil when a value came in since
}

// step is one bucket of the histogram that holds values, in units.
type step struct {
	lo, hi float64
	cum    int64 // values in this step and all below
}

// NewDist returns an empty distribution of values in the given unit.
func NewDist(unit string) *Dist { return &Dist{unit: unit} }

// Unit is the unit that the values are in.
func (d *Dist) Unit() string { return d.unit }

// N is how many values the distribution holds, clamped ones included, NaN not.
func (d *Dist) N() int64 { return d.n }

// Exact says whether every value is kept as it is. If not, values are rounded
// to three significant digits; minimum, maximum and mean are still exact.
func (d *Dist) Exact() bool { return d.hist == nil }

// Clamped is how many values were moved to a bound: below 0, above [MaxValue].
func (d *Dist) Clamped() (low, high int64) { return d.low, d.high }

// NaNs is how many values were not numbers and are left out.
func (d *Dist) NaNs() int64 { return d.nan }

// Add puts one value in. A value below 0 counts as 0 and one above [MaxValue]
// as MaxValue, and either is counted as clamped. NaN is counted and left out.
func (d *Dist) Add(v float64) {
	switch {
	case v >= 0 && v <= MaxValue:
		v += 0 // a negative zero is 0
	case v < 0:
		v = 0
		d.low++
	case v > MaxValue:
		v = MaxValue
		d.high++
	default:
		d.nan++
		return
	}
	d.moments(v)
	if d.hist == nil && len(d.values) < ExactLimit {
		d.values = append(d.values, v)
		d.sorted = false
		return
	}
	d.toHistogram()
	d.record(v)
}

// AddCensored puts in a value of which only a lower bound is known: a wait that
// was given up after v. It has a rank like any other value, at least that of v,
// so that what was not waited for does not vanish from the quantiles. It is
// clamped as by [Dist.Add]; a bound that is no number is one of 0.
func (d *Dist) AddCensored(v float64) {
	if math.IsNaN(v) {
		v = 0
	}
	if at := min(max(v, 0), MaxValue); d.censored == 0 || at < d.least {
		d.least = at
	}
	d.censored++
	d.Add(v)
}

// Censored is how many of the values are lower bounds, and the smallest of
// them (0 where there is none). An order statistic below least is exact.
func (d *Dist) Censored() (n int64, least float64) { return d.censored, d.least }

// bounded says whether v may be more than it seems.
func (d *Dist) bounded(v float64) bool { return d.censored > 0 && v >= d.least }

// moments brings count, extremes, mean and squared deviations up to date:
// Welford, Technometrics 4 (1962) 419-420.
func (d *Dist) moments(v float64) {
	if d.n == 0 || v < d.min {
		d.min = v
	}
	if d.n == 0 || v > d.max {
		d.max = v
	}
	d.n++
	delta := v - d.mean
	d.mean += delta / float64(d.n)
	d.m2 += delta * (v - d.mean)
}

// toHistogram moves the exact values into a histogram, once.
func (d *Dist) toHistogram() {
	if d.hist != nil {
		return
	}
	d.hist = hdr.New(1, int64(MaxValue*perUnit), significantDigits)
	for _, v := range d.values {
		d.record(v)
	}
	d.values = nil
}

// record puts a value of 0..MaxValue into the histogram.
func (d *Dist) record(v float64) {
	d.steps = nil
	// The histogram was made for MaxValue, so that no value can be out of range.
	_ = d.hist.RecordValue(int64(math.Round(v * perUnit)))
}

// Merge adds every value of o, which stays as it is. The result is what Add of
// all the values would have given: exact while it fits, and in the histogram
// count by count. Mean and deviation may differ in the last digit. It is an
// error if the units differ; d is then unchanged.
func (d *Dist) Merge(o *Dist) error {
	if d.unit != o.unit {
		return fmt.Errorf("merge distributions: units %q and %q differ", d.unit, o.unit)
	}
	if o.n == 0 {
		d.nan += o.nan
		return nil
	}
	other := *o // d and o may be the same
	d.mergeMoments(&other)
	if d.hist == nil && other.hist == nil && len(d.values)+len(other.values) <= ExactLimit {
		d.values = append(d.values, other.values...)
		d.sorted = false
		return nil
	}
	d.toHistogram()
	d.steps = nil
	for _, v := range other.values {
		d.record(v)
	}
	if other.hist != nil {
		from := other.hist
		if from == d.hist {
			from = from.Clone()
		}
		d.hist.Merge(from) // drops nothing: the ranges are the same
	}
	return nil
}

// mergeMoments joins the moments of two samples: Chan, Golub and LeVeque,
// The American Statistician 37 (1983) 242-247.
func (d *Dist) mergeMoments(o *Dist) {
	if d.n == 0 {
		d.min, d.max = o.min, o.max
	}
	d.min, d.max = min(d.min, o.min), max(d.max, o.max)
	if o.censored > 0 && (d.censored == 0 || o.least < d.least) {
		d.least = o.least
	}
	d.censored += o.censored
	d.low, d.high, d.nan = d.low+o.low, d.high+o.high, d.nan+o.nan
	n, m := float64(d.n), float64(o.n)
	delta := o.mean - d.mean
	d.n += o.n
	d.mean += delta * m / (n + m)
	d.m2 += o.m2 + delta*delta*n*m/(n+m)
}

// Min is the smallest value, NaN where there is none.
func (d *Dist) Min() float64 { return d.orNaN(d.min) }

// Max is the largest value, NaN where there is none.
func (d *Dist) Max() float64 { return d.orNaN(d.max) }

// Mean is the arithmetic mean, NaN where there is no value.
func (d *Dist) Mean() float64 { return d.orNaN(d.mean) }

func (d *Dist) orNaN(v float64) float64 {
	if d.n == 0 {
		return math.NaN()
	}
	return v
}

// deviation is the standard deviation of the values themselves (divided by n,
// as HdrHistogram does).
func (d *Dist) deviation() float64 {
	if d.n == 0 {
		return 0
	}
	return math.Sqrt(max(0, d.m2) / float64(d.n))
}

// at gives the bounds of the order statistic of the given rank, 1..n: equal
// while exact, else those of its histogram bucket within minimum and maximum.
func (d *Dist) at(rank int64) (lo, hi float64) {
	if d.hist == nil {
		d.sort()
		v := d.values[rank-1]
		return v, v
	}
	s := d.stepOf(rank)
	return max(s.lo, d.min), min(s.hi, d.max)
}

// upTo counts the values that share the bucket of the given rank or lie below.
func (d *Dist) upTo(rank int64) int64 {
	if d.hist != nil {
		return d.stepOf(rank).cum
	}
	d.sort()
	v := d.values[rank-1]
	for rank < d.n && d.values[rank] == v {
		rank++
	}
	return rank
}

func (d *Dist) sort() {
	if !d.sorted {
		slices.Sort(d.values)
		d.sorted = true
	}
}

func (d *Dist) stepOf(rank int64) step {
	if d.steps == nil {
		d.steps = stepsOf(d.hist)
	}
	i, _ := slices.BinarySearchFunc(d.steps, rank, func(s step, r int64) int {
		if s.cum < r {
			return -1
		}
		return 1
	})
	return d.steps[i]
}

func stepsOf(h *hdr.Histogram) []step {
	var steps []step
	var cum int64
	for _, b := range h.Distribution() {
		if b.Count == 0 {
			continue
		}
		cum += b.Count
		steps = append(steps, step{lo: float64(b.From) / perUnit, hi: float64(b.To) / perUnit, cum: cum})
	}
	return steps
}
