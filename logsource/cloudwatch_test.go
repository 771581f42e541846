package logsource_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
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

func TestMissingGroup(t *testing.T) {
	for _, m := range methods {
		f := newFake("/aws/lambda/other")
		cfg := f.serveTCP(t)
		if got, _ := collect(t, t.Context(), logsource.NewCloudWatch(cfg, group, using(m)), logsource.Window{}); len(got) != 0 {
			t.Errorf("%s: %d events", m, len(got))
		}
		src := logsource.NewCloudWatch(cfg, group, using(m, func(o *logsource.CloudWatchOptions) { o.MustExist = true }))
		for _, err := range src.Events(t.Context(), logsource.Window{}) {
			if !errors.Is(err, logsource.ErrNoLogGroup) || err.Error() != "read log group /aws/lambda/checkout in eu-west-1: no such log group" {
				t.Errorf("%s: %v", m, err)
			}
		}
	}
}

func TestRefusalsNameWhatIsMissing(t *testing.T) {
	user := "User: arn:aws:iam::123456789012:user/x is not authorized to perform: "
	tests := []struct {
		method logsource.Method
		op     string
		answer string
		want   string
	}{
		{logsource.MethodFilter, "FilterLogEvents", "AccessDeniedException: " + user + "logs:FilterLogEvents on resource: arn:aws:logs:eu-west-1:123456789012:log-group:x because no identity-based policy allows it", "needs the IAM action logs:FilterLogEvents"},
		{logsource.MethodFilter, "FilterLogEvents", "AccessDeniedException: " + user + "kms:Decrypt on the key", "needs the IAM action kms:Decrypt"},
		{logsource.MethodFilter, "FilterLogEvents", "AccessDeniedException: denied", "needs the IAM action logs:FilterLogEvents"},
		{logsource.MethodStreams, "DescribeLogStreams", "AccessDeniedException: denied", "needs the IAM action logs:DescribeLogStreams"},
		{logsource.MethodInsights, "StartQuery", "AccessDeniedException: denied", "needs the IAM action logs:StartQuery"},
		{logsource.MethodInsights, "GetQueryResults", "AccessDeniedException: denied", "needs the IAM action logs:GetQueryResults"},
		{logsource.MethodTail, "DescribeLogGroups", "AccessDeniedException: denied", "needs the IAM action logs:DescribeLogGroups"},
		{logsource.MethodTail, "StartLiveTail", "AccessDeniedException: denied", "needs the IAM action logs:StartLiveTail"},
		{logsource.MethodFilter, "FilterLogEvents", "UnrecognizedClientException: The security token included in the request is invalid.", "the credentials were refused (UnrecognizedClientException)"},
		{logsource.MethodFilter, "FilterLogEvents", "ExpiredTokenException: The security token included in the request is expired", "the credentials were refused (ExpiredTokenException)"},
	}
	for _, tt := range tests {
		f := newFake(group)
		fill(f, 3, 1, time.Now(), time.Second)
		f.refuse[tt.op] = tt.answer
		src := logsource.NewCloudWatch(f.serveTCP(t), group, using(tt.method))
		var last error
		for _, err := range src.Events(t.Context(), logsource.Window{}) {
			last = err
		}
		if last == nil || !strings.Contains(last.Error(), tt.want) || !strings.HasPrefix(last.Error(), "read log group "+group+" in eu-west-1: ") {
			t.Errorf("%s answers %q: got %v", tt.op, tt.answer, last)
		}
		var denied *logsource.DeniedError
		if strings.HasPrefix(tt.answer, "AccessDenied") && !errors.As(last, &denied) {
			t.Errorf("%s: not a DeniedError: %v", tt.op, last)
		}
	}
}

func TestNoCredentials(t *testing.T) {
	f := newFake(group)
	cfg := f.serveTCP(t)
	cfg.Credentials = aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		return aws.Credentials{}, errors.New("no EC2 IMDS role found")
	})
	for _, err := range logsource.NewCloudWatch(cfg, group).Events(t.Context(), logsource.Window{}) {
		if !errors.Is(err, logsource.ErrNoCredentials) {
			t.Errorf("got %v", err)
		}
	}
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

func TestNobodyThere(t *testing.T) {
	refused := &net.OpError{Op: "dial", Net: "tcp", Addr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 9}, Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}
	for _, tt := range []struct {
		err  error
		want string
	}{
		{refused, "nothing listens at 127.0.0.1:9"},
		{&net.DNSError{Err: "no such host", Name: "logs.eu-wst-1.amazonaws.com", IsNotFound: true}, "no such host: logs.eu-wst-1.amazonaws.com (is the region right?)"},
	} {
		asked := 0
		cfg := config("http://logs.test", nil)
		cfg.HTTPClient = failing{tt.err, &asked}
		for _, err := range logsource.NewCloudWatch(cfg, group).Events(t.Context(), logsource.Window{}) {
			if err == nil || err.Error() != "read log group "+group+" in eu-west-1: "+tt.want {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		}
		if asked != 1 {
			t.Errorf("%v: asked %d times", tt.err, asked)
		}
	}
}

// failing is an HTTP client that reaches nobody.
type failing struct {
	err   error
	asked *int
}

func (f failing) Do(r *http.Request) (*http.Response, error) {
	*f.asked++
	return nil, &url.Error{Op: "Post", URL: r.URL.String(), Err: f.err}
}
