package emulator_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"coldbench/emulator"
	"coldbench/logsource"
	"coldbench/record"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/aws/smithy-go"
)

// TestThrottledReaders: a reader without retries meets the faults at the rates
// that were asked for; writing is not throttled.
func TestThrottledReaders(t *testing.T) {
	b := newBed(t, emulator.Options{LogFaults: emulator.LogFaults{Seed: 3, Throttle: 0.2, ExpiredTokens: 0.5}})
	b.fill()
	codes := map[string]int{}
	call := func(token *string) *string {
		out, err := b.logs.FilterLogEvents(context.Background(), &cloudwatchlogs.FilterLogEventsInput{LogGroupName: aws.String("g"), Limit: aws.Int32(1), NextToken: token})
		var api smithy.APIError
		if errors.As(err, &api) {
			codes[api.ErrorCode()+": "+api.ErrorMessage()]++
			return nil
		}
		return out.NextToken
	}
	for range 250 {
		if token := call(nil); token != nil {
			call(token)
		}
	}
	// 250 · 0.2 + 200 · 0.2 = 90, standard deviation 8.5; of the other 160 half
	// have a token that is refused: 80, standard deviation 6.
	if n := codes["ThrottlingException: Rate exceeded"]; n < 50 || n > 130 {
		t.Errorf("%d of 450 throttled, want about 90", n)
	}
	if n := codes["InvalidParameterException: The specified nextToken is invalid."]; n < 45 || n > 115 {
		t.Errorf("%d of 200 tokens refused, want about 80", n)
	}
}

func roundTripID(i int) string { return fmt.Sprintf("00000000-0000-4000-8000-%012x", i) }

func reportID(e *record.Event) string {
	rest, _ := strings.CutPrefix(e.Message, "REPORT RequestId: ")
	id, _, _ := strings.Cut(rest, "\t")
	return id
}

// putReports writes n REPORTs to four streams, in no order, each with a time
// of its own from start on.
func (b *bed) putReports(n int, start time.Time) {
	b.t.Helper()
	ctx, group := context.Background(), aws.String("g")
	if _, err := b.logs.CreateLogGroup(ctx, &cloudwatchlogs.CreateLogGroupInput{LogGroupName: group}); err != nil {
		b.t.Fatal(err)
	}
	order := rand.New(rand.NewPCG(5, 5)).Perm(n)
	for s := range 4 {
		stream := aws.String(fmt.Sprintf("2026/11/23/[$LATEST]%032x", s))
		if _, err := b.logs.CreateLogStream(ctx, &cloudwatchlogs.CreateLogStreamInput{LogGroupName: group, LogStreamName: stream}); err != nil {
			b.t.Fatal(err)
		}
		for batch := range slices.Chunk(order[s*n/4:(s+1)*n/4], 50) {
			slices.Sort(batch)
			var events []types.InputLogEvent
			for _, i := range batch {
				events = append(events, types.InputLogEvent{
					Timestamp: aws.Int64(start.Add(time.Duration(i) * 100 * time.Millisecond).UnixMilli()),
					Message:   aws.String("REPORT RequestId: " + roundTripID(i) + "\tDuration: 1.00 ms\t" + strings.Repeat(" ", 2000) + "\n"),
				})
			}
			if _, err := b.logs.PutLogEvents(ctx, &cloudwatchlogs.PutLogEventsInput{LogGroupName: group, LogStreamName: stream, LogEvents: events}); err != nil {
				b.t.Fatal(err)
			}
		}
	}
}

// testRoundTrip: the log source of this project, by each of its ways, against
// the Logs API at its worst: every REPORT is found, none twice.
func testRoundTrip(t *testing.T) {
	const n = 600 // 1.2 MB: more than one page
	for _, method := range []logsource.Method{logsource.MethodFilter, logsource.MethodStreams, logsource.MethodInsights, logsource.MethodTail} {
		t.Run(string(method), func(t *testing.T) {
			b := newBed(t, emulator.Options{
				LogDelay:  200 * time.Millisecond,
				LogFaults: emulator.LogFaults{Seed: 9, Disorder: 300 * time.Millisecond, Duplicates: 0.2, Throttle: 0.2, ExpiredTokens: 0.2},
			})
			start := time.Now().Add(-time.Hour).Truncate(time.Millisecond)
			cfg := aws.Config{
				Region: "us-east-1", BaseEndpoint: aws.String(b.url), HTTPClient: b.client,
				Credentials: credentials.NewStaticCredentialsProvider("x", "y", ""),
			}
			src := logsource.NewCloudWatch(cfg, "g", func(o *logsource.CloudWatchOptions) {
				o.Method, o.MaxAttempts, o.MaxBackoff = method, 60, 10*time.Millisecond
			})
			got := map[string]int{}
			b.putReports(n, start)
			if method == logsource.MethodTail {
				tailReports(t, src, start, n, got)
			} else {
				awaitReports(t, src, start, n, got)
			}
			for i := range n {
				if got[roundTripID(i)] != 1 {
					t.Errorf("REPORT %d came %d times", i, got[roundTripID(i)])
				}
			}
			if len(got) != n {
				t.Errorf("%d ids, want %d", len(got), n)
			}
		})
	}
}

func awaitReports(t *testing.T, src logsource.Source, start time.Time, n int, got map[string]int) {
	t.Helper()
	wanted := logsource.NewWanted()
	for i := range n {
		wanted.Add(roundTripID(i), start.Add(time.Duration(i)*100*time.Millisecond))
	}
	err := logsource.Await(t.Context(), src, logsource.Window{From: start}, wanted, logsource.AwaitOptions{
		PollOptions: logsource.PollOptions{Every: 200 * time.Millisecond, AtMost: 60 * time.Second},
		ReportOf:    reportID,
		Each:        func(e record.Event) error { got[reportID(&e)]++; return nil },
	})
	if err != nil {
		t.Fatal(err)
	}
}

func tailReports(t *testing.T, src *logsource.CloudWatch, start time.Time, n int, got map[string]int) {
	t.Helper()
	for e, err := range src.Events(t.Context(), logsource.Window{From: start}) {
		if err != nil {
			t.Fatal(err)
		}
		if got[reportID(&e)]++; len(got) == n {
			return
		}
	}
	t.Error(cmp.Or(context.Cause(t.Context()), errors.New("the tail ended early")))
}
