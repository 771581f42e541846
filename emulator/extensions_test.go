package emulator_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"coldbench/emulator"
	"coldbench/sandbox"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
)

// logged waits until the function's log has a line that begins so, and gives all
// lines.
func (b *bed) logged(begin string) (lines []string) {
	b.t.Helper()
	eventually(b.t, "a line "+begin, func() bool {
		lines = b.events()
		return strings.Contains("\n"+strings.Join(lines, ""), "\n"+begin)
	})
	return lines
}

// remove deletes the function, which ends its environments.
func (b *bed) remove() {
	b.t.Helper()
	if _, err := b.lambda.DeleteFunction(context.Background(), &lambda.DeleteFunctionInput{FunctionName: aws.String("fn")}); err != nil {
		b.t.Fatal(err)
	}
}

func TestExtensionTakesPart(t *testing.T) {
	b := newBed(t, emulator.Options{Shutdown: 10 * time.Second})
	b.install(emulator.LocalFunction{Layer: layer(t, map[string]string{"first": "tell=1", "second": "events=SHUTDOWN", "third": "events="})})
	cold := b.invoke(order{Do: "print", Text: "hello"})
	id := strings.Fields(cold.log)[2]
	if cold.payload != `"printed"` || !strings.Contains(cold.log, "Init Duration") {
		t.Errorf("got %+v", cold)
	}
	invoked := "first: INVOKE " + id + " arn:aws:lambda:us-east-1:123456789012:function:fn  true X-Amzn-Trace-Id\n"
	if !strings.Contains(cold.log, invoked) || strings.Contains(cold.log, "second: INVOKE") {
		t.Errorf("log %q\nwant %q", cold.log, invoked)
	}
	b.invoke(order{})
	b.remove()
	all := strings.Join(b.logged("second: SHUTDOWN   spindown true"), "")
	b.logged("first: SHUTDOWN   spindown true")
	mustMatch(t, `INIT_START [^\n]*\n`+
		`first: 200 {"functionVersion":"\$LATEST","functionName":"fn","handler":"bootstrap","accountId":"123456789012"}\n`+
		"EXTENSION\tName: first\tState: Ready\tEvents: \\[INVOKE, SHUTDOWN\\]\n"+
		"EXTENSION\tName: second\tState: Ready\tEvents: \\[SHUTDOWN\\]\n"+
		"EXTENSION\tName: third\tState: Ready\tEvents: \\[\\]\n"+
		"START .*", all)
}

// TestExtensionsCountInTheDurations: the init lasts until all have called next,
// and so does the invocation, though the reply is there before.
func TestExtensionsCountInTheDurations(t *testing.T) {
	b := newBed(t, emulator.Options{})
	b.install(emulator.LocalFunction{Layer: layer(t, map[string]string{"slow": "how=slow"})})
	r := parseReport(t, b.invoke(order{}).log)
	if r.duration < 300 || r.billed < r.duration+r.init {
		t.Errorf("an extension of 300 ms: %+v", r)
	}
}

func TestExtensionFaults(t *testing.T) {
	failed := func(errorType, message string) string {
		return `{"errorType":"` + errorType + `","errorMessage":"RequestId: ` + uuidForm + ` Error: ` + message + `"}`
	}
	const both = "\tEvents: \\[INVOKE, SHUTDOWN\\]"
	for _, c := range []struct {
		name, words string
		payload     string
		line        string // of the extension in the log
		errorType   string
	}{
		{"exits in its init", "init=exit", failed("Extension.Crash", "exit status 3"), "State: Started\tEvents: \\[\\]", "Extension.Crash"},
		{"reports an init error", "init=error", failed("Extension.InitError", "exit status 1"), "State: InitError" + both + "\tError Type: Extension.NoConfig", "Extension.InitError"},
		{"unknown name", "as=other events=INVOKE,SHUTDOWN", failed("Extension.Crash", "exit status 6"), "State: Started\tEvents: \\[\\]", "Extension.Crash"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBed(t, emulator.Options{Shutdown: 200 * time.Millisecond})
			b.install(emulator.LocalFunction{Layer: layer(t, map[string]string{"x": c.words})})
			a := b.invoke(order{})
			if a.failed != "Unhandled" || !strings.HasSuffix(a.log, "Status: error\tError Type: "+c.errorType+"\n") {
				t.Errorf("got %+v", a)
			}
			mustMatch(t, c.payload, a.payload)
			report := func(phase string) string {
				return "EXTENSION\tName: x\t" + c.line + "\nINIT_REPORT Init Duration: [\\d.]+ ms\tPhase: " + phase + "\tStatus: error\tError Type: " + c.errorType + "\n"
			}
			mustMatch(t, "INIT_START [^\n]*\n"+report("init")+report("invoke")+"START .*", strings.Join(b.events(), ""))
		})
	}
}

func TestExtensionFaultsInAnInvocation(t *testing.T) {
	for _, c := range []struct{ words, errorType, message string }{
		{"how=crash", "Extension.Crash", "exit status 4"},
		{"how=exit-error", "Extension.ExitError", "exit status 1"},
	} {
		t.Run(c.words, func(t *testing.T) {
			b := newBed(t, emulator.Options{Shutdown: 10 * time.Second})
			b.install(emulator.LocalFunction{Layer: layer(t, map[string]string{"x": c.words, "y": ""})})
			a := b.invoke(order{Do: "sleep", MS: 20_000})
			mustMatch(t, `{"errorType":"`+c.errorType+`","errorMessage":"RequestId: `+uuidForm+` Error: `+c.message+`"}`, a.payload)
			if !strings.HasSuffix(a.log, "Status: error\tError Type: "+c.errorType+"\n") {
				t.Errorf("log %q", a.log)
			}
			b.logged("y: SHUTDOWN   failure true") // the others learn of it
		})
	}
}

// testShutdownAfterTimeout: the extension learns why, and both start again.
func testShutdownAfterTimeout(t *testing.T) {
	b := newBed(t, emulator.Options{Shutdown: 10 * time.Second})
	b.install(emulator.LocalFunction{Timeout: 2 * time.Second, Layer: layer(t, map[string]string{"x": ""})})
	if a := b.invoke(order{Do: "sleep", MS: 60_000}); !strings.Contains(a.payload, "Sandbox.Timedout") || !strings.HasSuffix(a.log, "Status: timeout\n") {
		t.Errorf("got %+v", a)
	}
	b.logged("x: SHUTDOWN   timeout true")
	if got := b.invoke(order{Do: "served"}); got.payload != "1" || !strings.Contains(got.log, "x: INVOKE") {
		t.Errorf("after it: %+v", got)
	}
	if n := b.streams(); n != 1 {
		t.Errorf("%d streams", n)
	}
}

// TestRuntimeCrashBringsShutdown: the runtime is gone, its extension goes on
// until it has been told.
func TestRuntimeCrashBringsShutdown(t *testing.T) {
	b := newBed(t, emulator.Options{Shutdown: 10 * time.Second})
	b.install(emulator.LocalFunction{Layer: layer(t, map[string]string{"x": ""})})
	if a := b.invoke(order{Do: "exit", Code: 7}); !strings.HasSuffix(a.log, "Status: error\tError Type: Runtime.ExitError\n") {
		t.Errorf("got %+v", a)
	}
	b.logged("x: SHUTDOWN   failure true")
}

// testEndlessShutdown: who ignores SIGTERM and SHUTDOWN is killed.
func testEndlessShutdown(t *testing.T) {
	b := newBed(t, emulator.Options{Shutdown: 2 * time.Second})
	b.install(emulator.LocalFunction{Env: map[string]string{"TEST_INIT": "deaf"}, Layer: layer(t, map[string]string{"x": "how=deaf"})})
	pid := b.pid()
	b.remove()
	b.logged("x: SHUTDOWN   spindown")
	eventually(t, "the end of the runtime", func() bool { return !alive(pid) })
}

// TestNoShutdownWithoutExtensions: such a runtime is killed at once, however deaf
// it is and however long a shutdown may take.
func TestNoShutdownWithoutExtensions(t *testing.T) {
	b := newBed(t, emulator.Options{Shutdown: time.Hour})
	b.install(emulator.LocalFunction{Env: map[string]string{"TEST_INIT": "deaf"}})
	pid := b.pid()
	b.remove()
	eventually(t, "the end of the runtime", func() bool { return !alive(pid) })
}

// testExtensionThatNeverComesBack: the time-out covers extensions, and the reply
// that the function gave counts.
func testExtensionThatNeverComesBack(t *testing.T) {
	b := newBed(t, emulator.Options{Shutdown: 100 * time.Millisecond})
	b.install(emulator.LocalFunction{Timeout: time.Second, Layer: layer(t, map[string]string{"x": "how=never"})})
	if a := b.invoke(order{Text: "mine"}); !strings.Contains(a.payload, `"mine"`) || a.failed != "" || !strings.HasSuffix(a.log, "Status: timeout\n") {
		t.Errorf("got %+v", a)
	}
}

func testExtensionHoldsUpTheInit(t *testing.T) {
	b := newBed(t, emulator.Options{InitLimit: 500 * time.Millisecond, Shutdown: 100 * time.Millisecond})
	b.install(emulator.LocalFunction{Timeout: 500 * time.Millisecond, Layer: layer(t, map[string]string{"x": "init=hang"})})
	b.invoke(order{})
	mustMatch(t, "INIT_START [^\n]*\nEXTENSION\tName: x\tState: [A-Z][a-z]*\tEvents: \\[[A-Z, ]*\\]\nINIT_REPORT Init Duration: [\\d.]+ ms\tPhase: init\tStatus: timeout\n.*", strings.Join(b.events(), ""))
}

func TestExtensionThatCantBeLaunched(t *testing.T) {
	for name, make := range map[string]func(path string) error{
		"PermissionDenied": func(path string) error { return os.WriteFile(path, []byte("#!/bin/sh\n"), 0o644) },
		"UnknownError":     func(path string) error { return os.WriteFile(path, []byte("no program"), 0o755) },
	} {
		t.Run(name, func(t *testing.T) {
			b := newBed(t, emulator.Options{Shutdown: 100 * time.Millisecond})
			dir := layer(t, map[string]string{"a": ""})
			if err := make(filepath.Join(dir, "extensions", "x")); err != nil {
				t.Fatal(err)
			}
			b.install(emulator.LocalFunction{Layer: dir})
			a := b.invoke(order{})
			mustMatch(t, `{"errorType":"Extension.LaunchError","errorMessage":"RequestId: `+uuidForm+` Error: fork/exec /opt/extensions/x: [a-z ]*"}`, a.payload)
			mustMatch(t, "INIT_START [^\n]*\nEXTENSION\tName: a\tState: [A-Z][a-z]*\tEvents: [^\n]*\nEXTENSION\tName: x\tState: LaunchError\tEvents: \\[\\]\tError Type: "+name+"\nINIT_REPORT [^\n]*Error Type: Extension.LaunchError\n.*", strings.Join(b.events(), ""))
		})
	}
}

func TestElevenExtensions(t *testing.T) {
	b := newBed(t, emulator.Options{Shutdown: 100 * time.Millisecond})
	how := map[string]string{}
	for i := range 11 {
		how[fmt.Sprintf("x%02d", i)] = "init=exit"
	}
	b.install(emulator.LocalFunction{Layer: layer(t, how)})
	b.invoke(order{})
	if log := strings.Join(b.events(), ""); !strings.Contains(log, "EXTENSION\tName: x10\tState: LaunchError\tEvents: []\tError Type: TooManyExtensions\n") {
		t.Errorf("log %q", log)
	}
}

func TestInternalExtension(t *testing.T) {
	b := newBed(t, emulator.Options{Shutdown: 400 * time.Millisecond})
	b.install(emulator.LocalFunction{Env: map[string]string{"TEST_INIT": `internal:inside:"INVOKE"`}})
	a := b.invoke(order{})
	if !strings.Contains(a.log, "internal: INVOKE\n") {
		t.Errorf("log %q", a.log)
	}
	if log := strings.Join(b.events(), ""); !strings.Contains(log, "EXTENSION\tName: inside\tState: Ready\tEvents: [INVOKE]\n") {
		t.Errorf("log %q", log)
	}
}

// TestRefusedCalls: the answers to what an extension may not do.
func TestRefusedCalls(t *testing.T) {
	b := newBed(t, emulator.Options{Shutdown: 100 * time.Millisecond})
	b.install(emulator.LocalFunction{Env: map[string]string{"TEST_INIT": `internal:inside:"SHUTDOWN"`}})
	b.invoke(order{}) // the init is over
	var notes []string
	if err := json.Unmarshal([]byte(b.invoke(order{Do: "extension-calls"}).payload), &notes); err != nil {
		t.Fatal(err)
	}
	want := []string{
		`403 {"errorMessage":"SHUTDOWN: ShutdownEventNotSupportedForInternalExtension","errorType":"Extension.InvalidEventType"}`,
		`403 {"errorMessage":"Extension registration closed already","errorType":"Extension.RegistrationClosed"}`,
		`403 {"errorMessage":"Empty extension name","errorType":"Extension.InvalidExtensionName"}`,
		`403 {"errorMessage":"LUNCH: ErrorInvalidEventType","errorType":"Extension.InvalidEventType"}`,
		`403 {"errorMessage":"the request body is not a registration in JSON","errorType":"InvalidRequestFormat"}`,
		`403 {"errorMessage":"Missing Lambda-Extension-Identifier header","errorType":"Extension.MissingExtensionIdentifier"}`,
		`403 {"errorMessage":"Invalid Lambda-Extension-Identifier","errorType":"Extension.InvalidExtensionIdentifier"}`,
		`403 {"errorMessage":"Unknown extension 3da1f2dc-3222-475e-9205-e2e6c6318895","errorType":"Extension.UnknownExtensionIdentifier"}`,
		`403 {"errorMessage":"Unknown extension 3da1f2dc-3222-475e-9205-e2e6c6318895","errorType":"Extension.UnknownExtensionIdentifier"}`,
		"404 404 page not found\n",
		"405 ",
	}
	if strings.Join(notes, "\n") != strings.Join(want, "\n") {
		t.Errorf("got  %q\nwant %q", notes, want)
	}
}

// testSIGTERMOfAGoFunction: aws-lambda-go registers an internal extension so that
// it gets SIGTERM, and time.
func testSIGTERMOfAGoFunction(t *testing.T) {
	b := newBed(t, emulator.Options{Shutdown: 4 * time.Second})
	b.install(emulator.LocalFunction{Env: map[string]string{"TEST_FUNCTION": "sigterm"}})
	if a := b.invoke(order{}); a.payload != `"ok"` {
		t.Errorf("got %+v", a)
	}
	b.remove()
	b.logged("function: SIGTERM")
}

func TestExtensionEnvironment(t *testing.T) {
	b := newBed(t, emulator.Options{Shutdown: 100 * time.Millisecond})
	dir := layer(t, nil)
	script := "#!/bin/sh\nenv\nexit 1\n"
	if err := os.WriteFile(filepath.Join(dir, "extensions", "env"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	b.install(emulator.LocalFunction{Layer: dir, Env: map[string]string{"MINE": "yes"}})
	b.invoke(order{})
	log := "\n" + strings.Join(b.events(), "")
	for name, want := range map[string]bool{"MINE=yes": true, "AWS_LAMBDA_RUNTIME_API=": true, "AWS_LAMBDA_FUNCTION_NAME=fn": true, "_HANDLER=": false, "AWS_LAMBDA_LOG_STREAM_NAME=": false, "LAMBDA_TASK_ROOT=": false} {
		if strings.Contains(log, "\n"+name) != want {
			t.Errorf("%s: want %v in %q", name, want, log)
		}
	}
}

func TestTelemetry(t *testing.T) {
	const stamp = `x: told {"time":"[^"]+","type":"`
	const spanForm = `"start":"[^"]+","durationMs":[\d.]+}`
	b := newBed(t, emulator.Options{Shutdown: 10 * time.Second})
	b.install(emulator.LocalFunction{Layer: layer(t, map[string]string{"x": "subscribe=/2022-07-01/telemetry tell=1"})})
	b.invoke(order{Do: "print", Text: "hello"})
	b.remove()
	lines := b.logged("x: SHUTDOWN")
	log := strings.Join(lines, "")
	if !strings.Contains(log, "TELEMETRY\tName: x\tState: Subscribed\tTypes: [Platform, Function]\n") || !strings.Contains(log, "x: 200 \"OK\"\n") ||
		!strings.Contains(log, `x: 400 {"errorMessage":"schemaVersion is not provided; types should not be empty; destination is not provided","errorType":"ValidationError"}`) {
		t.Errorf("log %q", log)
	}
	if host, err := sandbox.New(sandbox.Options{}); err != nil || (host.Private() && strings.Contains(log, "x: no name")) {
		t.Errorf("the extension could not listen at sandbox.localdomain: %q, %v", log, err)
	} else if err := host.Close(); err != nil {
		t.Error(err)
	}
	var told []string
	for _, line := range lines {
		if strings.HasPrefix(line, "x: told") {
			told = append(told, line)
		}
	}
	want := []string{
		stamp + `platform\.initStart","record":{"initializationType":"on-demand","phase":"init",.*"instanceMaxMemory":1854930944}}` + "\n",
		stamp + `platform\.telemetrySubscription","record":{"name":"x","state":"Subscribed","types":\["platform","function"\]}}` + "\n",
		stamp + `platform\.initRuntimeDone","record":{"initializationType":"on-demand","phase":"init","status":"success"}}` + "\n",
		stamp + `platform\.extension","record":{"name":"x","state":"Ready","events":\["INVOKE","SHUTDOWN"\]}}` + "\n",
		stamp + `platform\.initReport","record":{"initializationType":"on-demand","phase":"init","status":"success","metrics":{"durationMs":[\d.]+}}}` + "\n",
		stamp + `platform\.start","record":{"requestId":"` + uuidForm + `","version":"\$LATEST"}}` + "\n",
		stamp + `function","record":"hello\\n"}` + "\n",
		stamp + `function","record":"to stderr\\n"}` + "\n",
		stamp + `platform\.runtimeDone","record":{"requestId":"` + uuidForm + `","status":"success","spans":\[{"name":"responseLatency",` + spanForm + `,{"name":"responseDuration",` + spanForm + `,{"name":"runtimeOverhead",` + spanForm + `\],"metrics":{"durationMs":[\d.]+,"producedBytes":9}}}` + "\n",
		stamp + `platform\.report","record":{"requestId":"` + uuidForm + `","metrics":{"durationMs":[\d.]+,"billedDurationMs":\d+,"memorySizeMB":1769,"maxMemoryUsedMB":\d+,"initDurationMs":[\d.]+},(?:"spans":\[{"name":"extensionOverhead",` + spanForm + `\],)?"status":"success"}}` + "\n",
	}
	if len(told) != len(want) {
		t.Fatalf("told %q", told)
	}
	for i := range want {
		mustMatch(t, want[i], told[i])
	}
}

func TestLogsAPI(t *testing.T) {
	b := newBed(t, emulator.Options{Shutdown: 10 * time.Second})
	b.install(emulator.LocalFunction{Layer: layer(t, map[string]string{"x": "subscribe=/2020-08-15/logs"})})
	b.invoke(order{})
	b.remove()
	var kinds []string
	for _, line := range b.logged("x: SHUTDOWN") {
		if _, event, ok := strings.Cut(line, "x: told "); ok {
			var e struct{ Type string }
			if err := json.Unmarshal([]byte(event), &e); err != nil {
				t.Fatal(err)
			}
			kinds = append(kinds, e.Type)
		}
	}
	if got := strings.Join(kinds, " "); got != "platform.logsSubscription platform.extension platform.start platform.runtimeDone platform.end platform.report" {
		t.Errorf("told %s", got)
	}
}
