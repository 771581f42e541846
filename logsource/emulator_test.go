package logsource_test

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/aws/smithy-go"

	"coldbench/emulator"
	"coldbench/logsource"
	"coldbench/record"
)

// awkward stands before the emulator: it throttles, and refuses page tokens.
type awkward struct {
	next http.Handler

	mu        sync.Mutex
	rng       *rand.Rand
	throttle  float64
	expire    float64
	throttled int
	expired   int
}

func (a *awkward) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	reads := !strings.Contains(r.Header.Get("X-Amz-Target"), "Put") && !strings.Contains(r.Header.Get("X-Amz-Target"), "Create")
	a.mu.Lock()
	code, message := "", ""
	switch {
	case reads && a.rng.Float64() < a.throttle:
		a.throttled++
		code, message = "ThrottlingException", "Rate exceeded"
	case bytes.Contains(body, []byte(`"nextToken"`)) && a.rng.Float64() < a.expire:
		a.expired++
		code, message = "InvalidParameterException", "The specified nextToken is invalid."
	}
	a.mu.Unlock()
	if code != "" {
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		w.WriteHeader(http.StatusBadRequest)
		_ = json.NewEncoder(w).Encode(map[string]string{"__type": code, "message": message})
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	a.next.ServeHTTP(w, r)
}

// emulated is an emulator whose log group gets the REPORTs of n requests, in
// no order, and shows them after the delay.
func emulated(t *testing.T, n int, delay time.Duration) (cfg aws.Config, front *awkward, start time.Time) {
	t.Helper()
	s, err := emulator.New(emulator.Options{WorkDir: t.TempDir(), LogDelay: delay})
	if err != nil {
		t.Fatal(err)
	}
	front = &awkward{next: s, rng: rand.New(rand.NewPCG(7, 7))}
	web := httptest.NewServer(front)
	transport := &http.Transport{}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		web.CloseClientConnections()
		web.Close()
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := s.Close(ctx); err != nil {
			t.Error(err)
		}
	})
	cfg = config(web.URL, &http.Client{Transport: transport})
	start = time.Now().Add(-time.Hour)
	put(t, cfg, n, start)
	return cfg, front, start
}

func put(t *testing.T, cfg aws.Config, n int, start time.Time) {
	t.Helper()
	client := cloudwatchlogs.NewFromConfig(cfg)
	ctx, name := t.Context(), aws.String(group)
	if _, err := client.CreateLogGroup(ctx, &cloudwatchlogs.CreateLogGroupInput{LogGroupName: name}); err != nil {
		t.Fatal(err)
	}
	const streams = 4
	batches := make([][]types.InputLogEvent, streams)
	for _, i := range rand.New(rand.NewPCG(3, 3)).Perm(n) {
		s := i % streams
		batches[s] = append(batches[s], types.InputLogEvent{
			Timestamp: aws.Int64(start.Add(time.Duration(i) * 100 * time.Millisecond).UnixMilli()),
			Message:   aws.String("REPORT RequestId: " + requestID(i) + "\tDuration: 1.00 ms\t" + strings.Repeat(" ", 2000) + "\n"),
		})
	}
	for s, batch := range batches {
		stream := aws.String(fmt.Sprintf("2026/11/23/[$LATEST]%032x", s))
		if _, err := client.CreateLogStream(ctx, &cloudwatchlogs.CreateLogStreamInput{LogGroupName: name, LogStreamName: stream}); err != nil {
			t.Fatal(err)
		}
		for len(batch) > 0 {
			k := min(100, len(batch)) // a batch must be in order, batches need not
			slices.SortFunc(batch[:k], func(a, b types.InputLogEvent) int { return cmp.Compare(*a.Timestamp, *b.Timestamp) })
			if _, err := client.PutLogEvents(ctx, &cloudwatchlogs.PutLogEventsInput{LogGroupName: name, LogStreamName: stream, LogEvents: batch[:k]}); err != nil {
				t.Fatal(err)
			}
			batch = batch[k:]
		}
	}
}

// TestAgainstTheEmulator reads the built-in Lambda's Logs API: late, out of
// order, throttled, with page tokens that are refused.
func TestAgainstTheEmulator(t *testing.T) {
	const n = 2000 // some 4 MB: several pages
	for _, m := range []logsource.Method{logsource.MethodFilter, logsource.MethodStreams, logsource.MethodInsights} {
		t.Run(string(m), func(t *testing.T) {
			cfg, front, start := emulated(t, n, 400*time.Millisecond)
			if op := map[logsource.Method]string{logsource.MethodInsights: "StartQuery"}[m]; op != "" {
				needs(t, cfg, op)
			}
			front.throttle, front.expire = 0.2, 0.2
			wanted := logsource.NewWanted()
			for i := range n {
				wanted.Add(requestID(i), start.Add(time.Duration(i)*100*time.Millisecond))
			}
			got := map[string]int{}
			src := logsource.NewCloudWatch(cfg, group, using(m, func(o *logsource.CloudWatchOptions) { o.MaxBackoff = 10 * time.Millisecond }))
			err := logsource.Await(t.Context(), src, logsource.Window{From: start}, wanted, logsource.AwaitOptions{
				PollOptions: logsource.PollOptions{Every: 50 * time.Millisecond, AtMost: 30 * time.Second},
				ReportOf:    reportOf,
				Each:        func(e record.Event) error { got[e.Message]++; return nil },
			})
			if err != nil {
				t.Fatal(err)
			}
			each(t, got, n)
			t.Logf("%d throttled, %d tokens refused", front.throttled, front.expired)
		})
	}
}

func TestTailAgainstTheEmulator(t *testing.T) {
	cfg, _, start := emulated(t, 10, 0)
	needs(t, cfg, "StartLiveTail")
	src := logsource.NewCloudWatch(cfg, group, using(logsource.MethodTail))
	client, sent := cloudwatchlogs.NewFromConfig(cfg), false
	got := map[string]int{}
	for e, err := range src.Events(t.Context(), logsource.Window{From: start}) {
		if err != nil {
			t.Fatal(err)
		}
		if got[e.Message]++; e.Message == "live" {
			break
		}
		if !sent && len(got) == 10 {
			sent = true
			_, err := client.PutLogEvents(t.Context(), &cloudwatchlogs.PutLogEventsInput{
				LogGroupName: aws.String(group), LogStreamName: aws.String(e.LogStream),
				LogEvents: []types.InputLogEvent{{Timestamp: aws.Int64(time.Now().UnixMilli()), Message: aws.String("live")}},
			})
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	each(t, got, 11)
}

// needs skips the test where the emulator does not serve an operation.
func needs(t *testing.T, cfg aws.Config, op string) {
	t.Helper()
	client := cloudwatchlogs.NewFromConfig(cfg)
	var err error
	switch op {
	case "StartQuery":
		_, err = client.StartQuery(t.Context(), &cloudwatchlogs.StartQueryInput{
			LogGroupName: aws.String(group), StartTime: aws.Int64(0), EndTime: aws.Int64(1), QueryString: aws.String("fields @timestamp"),
		})
	case "StartLiveTail":
		src := logsource.NewCloudWatch(cfg, group, using(logsource.MethodTail))
		for _, e := range src.Events(t.Context(), logsource.Window{From: time.Now().Add(-time.Hour)}) {
			err = e
			break
		}
	}
	var api smithy.APIError
	if errors.As(err, &api) && api.ErrorCode() == "UnknownOperationException" {
		t.Skipf("the emulator has no %s", op)
	}
}
