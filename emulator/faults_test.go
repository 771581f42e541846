package emulator_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"coldbench/emulator"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
)

// The payloads are those recorded from AWS in November 2025.
func testFaultsOfTheFunction(t *testing.T) {
	b := newBed(t, emulator.Options{})
	b.install(emulator.LocalFunction{Timeout: 3 * time.Second})
	for _, c := range []struct {
		name    string
		order   order
		payload string
		report  string // after Max Memory Used, warm
	}{
		{"exit 0", order{Do: "exit"}, `{"errorType":"Runtime.ExitError","errorMessage":"RequestId: ID Error: Runtime exited without providing a reason"}`, "Status: error\tError Type: Runtime.ExitError\n"},
		{"exit 127", order{Do: "exit", Code: 127}, `{"errorType":"Runtime.ExitError","errorMessage":"RequestId: ID Error: Runtime exited with error: exit status 127"}`, "Status: error\tError Type: Runtime.ExitError\n"},
		{"killed", order{Do: "signal", Code: 9}, `{"errorType":"Runtime.ExitError","errorMessage":"RequestId: ID Error: Runtime exited with error: signal: killed"}`, "Status: error\tError Type: Runtime.ExitError\n"},
		{"segmentation fault", order{Do: "signal", Code: 11}, "", "Status: error\tError Type: Runtime.ExitError\n"},
		{"time-out", order{Do: "sleep", MS: 60000}, `{"errorType":"Sandbox.Timedout","errorMessage":"RequestId: ID Error: Task timed out after 3.00 seconds"}`, "Status: timeout\n"},
		{"response too large", order{Do: "big", Bytes: 6291556}, `{"errorMessage":"Response payload size exceeded maximum allowed payload size (6291556 bytes).","errorType":"Function.ResponseSizeTooLarge"}`, "Status: error\tError Type: Function.ResponseSizeTooLarge\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b.t = t
			b.invoke(order{Do: "mark"}) // a living process, so that the REPORT has no init
			a := b.invoke(c.order)
			id := strings.Fields(a.log)[2]
			if want := strings.ReplaceAll(c.payload, "ID", id); a.failed != "Unhandled" || a.status != 200 || (want != "" && a.payload != want) {
				t.Errorf("got %+v\nwant %s", a, want)
			}
			_, rest, _ := strings.Cut(a.log, "Max Memory Used: ")
			if _, tail, _ := strings.Cut(rest, "\t"); tail != c.report && c.name != "response too large" {
				t.Errorf("REPORT ends %q, want %q", tail, c.report)
			}
			if c.name == "time-out" && parseReport(t, a.log).duration != 3000 {
				t.Errorf("Duration of a time-out: %q", a.log)
			}
			if got := b.invoke(order{Do: "served"}); got.payload != "1" {
				t.Errorf("after it, a process had served %s requests, want a new one", got.payload)
			} else if strings.Contains(got.log, "Init Duration") {
				t.Errorf("a suppressed init shows an Init Duration: %q", got.log)
			}
			if got := b.invoke(order{Do: "mark"}); got.payload != "true" {
				t.Errorf("what the last process left in /tmp is there: %s", got.payload)
			}
		})
	}
	b.t = t
	if n := b.streams(); n != 1 {
		t.Errorf("%d log streams, want one: the environment outlives its processes", n)
	}
}

func TestLargestResponsePasses(t *testing.T) {
	b := newBed(t, emulator.Options{})
	b.install(emulator.LocalFunction{})
	// The two quotes count: 6,291,554 + 2 = 6,291,556 bytes.
	if a := b.invoke(order{Do: "big", Bytes: 6291554}); len(a.payload) != 6291556 || a.failed != "" {
		t.Errorf("%d bytes, %s", len(a.payload), a.failed)
	}
}

func testInitFaults(t *testing.T) {
	const initReport = `INIT_REPORT Init Duration: \d+\.\d\d ms` + "\tPhase: "
	for _, c := range []struct {
		name, init string
		payload    string
		report     string        // end of the REPORT
		first      string        // status of the two INIT_REPORTs
		limit      time.Duration // of both attempts where one has to run into it; zero: the defaults
	}{
		{"init/error", "error", `{"errorMessage":"no such module","errorType":"Runtime.ImportModuleError","requestId":"","stackTrace":\[\]}`, "Status: error\tError Type: Runtime.ImportModuleError\n", "Status: error\tError Type: Runtime.ImportModuleError\n", 0},
		{"exit 7", "exit:7", `{"errorType":"Runtime.ExitError","errorMessage":"RequestId: ` + uuidForm + ` Error: Runtime exited with error: exit status 7"}`, "Status: error\tError Type: Runtime.ExitError\n", "Status: error\tError Type: Runtime.ExitError\n", 0},
		{"hang", "hang", `{"errorType":"Sandbox.Timedout","errorMessage":"RequestId: ` + uuidForm + ` Error: Task timed out after 0.50 seconds"}`, "Status: timeout\n", "Status: timeout\n", 500 * time.Millisecond},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBed(t, emulator.Options{InitLimit: c.limit})
			b.install(emulator.LocalFunction{Timeout: c.limit, Env: map[string]string{"TEST_INIT": c.init}})
			a := b.invoke(order{})
			if a.failed != "Unhandled" {
				t.Errorf("got %+v", a)
			}
			mustMatch(t, c.payload, a.payload)
			// INIT_START, INIT_REPORT init, INIT_REPORT invoke, START, END, REPORT.
			want := `INIT_START [^\n]*` + "\n" + initReport + "init\t" + c.first + initReport + "invoke\t" + c.first +
				"START [^\n]*\nEND [^\n]*\n" + reportForm + c.report
			mustMatch(t, want, strings.Join(b.events(), ""))
		})
	}
}

func testInitThatFailsOnceRunsAgainInTheInvocation(t *testing.T) {
	for _, init := range []string{"once:exit:3", "once:hang"} {
		t.Run(init, func(t *testing.T) {
			// Long enough for the first process to leave its mark.
			b := newBed(t, emulator.Options{InitLimit: 2 * time.Second})
			b.install(emulator.LocalFunction{Env: map[string]string{"TEST_INIT": init}})
			a := b.invoke(order{Text: "fine"})
			if a.failed != "" || strings.Contains(a.log, "Init Duration") {
				t.Errorf("got %+v", a)
			}
			if events := b.events(); len(events) != 5 || !strings.Contains(events[1], "Phase: init\tStatus: ") {
				t.Errorf("events: %q", events)
			}
		})
	}
}

// TestSuppressedInit: after a crash the init is part of the next invocation: of
// its Duration and of the time that it has, and the events name its phase.
func TestSuppressedInit(t *testing.T) {
	const timeout, init = 20 * time.Second, 300 * time.Millisecond
	b := newBed(t, emulator.Options{})
	b.install(emulator.LocalFunction{Timeout: timeout, Env: map[string]string{"TEST_INIT": "sleep:300ms"}})
	_, err := b.lambda.UpdateFunctionConfiguration(context.Background(), &lambda.UpdateFunctionConfigurationInput{
		FunctionName: aws.String("fn"), LoggingConfig: &types.LoggingConfig{LogFormat: types.LogFormatJson, SystemLogLevel: types.SystemLogLevelDebug, LogGroup: aws.String("/own/group")},
	})
	if err != nil {
		t.Fatal(err)
	}
	b.invoke(order{Do: "exit", Code: 1})
	var h map[string][]string
	if err := json.Unmarshal([]byte(b.invoke(order{Do: "headers"}).payload), &h); err != nil {
		t.Fatal(err)
	}
	var deadline int64
	fmt.Sscan(h["Lambda-Runtime-Deadline-Ms"][0], &deadline)
	if left := time.Until(time.UnixMilli(deadline)); left > timeout-init {
		t.Errorf("%v left of %v after an init of %v", left, timeout, init)
	}
	// A group of its own, and in it what the second invocation has written.
	events := b.eventsIn("/own/group")
	if len(events) != 12 {
		t.Fatalf("events %q", events)
	}
	for i, want := range []string{
		`{"time":"[^"]*","type":"platform.initStart","record":{"initializationType":"on-demand","phase":"invoke",.*`,
		`{"time":"[^"]*","type":"platform.initRuntimeDone","record":{"initializationType":"on-demand","phase":"invoke","status":"success"}}`,
		`{"time":"[^"]*","type":"platform.initReport","record":{"initializationType":"on-demand","phase":"invoke","status":"success","metrics":{"durationMs":[\d.]+}}}`,
		`{"time":"[^"]*","type":"platform.start",.*`,
		`{"time":"[^"]*","type":"platform.runtimeDone",.*`,
		`{"time":"[^"]*","type":"platform.report","record":{"requestId":"[^"]*","metrics":{"durationMs":[\d.]+,"billedDurationMs":\d+,"memorySizeMB":1769,"maxMemoryUsedMB":\d+},"status":"success"}}`,
	} {
		mustMatch(t, want, strings.TrimSuffix(events[6+i], "\n"))
	}
	var report struct {
		Record struct{ Metrics struct{ DurationMs float64 } }
	}
	if err := json.Unmarshal([]byte(events[11]), &report); err != nil || report.Record.Metrics.DurationMs < 300 {
		t.Errorf("Duration %+v with an init of %v, %v", report, init, err)
	}
}

func TestRuntimeAPIRefusesIllegalCalls(t *testing.T) {
	b := newBed(t, emulator.Options{})
	b.install(emulator.LocalFunction{})
	if a := b.invoke(order{Do: "twice"}); a.payload != `"first"` || a.failed != "" {
		t.Errorf("got %+v", a)
	}
	var notes []string
	if err := json.Unmarshal([]byte(b.invoke(order{Do: "notes"}).payload), &notes); err != nil {
		t.Fatal(err)
	}
	const refused = `403 {"errorMessage":"State transition from ResponseSent to %s failed for runtime. Error: State transition is not allowed","errorType":"InvalidStateTransition"}`
	want := []string{
		fmt.Sprintf(refused, "InvocationResponse"),
		`400 {"errorMessage":"Invalid request ID","errorType":"InvalidRequestID"}`,
		fmt.Sprintf(refused, "InvocationErrorResponse"),
		fmt.Sprintf(refused, "InitError"),
	}
	if strings.Join(notes, "\n") != strings.Join(want, "\n") {
		t.Errorf("got  %q\nwant %q", notes, want)
	}
}

func testAnswerCountsThoughTheProcessEndsAfterIt(t *testing.T) {
	b := newBed(t, emulator.Options{})
	b.install(emulator.LocalFunction{Timeout: 3 * time.Second})
	for _, c := range []struct{ do, end string }{
		{"answer-exit", "Status: error\tError Type: Runtime.ExitError\n"},
		{"answer-sleep", "Status: timeout\n"},
	} {
		a := b.invoke(order{Do: c.do, MS: 60000})
		if a.payload != `"answered"` || a.failed != "" || !strings.HasSuffix(a.log, c.end) {
			t.Errorf("%s: %+v", c.do, a)
		}
	}
}

func TestMemoryLimit(t *testing.T) {
	b := newBed(t, emulator.Options{})
	if !strings.Contains(b.server.Limits(), "memory") {
		t.Skipf("no memory limit can be set here: %s", b.server.Limits())
	}
	b.install(emulator.LocalFunction{MemoryMB: 128})
	a := b.invoke(order{Do: "eat", Bytes: 400 << 20})
	if a.failed != "Unhandled" || !strings.Contains(a.payload, "signal: killed") {
		t.Errorf("got %+v", a)
	}
	if !strings.Contains(a.log, "Max Memory Used: 128 MB\t") || !strings.HasSuffix(a.log, "Status: error\tError Type: Runtime.OutOfMemory\n") {
		t.Errorf("REPORT %q", a.log)
	}
}

func TestRequestErrors(t *testing.T) {
	b := newBed(t, emulator.Options{})
	b.install(emulator.LocalFunction{})
	for _, c := range []struct {
		name, fn, body, kind string
		status               int
		answer               string
	}{
		{"no such function", "doesnotexist", "{}", "ResourceNotFoundException", 404, `{"Message":"Function not found: arn:aws:lambda:us-east-1:123456789012:function:doesnotexist:$LATEST","Type":"User"}`},
		{"no such version", "fn?Qualifier=3", "{}", "ResourceNotFoundException", 404, `{"Message":"Function not found: arn:aws:lambda:us-east-1:123456789012:function:fn:3","Type":"User"}`},
		{"not UTF-8", "fn", "n\x87r", "InvalidRequestContentException", 400, "{\"Type\":\"User\",\"message\":\"Could not parse request body into json: Could not parse payload into json: Invalid UTF-8 start byte 0x87\\n at [Source: REDACTED (`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` disabled); line: 1, column: 3]\"}"},
		{"too large", "fn", `"` + strings.Repeat("x", 6291456) + `"`, "RequestEntityTooLargeException", 413, `{"Message":"Request must be smaller than 6291456 bytes for the InvokeFunction operation"}`},
		{"bad name", "a%20b", "{}", "ValidationException", 400, ""},
		{"other region", "arn:aws:lambda:eu-west-1:123456789012:function:fn", "{}", "ResourceNotFoundException", 404, `{"Message":"Functions from 'eu-west-1' are not reachable in this region ('us-east-1')","Type":"User"}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			path, query, _ := strings.Cut(c.fn, "?")
			resp, err := http.Post(b.url+"/2015-03-31/functions/"+path+"/invocations?"+query, "", strings.NewReader(c.body))
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			defer http.DefaultClient.CloseIdleConnections()
			got := body(t, resp)
			if resp.StatusCode != c.status || resp.Header.Get("X-Amzn-ErrorType") != c.kind || (c.answer != "" && got != c.answer) {
				t.Errorf("got %d %s %s\nwant %d %s %s", resp.StatusCode, resp.Header.Get("X-Amzn-ErrorType"), got, c.status, c.kind, c.answer)
			}
		})
	}
}
