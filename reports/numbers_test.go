package reports

import (
	"math"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestSig3(t *testing.T) {
	for _, c := range []struct {
		v    float64
		want string
	}{
		{0, "0"},
		{8.42, "8.42"},
		{8.425, "8.43"}, // 8.425 is a little above in binary
		{9.996, "10.0"},
		{52.46, "52.5"},
		{99.96, "100"},
		{776.6, "777"},
		{999.4, "999"},
		{999.6, "1 000"},
		{2178.3, "2 178"},
		{1234567, "1 234 567"},
		{0.0312, "0.031"},
		{0.0004, "<0.001"},
		{-64.3, "−64.3"},
		{-1234, "−1 234"},
		{math.NaN(), "–"},
		{math.Inf(1), "–"},
	} {
		if got := ordinary(sig3(c.v)); got != c.want {
			t.Errorf("sig3(%v) = %q, want %q", c.v, got, c.want)
		}
	}
}

func TestNumbersForPeople(t *testing.T) {
	for _, c := range []struct{ got, want string }{
		{percent(0.6667), "66.7 %"},
		{usd(0), "0 USD"},
		{usd(0.0000705), "0.000071 USD"}, // two significant digits
		{usd(12.345), "12.35 USD"},
		{unitPrice(0.0000166667), "0.0000166667 USD"},
		{quantileName(0.5), "p50"},
		{quantileName(0.999), "p99.9"},
		{span(800 * time.Millisecond), "800 ms"},
		{span(30 * time.Second), "30 s"},
		{span(150 * time.Second), "2 min 30 s"},
		{span(12 * time.Minute), "12 min"},
		{span(3*time.Hour + 20*time.Minute), "3 h 20 min"},
		{brief(time.Minute), "1m"},
		{brief(100 * time.Second), "1m40s"},
		{brief(2 * time.Hour), "2h"},
		{axisMs(500), "500 ms"},
		{axisMs(2000), "2 s"},
		{count(-28567), "−28 567"},
		{join([]string{"a", "b", "c"}), "a, b and c"},
		{sentence("the run is partial"), "The run is partial."},
	} {
		if got := ordinary(c.got); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
}

// A printed number reads back within half of its last digit.
func TestSig3ReadsBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := rapid.Float64Range(0.001, 1e9).Draw(t, "v")
		s := strings.ReplaceAll(strings.ReplaceAll(sig3(v), thin, ""), "−", "-")
		back, err := strconv.ParseFloat(s, 64)
		if err != nil {
			t.Fatal(err)
		}
		if tolerance := math.Max(0.0006, v*0.0051); math.Abs(back-v) > tolerance {
			t.Fatalf("%v prints as %s", v, s)
		}
	})
}

func TestLogScaleTicks(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		lo := rapid.Float64Range(0.001, 1e5).Draw(t, "lo")
		hi := lo * rapid.Float64Range(1, 1e6).Draw(t, "ratio")
		s := newLogScale(lo, hi, 300, 0)
		if s.lo > lo*1.0002 || s.hi < hi*0.9998 || !(s.hi > s.lo) {
			t.Fatalf("[%v, %v] became [%v, %v]", lo, hi, s.lo, s.hi)
		}
		ticks := s.ticks(7)
		if len(ticks) == 0 || len(ticks) > 8 {
			t.Fatalf("[%v, %v] has %d ticks", s.lo, s.hi, len(ticks))
		}
		for _, v := range ticks {
			if y := s.at(v); y < -0.5 || y > 300.5 {
				t.Fatalf("tick %v of [%v, %v] lies at %v", v, s.lo, s.hi, y)
			}
		}
	})
}

// Labels keep their distance while the room allows it, and stay inside it.
func TestSpreadLabels(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ls := make([]endLabel, rapid.IntRange(1, 8).Draw(t, "labels"))
		for i := range ls {
			ls[i].y = rapid.Float64Range(0, 400).Draw(t, "y")
		}
		spreadLabels(ls, 10, 390)
		for i, l := range ls {
			if l.y < 10-1e-9 || l.y > 390+1e-9 || (i > 0 && l.y-ls[i-1].y < labelHeight-1e-9) {
				t.Fatalf("labels at %v", ls)
			}
		}
	})
}

// The grid loses nothing, however often its columns double.
func TestGridConserves(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var g grid
		n := rapid.IntRange(1, 300).Draw(t, "n")
		for range n {
			g.add(time.Duration(rapid.Int64Range(0, int64(time.Hour)).Draw(t, "at")), rapid.Float64Range(0, 1e7).Draw(t, "ms"))
		}
		sum := 0
		g.each(func(_ time.Duration, _ float64, k int) { sum += k })
		if sum != n {
			t.Fatalf("%d of %d are counted", sum, n)
		}
	})
}

func TestTimeStep(t *testing.T) {
	for _, c := range []struct {
		d          time.Duration
		most       int
		step, unit time.Duration
		name       string
	}{
		{30 * time.Second, 12, 5 * time.Second, time.Second, "s"}, // 2 s would be 15 parts
		{12 * time.Minute, 12, time.Minute, time.Minute, "min"},
		{3 * time.Hour, 12, 20 * time.Minute, time.Hour, "h"},
		{900 * time.Millisecond, 10, 100 * time.Millisecond, time.Millisecond, "ms"},
	} {
		step, unit, name := timeStep(c.d, c.most)
		if step != c.step || unit != c.unit || name != c.name {
			t.Errorf("%v in %d: %v %v %s, want %v %v %s", c.d, c.most, step, unit, name, c.step, c.unit, c.name)
		}
	}
}
