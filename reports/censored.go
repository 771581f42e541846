package reports

import (
	"fmt"
	"math"
	"slices"
	"time"

	"coldbench/record"
)

// A request that timed out is a censored observation: of its times is known
// that they are at least what was waited. It counts in their ranks with that,
// for without it the slowest requests would vanish from the percentiles, and a
// percentile whose rank it has is printed as a bound. docs/method.md.

// timedOut says whether a row is such a request, the client's time-out or the
// function's having ended it.
func timedOut(j *record.Joined) bool { return j.Outcome == record.TimedOut && j.Sent > 0 }

// responseAtLeast is how long the user had waited. Where the row has no end,
// the client gave up: its time-out runs from the beginning of the attempt,
// which is never before the intended time.
func responseAtLeast(j *record.Joined, timeout time.Duration) time.Duration {
	if j.Done > 0 {
		return j.Response()
	}
	return timeout
}

// serviceAtLeast is the same from the send: the time-out less the lag, for part
// of the lag may lie between the beginning of the attempt and the send.
func serviceAtLeast(j *record.Joined, timeout time.Duration) time.Duration {
	if j.Done > 0 {
		return j.Service()
	}
	return max(0, timeout-j.Lag())
}

func ttfbAtLeast(j *record.Joined, timeout time.Duration) time.Duration {
	if j.FirstByte > 0 {
		return j.TTFB()
	}
	return serviceAtLeast(j, timeout)
}

// givenUp is a request that was still waited for when the second Ctrl-C came,
// which is after the last arrival was due. It has no end of its own.
type givenUp struct {
	intended, sent time.Duration
	tag            record.Tag
	start          record.Start
}

// mostGivenUp bounds them: it is the most that may be in flight.
const mostGivenUp = 100_000

func (c *collector) addGivenUp(j *record.Joined) {
	if j.Outcome == record.TransportError && j.ErrorType == record.ErrInterrupted && j.Sent > 0 && len(c.givenUp) < mostGivenUp {
		c.givenUp = append(c.givenUp, givenUp{j.Intended, j.Sent, j.Tag, j.Start})
	}
}

// closeGivenUp counts them with what was waited at least: to the last arrival.
func (c *collector) closeGivenUp() {
	for _, g := range c.givenUp {
		response, rest := max(0, c.last-g.intended), max(0, c.last-g.sent)
		for i, k := range quantityKinds {
			switch k.name {
			case "response":
				c.quantities[i].addCensored(g.start, response)
			case "service", "ttfb":
				c.quantities[i].addCensored(g.start, rest)
			}
		}
		if t := c.tags[g.tag]; t != nil {
			t.response.addCensored(g.start, response)
			t.service.addCensored(g.start, rest)
		}
	}
}

// timeout is the client's.
func (c *collector) timeout() time.Duration { return time.Duration(c.plan.Timeout) }

// atLeast marks a lower bound.
func atLeast(text string, bound bool) string {
	if bound {
		return "≥" + nbsp + text
	}
	return text
}

// text is the value as tables print it.
func (q Quantile) text() string { return atLeast(sig3(q.Value), q.AtLeast) }

// ms is the value of a time.
func (q Quantile) ms() string { return q.text() + nbsp + "ms" }

// bounds are the ends of the interval.
func (q Quantile) bounds() (lo, hi string) {
	if math.IsInf(q.Hi, 1) {
		return sig3(q.Lo), "∞"
	}
	return sig3(q.Lo), sig3(q.Hi)
}

// between prints the interval.
func (q Quantile) between() string {
	lo, hi := q.bounds()
	return lo + "–" + hi
}

// top is the upper end of the interval as far as one is known.
func (q Quantile) top() float64 {
	if math.IsInf(q.Hi, 1) {
		return q.Value
	}
	return q.Hi
}

func (n *Numbers) maxText() string  { return atLeast(sig3(n.Max), n.Censored > 0) }
func (n *Numbers) meanText() string { return atLeast(sig3(n.Mean), n.Censored > 0) }

// known cuts a curve where it reaches the requests that timed out.
func known(curve []Quantile) []Quantile {
	if i := slices.IndexFunc(curve, func(q Quantile) bool { return q.AtLeast }); i >= 0 {
		return curve[:i]
	}
	return curve
}

// beyond says what is known of the ranks that a curve leaves out.
func (n *Numbers) beyond() string {
	if n.Censored == 0 {
		return ""
	}
	return atLeast(withUnit(n.Least, "ms"), true)
}

// timedOutShare ends a headline: no percentile may be read without it.
func (r *Report) timedOutShare() string {
	text := ""
	for _, c := range []struct {
		n    int64
		what string
	}{{r.Outcomes[record.TimedOut], "timed out"}, {r.GivenUp, "were given up"}} {
		if c.n > 0 {
			text += fmt.Sprintf("; %s of %s %s (%s)", count(c.n), count(r.Arrivals), c.what, percent(float64(c.n)/float64(r.Arrivals)))
		}
	}
	return text
}

// interruption ends the headline of a run that did not come to its end.
func (r *Report) interruption() string {
	all := r.Arrivals + r.Warmup
	switch {
	case r.Interrupted:
		return fmt.Sprintf("; interrupted after %s of %s arrivals", count(all), count(r.Planned))
	case r.Partial:
		return fmt.Sprintf("; cut off after %s of %s arrivals", count(all), count(r.Planned))
	}
	return ""
}

// censoredWarnings say of which requests that timed out the start is not known,
// so that the rows of cold and warm starts lack them.
func censoredWarnings(r *Report) []record.Warning {
	var unknown int64
	if q := r.Quantity("response"); q != nil && q.Of(record.StartUnknown) != nil {
		unknown = q.Of(record.StartUnknown).Censored
	}
	if unknown == 0 || r.knownStarts() == 0 {
		return nil
	}
	return []record.Warning{{
		Code: "timeouts_without_start",
		Text: fmt.Sprintf("%s timed out, or was given up, without telling whether %s: the figures of cold and of warm starts leave them out, those over all starts do not",
			plural(unknown, "request", "requests"), one(unknown, "it was cold or warm", "they were cold or warm")),
		Remedy: "raise --timeout, so that the function answers or its own time-out ends it",
	}}
}
