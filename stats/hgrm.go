package stats

import (
	"fmt"
	"io"
	"math"
	"strings"
)

// hgrmTicks is how many lines each halving of the distance to 1 gets: the
// default of HdrHistogram's own tools.
const hgrmTicks = 5

// WriteHgrm writes the distribution in HdrHistogram's percentile text format,
// which its plotter and most of the tools around it read: value, quantile,
// count of values up to there, 1/(1-quantile). Values are divided by scale (1
// leaves them in the unit of the distribution; 1000 makes s of ms).
//
// While the distribution is exact the values are its own; the footer's bucket
// counts are those of the histogram that it would become.
//
// The format knows no censored values. The lines end before the first of them,
// and a comment, which its readers pass over, says how many there are.
func (d *Dist) WriteHgrm(w io.Writer, scale float64) error {
	if !(scale > 0) || math.IsInf(scale, 1) {
		return fmt.Errorf("write hgrm: scale %g: not a positive number", scale)
	}
	var out strings.Builder
	fmt.Fprintf(&out, "%12s %14s %10s %14s\n\n", "Value", "Percentile", "TotalCount", "1/(1-Percentile)")
	d.hgrmLines(func(value, p float64, count int64) {
		if d.bounded(value) {
			return
		}
		fmt.Fprintf(&out, "%12.3f %2.12f %10d", value/scale, p, count)
		if p < 1 {
			fmt.Fprintf(&out, " %14.2f", 1/(1-p))
		}
		fmt.Fprintln(&out)
	})
	fmt.Fprintf(&out, "#[Mean    = %12.3f, StdDeviation   = %12.3f]\n", d.mean/scale, d.deviation()/scale)
	fmt.Fprintf(&out, "#[Max     = %12.3f, Total count    = %12d]\n", d.max/scale, d.n)
	fmt.Fprintf(&out, "#[Buckets = %12d, SubBuckets     = %12d]\n", hgrmBuckets, hgrmSubBuckets)
	if d.censored > 0 {
		fmt.Fprintf(&out, "#[Censored = %12d, AtLeast        = %12.3f] waits that were given up: there is no line from there on, Mean and Max are lower bounds\n", d.censored, d.least/scale)
	}
	if _, err := io.WriteString(w, out.String()); err != nil {
		return fmt.Errorf("write hgrm: %w", err)
	}
	return nil
}

// The geometry of hdr.New(1, MaxValue*perUnit, 3): 2048 sub-buckets hold 1..2047
// singly, and each further bucket doubles the range: 2^11 * 2^36 > 8.64e13.
const (
	hgrmSubBuckets = 2048
	hgrmBuckets    = 37
)

// hgrmLines visits the levels of HdrHistogram's percentile iterator. The level
// rises by a fifth of the remaining distance's power of two; each level shows
// the value that reaches it, and the last line is the maximum at 1.
func (d *Dist) hgrmLines(line func(value, p float64, count int64)) {
	if d.n == 0 {
		return
	}
	var count int64
	for level := 0.0; count < d.n; {
		rank := rankOf(d.n, level/100)
		_, value := d.at(rank)
		count = d.upTo(rank)
		line(value, level/100, count)
		halvings := math.Trunc(math.Log2(100/(100-level))) + 1
		level += 100 / (hgrmTicks * math.Exp2(halvings))
	}
	line(d.max, 1, d.n)
}
