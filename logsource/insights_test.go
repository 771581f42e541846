package logsource_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"coldbench/logsource"
)

func TestInsightsSplitsUntilNothingIsCutOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		from := time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)
		f := newFake(group)
		f.queryLimit = 100
		fill(f, 3000, 5, from, 100*time.Millisecond) // 30 in each millisecond
		fill2 := func(i int) {
			f.add("s", fmt.Sprintf("lone %d", i), from.Add(time.Duration(i)*time.Hour), time.Time{})
		}
		for i := 1; i < 20; i++ {
			fill2(i)
		}
		src := logsource.NewCloudWatch(f.serve(t), group, using(logsource.MethodInsights, func(o *logsource.CloudWatchOptions) { o.QueryLimit = 100 }))
		got, all := collect(t, t.Context(), src, logsource.Window{From: from, To: from.Add(24 * time.Hour)})
		if len(got) != 3019 || len(all) != 3019 {
			t.Errorf("%d events, %d texts", len(all), len(got))
		}
		for i := 1; i < len(all); i++ {
			if all[i].Timestamp < all[i-1].Timestamp {
				t.Fatalf("event %d is older than the one before it", i)
			}
		}
		t.Logf("%d queries", f.calls["StartQuery"])
	})
}

func TestInsightsCannotSplitAMillisecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		from := time.Date(2026, 11, 23, 10, 0, 0, 123e6, time.UTC)
		for _, tt := range []struct {
			events int
			want   string
		}{
			{100, ""}, // as many as the limit, and the service says that these are all
			{101, "more than 100 events in the one millisecond 2026-11-23T10:00:00.123Z"},
		} {
			f := newFake(group)
			f.queryLimit = 100
			for i := range tt.events {
				f.add("s", fmt.Sprint(i), from, time.Time{})
			}
			src := logsource.NewCloudWatch(f.serve(t), group, using(logsource.MethodInsights, func(o *logsource.CloudWatchOptions) { o.QueryLimit = 100 }))
			n, text := 0, ""
			for _, err := range src.Events(t.Context(), logsource.Window{From: from.Add(-time.Hour), To: from.Add(time.Hour)}) {
				if err != nil {
					text = err.Error()
				} else {
					n++
				}
			}
			if (tt.want == "") != (text == "") || !strings.Contains(text, tt.want) {
				t.Errorf("%d events in a millisecond: %d read, error %q", tt.events, n, text)
			}
		}
	})
}

func TestStoppingEarlyStopsTheQuery(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(group)
		f.running = 1 << 30
		src := logsource.NewCloudWatch(f.serve(t), group, using(logsource.MethodInsights))
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		var last error
		for _, err := range src.Events(ctx, logsource.Window{}) {
			last = err
		}
		if !errors.Is(last, context.DeadlineExceeded) || f.count("StopQuery") != 1 {
			t.Errorf("error %v, %d StopQuery", last, f.count("StopQuery"))
		}
	})
}
