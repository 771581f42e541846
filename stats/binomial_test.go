package stats

import (
	"bufio"
	"fmt"
	"math"
	"math/big"
	"os"
	"strings"
	"testing"
)

// reference reads the lines of testdata/binomial.tsv that begin with kind. The
// file was made by testdata/binomial.py with exact integers and 60 digits.
func reference(t *testing.T, kind string) []string {
	t.Helper()
	f, err := os.Open("testdata/binomial.tsv")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var lines []string
	for s := bufio.NewScanner(f); s.Scan(); {
		if rest, ok := strings.CutPrefix(s.Text(), kind+" "); ok {
			lines = append(lines, rest)
		}
	}
	if len(lines) == 0 {
		t.Fatalf("no reference values of kind %q", kind)
	}
	return lines
}

func TestRanksAgainstReference(t *testing.T) {
	for _, line := range reference(t, "ranks") {
		var n, lo, hi int64
		var p, confidence float64
		if _, err := fmt.Sscan(line, &n, &p, &lo, &hi, &confidence); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		gotLo, gotHi, got, ok := Ranks(n, p, Level)
		if gotLo != lo || gotHi != hi || ok != (lo > 0) || math.Abs(got-confidence) > 1e-10 {
			t.Errorf("Ranks(%d, %g) = %d, %d, %.15f, %t; want %s", n, p, gotLo, gotHi, got, ok, line)
		}
		if ok != (n >= MinN(p, Level)) {
			t.Errorf("Ranks(%d, %g): ok is %t, but MinN is %d", n, p, ok, MinN(p, Level))
		}
	}
}

func TestProportionAgainstReference(t *testing.T) {
	for _, line := range reference(t, "proportion") {
		var k, n int64
		var lo, hi float64
		if _, err := fmt.Sscan(line, &k, &n, &lo, &hi); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		i := Proportion(k, n)
		if math.Abs(i.Lo-lo) > 1e-11*lo || math.Abs(i.Hi-hi) > 1e-11*hi || i.Value != float64(k)/float64(n) {
			t.Errorf("Proportion(%d, %d) = %+v, want %s", k, n, i, line)
		}
	}
}

// Masses and sums against exact rational arithmetic, all k of several n.
func TestBinomialAgainstRationals(t *testing.T) {
	for _, n := range []int64{1, 2, 15, 16, 17, 40} {
		for _, p := range []float64{0.5, 0.001, 0.25, 0.9, 0.999} {
			b := binomial{n: n, p: p, q: 1 - p}
			exact := new(big.Rat).SetFloat64(p)
			sum := new(big.Rat)
			for k := int64(0); k <= n; k++ {
				mass := massRat(n, k, exact)
				sum.Add(sum, mass)
				wantMass, _ := mass.Float64()
				want, _ := sum.Float64()
				if got := b.mass(k); math.Abs(got-wantMass) > 1e-12*wantMass {
					t.Errorf("n %d p %g: mass(%d) = %g, want %g", n, p, k, got, wantMass)
				}
				if got := b.cdf(k); math.Abs(got-want) > 1e-12*want {
					t.Errorf("n %d p %g: cdf(%d) = %g, want %g", n, p, k, got, want)
				}
			}
		}
	}
}

// massRat is C(n,k) p^k (1-p)^(n-k).
func massRat(n, k int64, p *big.Rat) *big.Rat {
	q := new(big.Rat).Sub(big.NewRat(1, 1), p)
	m := new(big.Rat).SetInt(new(big.Int).Binomial(n, k))
	for range k {
		m.Mul(m, p)
	}
	for range n - k {
		m.Mul(m, q)
	}
	return m
}

func TestBinomialOutside(t *testing.T) {
	b := binomial{n: 10, p: 0.5, q: 0.5}
	for k, want := range map[int64]float64{-1: 0, 10: 1, 11: 1} {
		if got := b.cdf(k); got != want {
			t.Errorf("cdf(%d) = %g, want %g", k, got, want)
		}
	}
	if b.mass(-1) != 0 || b.mass(11) != 0 {
		t.Error("mass outside 0..n is not 0")
	}
}

// At n = 10^9 and k = 1 the bounds are those of a Poisson count of 1 over n:
// 0.0253178/n and 5.5716434/n.
func TestProportionOfMany(t *testing.T) {
	const n = 1_000_000_000
	i := Proportion(1, n)
	if math.Abs(i.Lo*n-0.0253178) > 1e-6 || math.Abs(i.Hi*n-5.5716434) > 1e-6 {
		t.Errorf("bounds * n = %.7f, %.7f", i.Lo*n, i.Hi*n)
	}
	for _, c := range []struct{ k, n int64 }{{0, 0}, {-1, 5}, {6, 5}} {
		if i := Proportion(c.k, c.n); !math.IsNaN(i.Value) || i.Lo != 0 || i.Hi != 1 {
			t.Errorf("Proportion(%d, %d) = %+v, want nothing known", c.k, c.n, i)
		}
	}
}

// 0.95 = 1 - (1-x)^n: at n = 1, x = 0.95; at n = 100, 1 - 0.05^0.01 = 0.02951305.
func TestUpperBoundZero(t *testing.T) {
	for n, want := range map[int64]float64{-1: 1, 0: 1, 1: 0.95, 2: 0.7763932, 100: 0.02951305, 1e6: 2.9957278e-6} {
		got := UpperBoundZero(n)
		if math.Abs(got-want) > 1e-6*want {
			t.Errorf("UpperBoundZero(%d) = %.9g, want %g", n, got, want)
		}
		if n > 0 && got >= 3/float64(n) {
			t.Errorf("UpperBoundZero(%d) = %g is not below 3/n", n, got)
		}
	}
}

func BenchmarkRanks(b *testing.B) {
	for _, n := range []int64{1000, 1_000_000, 1_000_000_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			for b.Loop() {
				Ranks(n, 0.5, Level)
			}
		})
	}
}
