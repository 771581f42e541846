package stats_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"coldbench/stats"
)

// The interval covers the true quantile as often as it says: the share of
// samples whose interval holds it lies within 4.5 standard errors of the exact
// confidence, which is never below the nominal one. For a law with ties the
// share may only be higher.
func TestCoverage(t *testing.T) {
	const repeats = 2000
	laws := []struct {
		name string
		draw func(*rand.Rand) float64
		at   func(p float64) float64 // the true quantile
		ties bool
	}{
		{"exponential", (*rand.Rand).ExpFloat64, func(p float64) float64 { return -math.Log1p(-p) }, false},
		// x^(-1/3) of a uniform x: infinite third moment.
		{
			"pareto", func(r *rand.Rand) float64 { return math.Pow(1-r.Float64(), -1.0/3) },
			func(p float64) float64 { return math.Pow(1-p, -1.0/3) }, false,
		},
		// Billed milliseconds: rounded up, so that many are equal.
		{
			"billed", func(r *rand.Rand) float64 { return math.Ceil(4 * r.ExpFloat64()) },
			func(p float64) float64 { return math.Ceil(-4 * math.Log1p(-p)) }, true,
		},
	}
	for _, c := range []struct {
		p float64
		n int
	}{{0.5, 6}, {0.5, 25}, {0.5, 240}, {0.9, 36}, {0.9, 100}, {0.95, 72}, {0.99, 368}, {0.99, 600}} {
		for _, law := range laws {
			t.Run(fmt.Sprintf("%s/p=%g/n=%d", law.name, c.p, c.n), func(t *testing.T) {
				r := rand.New(rand.NewPCG(uint64(c.n), math.Float64bits(c.p)))
				truth, covered, confidence := law.at(c.p), 0, 0.0
				for range repeats {
					d := stats.NewDist("ms")
					for range c.n {
						d.Add(law.draw(r))
					}
					q := d.At(c.p)
					if !q.OK {
						t.Fatalf("no interval: %+v", q)
					}
					confidence = q.Confidence
					if q.Lo <= truth && truth <= q.Hi {
						covered++
					}
				}
				share := float64(covered) / repeats
				slack := 4.5 * math.Sqrt(confidence*(1-confidence)/repeats)
				if confidence < stats.Level || share < confidence-slack || !law.ties && share > confidence+slack {
					t.Errorf("covered %.4f of the time, confidence %.4f +- %.4f", share, confidence, slack)
				}
			})
		}
	}
}
