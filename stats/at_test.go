package stats_test

import (
	"math"
	"testing"

	"coldbench/stats"
)

// The order statistics of 1..10: rank ceil(10 p).
func TestAtIsTheOrderStatistic(t *testing.T) {
	d := stats.NewDist("ms")
	for _, v := range []float64{7, 3, 10, 1, 9, 2, 8, 4, 6, 5} {
		d.Add(v)
	}
	for _, c := range []struct{ p, want float64 }{
		{0, 1},       // rank 0 does not exist: the minimum
		{0.05, 1},    // ceil(0.5) = 1
		{0.1, 1},     // 10*0.1 = 1
		{0.10001, 2}, // ceil(1.0001) = 2
		{0.5, 5},
		{0.7, 7},
		{0.99, 10},
		{1, 10},
	} {
		if got := d.At(c.p); got.Value != c.want {
			t.Errorf("At(%g) = %g, want %g", c.p, got.Value, c.want)
		}
	}
}

// Rounding of n*p must not move the rank: 100*0.07 is 7.000000000000001.
func TestAtSurvivesRounding(t *testing.T) {
	d := stats.NewDist("ms")
	for i := range 100 {
		d.Add(float64(i + 1))
	}
	for i := 1; i <= 100; i++ {
		if got := d.At(float64(i) / 100).Value; got != float64(i) {
			t.Errorf("At(%d/100) = %g, want %d", i, got, i)
		}
	}
}

func TestMinN(t *testing.T) {
	// n >= ln(0.025)/ln(max(p,1-p)), ln(0.025) = -3.68888:
	for _, c := range []struct {
		p    float64
		want int64
	}{
		{0.5, 6},        // 3.68888/0.693147 = 5.3
		{0.9, 36},       // 3.68888/0.105361 = 35.01
		{0.1, 36},       // symmetric
		{0.95, 72},      // 3.68888/0.0512933 = 71.9
		{0.99, 368},     // 3.68888/0.0100503 = 367.04
		{0.999, 3688},   // 3.68888/0.0010005 = 3687.04
		{0.9999, 36887}, // 3.68888/0.000100005 = 36886.95
		{0, math.MaxInt64},
		{5e-324, math.MaxInt64},
		{1, math.MaxInt64},
		{99, math.MaxInt64},
		{math.NaN(), math.MaxInt64},
	} {
		if got := stats.MinN(c.p, 0.95); got != c.want {
			t.Errorf("MinN(%g, 0.95) = %d, want %d", c.p, got, c.want)
		}
	}
}
