package loadgen_test

import (
	"math"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"coldbench/loadgen"
	"coldbench/record"
)

// What one arrival of a plan costs to describe.
func BenchmarkDescribe(b *testing.B) {
	huge := trace(b, "HashFunction,1\nf,1000000000\n")
	many := trace(b, "HashFunction,1\nf,500000000\ng,500000000\n")
	bursts := record.Load{
		Shape: record.ShapeSpiky, Duration: dur(24 * time.Hour), BaseRate: 1e4, Arrivals: "poisson",
		Burst: 10_000, Every: dur(time.Second), Spread: dur(time.Second / 2),
	}
	spiky, err := loadgen.FromLoad(bursts, 1)
	if err != nil {
		b.Fatal(err)
	}
	for name, s := range map[string]loadgen.Schedule{
		"constant": loadgen.Constant(1e7, 24*time.Hour),
		"poisson":  loadgen.Poisson(1e7, 24*time.Hour, 1),
		"cell":     huge.Schedule(1, 1, 1),
		"cells":    many.Schedule(1, 1, 2),
		"spiky":    spiky,
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			n := 0
			loadgen.Describe(func(yield func(loadgen.Arrival) bool) {
				for a := range s {
					if n++; n > b.N || !yield(a) {
						return
					}
				}
			}, time.Second)
		})
	}
}

// The profile is what it says, by the plain counting of each figure.
func TestDescribeCounts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, err := loadgen.FromLoad(anyLoad(t), rapid.Uint64().Draw(t, "seed"))
		if err != nil {
			t.Fatal(err)
		}
		bucket := time.Duration(rapid.Int64Range(int64(ms), int64(2*time.Second)).Draw(t, "bucket"))
		p := loadgen.Describe(s, bucket)
		at, tags, counts, seconds := offsets(s), map[record.Tag]int64{}, []int64(nil), map[time.Duration]int64{}
		for a := range s {
			tags[a.Tag]++
			seconds[a.At/time.Second]++
			for len(counts) <= int(a.At/bucket) {
				counts = append(counts, 0)
			}
			counts[a.At/bucket]++
		}
		if p.Count != int64(len(at)) || p.Bucket != bucket || !slices.Equal(p.Counts, counts) || len(p.Tags) != len(tags) {
			t.Fatalf("%+v, want %v", p, counts)
		}
		for tag, n := range tags {
			if p.Tags[tag] != n {
				t.Fatalf("%d of %s, want %d", p.Tags[tag], tag, n)
			}
		}
		if len(at) == 0 {
			return
		}
		together := 0
		for i, last := range at {
			first, _ := slices.BinarySearch(at, last-10*ms+1)
			for i+1 < len(at) && at[i+1] == last {
				i++
			}
			together = max(together, i+1-first)
		}
		var busiest int64
		for _, n := range seconds {
			busiest = max(busiest, n)
		}
		if p.First != at[0] || p.Last != at[len(at)-1] || p.PeakTogether != int64(together) || p.PeakPerSecond != busiest {
			t.Fatalf("%+v, want a peak of %d and %d", p, together, busiest)
		}
	})
}

// Where 10 ms hold more instants than are kept, they are rounded: the peak is
// right to the last few in a hundred thousand, and found without comparing each
// arrival with all of the 10 ms before it.
func TestDescribeDenseInstants(t *testing.T) {
	p := loadgen.Describe(loadgen.Constant(1e8, 20*ms), time.Second)
	if p.Count != 2_000_000 || math.Abs(float64(p.PeakTogether)-1e6) > 100 {
		t.Errorf("%d arrivals, peak %d", p.Count, p.PeakTogether)
	}
}

// The silence at the end of a load is part of it: one arrival in the first of
// four seconds has counts 1, 0, 0, 0, of mean 1/4 and variance 1/4; the squares
// of the three differences have a mean of 1/3, over 2/4.
func TestDescribeUntil(t *testing.T) {
	p := loadgen.Describe(loadgen.Every(time.Second, 0, 1), time.Second)
	p.Until(4 * time.Second)
	if !slices.Equal(p.Counts, []int64{1, 0, 0, 0}) || p.Dispersion != 1 || math.Abs(p.Allan-2.0/3) > 1e-12 {
		t.Errorf("%+v", p)
	}
	p.Until(record.MaxDuration)
	if len(p.Counts) > 1<<16 || p.Count != 1 || p.Counts[0] != 1 {
		t.Errorf("%d buckets of %v", len(p.Counts), p.Bucket)
	}
	// Half a bucket at the end is no burst in those before it.
	p = loadgen.Describe(loadgen.Constant(100, 2500*ms), time.Second)
	p.Until(2500 * ms)
	if !slices.Equal(p.Counts, []int64{100, 100, 50}) || p.Dispersion != 0 || p.Allan != 0 {
		t.Errorf("%+v", p)
	}
}
