package logsource_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"coldbench/logsource"
	"coldbench/record"
)

const group = "/aws/lambda/checkout"

var methods = []logsource.Method{logsource.MethodFilter, logsource.MethodStreams, logsource.MethodInsights}

func using(m logsource.Method, more ...func(*logsource.CloudWatchOptions)) func(*logsource.CloudWatchOptions) {
	return func(o *logsource.CloudWatchOptions) {
		o.Method = m
		o.MaxAttempts = 60
		for _, f := range more {
			f(o)
		}
	}
}

// fill gives the fake n events in s streams over a span, each with a text of
// its own.
func fill(f *fakeLogs, n, s int, from time.Time, over time.Duration) {
	for i := range n {
		at := from.Add(over * time.Duration(i) / time.Duration(n))
		f.add(fmt.Sprintf("2026/11/23/[$LATEST]%032x", i%s), fmt.Sprintf("REPORT RequestId: %032x\tDuration: 1.00 ms\n", i), at, time.Time{})
	}
}

// collect reads everything, and counts each event by its text.
func collect(t interface {
	Helper()
	Fatalf(string, ...any)
}, ctx context.Context, src logsource.Source, w logsource.Window,
) (map[string]int, []record.Event) {
	t.Helper()
	got := map[string]int{}
	var all []record.Event
	for e, err := range src.Events(ctx, w) {
		if err != nil {
			t.Fatalf("%v", err)
		}
		got[e.Message]++
		all = append(all, e)
	}
	return got, all
}

func TestEveryMethodYieldsEachEventOnceOverTCP(t *testing.T) {
	for _, m := range methods {
		t.Run(string(m), func(t *testing.T) {
			from := time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)
			f := newFake(group)
			f.duplicate = 0.2
			fill(f, 1000, 7, from, time.Hour)
			var last logsource.Progress
			src := logsource.NewCloudWatch(f.serveTCP(t), group, using(m, func(o *logsource.CloudWatchOptions) {
				o.Progress = func(p logsource.Progress) { last = p }
			}))
			// 10:15 to 10:45, both included: events 250 to 750.
			got, all := collect(t, t.Context(), src, logsource.Window{From: from.Add(15 * time.Minute), To: from.Add(45 * time.Minute)})
			if len(all) != 501 || len(got) != 501 {
				t.Errorf("%d events, %d texts, want 501", len(all), len(got))
			}
			for _, e := range all {
				if e.LogStream == "" || e.Timestamp == 0 || !strings.HasPrefix(e.Message, "REPORT") || e.Source == "" {
					t.Fatalf("event lacks something: %+v", e)
				}
			}
			if last.Events != 501 || last.Requests < 1 {
				t.Errorf("progress %+v", last)
			}
		})
	}
}

// TestNothingIsLostOrDoubled is the property that everything rests on: whatever
// the order, the duplicates, the throttles, the page sizes and the expired
// tokens, every event is yielded once.
func TestNothingIsLostOrDoubled(t *testing.T) {
	for _, m := range methods {
		t.Run(string(m), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				rapid.Check(noDeadline{t}, func(rt *rapid.T) {
					f := newFake(group)
					f.rng = rand.New(rand.NewPCG(rapid.Uint64().Draw(rt, "seed"), 0))
					f.pageSize = rapid.IntRange(1, 50).Draw(rt, "page size")
					f.throttle = rapid.Float64Range(0, 0.4).Draw(rt, "throttle")
					f.expire = rapid.Float64Range(0, 0.05).Draw(rt, "expire")
					f.duplicate = rapid.Float64Range(0, 0.5).Draw(rt, "duplicate")
					f.emptyPages = rapid.Float64Range(0, 0.3).Draw(rt, "empty pages")
					f.shuffle = rapid.Bool().Draw(rt, "shuffle")
					f.running = rapid.IntRange(0, 3).Draw(rt, "running")
					limit := rapid.IntRange(5, 60).Draw(rt, "query limit")
					from := time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)
					span := time.Duration(rapid.IntRange(200, 3_600_000).Draw(rt, "span ms")) * time.Millisecond
					n := rapid.IntRange(0, 150).Draw(rt, "events")
					fill(f, n, rapid.IntRange(1, 9).Draw(rt, "streams"), from, span)

					cfg, stop := f.serveUntil()
					defer stop()
					src := logsource.NewCloudWatch(cfg, group, using(m, func(o *logsource.CloudWatchOptions) { o.QueryLimit = limit }))
					f.queryLimit = limit
					got, _ := collect(rt, t.Context(), src, logsource.Window{From: from, To: from.Add(span)})
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
		})
	}
}

// TestForgettingLosesAndDoublesNothing: while the service keeps the order that
// it documents, memory follows the overlap, not the window.
func TestForgettingLosesAndDoublesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rapid.Check(noDeadline{t}, func(rt *rapid.T) {
			f := newFake(group)
			f.rng = rand.New(rand.NewPCG(rapid.Uint64().Draw(rt, "seed"), 0))
			f.pageSize = rapid.IntRange(1, 50).Draw(rt, "page size")
			f.expire = rapid.Float64Range(0, 0.3).Draw(rt, "expire")
			f.duplicate = rapid.Float64Range(0, 0.5).Draw(rt, "duplicate")
			from := time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)
			n := rapid.IntRange(0, 300).Draw(rt, "events")
			fill(f, n, 3, from, time.Hour)
			remember := logsource.Remember(rapid.IntRange(1, 50).Draw(rt, "remember"))
			cfg, stop := f.serveUntil()
			defer stop()
			src := logsource.NewCloudWatch(cfg, group, remember, func(o *logsource.CloudWatchOptions) {
				o.Overlap = time.Duration(rapid.IntRange(1, 600).Draw(rt, "overlap s")) * time.Second
			})
			got, all := collect(rt, t.Context(), src, logsource.Window{From: from, To: from.Add(time.Hour)})
			if len(got) != n || len(all) != n {
				rt.Fatalf("%d events, %d texts, want %d", len(all), len(got), n)
			}
		})
	})
}

func TestExpiredTokenStartsAgainWithoutLossOrDoubles(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		from := time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)
		f := newFake(group)
		f.pageSize, f.expire = 10, 0.3
		fill(f, 100, 3, from, time.Minute)
		src := logsource.NewCloudWatch(f.serve(t), group)
		got, all := collect(t, t.Context(), src, logsource.Window{From: from})
		if len(got) != 100 || len(all) != 100 {
			t.Errorf("%d events, %d texts", len(all), len(got))
		}
		if f.calls["FilterLogEvents"] <= 10 {
			t.Errorf("%d requests: no token was refused", f.calls["FilterLogEvents"])
		}
	})
}

func TestTokensThatAlwaysExpire(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, tt := range []struct {
			over time.Duration // of 100 events in pages of 10
			want int
			text string
		}{
			{time.Minute, 100, ""},
			{0, 10, "Z expire faster than its pages can be read"},
		} {
			f := newFake(group)
			f.pageSize, f.expire = 10, 1
			fill(f, 100, 3, time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC), tt.over)
			src := logsource.NewCloudWatch(f.serve(t), group)
			n, text := 0, ""
			for _, err := range src.Events(t.Context(), logsource.Window{}) {
				if err == nil {
					n++
				} else {
					text = err.Error()
				}
			}
			if n != tt.want || !strings.Contains(text, tt.text) || (text == "") != (tt.text == "") {
				t.Errorf("%d events, error %q, want %d and %q", n, text, tt.want, tt.text)
			}
		}
	})
}

func TestThrottlingIsWaitedOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(group)
		f.throttle, f.pageSize = 0.7, 2
		fill(f, 200, 3, time.Now(), time.Minute)
		var last logsource.Progress
		src := logsource.NewCloudWatch(f.serve(t), group, using(logsource.MethodFilter, func(o *logsource.CloudWatchOptions) {
			o.Progress = func(p logsource.Progress) { last = p }
		}))
		start := time.Now()
		got, _ := collect(t, t.Context(), src, logsource.Window{})
		if len(got) != 200 {
			t.Errorf("%d events", len(got))
		}
		// 100 pages at 0.7: some 233 throttles, each with a pause. The SDK's own
		// bucket of 500 tokens would pay for 100 of them, at 5 each.
		if last.Throttled < 150 || time.Since(start) < time.Second {
			t.Errorf("%d throttles in %v", last.Throttled, time.Since(start))
		}
	})
}

func TestPlatformOnlyAsksForPlatformLines(t *testing.T) {
	f := newFake(group)
	cfg := f.serveTCP(t)
	only := func(o *logsource.CloudWatchOptions) { o.PlatformOnly = true }
	collect(t, t.Context(), logsource.NewCloudWatch(cfg, group, using(logsource.MethodFilter, only)), logsource.Window{})
	if p, _ := f.last["FilterLogEvents"]["filterPattern"].(string); !strings.Contains(p, `?"REPORT RequestId"`) || len(p) > 1024 {
		t.Errorf("pattern %q", p)
	}
	collect(t, t.Context(), logsource.NewCloudWatch(cfg, group, using(logsource.MethodInsights, only)), logsource.Window{})
	if q, _ := f.last["StartQuery"]["queryString"].(string); !strings.Contains(q, "filter @message like /") {
		t.Errorf("query %q", q)
	}
}

func TestGroupByARN(t *testing.T) {
	for _, m := range methods {
		f := newFake(group)
		fill(f, 5, 2, time.Now(), time.Second)
		src := logsource.NewCloudWatch(f.serveTCP(t), f.arn()+":*", using(m))
		if m == logsource.MethodInsights {
			continue // the fake takes names only
		}
		if got, _ := collect(t, t.Context(), src, logsource.Window{}); len(got) != 5 {
			t.Errorf("%s: %d events", m, len(got))
		}
	}
}

// noDeadline hides testing.T.Deadline, which may not be called in a bubble.
type noDeadline struct{ rapid.TB }
