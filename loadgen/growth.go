package loadgen

import "time"

// bucket is a token bucket on the offsets of the run. It is used by one
// goroutine at a time.
type bucket struct {
	rate  float64 // tokens per second
	depth float64
	level float64
	at    time.Duration // when level was true
}

func newBucket(rate, depth float64) bucket { return bucket{rate: rate, depth: depth, level: depth} }

// take removes one token if there is one at the offset now.
func (b *bucket) take(now time.Duration) bool {
	if !b.peek(now) {
		return false
	}
	b.level--
	return true
}

// peek says whether there is a token at the offset now.
func (b *bucket) peek(now time.Duration) bool {
	if now > b.at {
		b.level = min(b.depth, b.level+(now-b.at).Seconds()*b.rate)
		b.at = now
	}
	return b.level >= 1
}

// takeAll removes n tokens if there are as many at the offset now; the bucket
// must be as deep.
func (b *bucket) takeAll(n int, now time.Duration) bool {
	if b.peek(now); b.level < float64(n) {
		return false
	}
	b.level -= float64(n)
	return true
}

// wait is the time from the last look until there are n tokens.
func (b *bucket) wait(n int) time.Duration {
	return nanoseconds((float64(n)-b.level)/b.rate*1e9) + 1
}

// trend tells falling behind from catching up. After a stall of the target a
// backlog is worked off as fast as the machine can; every worker and connection
// that is added then makes it slower.
type trend struct {
	at     time.Duration // of the last sample
	late   time.Duration // how late the first waiting arrival was then
	better bool
}

// worsens says whether arrivals wait longer than they did some 10 ms ago. Where
// nobody knows, they do.
func (t *trend) worsens(now, late time.Duration) bool {
	const every, forget = 10 * time.Millisecond, 100 * time.Millisecond
	if age := now - t.at; age >= every {
		t.better = age < forget && late < t.late
		t.at, t.late = now, late
	}
	return !t.better || late < time.Millisecond
}
