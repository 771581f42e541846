package fleet

import "time"

// rate is a token bucket in whole nanoseconds (the generic cell rate algorithm,
// ITU-T I.371): one token costs every, the bucket holds window/every tokens, it
// refills continuously and never holds more. In any time t it lets through at
// most (window+t)/every.
type rate struct {
	every  time.Duration // 0 = no limit
	window time.Duration
	full   time.Duration // the instant at which the bucket is full again
}

// perWindow makes a bucket of n tokens that refills in window. n <= 0 means no
// limit. The price of a token is rounded up, so that the limit is never passed.
func perWindow(n int, window time.Duration) rate {
	if n <= 0 {
		return rate{}
	}
	every := (window + time.Duration(n) - 1) / time.Duration(n)
	return rate{every: every, window: every * time.Duration(n)}
}

// wait says how long after now the next token is there; 0 means now.
func (r *rate) wait(now time.Duration) time.Duration {
	if r.every == 0 {
		return 0
	}
	return max(0, max(r.full, now)+r.every-now-r.window)
}

func (r *rate) take(now time.Duration) {
	if r.every != 0 {
		r.full = max(r.full, now) + r.every
	}
}

// resize changes the limit and keeps the share of the bucket that is used.
func (r *rate) resize(n int, now time.Duration) {
	used := r.full - now
	*r = perWindow(n, time.Second)
	if used > 0 && r.every != 0 {
		r.full = now + min(used, r.window)
	}
}
