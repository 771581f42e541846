package loadgen

import (
	"time"

	"coldbench/record"
)

// maxBuckets bounds the memory of a Profile: beyond it, the buckets double.
const maxBuckets = 1 << 16

// instant is the window in which arrivals count as simultaneous.
const instant = 10 * time.Millisecond

// Profile says what a schedule asks for, without sending anything.
type Profile struct {
	Count int64
	Tags  map[record.Tag]int64
	First time.Duration // of the first arrival
	Last  time.Duration // of the last arrival

	Bucket time.Duration // width of one element of Counts
	Counts []int64       // arrivals in [i*Bucket, (i+1)*Bucket), up to the last arrival

	PeakPerSecond int64 // the most arrivals in one second that begins at a whole second
	PeakTogether  int64 // the most arrivals in any 10 ms

	// Dispersion is the variance of Counts over their mean: 0 for a constant
	// rate, 1 for a Poisson process, far above 1 for bursts. It depends on the
	// bucket, and is 0 where there are fewer than two.
	Dispersion float64
}

// Describe walks s once and measures it in buckets of the given width (1 s if
// not positive). Where s is too long for 65,536 buckets, they double until it
// fits: see Profile.Bucket. Memory does not grow with s.
func Describe(s Schedule, bucket time.Duration) Profile {
	if bucket <= 0 {
		bucket = time.Second
	}
	p := Profile{Bucket: bucket, Tags: map[record.Tag]int64{}}
	var second, inSecond int64
	var near window
	for a := range s.all() {
		if p.Count == 0 {
			p.First = a.At
		}
		p.Count++
		p.Last = a.At
		p.Tags[a.Tag]++
		p.add(a.At)
		if now := int64(a.At / time.Second); now != second {
			second, inSecond = now, 0
		}
		inSecond++
		p.PeakPerSecond = max(p.PeakPerSecond, inSecond)
		p.PeakTogether = max(p.PeakTogether, near.add(a.At))
	}
	p.Dispersion = dispersion(p.Counts)
	return p
}

func (p *Profile) add(at time.Duration) {
	for at/p.Bucket >= maxBuckets {
		p.double()
	}
	i := int(at / p.Bucket)
	for len(p.Counts) <= i {
		p.Counts = append(p.Counts, 0)
	}
	p.Counts[i]++
}

// double merges the buckets in pairs.
func (p *Profile) double() {
	n := 0
	for i := 0; i < len(p.Counts); i += 2 {
		c := p.Counts[i]
		if i+1 < len(p.Counts) {
			c += p.Counts[i+1]
		}
		p.Counts[n] = c
		n++
	}
	p.Counts = p.Counts[:n]
	p.Bucket *= 2
}

// dispersion is the index of dispersion, with the unbiased variance.
func dispersion(counts []int64) float64 {
	if len(counts) < 2 {
		return 0
	}
	var sum float64
	for _, c := range counts {
		sum += float64(c)
	}
	mean := sum / float64(len(counts))
	if mean == 0 {
		return 0
	}
	var squares float64
	for _, c := range counts {
		squares += (float64(c) - mean) * (float64(c) - mean)
	}
	return squares / float64(len(counts)-1) / mean
}

// window counts the arrivals of the last 10 ms, in groups of equal offsets so
// that a burst at one instant costs one entry.
type window struct {
	groups []group
	total  int64
}

type group struct {
	at time.Duration
	n  int64
}

func (w *window) add(at time.Duration) int64 {
	old := 0
	for old < len(w.groups) && w.groups[old].at <= at-instant {
		w.total -= w.groups[old].n
		old++
	}
	if old > 0 {
		w.groups = append(w.groups[:0], w.groups[old:]...)
	}
	if n := len(w.groups); n > 0 && w.groups[n-1].at == at {
		w.groups[n-1].n++
	} else {
		w.groups = append(w.groups, group{at, 1})
	}
	w.total++
	return w.total
}
