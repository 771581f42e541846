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
	Counts []int64       // arrivals in [i*Bucket, (i+1)*Bucket), up to the last arrival; see Until

	PeakPerSecond int64 // the most arrivals in one second that begins at a whole second
	PeakTogether  int64 // the most arrivals in any 10 ms

	// Dispersion is the variance of Counts over their mean: 0 for a constant
	// rate, 1 for a Poisson process, far above 1 for bursts. It depends on the
	// bucket, and is 0 where there are fewer than two.
	Dispersion float64

	// Allan is the mean square of the difference of neighbouring Counts over
	// twice their mean (the Allan factor: Lowen and Teich, Fractal-Based Point
	// Processes, 2005, section 3.5): like Dispersion 0 for a constant rate, 1 for
	// a Poisson process, above for bursts; but a rate that changes slowly, such
	// as a ramp's, does not look like bursts. 0 where there are fewer than two.
	Allan float64
}

// Describe walks s once and measures it in buckets of the given width (1 s if
// not positive). Where s is too long for 65,536 buckets, they double until it
// fits: see Profile.Bucket. Memory does not grow with s.
func Describe(s Schedule, bucket time.Duration) Profile {
	if bucket <= 0 {
		bucket = time.Second
	}
	p := Profile{Bucket: bucket, Tags: map[record.Tag]int64{}}
	near := window{grain: 1}
	var bucketEnd, secondEnd time.Duration // of those that the last arrival is in
	var inSecond, tagged int64
	var tag record.Tag // of the last arrival; p.Tags lacks tagged of it
	for a := range s.all() {
		if p.Count == 0 {
			p.First = a.At
		}
		p.Count++
		p.Last = a.At
		if a.Tag != tag {
			p.addTag(tag, tagged)
			tag, tagged = a.Tag, 0
		}
		tagged++
		if a.At >= bucketEnd {
			bucketEnd = p.open(a.At)
		}
		p.Counts[len(p.Counts)-1]++
		if a.At >= secondEnd {
			secondEnd, inSecond = a.At.Truncate(time.Second)+time.Second, 0
		}
		inSecond++
		p.PeakPerSecond = max(p.PeakPerSecond, inSecond)
		p.PeakTogether = max(p.PeakTogether, near.add(a.At))
	}
	p.addTag(tag, tagged)
	p.Dispersion, p.Allan = dispersion(p.Counts), allan(p.Counts)
	return p
}

// Until makes p last until end, not before its last arrival: silence after it
// counts in Counts, Dispersion and Allan, and of a bucket that end cuts short the
// latter two know nothing.
func (p *Profile) Until(end time.Duration) {
	if end > p.Last+1 {
		p.open(end - 1)
	}
	whole := p.Counts[:min(int(end/p.Bucket), len(p.Counts))]
	p.Dispersion, p.Allan = dispersion(whole), allan(whole)
}

func (p *Profile) addTag(tag record.Tag, n int64) {
	if n > 0 {
		p.Tags[tag] += n
	}
}

// open makes the bucket of an offset the last one and returns its end.
func (p *Profile) open(at time.Duration) time.Duration {
	for at/p.Bucket >= maxBuckets {
		p.double()
	}
	i := at / p.Bucket
	for len(p.Counts) <= int(i) {
		p.Counts = append(p.Counts, 0)
	}
	return (i + 1) * p.Bucket
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

// allan is the Allan factor.
func allan(counts []int64) float64 {
	if len(counts) < 2 {
		return 0
	}
	sum, squares := float64(counts[0]), 0.0
	for i, c := range counts[1:] {
		d := float64(c - counts[i])
		sum += float64(c)
		squares += d * d
	}
	if sum == 0 {
		return 0
	}
	mean := sum / float64(len(counts))
	return squares / float64(len(counts)-1) / (2 * mean)
}

// maxGroups bounds the memory of a window: more than 10 ms of record.MaxRate. It
// is a power of two.
const maxGroups = 1 << 17

// window counts the arrivals of the last 10 ms, in groups of equal offsets so
// that a burst at one instant costs one entry. The groups are a ring. Where it
// is full, offsets are rounded down to a grain that doubles until they fit, by
// which the window is at most so much shorter.
type window struct {
	ring  []group // its length is a power of two
	first int     // the oldest group
	n     int     // groups in use
	total int64
	grain time.Duration // a power of two of nanoseconds
}

type group struct {
	at time.Duration
	n  int64
}

// at returns the group i after the oldest.
func (w *window) at(i int) *group { return &w.ring[(w.first+i)&(len(w.ring)-1)] }

// add takes one more arrival, not before the last, and returns how many there
// are in the 10 ms that end with it.
func (w *window) add(at time.Duration) int64 {
	at &^= w.grain - 1
	for w.n > 0 && w.at(0).at <= at-instant {
		w.total -= w.at(0).n
		w.first++
		w.n--
	}
	w.total++
	if w.n > 0 && w.at(w.n-1).at == at {
		w.at(w.n-1).n++
		return w.total
	}
	if w.n == len(w.ring) {
		w.makeRoom()
	}
	w.n++
	*w.at(w.n - 1) = group{at, 1}
	return w.total
}

// makeRoom enlarges the ring or, if it may grow no more, merges groups.
func (w *window) makeRoom() {
	if w.n < maxGroups {
		larger := make([]group, max(64, 2*w.n))
		for i := range w.n {
			larger[i] = *w.at(i)
		}
		w.ring, w.first = larger, 0
		return
	}
	for w.n == maxGroups {
		w.grain *= 2
		merged := 0 // groups that are done
		for i := range w.n {
			g := *w.at(i)
			g.at &^= w.grain - 1
			if merged > 0 && w.at(merged-1).at == g.at {
				w.at(merged - 1).n += g.n
				continue
			}
			*w.at(merged) = g
			merged++
		}
		w.n = merged
	}
}
