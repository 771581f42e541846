package witness

import (
	"math"
	"slices"
	"time"
)

// Lateness is how far sends were from a schedule.
type Lateness struct {
	N                   int
	P50, P99, P999, Max time.Duration
}

// Against compares stamps with intended offsets, both in order, one to one. The
// unknown offset between the two clocks is taken to be the first percentile of
// their differences. Where the numbers differ, the surplus at the beginning is
// left out, for it is what generators send to warm up.
func Against(stamps, intended []int64) Lateness {
	return summary(differences(stamps, intended), Start(stamps, intended))
}

// Start estimates the start, in nanoseconds of the wall clock, of a generator
// that does not say it: as Against does.
func Start(stamps, intended []int64) int64 { return Quantile(differences(stamps, intended), 0.01) }

// Since compares stamps with intended offsets that count from a known start, in
// nanoseconds of the wall clock. With the times of the answers for stamps it is
// the response as it left the server.
func Since(start int64, stamps, intended []int64) Lateness {
	return summary(differences(stamps, intended), start)
}

// Fitted compares stamps with the straight line that fits them best (least
// squares), so that a rate that is a little off does not count as lateness.
func Fitted(stamps []int64) Lateness {
	n := float64(len(stamps))
	if n < 2 {
		return Lateness{N: len(stamps)}
	}
	var mean, dot float64
	for _, s := range stamps {
		mean += float64(s-stamps[0]) / n
	}
	middle := (n - 1) / 2
	for i, s := range stamps {
		dot += (float64(i) - middle) * (float64(s-stamps[0]) - mean)
	}
	slope := dot / (n * (n*n - 1) / 12) // the sum of (i - middle)^2
	errs := make([]int64, len(stamps))
	for i, s := range stamps {
		errs[i] = s - stamps[0] - int64(mean+slope*(float64(i)-middle))
	}
	slices.Sort(errs)
	return summary(errs, Quantile(errs, 0.01))
}

// differences are stamps - intended, sorted.
func differences(stamps, intended []int64) []int64 {
	n := min(len(stamps), len(intended))
	stamps, intended = stamps[len(stamps)-n:], intended[:n]
	errs := make([]int64, n)
	for i := range errs {
		errs[i] = stamps[i] - intended[i]
	}
	slices.Sort(errs)
	return errs
}

func summary(sorted []int64, zero int64) Lateness {
	at := func(q float64) time.Duration { return time.Duration(Quantile(sorted, q) - zero) }
	if len(sorted) == 0 {
		return Lateness{}
	}
	return Lateness{N: len(sorted), P50: at(0.5), P99: at(0.99), P999: at(0.999), Max: at(1)}
}

// Quantile is the smallest of sorted values that at least a share q is not above;
// 0 if there are none.
func Quantile(sorted []int64, q float64) int64 {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[max(0, int(math.Ceil(q*float64(len(sorted))))-1)]
}

// Rhythm is how even sends are.
type Rhythm struct {
	PerSecond  float64
	Dispersion float64 // variance over mean of the counts in windows: even 0, Poisson 1
	Bunched    float64 // share of the gaps below a tenth of the mean gap
	// KS is the Kolmogorov-Smirnov distance of the gaps from an exponential
	// distribution of the same mean. With the mean taken from the sample, 95 %
	// of exponential samples are below KSLimit (Lilliefors 1969; the limit of
	// Stephens 1974, 1.094 / (sqrt n + 0.26 + 0.5 / sqrt n) + 0.2 / n).
	KS, KSLimit float64
}

// RhythmOf measures stamps, in order, in windows of the given width.
func RhythmOf(stamps []int64, window time.Duration) Rhythm {
	n := len(stamps)
	if n < 3 || stamps[n-1] == stamps[0] {
		return Rhythm{}
	}
	mean := float64(stamps[n-1]-stamps[0]) / float64(n-1)
	r := Rhythm{PerSecond: 1e9 / mean, Dispersion: dispersion(stamps, window)}
	gaps := make([]float64, n-1)
	for i := range gaps {
		gaps[i] = float64(stamps[i+1] - stamps[i])
		if gaps[i] < mean/10 {
			r.Bunched += 1 / float64(n-1)
		}
	}
	slices.Sort(gaps)
	m := float64(len(gaps))
	for i, g := range gaps {
		f := 1 - math.Exp(-g/mean)
		r.KS = max(r.KS, float64(i+1)/m-f, f-float64(i)/m)
	}
	r.KSLimit = 1.094/(math.Sqrt(m)+0.26+0.5/math.Sqrt(m)) + 0.2/m
	return r
}

// dispersion leaves the last window out, which is not whole.
func dispersion(stamps []int64, window time.Duration) float64 {
	windows := int((stamps[len(stamps)-1] - stamps[0]) / int64(window))
	if windows < 2 {
		return 0
	}
	counts := make([]float64, windows)
	var mean, squares float64
	for _, s := range stamps {
		if i := int((s - stamps[0]) / int64(window)); i < windows {
			counts[i]++
			mean += 1 / float64(windows)
		}
	}
	for _, c := range counts {
		squares += (c - mean) * (c - mean)
	}
	return squares / float64(windows-1) / mean
}
