package emulator_test

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"coldbench/emulator"
	"coldbench/sandbox"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"go.uber.org/goleak"
)

// bed is a running emulator with the official clients on it.
type bed struct {
	t      *testing.T
	server *emulator.Server
	url    string
	client *http.Client
	lambda *lambda.Client
	logs   *cloudwatchlogs.Client
}

// ownBody gives each request a body of its own. The SDK closes its body as soon
// as the response has begun; a transport that has still to find the end of it
// then gives the connection up, with what is left of the response ("use of
// closed network connection"). Only a server this near answers so early.
type ownBody struct{ *http.Transport }

func (o ownBody) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil && r.Body != http.NoBody {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		_ = r.Body.Close()
		r = r.Clone(r.Context())
		r.Body = io.NopCloser(bytes.NewReader(body))
	}
	return o.Transport.RoundTrip(r)
}

// newBed starts an emulator and proves after the test that it leaves nothing.
func newBed(t *testing.T, o emulator.Options) *bed {
	t.Helper()
	before := goleak.IgnoreCurrent()
	if o.WorkDir == "" {
		o.WorkDir = t.TempDir()
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	// The test binary, which some bootstraps become, may be in a /tmp that
	// functions don't see.
	o.Mounts = append(o.Mounts, sandbox.Mount{Source: self, Target: self, ReadOnly: true})
	s, err := emulator.New(o)
	if err != nil {
		t.Fatal(err)
	}
	web := httptest.NewServer(s)
	client := web.Client()
	client.Transport = ownBody{client.Transport.(*http.Transport)}
	cfg := aws.Config{
		Region: "us-east-1", BaseEndpoint: aws.String(web.URL), HTTPClient: client,
		Credentials: credentials.NewStaticCredentialsProvider("x", "y", ""),
		Retryer:     func() aws.Retryer { return aws.NopRetryer{} },
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := s.Close(ctx); err != nil {
			t.Error(err)
		}
		client.CloseIdleConnections()
		web.Close()
		goleak.VerifyNone(t, before)
		if left, err := os.ReadDir(o.WorkDir); err != nil || len(left) > 0 {
			t.Errorf("left in the working folder: %v, %v", left, err)
		}
	})
	return &bed{t: t, server: s, url: web.URL, client: client, lambda: lambda.NewFromConfig(cfg), logs: cloudwatchlogs.NewFromConfig(cfg)}
}

// install makes this test binary known as a function.
func (b *bed) install(f emulator.LocalFunction) {
	b.t.Helper()
	if f.Name == "" {
		f.Name = "fn"
	}
	self, err := os.Executable()
	if err != nil {
		b.t.Fatal(err)
	}
	// Under the race detector a process would sleep for a second before it exits.
	env := map[string]string{"TEST_FUNCTION": "1", "GORACE": "atexit_sleep_ms=0"}
	for k, v := range f.Env {
		env[k] = v
	}
	f.Command, f.Env = []string{self}, env
	if f.Timeout == 0 {
		f.Timeout = 20 * time.Second
	}
	if f.MemoryMB == 0 {
		f.MemoryMB = 1769
	}
	if err := b.server.Install(f); err != nil {
		b.t.Fatal(err)
	}
}

// answer is what one Invoke came to.
type answer struct {
	status  int
	payload string
	failed  string
	log     string
	version string
}

func (b *bed) invoke(o order) answer {
	b.t.Helper()
	a, err := b.try("fn", o)
	if err != nil {
		b.t.Fatal(err)
	}
	return a
}

func (b *bed) try(name string, o order) (answer, error) {
	payload, _ := json.Marshal(o)
	out, err := b.lambda.Invoke(context.Background(), &lambda.InvokeInput{
		FunctionName: &name, Payload: payload, LogType: types.LogTypeTail,
	})
	if err != nil {
		return answer{}, err
	}
	log, err := base64.StdEncoding.DecodeString(aws.ToString(out.LogResult))
	return answer{int(out.StatusCode), string(out.Payload), aws.ToString(out.FunctionError), string(log), aws.ToString(out.ExecutedVersion)}, err
}

// events are all log events of the function fn, in order.
func (b *bed) events() []string {
	b.t.Helper()
	return b.eventsOf("fn")
}

func (b *bed) eventsOf(name string) []string {
	b.t.Helper()
	return b.eventsIn("/aws/lambda/" + name)
}

func (b *bed) eventsIn(group string) []string {
	b.t.Helper()
	var list []string
	pages := cloudwatchlogs.NewFilterLogEventsPaginator(b.logs, &cloudwatchlogs.FilterLogEventsInput{LogGroupName: &group})
	for pages.HasMorePages() {
		page, err := pages.NextPage(context.Background())
		if err != nil {
			b.t.Fatal(err)
		}
		for _, e := range page.Events {
			list = append(list, *e.Message)
		}
	}
	return list
}

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
