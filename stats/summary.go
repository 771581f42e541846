package stats

import "math"

// Quantile is one quantile of a sample with what may be said about the
// population's. Value is a fact about the sample and is always there where the
// sample is not empty; it may be quoted as an estimate only where OK.
type Quantile struct {
	P     float64 // 0..1
	Value float64 // order statistic of rank ceil(n*P); NaN where the sample is empty

	AtLeast    bool    // censored values reach down to Value, which is a lower bound
	OK         bool    // the interval exists
	Lo, Hi     float64 // its bounds, both included; NaN where not OK. Hi is +Inf where censored values reach down to it
	Confidence float64 // that the interval really has, at least Level; 0 where not OK
	Need       int64   // values it takes for the interval to exist: MinN(P, Level)
}

// At gives the quantile p, 0..1, of the distribution.
//
// With censored values ([Dist.AddCensored]) an order statistic is known where it
// lies below the smallest of them; from there on the value, with every bound
// counted as if it were reached, is what the true one is at least.
//
// Beyond [ExactLimit] values, Value is the highest value of its histogram
// bucket (as in every HdrHistogram), and Lo and Hi are the outer edges of
// theirs, so that rounding makes the interval wider and never narrower.
func (d *Dist) At(p float64) Quantile {
	nan := math.NaN()
	q := Quantile{P: p, Value: nan, Lo: nan, Hi: nan, Need: MinN(p, Level)}
	if d.n == 0 || !(p >= 0 && p <= 1) {
		return q
	}
	low, value := d.at(rankOf(d.n, p))
	if q.Value = value; d.bounded(value) {
		q.Value, q.AtLeast = low, true
	}
	lo, hi, confidence, ok := Ranks(d.n, p, Level)
	if !ok {
		return q
	}
	q.OK, q.Confidence = true, confidence
	q.Lo, _ = d.at(lo)
	if _, q.Hi = d.at(hi); d.bounded(q.Hi) {
		q.Hi = math.Inf(1)
	}
	return q
}

// rankOf is ceil(n*p), at least 1. The product is lowered by four units in its
// last place first, as R does, so that the quantile 0.07 of 100 values is the
// 7th and not, through rounding of the product, the 8th.
func rankOf(n int64, p float64) int64 {
	const ulps = 4 * 0x1p-52
	h := float64(n) * p
	return min(n, max(1, int64(math.Ceil(h-h*ulps))))
}

// Summary is a distribution in few numbers. Min, Max and Mean are NaN where N
// is 0.
type Summary struct {
	Unit           string
	N              int64
	Min, Max, Mean float64
	Clamped        int64 // values of N that were moved to a bound
	Censored       int64 // values of N that are lower bounds; Max and Mean are then lower bounds too
	NaN            int64 // values that are not part of N
	Exact          bool  // no value was rounded
	Quantiles      []Quantile
	Warnings       []error // [ErrEmpty], [*TooFewError], [*ClampedError], [*NotAQuantileError]
}

// Summary gives the quantiles ps in the order asked for, with a warning for
// each that the sample can't support.
func (d *Dist) Summary(ps ...float64) Summary {
	s := Summary{
		Unit: d.unit, N: d.n, Min: d.Min(), Max: d.Max(), Mean: d.Mean(),
		Clamped: d.low + d.high, NaN: d.nan, Exact: d.Exact(), Censored: d.censored,
		Quantiles: make([]Quantile, 0, len(ps)),
	}
	if d.n == 0 {
		s.Warnings = append(s.Warnings, ErrEmpty)
	}
	if d.low+d.high+d.nan > 0 {
		s.Warnings = append(s.Warnings, &ClampedError{Unit: d.unit, Low: d.low, High: d.high, NaN: d.nan})
	}
	for _, p := range ps {
		q := d.At(p)
		s.Quantiles = append(s.Quantiles, q)
		switch {
		case !(p >= 0 && p <= 1):
			s.Warnings = append(s.Warnings, &NotAQuantileError{P: p})
		case !q.OK && d.n > 0:
			s.Warnings = append(s.Warnings, &TooFewError{P: p, N: d.n, Need: q.Need})
		}
	}
	return s
}

// Curve gives at most limit points of the distribution from the minimum (P = 0) to
// P = 1 - 1/n, evenly spaced on the axis -log10(1-P) of a percentile plot. P
// and Value never fall; no point is made up between two values. The interval of
// a point is what At would say, so that a plot draws the part where not OK as
// a fact about this sample alone.
func (d *Dist) Curve(limit int) []Quantile {
	if d.n == 0 || limit < 1 {
		return nil
	}
	first := d.At(0)
	curve := []Quantile{first}
	points := min(int64(limit)-1, d.n-1)
	decades := math.Log10(float64(d.n)) // from P = 0 to P = 1-1/n
	last := int64(0)
	for i := int64(1); i <= points; i++ {
		rank := i // every one of them where they fit
		if points < d.n-1 {
			x := decades * float64(i) / float64(points)
			rank = min(d.n-1, int64(math.Round(float64(d.n)*-math.Expm1(-x*math.Ln10))))
		}
		if rank > last {
			curve = append(curve, d.At(float64(rank)/float64(d.n)))
			last = rank
		}
	}
	return curve
}
