package reports

import (
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestConcurrency(t *testing.T) {
	at := func(ms int64) time.Time { return time.UnixMilli(1_700_000_000_000 + ms).UTC() }
	var b busyCollector
	b.add(at(1500), 1000*time.Millisecond) // 0.5 s in each of the seconds 0 and 1
	b.add(at(1500), 250*time.Millisecond)  // 0.25 s in second 1
	b.add(at(3000), 100*time.Millisecond)  // ends where second 3 begins: all in second 2
	b.add(time.Time{}, time.Second)        // no time: no place
	c := b.concurrency()
	want := []float64{0.5, 0.75, 0.1}
	if c.From != at(0) || c.Bucket != time.Second || len(c.Mean) != 3 {
		t.Fatalf("got %+v", c)
	}
	for i, v := range want {
		if math.Abs(c.Mean[i]-v) > 1e-9 {
			t.Errorf("bucket %d: %v, want %v", i, c.Mean[i], v)
		}
	}
	if c.Peak != c.Mean[1] || c.PeakAt != at(1000) || math.Abs(c.Over-0.45) > 1e-9 {
		t.Errorf("got %+v", c)
	}
	if s := c.spark(40); len([]rune(s)) != 3 || []rune(s)[1] != '█' {
		t.Errorf("spark %q", s)
	}
}

// Whatever comes in whatever order, no busy time is lost or made up, and the
// memory is bounded.
func TestConcurrencyConserves(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var b busyCollector
		var sum time.Duration
		for range rapid.IntRange(1, 60).Draw(t, "n") {
			end := time.UnixMilli(rapid.Int64Range(-1e11, 4e12).Draw(t, "end ms"))
			d := time.Duration(rapid.Int64Range(1, 900_000).Draw(t, "ms")) * time.Millisecond
			b.add(end, d)
			sum += d
			if len(b.busy) > maxBusyBuckets+1 {
				t.Fatalf("%d buckets", len(b.busy))
			}
		}
		c := b.concurrency()
		total := 0.0
		for _, v := range c.Mean {
			total += v * float64(c.Bucket)
		}
		if math.Abs(total-float64(sum)) > 1e-6*float64(sum)+1 || len(c.Mean) > maxBusyBuckets {
			t.Fatalf("busy %v, want %v, in %d buckets", time.Duration(total), sum, len(c.Mean))
		}
	})
}
