package emulator

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// TestDisorderAndDuplicates: 1,000 events, delayed by 1 s and up to 10 s more,
// a quarter of them twice.
func TestDisorderAndDuplicates(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newLogStore(1<<30, time.Second, LogFaults{Seed: 1, Disorder: 10 * time.Second, Duplicates: 0.25})
		for i := range 1000 {
			s.append("g", "s", time.Now(), fmt.Sprint(i))
		}
		shown := func() []logEvent {
			s.deliver()
			return s.groups["g"].events[:s.visible(s.groups["g"])]
		}
		if n := len(shown()); n != 0 {
			t.Errorf("%d events before the delay", n)
		}
		time.Sleep(6 * time.Second)
		// Half of the lateness is over.
		if n := len(shown()); n < 500 || n > 750 {
			t.Errorf("%d copies after half of the time, want about 625", n)
		}
		time.Sleep(5 * time.Second)
		all, ids := shown(), map[int64]string{}
		for _, e := range all {
			if text, again := ids[e.id]; again && text != e.text {
				t.Errorf("id %d is of %q and %q", e.id, text, e.text)
			}
			ids[e.id] = e.text
		}
		if len(ids) != 1000 || len(all) < 1200 || len(all) > 1300 || len(s.trouble.held) != 0 {
			t.Errorf("%d events, %d copies, %d held", len(ids), len(all), len(s.trouble.held))
		}
		if slices.IsSortedFunc(all, func(a, b logEvent) int { return int(a.id - b.id) }) {
			t.Error("the events are in order")
		}
	})
}

// TestHeldEventsOfDeletedGroups go nowhere.
func TestHeldEventsOfDeletedGroups(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newLogStore(1<<30, 0, LogFaults{Disorder: time.Second})
		s.append("g", "s", time.Now(), "x")
		delete(s.groups, "g")
		s.append("g", "other", time.Now(), "y")
		time.Sleep(time.Second)
		s.deliver()
		if g := s.groups["g"]; len(g.events) != 1 || g.events[0].text != "y" {
			t.Errorf("%+v", g.events)
		}
	})
}

func TestLogFaultsAreChecked(t *testing.T) {
	for _, f := range []LogFaults{{Disorder: -1}, {Duplicates: 1.1}, {Throttle: 1}, {ExpiredTokens: -0.1}} {
		if _, err := New(Options{LogFaults: f}); err == nil {
			t.Errorf("%+v is accepted", f)
		}
	}
}
