package loadgen_test

import (
	"math"
	"slices"
	"testing"
	"time"

	"coldbench/loadgen"
	"coldbench/record"
)

func fromLoad(t *testing.T, l record.Load, seed uint64) loadgen.Schedule {
	t.Helper()
	s, err := loadgen.FromLoad(l, seed)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestStepsOfALoad(t *testing.T) {
	l := record.Load{Shape: record.ShapeRamp, Rate: 10, RateTo: 30, Steps: 3, Duration: record.Duration(3 * time.Second)}
	if p := loadgen.Describe(fromLoad(t, l, 1), time.Second); !slices.Equal(p.Counts, []int64{10, 20, 30}) || p.Tags[record.TagBase] != 60 {
		t.Errorf("%+v", p)
	}
}

// Whole periods of a sine have the mean: 20 x 5 s.
func TestSineOfALoad(t *testing.T) {
	l := record.Load{Shape: record.ShapeSine, Rate: 20, Amplitude: 20, Period: record.Duration(time.Second), Duration: record.Duration(5 * time.Second)}
	if p := loadgen.Describe(fromLoad(t, l, 1), time.Second); p.Count != 100 || p.Tags[record.TagBase] != 100 {
		t.Errorf("%+v", p)
	}
}

// Irregular bursts are a Poisson process: of 1,000 s with one a second on
// average 1,000 +- 4 sqrt 1,000 come, each whole, none before the offset, and
// not a period apart.
func TestIrregularBursts(t *testing.T) {
	l := record.Load{
		Shape: record.ShapeSpiky, Burst: 7, Every: record.Duration(time.Second), Offset: record.Duration(10 * time.Second),
		Irregular: true, Duration: record.Duration(1010 * time.Second),
	}
	var at []time.Duration
	for a := range fromLoad(t, l, 3) {
		at = append(at, a.At)
	}
	if len(at)%7 != 0 || at[0] < 10*time.Second {
		t.Fatalf("%d arrivals from %v", len(at), at[0])
	}
	bursts := slices.Compact(slices.Clone(at))
	if n := len(bursts); math.Abs(float64(n)-1000) > 127 || n*7 != len(at) {
		t.Errorf("%d bursts, %d arrivals", n, len(at))
	}
	if p := loadgen.Describe(loadgen.Every(time.Second, 0, 1), time.Second); p.Count != 1 {
		t.Errorf("%+v", p)
	}
	if other := loadgen.Describe(fromLoad(t, l, 4), time.Second); other.First == bursts[0] {
		t.Error("another seed gave the same burst")
	}
}

func TestFaultsOfNewShapes(t *testing.T) {
	second := record.Duration(time.Second)
	for want, l := range map[string]record.Load{
		"amplitude": {Shape: record.ShapeSine, Rate: 1, Amplitude: 2, Period: second, Duration: second},
		"period":    {Shape: record.ShapeSine, Rate: 1, Amplitude: 1, Duration: second},
		"rate":      {Shape: record.ShapeSine, Period: second, Duration: second},
		"steps":     {Shape: record.ShapeRamp, Rate: 1, Steps: -1, Duration: second},
	} {
		faults := record.Faults(l.Validate())
		if len(faults) != 1 || faults[0].Where != want {
			t.Errorf("%s: %v", want, faults)
		}
	}
	nan := record.Load{Shape: record.ShapeSine, Rate: 1, Amplitude: math.NaN(), Period: second, Duration: second}
	if nan.Validate() == nil {
		t.Error("an amplitude of NaN passes")
	}
}
