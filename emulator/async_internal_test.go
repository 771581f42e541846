package emulator

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"coldbench/fleet"
)

// ends tries an event again and again, each try with the same outcome, and gives
// the pauses between them and the condition in the end.
func ends(a *asyncEvent, bad *apiError, zero bool) (pauses []time.Duration, condition string) {
	minutes := func(n float64) time.Duration { return time.Duration(n * float64(time.Minute)) }
	for now := a.accepted; ; now = a.due {
		a.tries++
		condition, ended := a.after(bad, zero, now, minutes)
		if ended {
			return pauses, condition
		}
		pauses = append(pauses, a.due.Sub(now))
	}
}

func TestPausesBetweenTries(t *testing.T) {
	number := func(n int) *int { return &n }
	throttled := &apiError{Status: http.StatusTooManyRequests, Reason: fleet.ReservedConcurrency.Reason()}
	for _, c := range []struct {
		name      string
		rules     eventRules
		bad       *apiError
		failed    bool
		zero      bool
		tries     int
		first     string // pauses
		condition string
	}{
		{"taken", eventRules{}, nil, false, false, 1, "", conditionSuccess},
		{"failing function", eventRules{}, nil, true, false, 3, "1m0s 2m0s", conditionExhausted},
		{"one retry", eventRules{Retries: number(1)}, nil, true, false, 2, "1m0s", conditionExhausted},
		{"no retry", eventRules{Retries: number(0)}, nil, true, false, 1, "", conditionExhausted},
		{"as recorded: 60 s", eventRules{MaxAge: number(60), Retries: number(0)}, nil, true, false, 1, "", conditionExhausted},
		{"the first retry is the last moment", eventRules{MaxAge: number(60)}, nil, true, false, 2, "1m0s", conditionAge},
		{"no such function", eventRules{}, &apiError{Status: http.StatusNotFound}, false, false, 1, "", conditionGone},
		{"nothing reserved", eventRules{}, throttled, false, true, 1, "", conditionZero},
		// 1+2+4+...+256 s = 8 m 31 s after 9 pauses, then one each 5 minutes: 70 of
		// them fit into the 351 m 29 s that are left of 6 hours.
		{"throttled", eventRules{}, throttled, false, false, 80, "1s 2s 4s 8s 16s 32s 1m4s 2m8s 4m16s 5m0s 5m0s", conditionAge},
		// 1+2+4+8+16+32 s is more than a minute: five pauses fit.
		{"fault, for a minute", eventRules{MaxAge: number(60)}, serviceError("no memory"), false, false, 6, "1s 2s 4s 8s 16s", conditionAge},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := &asyncEvent{inv: &invocation{}, rules: c.rules, accepted: time.Unix(0, 0), last: reply{failed: c.failed}}
			pauses, condition := ends(a, c.bad, c.zero)
			var words []string
			for _, p := range pauses {
				words = append(words, p.String())
			}
			if got := strings.Join(words, " "); !strings.HasPrefix(got, c.first) || a.tries != c.tries || condition != c.condition {
				t.Errorf("%d tries, pauses %s, condition %q; want %d, %s, %q", a.tries, got, condition, c.tries, c.first, c.condition)
			}
		})
	}
}

// TestQueueIsBounded: by events and by bytes, and room comes back.
func TestQueueIsBounded(t *testing.T) {
	s, err := New(Options{WorkDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Close(t.Context()); err != nil {
			t.Error(err)
		}
	}()
	for name, q := range map[string]eventQueue{"events": {events: maxWaitingEvents}, "bytes": {bytes: maxWaitingBytes}} {
		s.queue = q
		if _, bad := s.enqueue(&invocation{payload: []byte("{}")}); bad == nil || bad.Status != http.StatusInternalServerError || !strings.Contains(bad.Text, "takes no more events") {
			t.Errorf("full of %s: %v", name, bad)
		}
	}
	s.queue = eventQueue{events: maxWaitingEvents - 1, bytes: maxWaitingBytes - 2}
	a, bad := s.enqueue(&invocation{payload: []byte("{}")})
	if bad != nil {
		t.Fatal(bad)
	}
	if _, bad := s.enqueue(&invocation{}); bad == nil {
		t.Error("one more than the last")
	}
	s.leave(a)
	if s.queue != (eventQueue{maxWaitingEvents - 1, maxWaitingBytes - 2}) {
		t.Errorf("left: %+v", s.queue)
	}
}
