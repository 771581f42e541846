package emulator_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"
	"time"

	"coldbench/emulator"
	"coldbench/sandbox"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
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
	if o.WorkDir == "" {
		o.WorkDir = t.TempDir()
	}
	if !together(t) { // else it is proved of all of them
		provesNothingLeft(t, o.WorkDir, o.Sandbox == nil)
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
