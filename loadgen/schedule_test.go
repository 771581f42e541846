package loadgen_test

import (
	"errors"
	"fmt"
	"math"
	"math/big"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"coldbench/loadgen"
	"coldbench/record"
)

func offsets(s loadgen.Schedule) []time.Duration {
	var all []time.Duration
	if s == nil {
		return nil
	}
	for a := range s {
		all = append(all, a.At)
	}
	return all
}

func all(s loadgen.Schedule) []loadgen.Arrival {
	if s == nil {
		return nil
	}
	return slices.Collect(func(yield func(loadgen.Arrival) bool) { s(yield) })
}

func TestConstantIsExact(t *testing.T) {
	for _, c := range []struct {
		rate float64
		d    time.Duration
		want []time.Duration
	}{
		{4, time.Second, []time.Duration{0, 250 * ms, 500 * ms, 750 * ms}},
		{3, time.Second, []time.Duration{0, 333333333, 666666666}}, // 1e9/3 and 2e9/3, rounded down
		{0.1, 30 * time.Second, []time.Duration{0, 10 * time.Second, 20 * time.Second}},
		{2.5, time.Second, []time.Duration{0, 400 * ms, 800 * ms}},
		{1e9, 3, []time.Duration{0, 1, 2}},
		{1, 1, []time.Duration{0}},
		{0, time.Second, nil},
		{-1, time.Second, nil},
		{math.NaN(), time.Second, nil},
		{math.Inf(1), time.Second, nil},
		{10, 0, nil},
		{10, -time.Second, nil},
	} {
		if got := offsets(loadgen.Constant(c.rate, c.d)); !slices.Equal(got, c.want) {
			t.Errorf("Constant(%v, %v) = %v, want %v", c.rate, c.d, got, c.want)
		}
	}
}

// For whole rates every offset is floor(i * 1e9 / rate), which big integers
// confirm from the first arrival on.
func TestConstantCountsAndPlaces(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rate := rapid.Int64Range(1, 10_000_000).Draw(t, "rate")
		d := time.Duration(rapid.Int64Range(1, int64(time.Second)).Draw(t, "d"))
		d = min(d, time.Duration(5_000*1e9/rate)+1)
		got := offsets(loadgen.Constant(float64(rate), d))
		// ceil(rate * d / 1e9)
		n := new(big.Int).Mul(big.NewInt(rate), big.NewInt(int64(d)))
		n.Add(n, big.NewInt(999_999_999)).Div(n, big.NewInt(1e9))
		if int64(len(got)) != n.Int64() {
			t.Fatalf("%d arrivals, want %v", len(got), n)
		}
		for i, at := range got {
			if want := exactOffset(int64(i), rate); want != at {
				t.Fatalf("offset %d = %v, want %v", i, at, want)
			}
		}
	})
}

// The longest run is 31 days: nothing has drifted until its last arrival. Rates
// that are no whole numbers are right to a nanosecond there.
func TestConstantDoesNotDrift(t *testing.T) {
	month := int64(record.MaxDuration / time.Second)
	rapid.Check(t, func(t *rapid.T) {
		rate := rapid.Int64Range(1, record.MaxRate).Draw(t, "rate")
		last := rate*month - 1
		i := rapid.Int64Range(0, last).Draw(t, "arrival")
		for _, i := range []int64{i, last} {
			if got, want := loadgen.OffsetOf(float64(rate))(uint64(i)), exactOffset(i, rate); got != want {
				t.Fatalf("offset %d at %d/s = %v, want %v", i, rate, got, want)
			}
		}
		part := float64(rate) / 1024 // exact in binary
		i = int64(part * float64(month))
		want := exactOffset(i*1024, rate)
		if off := loadgen.OffsetOf(part)(uint64(i)) - want; off < -1 || off > 1 {
			t.Fatalf("offset %d at %v/s is %v off", i, part, off)
		}
	})
}

// exactOffset is floor(i * 1e9 / rate).
func exactOffset(i, rate int64) time.Duration {
	n := new(big.Int).Mul(big.NewInt(i), big.NewInt(1e9))
	return time.Duration(n.Div(n, big.NewInt(rate)).Int64())
}

// anyLoad draws a valid load of moderate size.
func anyLoad(t *rapid.T) record.Load {
	l := record.Load{
		Shape:    rapid.SampledFrom([]record.Shape{record.ShapeSteady, record.ShapeSpiky, record.ShapeWarmer, record.ShapeRamp, record.ShapeSine}).Draw(t, "shape"),
		Duration: record.Duration(rapid.Int64Range(1, int64(5*time.Second)).Draw(t, "duration")),
		Arrivals: rapid.SampledFrom([]string{"", "constant", "poisson", "uniform"}).Draw(t, "arrivals"),
		Rate:     rapid.Float64Range(0.1, 300).Draw(t, "rate"),
		RateTo:   rapid.Float64Range(0, 300).Draw(t, "rate to"),
		Steps:    rapid.IntRange(0, 7).Draw(t, "steps"),
		Period:   record.Duration(rapid.Int64Range(int64(100*ms), int64(5*time.Second)).Draw(t, "period")),
		BaseRate: rapid.Float64Range(0, 300).Draw(t, "base rate"),
		Burst:    rapid.IntRange(1, 50).Draw(t, "burst"),
		Every:    record.Duration(rapid.Int64Range(int64(50*ms), int64(2*time.Second)).Draw(t, "every")),
		Offset:   record.Duration(rapid.Int64Range(0, int64(time.Second)).Draw(t, "offset")),

		Irregular: rapid.Bool().Draw(t, "irregular"),

		PingEvery:       record.Duration(rapid.Int64Range(int64(50*ms), int64(time.Second)).Draw(t, "ping every")),
		PingConcurrency: rapid.IntRange(1, 5).Draw(t, "pings"),
	}
	l.Amplitude = l.Rate * rapid.Float64Range(0, 1).Draw(t, "amplitude")
	l.Spread = record.Duration(rapid.Int64Range(0, int64(l.Every)).Draw(t, "spread"))
	return l
}

func TestEveryLoadIsSortedInsideAndRepeatable(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := anyLoad(t)
		seed := rapid.Uint64().Draw(t, "seed")
		s, err := loadgen.FromLoad(l, seed)
		if err != nil {
			t.Fatal(err)
		}
		first := all(s)
		again, _ := loadgen.FromLoad(l, seed)
		if !slices.Equal(first, all(s)) || !slices.Equal(first, all(again)) {
			t.Fatal("the same seed gave other arrivals")
		}
		for i, a := range first {
			if a.At < 0 || a.At >= time.Duration(l.Duration) {
				t.Fatalf("arrival %d at %v is outside [0, %v)", i, a.At, time.Duration(l.Duration))
			}
			if i > 0 && a.At < first[i-1].At {
				t.Fatalf("arrival %d at %v after %v", i, a.At, first[i-1].At)
			}
			if a.Tag == "" {
				t.Fatalf("arrival %d has no tag", i)
			}
		}
		if n := loadgen.Count(s); n != int64(len(first)) {
			t.Fatalf("count %d of %d", n, len(first))
		}
	})
}

func TestSeedsDiffer(t *testing.T) {
	l := record.Load{Shape: record.ShapeSteady, Arrivals: "poisson", Rate: 100, Duration: record.Duration(time.Second)}
	a, _ := loadgen.FromLoad(l, 1)
	b, _ := loadgen.FromLoad(l, 2)
	if slices.Equal(all(a), all(b)) {
		t.Error("two seeds gave the same arrivals")
	}
}

func TestSpikyCounts(t *testing.T) {
	// Base: 10/s for 30 s = 300. Bursts of 20 at 5, 15 and 25 s = 60.
	l := record.Load{
		Shape: record.ShapeSpiky, Duration: dur(30 * time.Second), BaseRate: 10,
		Burst: 20, Every: dur(10 * time.Second), Offset: dur(5 * time.Second),
	}
	s, err := loadgen.FromLoad(l, 1)
	if err != nil {
		t.Fatal(err)
	}
	p := loadgen.Describe(s, time.Second)
	if p.Count != 360 || p.Tags[record.TagBase] != 300 || p.Tags[record.TagBurst] != 60 {
		t.Errorf("%+v", p)
	}
	if p.PeakPerSecond != 30 || p.PeakTogether != 21 || p.Counts[5] != 30 || p.Counts[6] != 10 || len(p.Counts) != 30 {
		t.Errorf("%+v", p)
	}
	// Counts: 27 of 10 and 3 of 30, mean 12; variance (27*4 + 3*324) / 29 = 37.24.
	if want := 1080.0 / 29 / 12; math.Abs(p.Dispersion-want) > 1e-12 {
		t.Errorf("dispersion %v, want %v", p.Dispersion, want)
	}
	// Each of the 3 bursts makes two differences of 20, among 29: 2400/29 / (2*12).
	if want := 2400.0 / 29 / 24; math.Abs(p.Allan-want) > 1e-12 {
		t.Errorf("Allan factor %v, want %v", p.Allan, want)
	}
	// An even ramp has no bursts, whatever its range.
	ramp, err := loadgen.FromLoad(record.Load{Shape: record.ShapeRamp, Duration: dur(30 * time.Second), Rate: 1, RateTo: 60}, 1)
	if err != nil {
		t.Fatal(err)
	}
	if p := loadgen.Describe(ramp, time.Second); p.Dispersion < 5 || p.Allan > 0.2 {
		t.Errorf("ramp: dispersion %v, Allan factor %v", p.Dispersion, p.Allan)
	}
	l.Spread = dur(2 * time.Second)
	s, _ = loadgen.FromLoad(l, 1)
	if p := loadgen.Describe(s, time.Second); p.Count != 360 || p.Counts[5] != 20 || p.Counts[6] != 20 {
		t.Errorf("spread: %+v", p)
	}
}

func TestWarmerCounts(t *testing.T) {
	// Pings: 3 at 0, 1, ... 9 s = 30; bursts of 5 at 2.5 and 7.5 s = 10.
	s, err := loadgen.FromLoad(record.Load{
		Shape: record.ShapeWarmer, Duration: dur(10 * time.Second), PingEvery: dur(time.Second), PingConcurrency: 3,
		Burst: 5, Every: dur(5 * time.Second), Offset: dur(2500 * ms),
	}, 1)
	if err != nil {
		t.Fatal(err)
	}
	p := loadgen.Describe(s, time.Second)
	if p.Count != 40 || p.Tags[record.TagPing] != 30 || p.Tags[record.TagBurst] != 10 {
		t.Errorf("%+v", p)
	}
}

// The count of a Poisson process of mean m has standard deviation sqrt(m): over
// 200,000 expected arrivals, five deviations are 1.1 %. The index of dispersion
// over n windows is about normal around 1 with deviation sqrt(2/n): 0.022 for
// 4,000.
func TestPoissonStatistics(t *testing.T) {
	for _, seed := range []uint64{1, 2, 3} {
		p := loadgen.Describe(loadgen.Poisson(5000, 40*time.Second, seed), 10*ms)
		if dev := math.Abs(float64(p.Count)-200_000) / math.Sqrt(200_000); dev > 5 {
			t.Errorf("seed %d: %d arrivals, %.1f deviations off", seed, p.Count, dev)
		}
		if math.Abs(p.Dispersion-1) > 0.1 {
			t.Errorf("seed %d: dispersion %v", seed, p.Dispersion)
		}
		if d := ksExponential(offsets(loadgen.Poisson(5000, 4*time.Second, seed)), 5000); d > 1.95 {
			t.Errorf("seed %d: Kolmogorov-Smirnov statistic %v", seed, d)
		}
	}
}

func ksExponential(at []time.Duration, rate float64) float64 {
	gaps := make([]float64, len(at)-1)
	for i := range gaps {
		gaps[i] = (at[i+1] - at[i]).Seconds()
	}
	return ksDistance(gaps, func(gap float64) float64 { return 1 - math.Exp(-rate*gap) })
}

// ksDistance is sqrt(n) times the largest distance between the distribution of
// the values and the one given; it exceeds 1.95 with probability 0.001
// (Kolmogorov's limit: 2 exp(-2 x^2)).
func ksDistance(values []float64, below func(float64) float64) float64 {
	slices.Sort(values)
	n, worst := float64(len(values)), 0.0
	for i, v := range values {
		f := below(v)
		worst = max(worst, f-float64(i)/n, float64(i+1)/n-f)
	}
	return worst * math.Sqrt(n)
}

func TestUniformPutsOneInEachInterval(t *testing.T) {
	got := offsets(loadgen.Uniform(100, time.Second, 7))
	if len(got) != 100 {
		t.Fatalf("%d arrivals", len(got))
	}
	for i, at := range got {
		if lo := time.Duration(i) * 10 * ms; at < lo || at >= lo+10*ms {
			t.Errorf("arrival %d at %v", i, at)
		}
	}
}

func TestRamp(t *testing.T) {
	// From 0 to 100/s in 10 s: L(t) = 5 t^2, 500 arrivals; the one at n = 125 is at 5 s.
	at := offsets(loadgen.Ramp(loadgen.Regular(), 0, 100, 10*time.Second))
	if len(at) != 500 || at[125] != 5*time.Second {
		t.Errorf("%d arrivals, the 125th at %v", len(at), at[125])
	}
	// Falling, the same backwards: L(t) = 100 t - 5 t^2; n = 375 is at 5 s.
	at = offsets(loadgen.Ramp(loadgen.Regular(), 100, 0, 10*time.Second))
	if len(at) != 500 || at[375] != 5*time.Second {
		t.Errorf("%d arrivals, the 375th at %v", len(at), at[375])
	}
	// Level, it is Constant.
	if got := offsets(loadgen.Ramp(loadgen.Regular(), 50, 50, time.Second)); !slices.Equal(got, offsets(loadgen.Constant(50, time.Second))) {
		t.Errorf("level ramp %v", got)
	}
	for _, bad := range [][2]float64{{-1, 1}, {1, -1}, {math.NaN(), 1}, {1, math.Inf(1)}, {0, 0}} {
		if at := offsets(loadgen.Ramp(loadgen.Regular(), bad[0], bad[1], time.Second)); at != nil {
			t.Errorf("ramp %v: %v", bad, at)
		}
	}
}

func TestStepsAndSine(t *testing.T) {
	regular := func(int) loadgen.Process { return loadgen.Regular() }
	p := loadgen.Describe(loadgen.Steps(regular, 10, 30, 3, 3*time.Second), time.Second)
	if !slices.Equal(p.Counts, []int64{10, 20, 30}) {
		t.Errorf("steps %v", p.Counts)
	}
	// Mean 100, amplitude 100, period 4 s: the quarters have 100 +- 400/(2 pi) = 163.7 and 36.3.
	p = loadgen.Describe(loadgen.Sine(loadgen.Regular(), 100, 100, 4*time.Second, 4*time.Second), time.Second)
	if !slices.Equal(p.Counts, []int64{164, 164, 36, 36}) || p.Count != 400 {
		t.Errorf("sine %v", p.Counts)
	}
	if at := offsets(loadgen.Sine(loadgen.Regular(), 10, 0, time.Second, time.Second)); !slices.Equal(at, offsets(loadgen.Constant(10, time.Second))) {
		t.Errorf("flat sine %v", at)
	}
	if loadgen.Sine(loadgen.Regular(), 10, 11, time.Second, time.Second) != nil {
		t.Error("a negative rate passes")
	}
}

// Composition: merging keeps every arrival and the order; cutting in two and
// merging again is the whole; a concatenation is its parts in turn.
func TestCompositionLaws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		draw := func(name string) loadgen.Schedule {
			s, err := loadgen.FromLoad(anyLoad(t), rapid.Uint64().Draw(t, name))
			if err != nil {
				t.Fatal(err)
			}
			return s
		}
		a, b := draw("a"), draw("b")
		want := append(all(loadgen.Tagged(a, "a")), all(loadgen.Tagged(b, "b"))...)
		slices.SortStableFunc(want, func(x, y loadgen.Arrival) int { return int(x.At - y.At) })
		merged := loadgen.Merge(loadgen.Tagged(a, "a"), loadgen.Tagged(b, "b"))
		if !slices.Equal(all(merged), want) {
			t.Fatal("merge is not the stable sort of both")
		}
		at := time.Duration(rapid.Int64Range(0, int64(5*time.Second)).Draw(t, "cut"))
		parts := append(all(loadgen.Cut(a, 0, at)), all(loadgen.Cut(a, at, math.MaxInt64))...)
		if !slices.Equal(parts, all(a)) {
			t.Fatal("two cuts are not the whole")
		}
		second := loadgen.Shift(loadgen.Cut(b, 0, 2*time.Second), at)
		joined := append(all(loadgen.Cut(a, 0, at)), all(second)...)
		got := all(loadgen.Concat(loadgen.Part{Schedule: a, Lasts: at}, loadgen.Part{Schedule: b, Lasts: 2 * time.Second}))
		if at > 0 && !slices.Equal(got, joined) {
			t.Fatal("concatenation is not its parts")
		}
		for a := range loadgen.Merge(a, b) {
			_ = a
			break // stopping early ends both
		}
	})
}

func TestSpreadKeepsOrderWhenBurstsOverlap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		centres := loadgen.Poisson(5, 5*time.Second, rapid.Uint64().Draw(t, "seed"))
		n := rapid.IntRange(1, 20).Draw(t, "n")
		width := time.Duration(rapid.Int64Range(0, int64(3*time.Second)).Draw(t, "width"))
		got := offsets(loadgen.Spread(centres, n, width, rapid.Bool().Draw(t, "random"), 1))
		if int64(len(got)) != loadgen.Count(centres)*int64(n) || !slices.IsSorted(got) {
			t.Fatalf("%d arrivals, sorted %v", len(got), slices.IsSorted(got))
		}
	})
}

func TestEmptySchedules(t *testing.T) {
	for i, s := range []loadgen.Schedule{
		nil, loadgen.Merge(), loadgen.Merge(nil, nil), loadgen.Concat(), loadgen.Cut(nil, 0, 1), loadgen.Tagged(nil, "x"),
		loadgen.Every(0, 0, 1), loadgen.Every(1, -1, 1), loadgen.Together(nil, 3), loadgen.Spread(nil, 3, 1, true, 1),
		loadgen.Faster(loadgen.Constant(1, 1), 0), loadgen.Steps(nil, 1, 1, 0, 1),
	} {
		if n := loadgen.Count(s); n != 0 {
			t.Errorf("schedule %d has %d arrivals", i, n)
		}
	}
}

func TestFromLoadNamesFaults(t *testing.T) {
	for _, rate := range []float64{0, -1, 1e12, math.NaN(), math.Inf(1)} {
		_, err := loadgen.FromLoad(record.Load{Shape: record.ShapeSteady, Rate: rate, Duration: dur(time.Second)}, 1)
		var fault *record.Fault
		if !errors.As(err, &fault) || fault.Where != "rate" {
			t.Errorf("rate %v: %v", rate, err)
		}
	}
	_, err := loadgen.FromLoad(record.Load{Shape: record.ShapeReplay, Trace: "x", Speed: 1}, 1)
	if !errors.Is(err, loadgen.ErrNeedsTrace) {
		t.Error(err)
	}
}

func TestDescribeCoarsensLongSchedules(t *testing.T) {
	p := loadgen.Describe(loadgen.Constant(0.01, 30*24*time.Hour), time.Second)
	// 2,592,000 s need buckets of 64 s (40,500 of them; of 32 s it were 81,000).
	if p.Bucket != 64*time.Second || p.Count != 25_920 {
		t.Errorf("bucket %v, count %d", p.Bucket, p.Count)
	}
	var sum int64
	for _, c := range p.Counts {
		sum += c
	}
	if sum != p.Count {
		t.Errorf("buckets hold %d of %d", sum, p.Count)
	}
}

func ExampleFromLoad() {
	s, err := loadgen.FromLoad(record.Load{
		Shape:    record.ShapeSpiky,
		Duration: record.Duration(4 * time.Second),
		BaseRate: 1,
		Burst:    3,
		Every:    record.Duration(2 * time.Second),
		Offset:   record.Duration(500 * time.Millisecond),
	}, 1)
	if err != nil {
		fmt.Println(err)
		return
	}
	for a := range s {
		fmt.Println(a.At, a.Tag)
	}
	p := loadgen.Describe(s, time.Second)
	fmt.Println(p.Count, "arrivals, at most", p.PeakTogether, "together")
	// Output:
	// 0s base
	// 500ms burst
	// 500ms burst
	// 500ms burst
	// 1s base
	// 2s base
	// 2.5s burst
	// 2.5s burst
	// 2.5s burst
	// 3s base
	// 10 arrivals, at most 3 together
}
