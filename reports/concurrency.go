package reports

import (
	"slices"
	"time"
)

// Concurrency is how many environments were busy over time, read off REPORT
// lines: each was busy for its Duration up to its time. It is a mean for each
// bucket (busy time / width), so a burst shorter than a bucket is flattened.
type Concurrency struct {
	From   time.Time     // start of the first bucket
	Bucket time.Duration // width of one element of Mean
	Mean   []float64     // busy environments, on average, in each bucket
	Peak   float64       // the highest element of Mean
	PeakAt time.Time     // start of its bucket
	Over   float64       // mean over all buckets
}

// maxBusyBuckets bounds the buckets of a Concurrency: beyond it they double.
const maxBusyBuckets = 1 << 11

// busyCollector sums busy time into buckets. The zero value is ready; its
// memory is bounded, whatever span the lines cover and in whatever order they
// come.
type busyCollector struct {
	width time.Duration
	busy  map[int64]*time.Duration // by Unix time / width
	at    int64                    // the bucket of the last interval that lay in one
	last  *time.Duration
}

// add takes the interval of d that ended at end.
func (b *busyCollector) add(end time.Time, d time.Duration) {
	if end.IsZero() || d <= 0 {
		return
	}
	if b.busy == nil {
		b.width, b.busy = time.Second, map[int64]*time.Duration{}
	}
	to := end.UnixNano()
	from := to - int64(d)
	for from < to {
		k := floorDiv(from, int64(b.width))
		upTo := min(to, (k+1)*int64(b.width))
		*b.bucket(k) += time.Duration(upTo - from)
		from = upTo
		if len(b.busy) > maxBusyBuckets {
			b.double()
		}
	}
}

func (b *busyCollector) bucket(k int64) *time.Duration {
	if b.last != nil && b.at == k {
		return b.last
	}
	d := b.busy[k]
	if d == nil {
		d = new(time.Duration)
		b.busy[k] = d
	}
	b.at, b.last = k, d
	return d
}

// double makes the buckets twice as wide.
func (b *busyCollector) double() {
	wide := make(map[int64]*time.Duration, len(b.busy)/2+1)
	for k, d := range b.busy {
		w := floorDiv(k, 2)
		if wide[w] == nil {
			wide[w] = new(time.Duration)
		}
		*wide[w] += *d
	}
	b.busy, b.width, b.last = wide, 2*b.width, nil
}

// floorDiv rounds down, for times before 1970 too.
func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

// concurrency is nil where no line had a time. Where the first and the last
// line are far apart, the buckets are widened until they fit.
func (b *busyCollector) concurrency() *Concurrency {
	if len(b.busy) == 0 {
		return nil
	}
	first, last := b.span()
	for last-first >= maxBusyBuckets {
		b.double()
		first, last = b.span()
	}
	c := &Concurrency{From: time.Unix(0, first*int64(b.width)).UTC(), Bucket: b.width, Mean: make([]float64, last-first+1)}
	for k, d := range b.busy {
		c.Mean[k-first] = float64(*d) / float64(b.width)
	}
	for i, v := range c.Mean {
		c.Over += v / float64(len(c.Mean))
		if v > c.Peak {
			c.Peak, c.PeakAt = v, c.From.Add(time.Duration(i)*c.Bucket)
		}
	}
	return c
}

func (b *busyCollector) span() (first, last int64) {
	keys := make([]int64, 0, len(b.busy))
	for k := range b.busy {
		keys = append(keys, k)
	}
	return slices.Min(keys), slices.Max(keys)
}

// busySparkWidth is the width of the picture in a terminal.
const busySparkWidth = 40

// spark draws the buckets in at most width columns; a column shows the highest
// mean of its part.
func (c *Concurrency) spark(width int) string {
	width = min(width, len(c.Mean))
	columns := make([]float64, width)
	for i, v := range c.Mean {
		at := i * width / len(c.Mean)
		columns[at] = max(columns[at], v)
	}
	out := make([]rune, width)
	for i, v := range columns {
		out[i] = ' '
		if v > 0 && c.Peak > 0 {
			out[i] = sparks[int(v/c.Peak*float64(len(sparks)-1)+0.5)]
		}
	}
	return string(out)
}

// SummaryConcurrency is a Concurrency in JSON.
type SummaryConcurrency struct {
	From          time.Time `json:"from"`
	BucketSeconds float64   `json:"bucket_seconds"`
	Mean          []float64 `json:"mean"`
	Peak          float64   `json:"peak"`
	PeakAt        time.Time `json:"peak_at"`
	Over          float64   `json:"mean_over_all"`
}

func (c *Concurrency) summary() *SummaryConcurrency {
	if c == nil {
		return nil
	}
	return &SummaryConcurrency{c.From, c.Bucket.Seconds(), c.Mean, c.Peak, c.PeakAt, c.Over}
}
