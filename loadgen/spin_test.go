package loadgen

import (
	"testing"
	"time"
)

// A spin of 80 us before each arrival is little where they are rare on average,
// however close two of them may be.
func TestPaceKnowsRareArrivals(t *testing.T) {
	for _, c := range []struct {
		name     string
		schedule Schedule
		sparse   bool
	}{
		{"steady, a quarter of the time", Constant(3000, time.Second), true},
		{"steady, more", Constant(3500, time.Second), false},
		{"Poisson, rare", Poisson(1000, time.Second, 1), true},
		{"Poisson, frequent", Poisson(8000, time.Second, 1), false},
		{"bursts of a hundred at once, each tenth of a second", Together(Every(100*time.Millisecond, 0, time.Second), 100), true},
	} {
		t.Run(c.name, func(t *testing.T) {
			var p pace
			if !p.sparse() {
				t.Error("the zero value is not sparse")
			}
			n := 0
			for a := range c.schedule {
				p.note(a.At, autoSpin)
				if n++; n > 90 && p.sparse() != c.sparse {
					t.Fatalf("after %d arrivals, at %v: sparse %v", n, a.At, p.sparse())
				}
			}
			if n < 900 {
				t.Errorf("%d arrivals", n)
			}
		})
	}
}
