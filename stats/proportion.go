package stats

import "math"

// Interval is an estimate with its bounds, both included. Confidence is the
// nominal one, which is never undercut.
type Interval struct {
	Value, Lo, Hi float64
	Confidence    float64
}

// Proportion estimates a share from k successes in n independent trials, with
// the two-sided 95 % interval of Clopper and Pearson, Biometrika 26 (1934)
// 404-413: the shares under which neither k or more nor k or fewer would be a
// surprise of 2.5 %. It is exact for any n; the price is that it is a little
// wide. Value is NaN and the bounds are 0 and 1 where n < 1 or k is not in
// 0..n.
func Proportion(k, n int64) Interval {
	if n < 1 || k < 0 || k > n {
		return Interval{Value: math.NaN(), Lo: 0, Hi: 1, Confidence: Level}
	}
	const tail = (1 - Level) / 2
	point := float64(k) / float64(n)
	i := Interval{Value: point, Lo: 0, Hi: 1, Confidence: Level}
	if k > 0 {
		i.Lo, _ = bisect(0, point, func(share float64) bool {
			return trials(n, share).flip().cdf(n-k) <= tail // P(X >= k)
		})
	}
	if k < n {
		_, i.Hi = bisect(point, 1, func(share float64) bool {
			return trials(n, share).cdf(k) > tail
		})
	}
	return i
}

func trials(n int64, share float64) binomial { return binomial{n: n, p: share, q: 1 - share} }

// bisect narrows lo < x < hi down to where below, true left of x only, changes.
func bisect(lo, hi float64, below func(float64) bool) (left, right float64) {
	for range 200 {
		mid := lo + (hi-lo)/2
		if mid <= lo || mid >= hi {
			break
		}
		if below(mid) {
			lo = mid
		} else {
			hi = mid
		}
	}
	return lo, hi
}

// UpperBoundZero is the one-sided 95 % upper bound for a share of which nothing
// was seen in n independent trials: 1 - 0.05^(1/n). The rule of three, 3/n, is
// its approximation and always a little larger. It is 1 for n < 1.
func UpperBoundZero(n int64) float64 {
	if n < 1 {
		return 1
	}
	return -math.Expm1(math.Log(1-Level) / float64(n))
}
