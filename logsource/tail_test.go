package logsource_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"pgregory.net/rapid"

	"coldbench/logsource"
)

// trickle gives the fake n events from now on, one every step, each delivered
// late by up to lateness.
func trickle(f *fakeLogs, n int, step, lateness time.Duration) {
	start := time.Now()
	for i := range n {
		at := start.Add(step * time.Duration(i))
		f.add(fmt.Sprintf("stream-%d", i%4), fmt.Sprintf("event %d", i), at, at.Add(time.Duration(f.rng.Int64N(int64(lateness)+1))))
	}
}

func each(t *testing.T, got map[string]int, n int) {
	t.Helper()
	if len(got) != n {
		t.Errorf("%d events of %d", len(got), n)
	}
	for text, times := range got {
		if times != 1 {
			t.Errorf("%q %d times", text, times)
		}
	}
}

func TestTailYieldsWhatComesEarly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(group)
		trickle(f, 600, 100*time.Millisecond, 2*time.Second)
		src := logsource.NewCloudWatch(f.serve(t), group, using(logsource.MethodTail))
		start := time.Now()
		got := map[string]int{}
		worst := time.Duration(0)
		for e, err := range src.Events(t.Context(), logsource.Window{From: start, To: start.Add(time.Minute)}) {
			if err != nil {
				t.Fatal(err)
			}
			got[e.Message]++
			worst = max(worst, time.Since(time.UnixMilli(e.Timestamp)))
		}
		each(t, got, 600)
		// Delivered within 2 s, told in updates of 1 s.
		if worst > 3*time.Second+time.Millisecond {
			t.Errorf("an event came %v after its time", worst)
		}
	})
}

func TestTailReadsWhatLiesBefore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(group)
		fill(f, 500, 3, time.Now().Add(-time.Hour), time.Hour)
		src := logsource.NewCloudWatch(f.serve(t), group, using(logsource.MethodTail))
		got, _ := collect(t, t.Context(), src, logsource.Window{From: time.Now().Add(-time.Hour), To: time.Now().Add(10 * time.Second)})
		each(t, got, 500)
	})
}

// TestTailConnectsAgain has sessions that end, by time-out and by a cut
// connection: eight hours of tail, with what falls into the gaps.
func TestTailConnectsAgain(t *testing.T) {
	for _, cut := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			f := newFake(group)
			f.tail.cut = cut
			f.tail.refused = 3
			trickle(f, 240, 2*time.Minute, 5*time.Second) // eight hours
			src := logsource.NewCloudWatch(f.serve(t), group, using(logsource.MethodTail))
			got, _ := collect(t, t.Context(), src, logsource.Window{From: time.Now(), To: time.Now().Add(8 * time.Hour)})
			each(t, got, 240)
			if n := f.calls["StartLiveTail"]; n < 5 || n > 10 { // 3 refused, then one for each 3 hours
				t.Errorf("cut %v: %d sessions", cut, n)
			}
		})
	}
}

func TestTailFetchesWhatWasSampledAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(group)
		f.tail.atMost = 5
		trickle(f, 3000, 10*time.Millisecond, time.Second) // 100 in a second, of which a session tells 5
		src := logsource.NewCloudWatch(f.serve(t), group, using(logsource.MethodTail))
		got, _ := collect(t, t.Context(), src, logsource.Window{From: time.Now(), To: time.Now().Add(time.Minute)})
		each(t, got, 3000)
	})
}

func TestTailLeavesSilentSessions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(group)
		f.tail.silent = true
		trickle(f, 100, 3*time.Second, time.Second)
		src := logsource.NewCloudWatch(f.serve(t), group, using(logsource.MethodTail))
		got, _ := collect(t, t.Context(), src, logsource.Window{From: time.Now(), To: time.Now().Add(5 * time.Minute)})
		each(t, got, 100)
		if n := f.calls["StartLiveTail"]; n < 4 {
			t.Errorf("%d sessions in five silent minutes", n)
		}
	})
}

func TestTailWithSlowReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(group)
		trickle(f, 1200, 500*time.Millisecond, time.Second) // ten minutes
		src := logsource.NewCloudWatch(f.serve(t), group, using(logsource.MethodTail))
		got := map[string]int{}
		for e, err := range src.Events(t.Context(), logsource.Window{From: time.Now(), To: time.Now().Add(10 * time.Minute)}) {
			if err != nil {
				t.Fatal(err)
			}
			got[e.Message]++
			if len(got) == 50 {
				time.Sleep(6 * time.Minute) // longer than the queue lasts
			}
		}
		each(t, got, 1200)
	})
}

// TestTailForgetsNothingThatItReadsAgain has a backlog that is read so slowly
// that new events come meanwhile, with a source that forgets all it may.
func TestTailForgetsNothingThatItReadsAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(group)
		f.pageSize, f.expire = 5, 0.3
		trickle(f, 2000, 100*time.Millisecond, 0)
		start := time.Now()
		time.Sleep(20 * time.Second)
		src := logsource.NewCloudWatch(f.serve(t), group, using(logsource.MethodTail), logsource.Remember(1),
			func(o *logsource.CloudWatchOptions) { o.Overlap = 2 * time.Second })
		got := map[string]int{}
		for e, err := range src.Events(t.Context(), logsource.Window{From: start, To: start.Add(4 * time.Minute)}) {
			if err != nil {
				t.Fatal(err)
			}
			if got[e.Message]++; len(got)%50 == 0 {
				time.Sleep(4 * time.Second)
			}
		}
		each(t, got, 2000)
	})
}

func TestTailLosesAndDoublesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rapid.Check(noDeadline{t}, func(rt *rapid.T) {
			f := newFake(group)
			f.rng = rand.New(rand.NewPCG(rapid.Uint64().Draw(rt, "seed"), 0))
			f.pageSize = rapid.IntRange(5, 100).Draw(rt, "page size")
			f.throttle = rapid.Float64Range(0, 0.3).Draw(rt, "throttle")
			f.expire = rapid.Float64Range(0, 0.05).Draw(rt, "expire")
			f.duplicate = rapid.Float64Range(0, 0.3).Draw(rt, "duplicate")
			f.shuffle = rapid.Bool().Draw(rt, "shuffle")
			f.tail.atMost = rapid.IntRange(1, 20).Draw(rt, "told")
			f.tail.session = time.Duration(rapid.IntRange(1, 40).Draw(rt, "session s")) * time.Second
			f.tail.cut = rapid.Bool().Draw(rt, "cut")
			n := rapid.IntRange(0, 100).Draw(rt, "events")
			trickle(f, n, time.Duration(rapid.IntRange(1, 400).Draw(rt, "step ms"))*time.Millisecond, time.Duration(rapid.IntRange(0, 9).Draw(rt, "late s"))*time.Second)
			cfg, stop := f.serveUntil()
			defer stop()
			src := logsource.NewCloudWatch(cfg, group, using(logsource.MethodTail, func(o *logsource.CloudWatchOptions) { o.MaxBackoff = time.Second }), logsource.Remember(rapid.IntRange(1, 200).Draw(rt, "remember")))
			got, _ := collect(rt, t.Context(), src, logsource.Window{From: time.Now(), To: time.Now().Add(50 * time.Second)})
			if len(got) != n {
				rt.Fatalf("%d events of %d", len(got), n)
			}
			for text, times := range got {
				if times != 1 {
					rt.Fatalf("%q %d times", text, times)
				}
			}
		})
	})
}

func TestTailEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(group)
		src := logsource.NewCloudWatch(f.serve(t), group, using(logsource.MethodTail))
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		var last error
		for _, err := range src.Events(ctx, logsource.Window{From: time.Now()}) {
			last = err
		}
		if !errors.Is(last, context.DeadlineExceeded) || errors.Is(last, logsource.ErrGaps) {
			t.Errorf("got %v", last)
		}
	})
}

// TestTailThatIsEndedTooEarlySaysSo ends a tail while it reads the past, and
// while a session leaves events out.
func TestTailThatIsEndedTooEarlySaysSo(t *testing.T) {
	for _, backlog := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			f := newFake(group)
			if backlog { // 10,000 events at 1 ms each: 10 s
				fill(f, 10_000, 3, time.Now().Add(-time.Hour), time.Hour)
			} else {
				f.tail.atMost = 1
				trickle(f, 1000, 10*time.Millisecond, 0)
			}
			src := logsource.NewCloudWatch(f.serve(t), group, using(logsource.MethodTail))
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
			defer cancel()
			var last error
			for _, err := range src.Events(ctx, logsource.Window{From: time.Now().Add(-time.Hour)}) {
				if last = err; backlog {
					time.Sleep(time.Millisecond)
				}
			}
			if !errors.Is(last, context.DeadlineExceeded) || !errors.Is(last, logsource.ErrGaps) {
				t.Errorf("backlog %v: got %v", backlog, last)
			}
		})
	}
}

func TestTailOverTCP(t *testing.T) {
	f := newFake(group)
	f.add("s", "REPORT early", time.Now(), time.Time{})
	src := logsource.NewCloudWatch(f.serveTCP(t), group, using(logsource.MethodTail))
	for e, err := range src.Events(t.Context(), logsource.Window{From: time.Now().Add(-time.Minute)}) {
		if err != nil {
			t.Fatal(err)
		}
		if e.Message == "REPORT early" { // read beside the session; now one that only it can tell
			f.add("s", "REPORT live", time.Now(), time.Now().Add(time.Millisecond))
			continue
		}
		if e.Message != "REPORT live" || e.Source != "tail" {
			t.Errorf("got %+v", e)
		}
		break
	}
	if h := f.hosts["StartLiveTail"]; strings.HasPrefix(h, "stream-") || h == "" {
		t.Errorf("sent to host %q", h)
	}
}

// TestHostPrefix proves that the prefix of StartLiveTail is kept for the
// service's own hosts and left away for others.
func TestHostPrefix(t *testing.T) {
	tests := []struct{ endpoint, want string }{
		{"http://logs.eu-west-1.amazonaws.com", "stream-logs.eu-west-1.amazonaws.com"},
		{"http://vpce-1.logs.eu-west-1.vpce.amazonaws.com", "stream-vpce-1.logs.eu-west-1.vpce.amazonaws.com"},
		{"http://logs.test", "logs.test"},
		{"http://127.0.0.1:4566", "127.0.0.1:4566"},
		{"http://[::1]:4566", "[::1]:4566"},
		{"http://localhost:4566", "localhost:4566"},
	}
	for _, tt := range tests {
		synctest.Test(t, func(t *testing.T) {
			f := newFake(group)
			cfg := f.serve(t)
			cfg.BaseEndpoint = aws.String(tt.endpoint)
			src := logsource.NewCloudWatch(cfg, group, using(logsource.MethodTail))
			for range src.Events(t.Context(), logsource.Window{From: time.Now(), To: time.Now().Add(time.Second)}) {
			}
			if got := f.hosts["StartLiveTail"]; got != tt.want {
				t.Errorf("%s: sent to %q, want %q", tt.endpoint, got, tt.want)
			}
		})
	}
}

func TestTailOfAGroupThatComesLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake("/aws/lambda/other")
		cfg := f.serve(t)
		src := logsource.NewCloudWatch(cfg, group, using(logsource.MethodTail))
		start := time.Now()
		go func() {
			time.Sleep(20 * time.Second)
			f.mu.Lock()
			f.group = group
			f.mu.Unlock()
			f.add("s", "REPORT", time.Now(), time.Time{})
		}()
		got, _ := collect(t, t.Context(), src, logsource.Window{From: start, To: start.Add(2 * time.Minute)})
		each(t, got, 1)
		must := logsource.NewCloudWatch(cfg, "/aws/lambda/none", using(logsource.MethodTail, func(o *logsource.CloudWatchOptions) { o.MustExist = true }))
		for _, err := range must.Events(t.Context(), logsource.Window{From: start}) {
			if !errors.Is(err, logsource.ErrNoLogGroup) {
				t.Errorf("got %v", err)
			}
		}
	})
}

var _ http.Handler = (*fakeLogs)(nil)
