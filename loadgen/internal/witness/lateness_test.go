package witness

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

func TestAgainst(t *testing.T) {
	// 100 sends 1 ms apart, the clock 7 s ahead, the k-th 10 us late, but the
	// last 500 us: the first percentile (the first of 100 values) is the zero.
	intended, stamps := make([]int64, 100), make([]int64, 100)
	for i := range stamps {
		intended[i] = int64(i) * 1e6
		stamps[i] = 7e9 + intended[i] + 10_000
	}
	stamps[99] += 490_000
	if got, want := Against(stamps, intended), (Lateness{N: 100, P999: 490 * time.Microsecond, Max: 490 * time.Microsecond}); got != want {
		t.Errorf("%+v", got)
	}
	if got, want := Since(7e9, stamps, intended), (Lateness{N: 100, P50: 10_000, P99: 10_000, P999: 500_000, Max: 500_000}); got != want {
		t.Errorf("%+v", got)
	}
	early := append([]int64{1, 2, 3}, stamps...) // three to warm up
	if got := Since(7e9, early, intended); got.N != 100 || got.P50 != 10_000 {
		t.Errorf("%+v", got)
	}
}

func TestFittedIgnoresTheRate(t *testing.T) {
	stamps := make([]int64, 1000)
	for i := range stamps {
		stamps[i] = int64(i) * 1_010_000 // 1 % slow
	}
	if got := Fitted(stamps); got.N != 1000 || got.Max > 10 {
		t.Errorf("%+v", got)
	}
}

func TestRhythm(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	var even, random []int64
	var at float64
	for i := range int64(50_000) {
		even = append(even, i*1e6)
		at += 1e6 * r.ExpFloat64()
		random = append(random, int64(at))
	}
	if e := RhythmOf(even, 10*time.Millisecond); e.Dispersion > 1e-9 || math.Abs(e.PerSecond-1000) > 1e-6 || e.Bunched != 0 || e.KS < 0.5 {
		t.Errorf("even: %+v", e)
	}
	if e := RhythmOf(random, 10*time.Millisecond); e.Dispersion < 0.95 || e.Dispersion > 1.05 || e.KS > e.KSLimit {
		t.Errorf("random: %+v", e)
	}
}
