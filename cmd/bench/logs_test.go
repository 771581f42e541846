package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"

	"coldbench/emulator"
)

// benchIn runs the program in this process.
func benchIn(args ...string) result {
	var out, errs bytes.Buffer
	code := run(context.Background(), args, strings.NewReader(""), &out, &errs)
	return result{out.String(), errs.String(), code}
}

// logGroup is an emulator with a log group of three environments: each served
// its first request cold and the four after it warm, the second one ended its
// last with an error.
func logGroup(t *testing.T, group string) (endpoint string) {
	t.Helper()
	s, err := emulator.New(emulator.Options{WorkDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	web := httptest.NewServer(s)
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
	client := cloudwatchlogs.NewFromConfig(aws.Config{
		Region: "eu-west-1", BaseEndpoint: aws.String(web.URL), HTTPClient: &http.Client{Transport: transport},
		Credentials: credentials.NewStaticCredentialsProvider("x", "y", ""),
	})
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	_, err = client.CreateLogGroup(t.Context(), &cloudwatchlogs.CreateLogGroupInput{LogGroupName: &group})
	must(err)
	now := time.Now().Add(-time.Hour)
	for s := range 3 {
		stream := fmt.Sprintf("2026/11/23/[$LATEST]%032x", s)
		_, err = client.CreateLogStream(t.Context(), &cloudwatchlogs.CreateLogStreamInput{LogGroupName: &group, LogStreamName: &stream})
		must(err)
		at := now.Add(time.Duration(s) * time.Second)
		var events []types.InputLogEvent
		add := func(format string, a ...any) {
			at = at.Add(time.Millisecond)
			events = append(events, types.InputLogEvent{Timestamp: aws.Int64(at.UnixMilli()), Message: aws.String(fmt.Sprintf(format, a...) + "\n")})
		}
		add("INIT_START Runtime Version: nodejs:22.v40\tRuntime Version ARN: arn:aws:lambda:eu-west-1::runtime:%064x", 1)
		for i := range 5 {
			id := fmt.Sprintf("%08x-0000-4000-8000-%012x", s, i)
			tail := ""
			if i == 0 {
				tail = "Init Duration: 150.00 ms\t"
			} else if s == 1 && i == 4 {
				tail = "Status: error\tError Type: Runtime.ExitError"
			}
			add("START RequestId: %s Version: $LATEST", id)
			add("2026-11-23T10:00:00.000Z\t%s\tINFO\tmy own line", id)
			add("END RequestId: %s", id)
			add("REPORT RequestId: %s\tDuration: 12.34 ms\tBilled Duration: 13 ms\tMemory Size: 512 MB\tMax Memory Used: 77 MB\t%s", id, tail)
		}
		_, err = client.PutLogEvents(t.Context(), &cloudwatchlogs.PutLogEventsInput{LogGroupName: &group, LogStreamName: &stream, LogEvents: events})
		must(err)
	}
	return web.URL
}

func TestLogsReportsAnExistingGroup(t *testing.T) {
	endpoint := logGroup(t, "/aws/lambda/checkout")
	for _, method := range []string{"filter", "streams"} {
		res := benchIn("logs", "--log-group", "/aws/lambda/checkout", "--endpoint", endpoint, "--region", "eu-west-1", "--method", method, "--json")
		if res.code != exitDone {
			t.Fatalf("%s: exit %d: %s", method, res.code, res.stderr)
		}
		var got struct {
			Reports      int64
			Starts       map[string]int64
			Environments int64
			Quantities   map[string]map[string]struct{ N int64 }
			Errors       []struct {
				Type string
				N    int64
			}
			Bill struct{ Tariff string }
			Read struct{ Lines, Application int64 }
		}
		if err := json.Unmarshal([]byte(res.stdout), &got); err != nil {
			t.Fatalf("%v in %s", err, res.stdout)
		}
		// 3 environments of 5 requests, the first of each cold; 21 events each,
		// of which 5 are the function's own.
		if got.Reports != 15 || got.Starts["cold"] != 3 || got.Starts["warm"] != 12 || got.Environments != 3 {
			t.Errorf("%s: %+v", method, got)
		}
		if got.Quantities["init_ms"]["all"].N != 3 || got.Quantities["billed_ms"]["all"].N != 15 || got.Read.Lines != 63 || got.Read.Application != 15 {
			t.Errorf("%s: %+v", method, got)
		}
		if len(got.Errors) != 1 || got.Errors[0].Type != "error Runtime.ExitError" || !strings.HasPrefix(got.Bill.Tariff, "eu-west-1 ") {
			t.Errorf("%s: %+v", method, got)
		}
	}
	res := benchIn("logs", "--log-group", "/aws/lambda/checkout", "--endpoint", endpoint, "--region", "eu-west-1")
	for _, want := range []string{"20", "of starts were cold", "3 execution environments", "Runtime.ExitError", "77"} {
		if !strings.Contains(res.stdout, want) {
			t.Errorf("the report lacks %q:\n%s", want, res.stdout)
		}
	}
	res = benchIn("logs", "--log-group", "/aws/lambda/checkout", "--endpoint", endpoint, "--since", "10m", "--json")
	if res.code != exitDone || !strings.Contains(res.stdout, `"reports": 0`) {
		t.Errorf("the last ten minutes: exit %d: %s%s", res.code, res.stdout, res.stderr)
	}
}

// refusing answers every call with one error.
func refusing(t *testing.T, code, message string) string {
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		w.WriteHeader(http.StatusBadRequest)
		_ = json.NewEncoder(w).Encode(map[string]string{"__type": code, "message": message})
	}))
	t.Cleanup(func() { web.CloseClientConnections(); web.Close() })
	return web.URL
}

func TestLogsSaysWhatIsWrong(t *testing.T) {
	for _, name := range []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE", "AWS_REGION", "AWS_DEFAULT_REGION"} {
		t.Setenv(name, "")
	}
	t.Setenv("HOME", t.TempDir())
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	group := logGroup(t, "/aws/lambda/checkout")
	denied := refusing(t, "AccessDeniedException", "User: arn:aws:iam::123456789012:user/x is not authorized to perform: logs:FilterLogEvents on resource: arn:aws:logs:us-east-1:123456789012:log-group:/aws/lambda/checkout because no identity-based policy allows the action")
	expired := refusing(t, "ExpiredTokenException", "The security token included in the request is expired")
	tests := []struct {
		args []string
		code int
		want []string
	}{
		{[]string{"--log-group", "/aws/lambda/none", "--endpoint", group}, exitError, []string{"bench: read log group /aws/lambda/none in us-east-1: no such log group\n", "try: aws logs describe-log-groups"}},
		{[]string{"--log-group", "checkout", "--endpoint", group}, exitError, []string{"no such log group\n", "try: bench logs --log-group /aws/lambda/checkout"}},
		{[]string{"--log-group", "/aws/lambda/none", "--endpoint", group, "--method", "streams"}, exitError, []string{"no such log group\n"}},
		{[]string{"--log-group", "/g", "--endpoint", denied}, exitError, []string{"access denied: the caller needs the IAM action logs:FilterLogEvents\n", "try: allow logs:FilterLogEvents"}},
		{[]string{"--log-group", "/g", "--endpoint", denied, "--method", "insights"}, exitError, []string{"the IAM action logs:FilterLogEvents\n"}},
		{[]string{"--log-group", "/g", "--endpoint", expired}, exitError, []string{"the credentials were refused (ExpiredTokenException)"}},
		{[]string{"--log-group", "/g"}, exitError, []string{"no region is set; give --region or AWS_REGION"}},
		{[]string{"--log-group", "/g", "--region", "eu-west-1"}, exitError, []string{"read log group /g in eu-west-1: no AWS credentials: ", "try: aws sso login"}},
		{[]string{"--log-group", "/g", "--profile", "nobody"}, exitError, []string{"load AWS configuration: ", "nobody"}},
		{nil, exitUsage, []string{"--log-group: name the log group", "see: bench logs --help"}},
		{[]string{"--log-group", "/g", "--since", "yesterday"}, exitUsage, []string{`--since: "yesterday" is neither a duration`}},
		{[]string{"--log-group", "/g", "--since", "1h", "--until", "2h"}, exitUsage, []string{"--since: ", " is after the end, "}},
		{[]string{"--log-group", "/g", "--since", "-1h"}, exitUsage, []string{`"-1h" is in the future`}},
		{[]string{"--log-group", "/g", "--method", "guess", "--arch", "mips", "--for", "1m"}, exitUsage, []string{"--method: ", "--arch: ", "--for: "}},
		{[]string{"--log-group", "/g", "--method", "tail", "--until", "1h"}, exitUsage, []string{"--until: a tail ends with --for or Ctrl-C"}},
	}
	for _, tt := range tests {
		res := benchIn(append([]string{"logs"}, tt.args...)...)
		if res.code != tt.code || res.stdout != "" {
			t.Errorf("%v: exit %d, want %d; stdout %q", tt.args, res.code, tt.code, res.stdout)
		}
		for _, want := range tt.want {
			if !strings.Contains(res.stderr, want) {
				t.Errorf("%v: stderr lacks %q:\n%s", tt.args, want, res.stderr)
			}
		}
		if strings.Contains(res.stderr, "123456789012") {
			t.Errorf("%v: an account number is told:\n%s", tt.args, res.stderr)
		}
	}
}

// TestLogsReportsWhatItGot has the service fail after the first page.
func TestLogsReportsWhatItGot(t *testing.T) {
	calls := 0
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		if calls++; calls > 1 {
			w.WriteHeader(http.StatusBadRequest)
			_, _ = io.WriteString(w, `{"__type":"AccessDeniedException","message":"denied"}`)
			return
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"nextToken": "x", "events": []map[string]any{{
			"eventId": "1", "logStreamName": "s", "timestamp": time.Now().Add(-time.Hour).UnixMilli(),
			"message": "REPORT RequestId: 7d9ad1d3-0000-4000-8000-000000000001\tDuration: 1.00 ms\tBilled Duration: 1 ms\tMemory Size: 128 MB\tMax Memory Used: 30 MB\t\n",
		}}})
	}))
	t.Cleanup(func() { web.CloseClientConnections(); web.Close() })
	res := benchIn("logs", "--log-group", "/g", "--endpoint", web.URL, "--json")
	if res.code != exitError || !strings.Contains(res.stdout, `"reports": 1`) || !strings.Contains(res.stdout, `"code": "partial"`) || !strings.Contains(res.stderr, "access denied") {
		t.Errorf("exit %d\n%s\n%s", res.code, res.stdout, res.stderr)
	}
}

func TestLogsFollowsWithTail(t *testing.T) {
	endpoint := logGroup(t, "/aws/lambda/checkout")
	res := benchIn("logs", "--log-group", "/aws/lambda/checkout", "--endpoint", endpoint, "--method", "tail", "--since", "2h", "--for", "1s", "--json")
	if strings.Contains(res.stderr, "no operation StartLiveTail") {
		t.Skip("the emulator has no StartLiveTail")
	}
	if res.code != exitDone || !strings.Contains(res.stdout, `"reports": 15`) {
		t.Errorf("exit %d\n%s\n%s", res.code, res.stdout, res.stderr)
	}
}

func TestWhen(t *testing.T) {
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	tests := []struct{ text, want string }{
		{"", "0001-01-01T00:00:00Z"},
		{"24h", "2026-11-22T12:00:00Z"},
		{"7d", "2026-11-16T12:00:00Z"},
		{"1.5d", "2026-11-22T00:00:00Z"},
		{"90m", "2026-11-23T10:30:00Z"},
		{"2026-11-20", "2026-11-20T00:00:00Z"},
		{"2026-11-20T15:04", "2026-11-20T15:04:00Z"},
		{"2026-11-20 15:04:05", "2026-11-20T15:04:05Z"},
		{"2026-11-20T15:04:05+02:00", "2026-11-20T13:04:05Z"},
		{"d", "error"},
		{"NaNd", "error"},
		{"1e9d", "error"},
		{"-1d", "error"},
		{"24", "error"},
		{"2026-13-01", "error"},
	}
	for _, tt := range tests {
		var got time.Time
		err := when(tt.text, now, &got)
		text := got.UTC().Format(time.RFC3339)
		if err != nil {
			text = "error"
		}
		if text != tt.want {
			t.Errorf("%q: %s (%v), want %s", tt.text, text, err, tt.want)
		}
	}
}
