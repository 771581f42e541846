package emulator_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"coldbench/emulator"
	"coldbench/parsers"
	"coldbench/record"
	"coldbench/sandbox"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
)

// TestExtensionFromALayer: the official client publishes a layer with an
// extension in it, and a function uses it.
func TestExtensionFromALayer(t *testing.T) {
	ctx := context.Background()
	b := newBed(t, emulator.Options{})
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	l := b.publishLayer("agent", scripts(t, "extensions/agent", "#!/bin/sh\nTEST_FUNCTION=extension exec \"$SELF\" \"$0\"\n"))
	_, err = b.lambda.CreateFunction(ctx, &lambda.CreateFunctionInput{
		FunctionName: aws.String("fn"), Role: aws.String("arn:aws:iam::123456789012:role/r"), Runtime: types.RuntimeProvidedal2023, Timeout: aws.Int32(20),
		Handler: aws.String("x"), MemorySize: aws.Int32(1769), Code: &types.FunctionCode{ZipFile: scripts(t, "bootstrap", "#!/bin/sh\nexec \"$SELF\"\n")},
		Environment: &types.Environment{Variables: map[string]string{"TEST_FUNCTION": "1", "SELF": self, "GORACE": "atexit_sleep_ms=0"}},
		Layers:      []string{*l.LayerVersionArn},
	})
	if err != nil {
		t.Fatal(err)
	}
	if a := b.invoke(order{}); !strings.Contains(a.log, "agent: INVOKE") || a.failed != "" {
		t.Errorf("got %+v", a)
	}
}

// TestFrozenWithExtensions: what freezes and thaws is the whole environment, and
// nothing that was told meanwhile is lost.
func TestFrozenWithExtensions(t *testing.T) {
	b := newBed(t, emulator.Options{Freeze: true, Shutdown: 10 * time.Second})
	b.install(emulator.LocalFunction{Layer: layer(t, map[string]string{"x": "subscribe=/2022-07-01/telemetry"})})
	for range 3 {
		if a := b.invoke(order{}); a.failed != "" || !strings.Contains(a.log, "x: INVOKE") {
			t.Errorf("got %+v", a)
		}
	}
	b.remove()
	log := strings.Join(b.logged("x: SHUTDOWN   spindown"), "")
	if n := strings.Count(log, `"type":"platform.report"`); n != 3 {
		t.Errorf("told of %d reports: %q", n, log)
	}
}

// TestManyEnvironmentsEndTogether: a stop takes the time of one shutdown, however
// many environments there are. They are all deaf.
func TestManyEnvironmentsEndTogether(t *testing.T) {
	const budget, n = 2 * time.Second, 6
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	s, err := emulator.New(emulator.Options{WorkDir: t.TempDir(), Shutdown: budget, Mounts: []sandbox.Mount{{Source: self, Target: self, ReadOnly: true}}})
	if err != nil {
		t.Fatal(err)
	}
	b := &bed{t: t, server: s}
	for i := range n {
		b.install(emulator.LocalFunction{Name: fmt.Sprint("fn", i), Layer: layer(t, map[string]string{"x": "how=deaf"})})
		invokeDirectly(t, s, fmt.Sprint("fn", i))
	}
	// In turn they would need six times the budget.
	ctx, cancel := context.WithTimeout(t.Context(), (n-1)*budget)
	defer cancel()
	if err := s.Close(ctx); err != nil {
		t.Error(err)
	}
}

// TestStopDuringAnInit: an extension that holds up the init doesn't hold up the
// end of the server.
func TestStopDuringAnInit(t *testing.T) {
	b := newBed(t, emulator.Options{Shutdown: 100 * time.Millisecond})
	b.install(emulator.LocalFunction{Layer: layer(t, map[string]string{"x": "init=hang tell=1"})})
	type outcome struct {
		answer
		err error
	}
	ended := make(chan outcome, 1)
	go func() {
		a, err := b.try("fn", order{})
		ended <- outcome{a, err}
	}()
	eventually(t, "a log", func() bool {
		_, err := b.logs.FilterLogEvents(t.Context(), &cloudwatchlogs.FilterLogEventsInput{LogGroupName: aws.String("/aws/lambda/fn")})
		return err == nil
	})
	b.logged("x: 200")
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second) // half the limit of an init
	defer cancel()
	if err := b.server.Close(ctx); err != nil {
		t.Error(err)
	}
	if o := <-ended; o.err == nil && o.failed == "" {
		t.Errorf("the invocation succeeded: %+v", o)
	}
}

// TestExtensionThatEndsBetweenInvocations fails one invocation, and only that.
func TestExtensionThatEndsBetweenInvocations(t *testing.T) {
	b := newBed(t, emulator.Options{Shutdown: 100 * time.Millisecond})
	b.install(emulator.LocalFunction{Layer: layer(t, map[string]string{"x": "events=SHUTDOWN pid=1"})})
	b.invoke(order{})
	log := strings.Join(b.logged("x: pid "), "")
	_, rest, _ := strings.Cut(log, "x: pid ")
	var pid int
	fmt.Sscan(rest, &pid)
	// The end may be seen while this invocation still runs, before or after its
	// answer: then it is the one that fails.
	const crash = "Status: error\tError Type: Extension.Crash\n"
	if !strings.HasSuffix(b.invoke(order{Do: "kill", Code: pid}).log, crash) {
		eventually(t, "a failure", func() bool { return strings.HasSuffix(b.invoke(order{}).log, crash) })
	}
	if a := b.invoke(order{}); a.failed != "" || strings.Contains(a.log, "Extension.Crash") {
		t.Errorf("after it: %+v", a)
	}
}

// TestProvisionedWithExtensions: an init ahead of requests covers them.
func TestProvisionedWithExtensions(t *testing.T) {
	b := newBed(t, emulator.Options{})
	b.install(emulator.LocalFunction{Layer: layer(t, map[string]string{"x": ""})})
	b.publish("one")
	b.putProvisioned(1)
	eventually(t, "a provisioned environment", func() bool { return b.provisionedStatus().Status == types.ProvisionedConcurrencyStatusEnumReady })
	mustMatch(t, "INIT_START [^\n]*\nEXTENSION\tName: x\tState: Ready\tEvents: \\[INVOKE, SHUTDOWN\\]\nINIT_REPORT Init Duration: [\\d.]+ ms\n", strings.Join(b.events(), ""))
	if a, err := b.try("fn:1", order{}); err != nil || cold([]answer{a}) != 0 || !strings.Contains(a.log, "x: INVOKE") {
		t.Errorf("%+v, %v", a, err)
	}
}

// TestTelemetryOfAFailure: the subscriber learns how the invocation ended before
// it has to end itself.
func TestTelemetryOfAFailure(t *testing.T) {
	b := newBed(t, emulator.Options{Shutdown: 10 * time.Second})
	b.install(emulator.LocalFunction{Layer: layer(t, map[string]string{"new": "subscribe=/2022-07-01/telemetry", "old": "subscribe=/2020-08-15/logs"})})
	b.invoke(order{Do: "exit", Code: 7})
	b.logged("old: SHUTDOWN   failure")
	log := strings.Join(b.logged("new: SHUTDOWN   failure"), "")
	for _, want := range []string{
		`new: told {"time":"[^"]*","type":"platform.runtimeDone","record":{"requestId":"[^"]*","status":"error","errorType":"Runtime.ExitError","metrics":`,
		`new: told {"time":"[^"]*","type":"platform.report","record":{"requestId":"[^"]*","metrics":{[^}]*},"status":"error","errorType":"Runtime.ExitError"}}`,
		`old: told {"time":"[^"]*","type":"platform.fault","record":"RequestId: [^ ]* Error: Runtime exited with error: exit status 7\\nRuntime.ExitError\\n"}`,
		`old: told {"time":"[^"]*","type":"platform.end","record":{"requestId":"[^"]*"}}`,
	} {
		mustMatch(t, ".*"+want+".*", log)
	}
}

// TestTelemetryOfJSONLogs: a line that is an object comes as one.
func TestTelemetryOfJSONLogs(t *testing.T) {
	b := newBed(t, emulator.Options{Shutdown: 10 * time.Second})
	b.install(emulator.LocalFunction{Layer: layer(t, map[string]string{"x": "subscribe=/2022-07-01/telemetry"})})
	_, err := b.lambda.UpdateFunctionConfiguration(context.Background(), &lambda.UpdateFunctionConfigurationInput{
		FunctionName: aws.String("fn"), LoggingConfig: &types.LoggingConfig{LogFormat: types.LogFormatJson}, TracingConfig: &types.TracingConfig{Mode: types.TracingModeActive},
	})
	if err != nil {
		t.Fatal(err)
	}
	b.invoke(order{Do: "print", Text: `{"level":"INFO","message":"hi"}`})
	b.remove()
	log := strings.Join(b.logged("x: SHUTDOWN"), "")
	for _, want := range []string{
		`x: told {"time":"[^"]*","type":"function","record":{"level":"INFO","message":"hi"}}`,
		`x: told {"time":"[^"]*","type":"platform.start","record":{"requestId":"[^"]*","version":"\$LATEST","tracing":{"spanId":"[0-9a-f]{16}","type":"X-Amzn-Trace-Id","value":"Root=[^"]*;Sampled=1;[^"]*"}}}`,
		`{"time":"[^"]*","type":"platform.extension","record":{"name":"x","state":"Ready","events":\["INVOKE","SHUTDOWN"\]}}`,
		`{"time":"[^"]*","type":"platform.telemetrySubscription","record":{"name":"x","state":"Subscribed","types":\["platform","function"\]}}`,
	} {
		mustMatch(t, ".*"+want+".*", log)
	}
}

// TestJSONLogReadsBack: all that the JSON log says at its most talkative is read
// back as two starts, one of them cold.
func TestJSONLogReadsBack(t *testing.T) {
	b := newBed(t, emulator.Options{Shutdown: 100 * time.Millisecond})
	b.install(emulator.LocalFunction{Layer: layer(t, map[string]string{"x": "subscribe=/2022-07-01/telemetry"})})
	_, err := b.lambda.UpdateFunctionConfiguration(context.Background(), &lambda.UpdateFunctionConfigurationInput{
		FunctionName: aws.String("fn"), LoggingConfig: &types.LoggingConfig{LogFormat: types.LogFormatJson, SystemLogLevel: types.SystemLogLevelDebug},
	})
	if err != nil {
		t.Fatal(err)
	}
	b.invoke(order{})
	b.invoke(order{})
	var starts []string
	for p, err := range (&parsers.Pairing{}).Platforms(b.records()) {
		if err != nil {
			t.Fatal(err)
		}
		if p.Kind == record.KindReport {
			starts = append(starts, string(p.Start))
		}
	}
	if got := strings.Join(starts, " "); got != "cold warm" {
		t.Errorf("read back %q", got)
	}
}

// TestRuntimeAPIAudit: the calls that few runtimes make.
func TestRuntimeAPIAudit(t *testing.T) {
	b := newBed(t, emulator.Options{})
	b.install(emulator.LocalFunction{})
	a := b.invoke(order{Do: "bad-mode"})
	if a.failed != "Unhandled" || a.payload != `{"errorType":"Runtime.InvalidResponseModeHeader","errorMessage":"Invalid function response mode"}` {
		t.Errorf("got %+v", a)
	}
	want := []string{`400 {"errorMessage":"Invalid function response mode","errorType":"InvalidFunctionResponseMode"}`, "200 pong", "405 ", "404 404 page not found\n"}
	b.invoke(order{Do: "big", Bytes: 6291556, Text: "stay"})
	want = append(want, `413 {"errorMessage":"Exceeded maximum allowed payload size (6291556 bytes).","errorType":"RequestEntityTooLarge"}`)
	var notes []string
	if err := json.Unmarshal([]byte(b.invoke(order{Do: "notes"}).payload), &notes); err != nil {
		t.Fatal(err)
	}
	if strings.Join(notes, "\n") != strings.Join(want, "\n") {
		t.Errorf("got  %q\nwant %q", notes, want)
	}
}
