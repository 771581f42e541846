package logsource_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"coldbench/logsource"
	"coldbench/record"
)

func requestID(i int) string {
	return fmt.Sprintf("%08x-0000-4000-8000-%012x", uint32(i)*2654435761, i)
}

func reportOf(e *record.Event) string {
	rest, ok := strings.CutPrefix(e.Message, "REPORT RequestId: ")
	if !ok {
		return ""
	}
	id, _, _ := strings.Cut(rest, "\t")
	return id
}

// TestAwaitFindsEveryReport is the same property as for one pass, with time:
// whatever the delay, the order, the duplicates, the throttles and the expired
// tokens, every REPORT that is delivered before the deadline is found, every
// event is handed on once, and exactly the rest is listed as missing.
func TestAwaitFindsEveryReport(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rapid.Check(noDeadline{t}, func(rt *rapid.T) {
			f := newFake(group)
			f.rng = rand.New(rand.NewPCG(rapid.Uint64().Draw(rt, "seed"), 0))
			f.pageSize = rapid.IntRange(1, 50).Draw(rt, "page size")
			f.throttle = rapid.Float64Range(0, 0.3).Draw(rt, "throttle")
			f.expire = rapid.Float64Range(0, 0.1).Draw(rt, "expire")
			f.duplicate = rapid.Float64Range(0, 0.5).Draw(rt, "duplicate")
			f.shuffle = rapid.Bool().Draw(rt, "shuffle")
			start, wanted := time.Now(), logsource.NewWanted()
			const patience = 2 * time.Minute
			n := rapid.IntRange(0, 60).Draw(rt, "requests")
			knowTimes := rapid.Bool().Draw(rt, "times are known")
			var never []string
			lines := 0
			for i := range n {
				at := start.Add(time.Duration(i) * 100 * time.Millisecond)
				late := time.Duration(f.rng.ExpFloat64() * float64(20*time.Second))
				id := requestID(i)
				f.add("s", "START RequestId: "+id, at, at.Add(min(late, 100*time.Second)))
				lines++
				if late < 100*time.Second {
					f.add("s", "REPORT RequestId: "+id+"\tDuration: 1 ms", at.Add(time.Second), at.Add(late))
					lines++
				} else {
					never = append(never, id)
				}
				if knowTimes {
					wanted.Add(id, at)
				} else {
					wanted.Add(id, time.Time{})
				}
			}
			cfg, stop := f.serveUntil()
			defer stop()
			got := map[string]int{}
			err := logsource.Await(t.Context(), logsource.NewCloudWatch(cfg, group, using(logsource.MethodFilter, func(o *logsource.CloudWatchOptions) { o.MaxBackoff = time.Second })),
				logsource.Window{From: start}, wanted, logsource.AwaitOptions{
					PollOptions: logsource.PollOptions{Every: 500 * time.Millisecond, AtMost: patience, Overlap: 5 * time.Second},
					ReportOf:    reportOf,
					Each:        func(e record.Event) error { got[e.Message]++; return nil },
				})
			for text, times := range got {
				if times != 1 {
					rt.Fatalf("%q %d times", text, times)
				}
			}
			slices.Sort(never)
			if !slices.Equal(wanted.Missing(-1), never) || wanted.FoundCount() != n-len(never) {
				rt.Fatalf("missing %v, want %v", wanted.Missing(-1), never)
			}
			var missing *logsource.MissingError
			if (len(never) > 0) != errors.As(err, &missing) || len(never) == 0 && err != nil {
				rt.Fatalf("error %v with %d that never come", err, len(never))
			}
			if len(never) > 0 && (!errors.Is(err, logsource.ErrIncomplete) || missing.N != len(never) || time.Since(start) < patience) {
				rt.Fatalf("error %+v after %v", missing, time.Since(start))
			}
		})
	})
}

func TestAwaitAsksForLessAsItSucceeds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(group)
		start := time.Now()
		wanted := logsource.NewWanted()
		for i := range 100 {
			at := start.Add(time.Duration(i) * time.Minute)
			id := requestID(i)
			wanted.Add(id, at)
			f.add("s", "REPORT RequestId: "+id+"\t", at, start.Add(2*time.Hour+time.Duration(i)*time.Second))
		}
		time.Sleep(2*time.Hour + 30*time.Second + time.Millisecond)
		err := logsource.Await(t.Context(), logsource.NewCloudWatch(f.serve(t), group), logsource.Window{From: start}, wanted, logsource.AwaitOptions{
			PollOptions: logsource.PollOptions{Every: 10 * time.Second, AtMost: 15 * time.Second, Overlap: time.Minute},
			ReportOf:    reportOf,
		})
		// At 120:30 the reports 0..30 have come, at 120:40 those up to 40: the
		// oldest that is missing then is 41, which began at minute 41; the last
		// question, at 120:45, starts a minute before it.
		want := start.Add(40 * time.Minute).UnixMilli()
		if from := int64(f.last["FilterLogEvents"]["startTime"].(float64)); from != want {
			t.Errorf("the last question starts at %v, want %v", time.UnixMilli(from).Sub(start), time.UnixMilli(want).Sub(start))
		}
		if err == nil || !strings.Contains(err.Error(), "54 requests have no REPORT: ") {
			t.Errorf("got %v", err)
		}
	})
}

// million yields a REPORT for every id, made as it goes.
type million struct{ n int }

func (m million) Events(context.Context, logsource.Window) iter.Seq2[record.Event, error] {
	return func(yield func(record.Event, error) bool) {
		for i := range m.n {
			id := requestID(i)
			at := int64(1_800_000_000_000 + i)
			if !yield(record.Event{EventID: "r" + id, Timestamp: at, LogStream: "s", Message: "REPORT RequestId: " + id + "\tDuration: 1 ms"}, nil) {
				return
			}
		}
	}
}

func TestAwaitOfManyIDsInBoundedMemory(t *testing.T) {
	const n = 250_000
	heap := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := heap()
	wanted := logsource.NewWanted()
	for i := range n {
		wanted.Add(requestID(i), time.UnixMilli(1_800_000_000_000+int64(i)))
	}
	ids := heap() - before
	var peak uint64
	count := 0
	err := logsource.Await(t.Context(), million{n - 10}, logsource.Window{}, wanted, logsource.AwaitOptions{
		ReportOf: reportOf,
		Each: func(record.Event) error {
			if count++; count == n-10 {
				peak = max(peak, heap()-before)
			}
			return nil
		},
	})
	var missing *logsource.MissingError
	if !errors.As(err, &missing) || missing.N != 10 || len(missing.IDs) != 10 || count != n-10 {
		t.Errorf("error %v, %d events", err, count)
	}
	t.Logf("250,000 ids: %d MB; with what was seen at the end: %d MB", ids>>20, peak>>20)
	if ids > 25<<20 || peak > 50<<20 {
		t.Errorf("250,000 ids take %d MB, %d MB with what was seen", ids>>20, peak>>20)
	}
}

func TestWanted(t *testing.T) {
	w := logsource.NewWanted()
	ids := []string{requestID(7), "Root=1", "", requestID(7), "ABCDEFAB-0000-4000-8000-000000000001", "0123456789abcdef0123456789abcdef0123"}
	for _, id := range ids {
		w.Add(id, time.Time{})
	}
	if w.Len() != 4 {
		t.Errorf("%d ids, want 4", w.Len())
	}
	if w.Found("nobody") || w.Found(requestID(8)) || !w.Found(requestID(7)) || w.Found(requestID(7)) || !w.Found("Root=1") {
		t.Error("Found is wrong")
	}
	if got := w.Missing(1); len(got) != 1 || w.FoundCount() != 2 || len(w.Missing(-1)) != 2 {
		t.Errorf("missing %v, found %d", got, w.FoundCount())
	}
	rapid.Check(t, func(rt *rapid.T) {
		w, plain := logsource.NewWanted(), map[string]bool{}
		for _, id := range rapid.SliceOf(rapid.StringMatching(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|[a-z0-9.-]{1,40}`)).Draw(rt, "ids") {
			w.Add(id, time.Now())
			plain[id] = true
		}
		for _, id := range w.Missing(-1) {
			if !plain[id] {
				rt.Fatalf("made up %q", id)
			}
		}
		if w.Len() != len(plain) {
			rt.Fatalf("%d of %d", w.Len(), len(plain))
		}
	})
}
