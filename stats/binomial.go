package stats

import "math"

// binomial is the distribution of the number of successes in n trials. Both p
// and q = 1-p are held, so that neither loses digits to the subtraction.
type binomial struct {
	n    int64
	p, q float64
}

// flip swaps success and failure: P(X <= k) = P(Y >= n-k).
func (b binomial) flip() binomial { return binomial{b.n, b.q, b.p} }

// mass is P(X = k) for 0 < p < 1, by the saddle-point expansion of C. Loader,
// "Fast and accurate computation of binomial probabilities" (2000), which keeps
// its relative precision for any n.
func (b binomial) mass(k int64) float64 {
	if k < 0 || k > b.n {
		return 0
	}
	n, x := float64(b.n), float64(k)
	switch k {
	case 0:
		return math.Exp(n * logOf(b.q, b.p))
	case b.n:
		return math.Exp(n * logOf(b.p, b.q))
	}
	y := n - x
	l := stirlingError(n) - stirlingError(x) - stirlingError(y) -
		deviance(x, n*b.p) - deviance(y, n*b.q)
	return math.Exp(l) * math.Sqrt(n/(2*math.Pi*x*y))
}

// logOf is ln p, from whichever of p and 1-p holds more of its digits.
func logOf(p, complement float64) float64 {
	if p < 0.5 {
		return math.Log(p)
	}
	return math.Log1p(-complement)
}

// cdf is P(X <= k). It adds masses from k downwards where k is below the mean
// (all positive and falling, so that no digit is lost), and is one minus the
// upper tail above it. The work grows with the square root of n.
func (b binomial) cdf(k int64) float64 {
	switch {
	case k < 0:
		return 0
	case k >= b.n:
		return 1
	case float64(k) > float64(b.n)*b.p:
		return 1 - b.flip().below(b.n-k-1)
	}
	return b.below(k)
}

// below is cdf for k at or below the mean.
func (b binomial) below(k int64) float64 {
	term := b.mass(k)
	sum := term
	odds := b.q / b.p
	for j := k; j > 0 && term > sum*0x1p-56; j-- {
		// P(X = j-1) / P(X = j)
		term *= odds * float64(j) / float64(b.n-j+1)
		sum += term
	}
	return min(sum, 1)
}

// lower gives the largest k with P(X <= k) <= tail, and that probability; -1
// and 0 where there is none. tail must be below 1/2.
func (b binomial) lower(tail float64) (k int64, prob float64) {
	k = b.guess(tail)
	for prob = b.cdf(k); prob > tail; prob = b.cdf(k) {
		k--
	}
	for {
		next := b.cdf(k + 1)
		if next > tail {
			return k, prob
		}
		k, prob = k+1, next
	}
}

// guess is where lower starts: the normal quantile with the first term of the
// Cornish-Fisher expansion, one or two off. Only the time depends on it.
func (b binomial) guess(tail float64) int64 {
	z := -math.Sqrt2 * math.Erfinv(1-2*tail)
	n := float64(b.n)
	x := n*b.p + z*math.Sqrt(n*b.p*b.q) + (z*z-1)*(b.q-b.p)/6
	return max(-1, min(int64(math.Floor(x-0.5)), b.n-1))
}

// stirlingError is ln(n!) less Stirling's formula, sqrt(2 pi n) (n/e)^n.
func stirlingError(n float64) float64 {
	if n < 16 {
		l, _ := math.Lgamma(n + 1)
		return l - (n+0.5)*math.Log(n) + n - 0.5*math.Log(2*math.Pi)
	}
	// The asymptotic series; its next term is below 1e-15 from 16 on.
	m := n * n
	return (1.0/12 - (1.0/360-(1.0/1260-(1.0/1680-(1.0/1188)/m)/m)/m)/m) / n
}

// deviance is x ln(x/m) + m - x, without cancellation where x is near m: with
// v = (x-m)/(x+m) it is (x-m) v + 2 x (v^3/3 + v^5/5 + ...).
func deviance(x, m float64) float64 {
	if math.Abs(x-m) >= 0.1*(x+m) {
		return x*math.Log(x/m) + m - x
	}
	v := (x - m) / (x + m)
	sum := (x - m) * v
	term := 2 * x * v
	for j := 3.0; ; j += 2 {
		term *= v * v
		next := sum + term/j
		if next == sum {
			return sum
		}
		sum = next
	}
}
