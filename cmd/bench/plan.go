package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"coldbench/loadgen"
	"coldbench/record"
)

// plannedArrivals is what --plan --json prints.
type plannedArrivals struct {
	Arrivals      int64                `json:"arrivals"`
	ByTag         map[record.Tag]int64 `json:"by_tag"`
	FirstMs       float64              `json:"first_ms"`
	LastMs        float64              `json:"last_ms"`
	PeakPerSecond int64                `json:"peak_per_second"`
	PeakTogether  int64                `json:"peak_in_10_ms"`
	Warmup        int64                `json:"warmup_arrivals"`
	Dispersion    *float64             `json:"index_of_dispersion"` // null where the counts are too few or too low
	Allan         *float64             `json:"allan_factor"`        // null where the counts are too few or too low
	BucketMs      float64              `json:"bucket_ms"`
	Counts        []int64              `json:"counts"`
}

// walk lets measure look at all arrivals of a schedule. For a billion that takes
// half a minute: it says how far it is, and ends at an interrupt. A schedule
// that is still looking for its next arrival then ends with the process.
func walk[T any](ctx context.Context, n *narrator, s loadgen.Schedule, measure func(loadgen.Schedule) T) (T, error) {
	var none T
	var seen atomic.Int64
	done := make(chan T, 1)
	go func() { done <- measure(counted(ctx, s, &seen)) }()
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	defer n.done()
	for {
		select {
		case v := <-done:
			switch {
			case ctx.Err() != nil:
				return none, errNothingSent
			case seen.Load() > record.MaxArrivals:
				return none, usagef("the load has more than %d arrivals, the most that a run may have; lower its rate or duration", int64(record.MaxArrivals))
			}
			return v, nil
		case <-ctx.Done():
			return none, errNothingSent
		case <-tick.C:
			n.status("counting the arrivals: %d until now", seen.Load())
		}
	}
}

// counted keeps the number of arrivals that have passed, now and then, and ends
// where ctx does or where they are too many.
func counted(ctx context.Context, s loadgen.Schedule, seen *atomic.Int64) loadgen.Schedule {
	if s == nil {
		return nil
	}
	return func(yield func(loadgen.Arrival) bool) {
		var n int64
		defer func() { seen.Store(n) }()
		for a := range s {
			if n++; n%(1<<16) == 0 {
				seen.Store(n)
				if ctx.Err() != nil {
					return
				}
			}
			if n > record.MaxArrivals || !yield(a) {
				return
			}
		}
	}
}

// anyOf refuses a replay of nothing.
func (f *loadFlags) anyOf(arrivals int64) error {
	if arrivals == 0 && f.excerpt != "" {
		return usagef("nothing to replay: %s", f.excerpt)
	}
	return nil
}

// drawPlan shows the arrivals without sending any.
func (f *loadFlags) drawPlan(ctx context.Context, w io.Writer, n *narrator, s loadgen.Schedule) error {
	var warmup int64
	lasts := time.Duration(f.load.Duration)
	p, err := walk(ctx, n, s, func(s loadgen.Schedule) loadgen.Profile {
		p := loadgen.Describe(func(yield func(loadgen.Arrival) bool) {
			for a := range s {
				if a.At < f.warmup {
					warmup++
				}
				if !yield(a) {
					return
				}
			}
		}, time.Second)
		p.Until(lasts)
		return p
	})
	if err == nil {
		err = f.anyOf(p.Count)
	}
	if err != nil {
		return err
	}
	known := len(p.Counts) >= fewestBuckets && p.Count >= int64(len(p.Counts))
	if f.json {
		e := json.NewEncoder(w)
		e.SetIndent("", " ")
		out := plannedArrivals{
			Arrivals: p.Count, ByTag: p.Tags, FirstMs: milliseconds(p.First), LastMs: milliseconds(p.Last),
			PeakPerSecond: p.PeakPerSecond, PeakTogether: p.PeakTogether,
			BucketMs: milliseconds(p.Bucket), Counts: p.Counts, Warmup: warmup,
		}
		if known {
			out.Dispersion, out.Allan = &p.Dispersion, &p.Allan
		}
		return e.Encode(out)
	}
	var tags []string
	for t, n := range p.Tags {
		if t == "" {
			continue
		}
		tags = append(tags, fmt.Sprintf("%s %d", t, n))
	}
	slices.Sort(tags)
	if warmup > 0 {
		tags = append(tags, fmt.Sprintf("%d of them to warm up", warmup))
	}
	_, err = fmt.Fprintf(w, `%s over %v, seed %d: %s%s
%s
%s
peak %d in one second, %d within 10 ms
%s
nothing was sent; leave --plan out to send
`, f.load.Shape, shown(lasts), f.seed, plural(p.Count, "arrival"), parenthesised(tags),
		sparkline(p.Counts, sparkWidth), sparkScale(p, lasts, f.warmup), p.PeakPerSecond, p.PeakTogether, burstiness(p, known))
	return err
}

const (
	// fewestBuckets is how many counts it takes before their burstiness means
	// anything: of ten counts of a Poisson process it is 1 give or take a half. And where
	// a bucket has less than one arrival on average, an even rate looks like one.
	fewestBuckets = 10
	sparkWidth    = 100
)

// burstiness says how uneven the counts are. Where they are too few, what follows
// from them is not said.
func burstiness(p loadgen.Profile, known bool) string {
	if !known {
		return fmt.Sprintf("burstiness: index of dispersion %.2f, which tells little here: it takes %d columns, and an arrival in each on average",
			p.Dispersion, fewestBuckets)
	}
	return fmt.Sprintf("burstiness: index of dispersion %.2f, Allan factor %.2f (0 = even, 1 = Poisson, above = bursts;\n"+
		"a rate that changes slowly raises only the first)", p.Dispersion, p.Allan)
}

// sparkScale says what the columns of the sparkline are.
func sparkScale(p loadgen.Profile, lasts, warmup time.Duration) string {
	whole := time.Duration(len(p.Counts)) * p.Bucket
	column := whole / time.Duration(max(1, min(sparkWidth, len(p.Counts))))
	text := fmt.Sprintf("0s to %v, a column is %v", shown(lasts), column.Round(time.Millisecond))
	if warmup > 0 {
		text += fmt.Sprintf("; the first %v warm up and are in no figure", warmup)
	}
	return text
}

func plural(n int64, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// shown leaves out what nobody reads of a long time, such as the nanosecond by
// which a trace ends after its last arrival.
func shown(d time.Duration) time.Duration {
	if d > time.Second {
		return d.Round(time.Millisecond)
	}
	return d
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

func parenthesised(s []string) string {
	if len(s) == 0 {
		return ""
	}
	return " (" + strings.Join(s, ", ") + ")"
}

// sparkline draws counts in at most width characters; a column shows the
// highest count of its part, so that no burst disappears.
func sparkline(counts []int64, width int) string {
	if len(counts) == 0 {
		return ""
	}
	width = min(width, len(counts))
	columns := make([]int64, width)
	for i, c := range counts {
		at := i * width / len(counts)
		columns[at] = max(columns[at], c)
	}
	bars := []rune("▁▂▃▄▅▆▇█")
	top := max(slices.Max(columns), 1)
	var b strings.Builder
	for _, c := range columns {
		if c == 0 {
			b.WriteByte(' ')
			continue
		}
		b.WriteRune(bars[int(float64(c)/float64(top)*float64(len(bars)-1)+0.5)])
	}
	return b.String()
}
