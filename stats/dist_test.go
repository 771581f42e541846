package stats_test

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"coldbench/stats"
)

func distOf(values ...float64) *stats.Dist {
	d := stats.NewDist("ms")
	for _, v := range values {
		d.Add(v)
	}
	return d
}

// lognormal gives n values with a median of 100 from a fixed seed.
func lognormal(seed uint64, n int) []float64 {
	r := rand.New(rand.NewPCG(seed, 1))
	values := make([]float64, n)
	for i := range values {
		values[i] = 100 * math.Exp(0.5*r.NormFloat64())
	}
	return values
}

var levels = []float64{0, 0.001, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.999, 1}

func TestEmpty(t *testing.T) {
	d := stats.NewDist("MB")
	s := d.Summary(0.5)
	if s.Unit != "MB" || s.N != 0 || !math.IsNaN(s.Min) || !math.IsNaN(s.Max) || !math.IsNaN(s.Mean) {
		t.Errorf("summary = %+v", s)
	}
	if len(s.Warnings) != 1 || !errors.Is(s.Warnings[0], stats.ErrEmpty) {
		t.Errorf("warnings = %v", s.Warnings)
	}
	q := s.Quantiles[0]
	if q.OK || q.Need != 6 || !math.IsNaN(q.Value) || !math.IsNaN(q.Lo) || !math.IsNaN(q.Hi) {
		t.Errorf("quantile = %+v", q)
	}
	if d.Curve(10) != nil {
		t.Error("a curve of nothing")
	}
}

// Of 1..6 the 95 % interval of the median is [x(1), x(6)], with confidence
// 1 - 2 * 0.5^6 = 0.96875; of 1..5 there is none.
func TestTooFew(t *testing.T) {
	q := distOf(3, 1, 2, 6, 5, 4).At(0.5)
	if !q.OK || q.Lo != 1 || q.Hi != 6 || q.Value != 3 || math.Abs(q.Confidence-0.96875) > 1e-12 {
		t.Errorf("median of 6 = %+v", q)
	}
	s := distOf(3, 1, 2, 5, 4).Summary(0.5, 0.99, 1, 99)
	if s.Quantiles[0].OK || s.Quantiles[0].Value != 3 || s.Quantiles[0].Need != 6 {
		t.Errorf("median of 5 = %+v", s.Quantiles[0])
	}
	want := []string{
		"quantile 0.5: 5 values, a 95 % interval needs at least 6",
		"quantile 0.99: 5 values, a 95 % interval needs at least 368",
		"quantile 1: no sample size gives a 95 % interval",
		"quantile 99: not in 0..1 (quantiles are fractions: 0.99, not 99)",
	}
	var got []string
	for _, w := range s.Warnings {
		got = append(got, w.Error())
	}
	if !slices.Equal(got, want) {
		t.Errorf("warnings:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestClamping(t *testing.T) {
	d := distOf(-1, math.Inf(-1), 5, math.NaN(), stats.MaxValue, stats.MaxValue+1, math.Inf(1))
	s := d.Summary()
	if s.N != 6 || s.Clamped != 4 || s.NaN != 1 || s.Min != 0 || s.Max != stats.MaxValue {
		t.Errorf("summary = %+v", s)
	}
	if low, high := d.Clamped(); low != 2 || high != 2 {
		t.Errorf("Clamped() = %d, %d, want 2, 2", low, high)
	}
	want := "values in ms: 2 below 0 counted as 0, 2 above 8.64e+07 counted as that, 1 not a number and left out"
	if len(s.Warnings) != 1 || s.Warnings[0].Error() != want {
		t.Errorf("warnings = %v", s.Warnings)
	}
	if zero := distOf(math.Copysign(0, -1)).Min(); math.Signbit(zero) {
		t.Error("a negative zero stays one")
	}
	other := distOf(-2, math.NaN())
	if err := other.Merge(d); err != nil {
		t.Fatal(err)
	}
	if s := other.Summary(); s.N != 7 || s.Clamped != 5 || s.NaN != 2 {
		t.Errorf("merged summary = %+v", s)
	}
}

// Mean and extremes stay exact beyond the exact values; quantiles are within
// half a bucket of three digits, and the interval is never narrower.
func TestHistogramAgainstExact(t *testing.T) {
	values := lognormal(7, 3*stats.ExactLimit)
	d := distOf(values...)
	slices.Sort(values)
	n := int64(len(values))
	if d.Exact() || d.N() != n || d.Min() != values[0] || d.Max() != values[n-1] {
		t.Fatalf("exact %t, n %d, min %g, max %g", d.Exact(), d.N(), d.Min(), d.Max())
	}
	sum := 0.0
	for _, v := range values {
		sum += v
	}
	if mean := sum / float64(n); math.Abs(d.Mean()-mean) > 1e-9*mean {
		t.Errorf("mean = %g, want %g", d.Mean(), mean)
	}
	for _, p := range levels {
		q := d.At(p)
		want := values[max(1, int64(math.Ceil(p*float64(n)-1e-9)))-1]
		if math.Abs(q.Value-want) > 0.001*want {
			t.Errorf("At(%g) = %g, want %g within 0.1 %%", p, q.Value, want)
		}
		lo, hi, _, ok := stats.Ranks(n, p, stats.Level)
		if ok != q.OK || ok && (q.Lo > values[lo-1]+1e-6 || q.Hi < values[hi-1]-1e-6) {
			t.Errorf("At(%g) = %+v is narrower than [%g, %g]", p, q, values[lo-1], values[hi-1])
		}
	}
}

// A microsecond is a thousandth of the unit "ms", and a day is the bound: both
// are held by the histogram.
func TestHistogramResolution(t *testing.T) {
	d := stats.NewDist("ms")
	for range stats.ExactLimit {
		d.Add(0.001)
	}
	d.Add(0.002)
	d.Add(stats.MaxValue)
	if d.Exact() {
		t.Fatal("still exact")
	}
	for p, want := range map[float64]float64{0.5: 0.001, 1: stats.MaxValue} {
		if got := d.At(p).Value; got != want {
			t.Errorf("At(%g) = %g, want %g", p, got, want)
		}
	}
	if got := d.At(float64(stats.ExactLimit+1) / float64(stats.ExactLimit+2)).Value; math.Abs(got-0.002) > 1e-6 {
		t.Errorf("second largest = %g, want 0.002", got)
	}
}

// The change to a histogram comes with the first value that does not fit.
func TestExactLimit(t *testing.T) {
	d := stats.NewDist("ms")
	for i := range stats.ExactLimit {
		d.Add(float64(i))
	}
	if !d.Exact() || d.At(1).Value != stats.ExactLimit-1 {
		t.Errorf("at the limit: exact %t", d.Exact())
	}
	d.Add(0)
	if d.Exact() || d.N() != stats.ExactLimit+1 {
		t.Errorf("beyond the limit: exact %t, n %d", d.Exact(), d.N())
	}
}

func TestAddAllocatesNothing(t *testing.T) {
	exact, big := distOf(lognormal(1, 10_000)...), distOf(lognormal(1, stats.ExactLimit+1)...)
	for name, d := range map[string]*stats.Dist{"exact": exact, "histogram": big} {
		if allocs := testing.AllocsPerRun(1000, func() { d.Add(1.5) }); allocs != 0 {
			t.Errorf("%s: %g allocations for each Add", name, allocs)
		}
	}
}

func TestMergeRefusesOtherUnits(t *testing.T) {
	d := distOf(1)
	err := d.Merge(stats.NewDist("MB"))
	if err == nil || err.Error() != `merge distributions: units "ms" and "MB" differ` || d.N() != 1 {
		t.Errorf("Merge: %v, n %d", err, d.N())
	}
}

// Merging with itself doubles every count, on both sides of the limit.
func TestMergeWithItself(t *testing.T) {
	for _, n := range []int{10, stats.ExactLimit/2 + 1, stats.ExactLimit + 1} {
		d := distOf(lognormal(3, n)...)
		want := d.At(0.25).Value
		if err := d.Merge(d); err != nil {
			t.Fatal(err)
		}
		if got := d.At(0.25).Value; d.N() != int64(2*n) || math.Abs(got-want) > 0.001*want {
			t.Errorf("n %d: N() = %d, quantile %g, want %g", n, d.N(), got, want)
		}
	}
}

// same fails where two distributions of the same values differ.
func same(t interface{ Fatalf(string, ...any) }, got, want *stats.Dist) {
	if got.N() != want.N() || got.Exact() != want.Exact() {
		t.Fatalf("n %d, exact %t; want %d, %t", got.N(), got.Exact(), want.N(), want.Exact())
	}
	g, w := got.Summary(levels...), want.Summary(levels...)
	if g.Min != w.Min || g.Max != w.Max || g.Clamped != w.Clamped || g.NaN != w.NaN ||
		math.Abs(g.Mean-w.Mean) > 1e-9*math.Abs(w.Mean) {
		t.Fatalf("summary %+v, want %+v", g, w)
	}
	for i := range levels {
		if g.Quantiles[i].Value != w.Quantiles[i].Value || g.Quantiles[i].OK != w.Quantiles[i].OK ||
			g.Quantiles[i].OK && (g.Quantiles[i].Lo != w.Quantiles[i].Lo || g.Quantiles[i].Hi != w.Quantiles[i].Hi) {
			t.Fatalf("quantile %+v, want %+v", g.Quantiles[i], w.Quantiles[i])
		}
	}
}

// However the values are dealt out and merged, and across the limit, the result
// is that of adding them all.
func TestMergeIsExact(t *testing.T) {
	for _, n := range []int{1, 100, stats.ExactLimit, stats.ExactLimit + 1, 2*stats.ExactLimit + 7} {
		values := append(lognormal(uint64(n), n), -1)
		r := rand.New(rand.NewPCG(5, uint64(n)))
		parts := []*stats.Dist{stats.NewDist("ms"), stats.NewDist("ms"), stats.NewDist("ms"), stats.NewDist("ms")}
		for _, v := range values {
			parts[min(r.IntN(20), 3)].Add(v)
		}
		left, right := stats.NewDist("ms"), stats.NewDist("ms")
		for i := range parts {
			if err := left.Merge(parts[i]); err != nil {
				t.Fatal(err)
			}
			if err := right.Merge(parts[len(parts)-1-i]); err != nil {
				t.Fatal(err)
			}
		}
		same(t, left, distOf(values...))
		same(t, right, distOf(values...))
	}
}

// The definition, by counting: At(p) is the smallest value of the sample with
// at least the share p at or below it, in any order of adding, and the interval
// encloses it.
func TestAtByDefinition(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		values := rapid.SliceOfN(rapid.Float64Range(0, 1000), 1, 60).Draw(t, "values")
		// Shares in exact steps of 1/1024, so that the count below is exact too.
		p := float64(rapid.IntRange(0, 1024).Draw(t, "1024 p")) / 1024
		d := distOf(values...)
		slices.Sort(values)
		want := values[0]
		for i, v := range values {
			if want = v; float64(i+1) >= p*float64(len(values)) {
				break
			}
		}
		q := d.At(p)
		if q.Value != want {
			t.Fatalf("At(%g) = %g, want %g", p, q.Value, want)
		}
		if q.OK != (d.N() >= q.Need) || q.OK && !(q.Lo <= q.Value && q.Value <= q.Hi && q.Confidence >= stats.Level) {
			t.Fatalf("At(%g) of %d = %+v", p, d.N(), q)
		}
		same(t, distOf(values...), d)
	})
}

// A change of scale by a power of two changes every number by just that.
func TestScale(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		values := rapid.SliceOfN(rapid.Float64Range(0, 1000), 1, 400).Draw(t, "values")
		d, scaled := distOf(values...), stats.NewDist("ms")
		for _, v := range values {
			scaled.Add(v * 8)
		}
		for _, p := range levels {
			a, b := d.At(p), scaled.At(p)
			if b.Value != a.Value*8 || a.OK && (b.Lo != a.Lo*8 || b.Hi != a.Hi*8) {
				t.Fatalf("%+v scaled by 8 is %+v", a, b)
			}
		}
	})
}

func TestCurve(t *testing.T) {
	big := distOf(lognormal(9, 2*stats.ExactLimit)...)
	rapid.Check(t, func(t *rapid.T) {
		d := big
		if rapid.Bool().Draw(t, "small") {
			d = distOf(rapid.SliceOfN(rapid.Float64Range(0, 1000), 1, 500).Draw(t, "values")...)
		}
		limit := rapid.IntRange(1, 60).Draw(t, "limit")
		curve := d.Curve(limit)
		if len(curve) == 0 || len(curve) > limit || curve[0].P != 0 || curve[0].Value != d.At(0).Value {
			t.Fatalf("%d points of %d, first %+v", len(curve), limit, curve[0])
		}
		for i := 1; i < len(curve); i++ {
			if curve[i].P <= curve[i-1].P || curve[i].Value < curve[i-1].Value {
				t.Fatalf("point %d: %+v after %+v", i, curve[i], curve[i-1])
			}
		}
		last := curve[len(curve)-1]
		if limit > 1 && last.P != float64(d.N()-1)/float64(d.N()) {
			t.Fatalf("last point at %g of n %d", last.P, d.N())
		}
	})
}

// Where all fit, each order statistic but the maximum is a point.
func TestCurveOfFew(t *testing.T) {
	curve := distOf(4, 2, 1, 3).Curve(100)
	for i, want := range []struct{ p, v float64 }{{0, 1}, {0.25, 1}, {0.5, 2}, {0.75, 3}} {
		if len(curve) != 4 || curve[i].P != want.p || curve[i].Value != want.v {
			t.Fatalf("curve = %+v, want %+v at %d", curve, want, i)
		}
	}
}
