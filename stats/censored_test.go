package stats_test

import (
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"coldbench/stats"
)

// Of 300 waits 249 ended after 1..249 ms and 51 were given up after 500: the
// p50 is the 150th value and known, the p90 is the 270th, of which is known
// that it is 500 or more.
func TestCensoredRanks(t *testing.T) {
	d := stats.NewDist("ms")
	for range 51 {
		d.AddCensored(500)
	}
	for v := range 249 {
		d.Add(float64(v + 1))
	}
	if q := d.At(0.5); q.AtLeast || q.Value != 150 || math.IsInf(q.Hi, 1) {
		t.Errorf("p50 = %+v", q)
	}
	if q := d.At(0.83); q.AtLeast || q.Value != 249 || !math.IsInf(q.Hi, 1) || q.Lo >= 249 {
		t.Errorf("p83, whose interval reaches among the censored, = %+v", q)
	}
	if q := d.At(0.9); !q.AtLeast || q.Value != 500 || !q.OK || !math.IsInf(q.Hi, 1) {
		t.Errorf("p90 = %+v", q)
	}
	if s := d.Summary(0.5); s.N != 300 || s.Censored != 51 {
		t.Errorf("summary = %+v", s)
	}
	var out strings.Builder
	if err := d.WriteHgrm(&out, 1); err != nil {
		t.Fatal(err)
	}
	if text := out.String(); strings.Contains(text, "\n     500.000") || !strings.Contains(text, "#[Censored =           51, AtLeast        =      500.000]") {
		t.Errorf("hgrm:\n%s", text)
	}
}

// Whatever the hidden values are, a quantile that is said to be known is that
// of the full sample, a bound is one, and an interval holds at least what that
// of the full sample holds.
func TestCensoredBoundsHold(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		limit := rapid.Float64Range(1, 100).Draw(t, "limit")
		cut, full := stats.NewDist("ms"), stats.NewDist("ms")
		for _, v := range rapid.SliceOfN(rapid.Float64Range(0, 120), 1, 80).Draw(t, "values") {
			full.Add(v)
			if v >= limit {
				cut.AddCensored(limit)
			} else {
				cut.Add(v)
			}
		}
		both := stats.NewDist("ms")
		if err := both.Merge(cut); err != nil {
			t.Fatal(err)
		}
		for _, p := range levels {
			got, merged, truth := cut.At(p), both.At(p), full.At(p)
			if got.Value > truth.Value || !got.AtLeast && got.Value != truth.Value {
				t.Fatalf("p = %g: %+v, the full sample's %+v", p, got, truth)
			}
			if got.OK && (got.Lo > truth.Lo || got.Hi < truth.Hi) {
				t.Fatalf("p = %g: interval %g-%g, the full sample's %g-%g", p, got.Lo, got.Hi, truth.Lo, truth.Hi)
			}
			if merged.Value != got.Value || merged.AtLeast != got.AtLeast {
				t.Fatalf("p = %g: merged %+v, alone %+v", p, merged, got)
			}
		}
	})
}
