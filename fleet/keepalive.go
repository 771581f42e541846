package fleet

import (
	"fmt"
	"math/bits"
	"strings"
	"time"
)

// HalvingTick is the period of the default keep-alive policy. The SeBS
// measurements of 2020 (8,000 to 9,000 containers a point) show that half of
// the idle environments are dropped each 380 s; the single-environment series
// of M. Shilkov, January 2021, shows the same tick (0.3 % cold after 5 minutes,
// 41 % after 6, all after 7). No raw measurement newer than that is public.
const HalvingTick = 380 * time.Second

type keepAliveKind uint8

const (
	halving keepAliveKind = iota
	fixed
	uniform
)

// KeepAlive decides how long an environment stays after a request. The zero
// value is the default: halving with HalvingTick, under which nothing is dropped
// within the first 380 s, so that a second burst within half a minute is warm,
// as it is on AWS. It is comparable.
type KeepAlive struct {
	kind keepAliveKind
	a, b time.Duration
}

// Fixed drops an environment after it has been idle for d. Fixed(0) makes
// every request a cold start.
func Fixed(d time.Duration) KeepAlive { return KeepAlive{kind: fixed, a: d} }

// Halving drops half of the idle environments each tick: the chance to survive
// an idle time t is 2^-floor(t/tick). A tick of 0 means HalvingTick.
func Halving(tick time.Duration) KeepAlive { return KeepAlive{kind: halving, a: tick} }

// Uniform draws the idle time that an environment survives from [a, b].
func Uniform(a, b time.Duration) KeepAlive { return KeepAlive{kind: uniform, a: a, b: b} }

// ParseKeepAlive reads the form of the command line: "fixed:10m",
// "halving:380s" or "uniform:5m,15m". The empty string is the default.
func ParseKeepAlive(s string) (KeepAlive, error) {
	if s == "" {
		return KeepAlive{}, nil
	}
	name, arg, _ := strings.Cut(s, ":")
	switch name {
	case "fixed":
		d, err := parseIdle(s, arg)
		return Fixed(d), err
	case "halving":
		d, err := parseIdle(s, arg)
		if err == nil && d == 0 {
			err = fmt.Errorf("parse keep-alive %q: the tick must be longer than 0", s)
		}
		return Halving(d), err
	case "uniform":
		return parseUniform(s, arg)
	}
	return KeepAlive{}, fmt.Errorf("parse keep-alive %q: want fixed:D, halving:D or uniform:A,B", s)
}

func parseUniform(s, arg string) (KeepAlive, error) {
	first, second, ok := strings.Cut(arg, ",")
	if !ok {
		return KeepAlive{}, fmt.Errorf("parse keep-alive %q: want two durations, as in uniform:5m,15m", s)
	}
	a, err := parseIdle(s, first)
	if err != nil {
		return KeepAlive{}, err
	}
	b, err := parseIdle(s, second)
	if err != nil {
		return KeepAlive{}, err
	}
	if b < a {
		return KeepAlive{}, fmt.Errorf("parse keep-alive %q: %v is shorter than %v", s, b, a)
	}
	return Uniform(a, b), nil
}

func parseIdle(s, arg string) (time.Duration, error) {
	d, err := time.ParseDuration(strings.TrimSpace(arg))
	if err != nil {
		return 0, fmt.Errorf("parse keep-alive %q: duration %q: want a form such as 90s or 10m", s, arg)
	}
	if d < 0 {
		return 0, fmt.Errorf("parse keep-alive %q: duration %v is negative", s, d)
	}
	return d, nil
}

// String is the form that ParseKeepAlive reads.
func (k KeepAlive) String() string {
	switch k.kind {
	case fixed:
		return "fixed:" + k.a.String()
	case uniform:
		return "uniform:" + k.a.String() + "," + k.b.String()
	}
	return "halving:" + k.tick().String()
}

func (k KeepAlive) tick() time.Duration {
	if k.a == 0 {
		return HalvingTick
	}
	return k.a
}

// draw gives the idle time that one environment survives this time.
func (k KeepAlive) draw(r *random) time.Duration {
	switch k.kind {
	case fixed:
		return k.a
	case uniform:
		return k.a + time.Duration(r.below(uint64(k.b-k.a)+1))
	}
	// The number of trailing zeros of a random word is n with chance 2^-(n+1),
	// so P(ticks survived >= k) = 2^-k, which is the survival function.
	return k.tick() * time.Duration(1+min(bits.TrailingZeros64(r.next()), 40))
}
