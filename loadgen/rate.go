package loadgen

import (
	"iter"
	"math"
	"math/rand/v2"
	"time"
)

// Process yields the points of a process of rate one: increasing numbers whose
// density is one per unit. A shape stretches them: if L(t) is the number of
// arrivals expected up to t, the point n becomes the arrival at L^-1(n)
// (Cinlar, Introduction to Stochastic Processes, 1975, section 4.7). So every
// shape can be had evenly spaced, jittered or random.
type Process iter.Seq[float64]

// Regular yields 0, 1, 2, ...
func Regular() Process {
	return func(yield func(float64) bool) {
		for i := 0; yield(float64(i)); i++ {
		}
	}
}

// Random yields the points of a Poisson process of rate one. The same seed
// yields the same points.
func Random(seed uint64) Process {
	return func(yield func(float64) bool) {
		r := source(seed)
		for at := r.ExpFloat64(); yield(at); at += r.ExpFloat64() {
		}
	}
}

// Jittered yields one uniformly random point in each of [0,1), [1,2), ... The
// same seed yields the same points.
func Jittered(seed uint64) Process {
	return func(yield func(float64) bool) {
		r := source(seed)
		for i := 0; yield(float64(i) + r.Float64()); i++ {
		}
	}
}

// source is the one generator of random numbers here: PCG, whose output is
// fixed by the seed on every platform and version of Go.
func source(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 0x636f6c6462656e63)) }

// subseed derives the seed of one part of a load, so that adding a part leaves
// the others as they were (the mixer is splitmix64: Steele, Lea, Flood, Fast
// splittable pseudorandom number generators, OOPSLA 2014).
func subseed(seed, part uint64) uint64 {
	z := seed + (part+1)*0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// ordered yields uniform random numbers in [0, 1) from the smallest to the
// largest without keeping them: the smallest of n is 1 - u^(1/n), and the others
// are uniform in what it leaves (Devroye, Non-Uniform Random Variate Generation,
// 1986, section V.2).
type ordered struct {
	r    *rand.Rand
	left float64 // 1 - the last number
}

func inOrder(r *rand.Rand) ordered { return ordered{r: r, left: 1} }

// next is the next number where n remain, itself included. -log u is drawn as
// an exponential number x, and exp(-x/n) is mostly so near to 1 that four terms
// of its series have an error below 4e-14, at a fifth of the time.
func (o *ordered) next(n int64) float64 {
	x := o.r.ExpFloat64() / float64(n)
	if x < 1.0/1024 {
		o.left -= o.left * x * (1 - x/2*(1-x/3))
	} else {
		o.left *= math.Exp(-x)
	}
	return 1 - o.left
}

// along maps the points of p to offsets by inverse, the inverse of the expected
// count, in nanoseconds. It ends at the first offset that is not in [0, d).
func along(p Process, d time.Duration, inverse func(n float64) float64) Schedule {
	return func(yield func(Arrival) bool) {
		var last time.Duration
		for n := range p {
			at := nanoseconds(inverse(n))
			if at >= d {
				return
			}
			last = max(last, at) // an inverse found by iteration may waver by a nanosecond
			if !yield(Arrival{At: last}) {
				return
			}
		}
	}
}

// Ramp yields arrivals in [0, d) whose rate goes in a straight line from from
// to to, in arrivals per second. Rates that are negative or not finite, or d
// <= 0, yield nothing.
//
// With a = (to - from) / d the expected count is L(t) = from t + a t^2 / 2, so
// t = 2n / (from + sqrt(from^2 + 2 a n)), the form without cancellation.
func Ramp(p Process, from, to float64, d time.Duration) Schedule {
	if !(from >= 0) || !(to >= 0) || math.IsInf(from+to, 0) || from+to == 0 || d <= 0 {
		return nil
	}
	a := (to - from) / d.Seconds()
	return along(p, d, func(n float64) float64 {
		if n == 0 {
			return 0
		}
		// A falling ramp reaches its total below 0: the square root is NaN
		// there, which nanoseconds puts beyond every end.
		return 1e9 * 2 * n / (from + math.Sqrt(from*from+2*a*n))
	})
}

// Steps yields n steps of equal length in [0, d), the first at the rate from
// and the last at the rate to. Fewer than one step yields nothing, one step has
// the rate from.
func Steps(p func(step int) Process, from, to float64, n int, d time.Duration) Schedule {
	if n < 1 || d <= 0 {
		return nil
	}
	parts := make([]Part, n)
	for i := range parts {
		rate := from
		if n > 1 {
			rate += (to - from) * float64(i) / float64(n-1)
		}
		length := share(d, i+1, n) - share(d, i, n)
		parts[i] = Part{Schedule: atRate(p(i), rate, length), Lasts: length}
	}
	return Concat(parts...)
}

// share is floor(d * i / n) without overflow for any i <= n.
func share(d time.Duration, i, n int) time.Duration {
	q, r := d/time.Duration(n), d%time.Duration(n)
	return q*time.Duration(i) + r*time.Duration(i)/time.Duration(n)
}

// Sine yields arrivals in [0, d) whose rate swings around mean with the given
// amplitude and period, beginning at the mean and rising: rate(t) = mean +
// amplitude sin(2 pi t / period). It yields nothing unless 0 <= amplitude <=
// mean, mean is positive and finite, and period and d are positive.
//
// The expected count is L(t) = mean t + amplitude period (1 - cos(2 pi t /
// period)) / (2 pi). It has no closed inverse; each arrival is found by
// bisection, to the nanosecond.
func Sine(p Process, mean, amplitude float64, period, d time.Duration) Schedule {
	if !usable(mean, d) || !(amplitude >= 0) || amplitude > mean || period <= 0 {
		return nil
	}
	w := 2 * math.Pi / period.Seconds()
	expected := func(ns float64) float64 {
		t := ns / 1e9
		return mean*t + amplitude/w*(1-math.Cos(w*t))
	}
	return along(p, d, func(n float64) float64 {
		// The oscillating term is in [0, 2 amplitude / w], which brackets t.
		hi := n / mean * 1e9
		lo := max(0, (n-2*amplitude/w)/mean*1e9)
		for hi-lo > 0.5 {
			mid := lo + (hi-lo)/2
			if mid <= lo || mid >= hi {
				break // no float64 between
			}
			if expected(mid) < n {
				lo = mid
			} else {
				hi = mid
			}
		}
		return hi
	})
}
