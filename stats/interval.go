package stats

import "math"

// Level is the confidence of every interval of this package.
const Level = 0.95

// Ranks gives the ranks (1..n) of the two order statistics that enclose the
// quantile p of the population with at least the given confidence, and the
// confidence that they really have:
//
//	lo     = the largest  l with P(B <= l-1) <= (1-confidence)/2
//	hi     = the smallest h with P(B >= h)   <= (1-confidence)/2
//	actual = P(lo <= B < hi)                 with B binomial of n and p
//
// B is how many of n independent values lie at or below the population's
// quantile, so that [x(lo), x(hi)] misses it with at most these two
// probabilities; with ties it misses more rarely still. See Le Boudec,
// "Performance Evaluation of Computer and Communication Systems", chapter 2.
// ok is false where one of the ranks does not exist: n is below [MinN], or an
// argument is out of range (0 < p < 1, 0 < confidence < 1).
func Ranks(n int64, p, confidence float64) (lo, hi int64, actual float64, ok bool) {
	if n < 1 || !inside(p) || !inside(confidence) {
		return 0, 0, 0, false
	}
	tail := (1 - confidence) / 2
	b := binomial{n: n, p: p, q: 1 - p}
	below, pLow := b.lower(tail)
	above, pHigh := b.flip().lower(tail)
	if below < 0 || above < 0 {
		return 0, 0, 0, false
	}
	return below + 1, n - above, 1 - pLow - pHigh, true
}

// MinN is the smallest sample for which a two-sided order-statistic interval
// for the quantile p exists: the smallest n with max(p, 1-p)^n at or below
// (1-confidence)/2. At 0.95 it is 6 for the quantile 0.5, 36 for 0.9, 72 for
// 0.95, 368 for 0.99 and 3688 for 0.999. It is a floor, not a recommendation:
// at that size one bound is the sample's extreme. For p at or outside 0 and 1,
// which no sample can enclose, and where it would pass 2^53, it is
// math.MaxInt64.
func MinN(p, confidence float64) int64 {
	if !inside(p) || !inside(confidence) {
		return math.MaxInt64
	}
	tail := (1 - confidence) / 2
	log := math.Log1p(-min(p, 1-p))
	size := math.Ceil(math.Log(tail) / log)
	if !(size < 1<<53) {
		return math.MaxInt64
	}
	n := max(1, int64(size))
	for n > 1 && math.Exp(float64(n-1)*log) <= tail {
		n--
	}
	for math.Exp(float64(n)*log) > tail {
		n++
	}
	return n
}

// inside says whether v lies strictly between 0 and 1.
func inside(v float64) bool { return v > 0 && v < 1 }
