package emulator_test

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"coldbench/emulator"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
)

const (
	uuidForm   = `[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}`
	reportForm = `REPORT RequestId: ` + uuidForm + "\tDuration: \\d+\\.\\d\\d ms\tBilled Duration: \\d+ ms\tMemory Size: 1769 MB\tMax Memory Used: \\d+ MB\t"
	initForm   = "Init Duration: \\d+\\.\\d\\d ms\t"
)

func mustMatch(t *testing.T, form, text string) {
	t.Helper()
	if !regexp.MustCompile("^(?s:" + form + ")$").MatchString(text) {
		t.Errorf("got  %q\nwant %s", text, form)
	}
}

func TestColdThenWarm(t *testing.T) {
	b := newBed(t, emulator.Options{})
	b.install(emulator.LocalFunction{})
	start, end := "START RequestId: "+uuidForm+` Version: \$LATEST`+"\n", "END RequestId: "+uuidForm+"\n"

	cold := b.invoke(order{Do: "print", Text: "hello"})
	if cold.status != 200 || cold.payload != `"printed"` || cold.failed != "" || cold.version != "$LATEST" {
		t.Errorf("cold: %+v", cold)
	}
	mustMatch(t, start+"hello\nto stderr\n"+end+reportForm+initForm+"\n", cold.log)
	warm := b.invoke(order{Do: "served"})
	mustMatch(t, start+end+reportForm+"\n", warm.log)
	if warm.payload != "2" {
		t.Errorf("the process served %s requests, want 2", warm.payload)
	}

	events := b.events()
	if len(events) != 9 {
		t.Fatalf("events: %q", events)
	}
	mustMatch(t, `INIT_START Runtime Version: provided:al2023\.emulated-local`+"\tRuntime Version ARN: arn:aws:lambda:us-east-1::runtime:[0-9a-f]{64}\n", events[0])
	if got := strings.Join(events[1:6], ""); got != cold.log {
		t.Errorf("log group %q, tail %q", got, cold.log)
	}
}

func TestInitDurationIsTheInit(t *testing.T) {
	b := newBed(t, emulator.Options{})
	b.install(emulator.LocalFunction{Env: map[string]string{"TEST_INIT": "sleep:300ms"}})
	r := parseReport(t, b.invoke(order{}).log)
	if r.init < 300 || r.duration > r.init {
		t.Errorf("init of 300 ms: %+v", r)
	}
	// Billed = ceil(Duration + Init Duration).
	if sum := r.duration + r.init; r.billed < sum || r.billed >= sum+1.02 {
		t.Errorf("billed %v for %v", r.billed, sum)
	}
}

type reported struct{ duration, billed, init, memory float64 }

func parseReport(t *testing.T, log string) (r reported) {
	t.Helper()
	_, line, ok := strings.Cut(log, "REPORT ")
	if !ok {
		t.Fatalf("no REPORT in %q", log)
	}
	for _, part := range strings.Split(line, "\t") {
		name, value, _ := strings.Cut(part, ": ")
		var n float64
		fmt.Sscan(value, &n)
		switch name {
		case "Duration":
			r.duration = n
		case "Billed Duration":
			r.billed = n
		case "Init Duration":
			r.init = n
		case "Max Memory Used":
			r.memory = n
		}
	}
	return r
}

func TestHandlerErrorKeepsTheEnvironment(t *testing.T) {
	b := newBed(t, emulator.Options{})
	b.install(emulator.LocalFunction{})
	a := b.invoke(order{Do: "error", Text: "some error"})
	if a.status != 200 || a.failed != "Unhandled" || a.payload != `{"errorMessage":"some error","errorType":"CustomError"}` {
		t.Errorf("got %+v", a)
	}
	if got := b.invoke(order{Do: "served"}).payload; got != "2" {
		t.Errorf("the next request ran in a process that had served %s", got)
	}
}

func TestPayloadComesThrough(t *testing.T) {
	b := newBed(t, emulator.Options{})
	b.install(emulator.LocalFunction{})
	for _, payload := range []string{`{"a":[1,2,"ü"]}`, `null`, `"text"`, `3`} {
		out, err := b.lambda.Invoke(context.Background(), &lambda.InvokeInput{FunctionName: aws.String("fn"), Payload: []byte(payload)})
		if err != nil || string(out.Payload) != payload {
			t.Errorf("%s: %s, %v", payload, out.Payload, err)
		}
	}
	out, err := b.lambda.Invoke(context.Background(), &lambda.InvokeInput{FunctionName: aws.String("fn")})
	if err != nil || string(out.Payload) != "{}" {
		t.Errorf("no payload: %s, %v", out.Payload, err)
	}
}

func TestEnvironmentIsLambdas(t *testing.T) {
	t.Setenv("AWS_SECRET_ACCESS_KEY", "host-secret")
	t.Setenv("HOST_ONLY", "1")
	b := newBed(t, emulator.Options{})
	b.install(emulator.LocalFunction{MemoryMB: 512, Env: map[string]string{"MINE": "yes"}})
	var list []string
	if err := json.Unmarshal([]byte(b.invoke(order{Do: "environment"}).payload), &list); err != nil {
		t.Fatal(err)
	}
	env := map[string]string{}
	for _, kv := range list {
		k, v, _ := strings.Cut(kv, "=")
		env[k] = v
	}
	for k, want := range map[string]string{
		"AWS_LAMBDA_FUNCTION_NAME": "fn", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512", "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
		"AWS_REGION": "us-east-1", "AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/fn", "TZ": ":UTC", "_HANDLER": "bootstrap",
		"AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand", "MINE": "yes",
	} {
		if env[k] != want {
			t.Errorf("%s = %q, want %q", k, env[k], want)
		}
	}
	mustMatch(t, `\d{4}/\d\d/\d\d/\[\$LATEST\][0-9a-f]{32}`, env["AWS_LAMBDA_LOG_STREAM_NAME"])
	if strings.Contains(strings.Join(list, "\n"), "host-secret") || env["HOST_ONLY"] != "" {
		t.Errorf("the host's environment reached the function: %q", list)
	}
}

func TestNextHeaders(t *testing.T) {
	b := newBed(t, emulator.Options{})
	b.install(emulator.LocalFunction{Timeout: 7 * time.Second})
	out, err := b.lambda.Invoke(context.Background(), &lambda.InvokeInput{
		FunctionName: aws.String("fn"), Qualifier: aws.String("$LATEST"), Payload: []byte(`{"Do":"headers"}`),
		ClientContext: aws.String(base64.StdEncoding.EncodeToString([]byte(`{"custom":{"a":"b"}}`))),
	})
	if err != nil {
		t.Fatal(err)
	}
	var h map[string][]string
	if err := json.Unmarshal(out.Payload, &h); err != nil {
		t.Fatal(err)
	}
	get := func(k string) string { return strings.Join(h[k], "|") }
	if got := get("Lambda-Runtime-Invoked-Function-Arn"); got != "arn:aws:lambda:us-east-1:123456789012:function:fn:$LATEST" {
		t.Error(got)
	}
	// The caller's ids are those of the function.
	if id, _ := awsmiddleware.GetRequestIDMetadata(out.ResultMetadata); id == "" || get("Lambda-Runtime-Aws-Request-Id") != id {
		t.Errorf("request id %q to the function, %q to the caller", get("Lambda-Runtime-Aws-Request-Id"), id)
	}
	if got := get("Lambda-Runtime-Client-Context"); got != `{"custom":{"a":"b"}}` {
		t.Error(got)
	}
	mustMatch(t, "Root=1-[0-9a-f]{8}-[0-9a-f]{24};Parent=[0-9a-f]{16};Sampled=0;Lineage=1:[0-9a-f]{8}:0", get("Lambda-Runtime-Trace-Id"))
	var ms int64
	fmt.Sscan(get("Lambda-Runtime-Deadline-Ms"), &ms)
	if left := time.Until(time.UnixMilli(ms)); left > 7*time.Second || left < time.Second {
		t.Errorf("deadline %v away", left)
	}
}

// bootstrapZip is a deployment package whose bootstrap becomes this test binary.
func bootstrapZip(t *testing.T) []byte {
	t.Helper()
	return zipOf(t, "bootstrap", "#!/bin/sh\nexec \"$TEST_BINARY\"\n", 0o755)
}

// zipOf is an archive of one file.
func zipOf(t *testing.T, name, text string, mode os.FileMode) []byte {
	t.Helper()
	var buf bytes.Buffer
	w := zip.NewWriter(&buf)
	h := &zip.FileHeader{Name: name, Method: zip.Deflate}
	h.SetMode(mode)
	f, err := w.CreateHeader(h)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprint(f, text)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func TestJSONLogFormat(t *testing.T) {
	b := newBed(t, emulator.Options{})
	b.install(emulator.LocalFunction{})
	_, err := b.lambda.UpdateFunctionConfiguration(context.Background(), &lambda.UpdateFunctionConfigurationInput{
		FunctionName: aws.String("fn"), LoggingConfig: &types.LoggingConfig{LogFormat: types.LogFormatJson, SystemLogLevel: types.SystemLogLevelDebug},
	})
	if err != nil {
		t.Fatal(err)
	}
	b.invoke(order{})
	events := b.events()
	const measured = `"start":"[^"]+","durationMs":[\d.]+`
	const when = `{"time":"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z","type":"platform\.`
	want := []string{
		when + `initStart","record":{"initializationType":"on-demand","phase":"init","runtimeVersion":"[^"]*","runtimeVersionArn":"arn:[^"]*","functionName":"fn","functionVersion":"\$LATEST","instanceId":"[^"]*","instanceMaxMemory":1854930944}}` + "\n",
		when + `initRuntimeDone","record":{"initializationType":"on-demand","phase":"init","status":"success"}}` + "\n",
		when + `initReport","record":{"initializationType":"on-demand","phase":"init","status":"success","metrics":{"durationMs":[\d.]+}}}` + "\n",
		when + `start","record":{"requestId":"` + uuidForm + `","version":"\$LATEST"}}` + "\n",
		when + `runtimeDone","record":{"requestId":"` + uuidForm + `","status":"success","spans":\[{"name":"responseLatency",` + measured + `},{"name":"responseDuration",` + measured + `},{"name":"runtimeOverhead",` + measured + `}\],"metrics":{"durationMs":[\d.]+,"producedBytes":\d+}}}` + "\n",
		when + `report","record":{"requestId":"` + uuidForm + `","metrics":{"durationMs":[\d.]+,"billedDurationMs":\d+,"memorySizeMB":1769,"maxMemoryUsedMB":\d+,"initDurationMs":[\d.]+},"status":"success"}}` + "\n",
	}
	if len(events) != len(want) {
		t.Fatalf("events %q", events)
	}
	for i, e := range events {
		mustMatch(t, want[i], e)
	}
}
