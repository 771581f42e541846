package main

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
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
	Dispersion    float64              `json:"index_of_dispersion"`
	BucketMs      float64              `json:"bucket_ms"`
	Counts        []int64              `json:"counts"`
}

// drawPlan shows the arrivals without sending any.
func (f *loadFlags) drawPlan(w io.Writer, s loadgen.Schedule) error {
	p := loadgen.Describe(s, time.Second)
	if f.json {
		e := json.NewEncoder(w)
		e.SetIndent("", " ")
		return e.Encode(plannedArrivals{
			Arrivals: p.Count, ByTag: p.Tags, FirstMs: milliseconds(p.First), LastMs: milliseconds(p.Last),
			PeakPerSecond: p.PeakPerSecond, PeakTogether: p.PeakTogether, Dispersion: p.Dispersion,
			BucketMs: milliseconds(p.Bucket), Counts: p.Counts,
		})
	}
	var tags []string
	for t, n := range p.Tags {
		if t == "" {
			continue
		}
		tags = append(tags, fmt.Sprintf("%s %d", t, n))
	}
	slices.Sort(tags)
	_, err := fmt.Fprintf(w, `%s over %v, seed %d: %d arrivals %s
%s
peak %d in one second, %d within 10 ms; index of dispersion %.2f (0 = even, 1 = Poisson, above = bursts)
nothing was sent; leave --plan out to send
`, f.load.Shape, time.Duration(f.load.Duration), f.seed, p.Count, parenthesised(tags),
		sparkline(p.Counts, 100), p.PeakPerSecond, p.PeakTogether, p.Dispersion)
	return err
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

func parenthesised(s []string) string {
	if len(s) == 0 {
		return ""
	}
	return "(" + strings.Join(s, ", ") + ")"
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
