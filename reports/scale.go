package reports

import (
	"math"
	"time"
)

// logScale maps positive values to pixels by their logarithm. Values below lo
// map to lo, values above hi to hi.
type logScale struct {
	lo, hi   float64 // in the unit of the data, lo < hi, both positive
	from, to float64 // in pixels
}

// newLogScale rounds [lo, hi] outwards to a 1-2-5 step.
func newLogScale(lo, hi, from, to float64) logScale {
	if !(lo > 0) || math.IsInf(lo, 0) {
		lo = 0.001
	}
	if !(hi > lo) || math.IsInf(hi, 0) {
		hi = lo * 2
	}
	s := logScale{lo: stepDown(lo), hi: stepUp(hi), from: from, to: to}
	if s.hi <= s.lo*1.0001 {
		s.hi = stepUp(s.lo * 1.5)
	}
	return s
}

func (s logScale) at(v float64) float64 {
	v = math.Min(math.Max(v, s.lo), s.hi)
	return s.from + (s.to-s.from)*math.Log(v/s.lo)/math.Log(s.hi/s.lo)
}

// ticks lists the 1-2-5 steps within the scale, thinned to 1 and 5, then to
// powers of ten and then to every second and so on, until at most most remain.
func (s logScale) ticks(most int) []float64 {
	for _, steps := range [][]float64{{1, 2, 5}, {1, 5}, {1}} {
		if t := s.steps(steps, 1); len(t) <= most && len(t) >= 2 {
			return t
		}
	}
	for every := 1; ; every++ {
		if t := s.steps([]float64{1}, every); len(t) <= most || every > 30 {
			if len(t) == 0 {
				return []float64{s.lo, s.hi}
			}
			return t
		}
	}
}

func (s logScale) steps(steps []float64, every int) []float64 {
	var out []float64
	for e := int(math.Floor(math.Log10(s.lo))) - 1; e <= int(math.Ceil(math.Log10(s.hi))); e++ {
		if ((e%every)+every)%every != 0 {
			continue
		}
		for _, k := range steps {
			v := tenTo(e, k)
			if v >= s.lo*0.999 && v <= s.hi*1.001 {
				out = append(out, v)
			}
		}
	}
	return out
}

// tenTo is k*10^e, exact for the negative powers that labels print.
func tenTo(e int, k float64) float64 {
	if e < 0 {
		return k / math.Pow10(-e)
	}
	return k * math.Pow10(e)
}

func stepDown(v float64) float64 {
	e := int(math.Floor(math.Log10(v)))
	for _, k := range []float64{5, 2, 1} {
		if t := tenTo(e, k); t <= v*1.0001 {
			return t
		}
	}
	return tenTo(e, 1)
}

func stepUp(v float64) float64 {
	e := int(math.Floor(math.Log10(v)))
	for _, k := range []float64{1, 2, 5, 10} {
		if t := tenTo(e, k); t >= v*0.9999 {
			return t
		}
	}
	return tenTo(e, 10)
}

// linScale maps [0, hi] to pixels.
type linScale struct{ hi, from, to float64 }

func (s linScale) at(v float64) float64 {
	if s.hi <= 0 {
		return s.from
	}
	return s.from + (s.to-s.from)*v/s.hi
}

// niceStep is the smallest 1-2-5 step that cuts [0, hi] into at most most
// parts.
func niceStep(hi float64, most int) float64 {
	if !(hi > 0) {
		return 1
	}
	return stepUp(hi / float64(max(most, 1)))
}

// timeStep is the smallest step of clock time that cuts d into at most most
// parts, and the unit in which its ticks are labelled.
func timeStep(d time.Duration, most int) (step, unit time.Duration, name string) {
	steps := []time.Duration{
		time.Millisecond, 2 * time.Millisecond, 5 * time.Millisecond, 10 * time.Millisecond, 20 * time.Millisecond,
		50 * time.Millisecond, 100 * time.Millisecond, 200 * time.Millisecond, 500 * time.Millisecond,
		time.Second, 2 * time.Second, 5 * time.Second, 10 * time.Second, 20 * time.Second, 30 * time.Second,
		time.Minute, 2 * time.Minute, 5 * time.Minute, 10 * time.Minute, 20 * time.Minute, 30 * time.Minute,
		time.Hour, 2 * time.Hour, 6 * time.Hour, 12 * time.Hour, 24 * time.Hour, 48 * time.Hour, 168 * time.Hour,
	}
	step = steps[len(steps)-1]
	for _, s := range steps {
		if d/s <= time.Duration(max(most, 1)) {
			step = s
			break
		}
	}
	switch {
	case d >= 3*time.Hour:
		return step, time.Hour, "h"
	case d >= 3*time.Minute:
		return step, time.Minute, "min"
	case d >= 2*time.Second:
		return step, time.Second, "s"
	}
	return step, time.Millisecond, "ms"
}

// nines maps a quantile (0..1) to the axis of the percentile chart:
// −log10(1 − p), so that 90 %, 99 % and 99.9 % are equally far apart.
func nines(p float64) float64 { return -math.Log10(1 - p) }
