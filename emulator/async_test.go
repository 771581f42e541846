package emulator_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"coldbench/emulator"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
)

// send puts an event into the queue of fn.
func (b *bed) send(o order) error {
	payload, _ := json.Marshal(o)
	_, err := b.lambda.Invoke(context.Background(), &lambda.InvokeInput{FunctionName: aws.String("fn"), InvocationType: types.InvocationTypeEvent, Payload: payload})
	return err
}

// onFailure installs a destination and gives what it receives first.
func (b *bed) onFailure(age *int32) (received func() string) {
	b.t.Helper()
	b.install(emulator.LocalFunction{Name: "bad"})
	must[*lambda.PutFunctionEventInvokeConfigOutput](b.t)(b.lambda.PutFunctionEventInvokeConfig(context.Background(), &lambda.PutFunctionEventInvokeConfigInput{
		FunctionName: aws.String("fn"), MaximumEventAgeInSeconds: age,
		DestinationConfig: &types.DestinationConfig{OnFailure: &types.OnFailure{Destination: aws.String("arn:aws:lambda:us-east-1:123456789012:function:bad")}},
	}))
	return func() string {
		got := ""
		eventually(b.t, "an answer of the environment that was told", func() bool {
			out := must[*lambda.InvokeOutput](b.t)(b.lambda.Invoke(context.Background(), &lambda.InvokeInput{FunctionName: aws.String("bad"), Payload: []byte(`{"Do":"first-event"}`)}))
			got = string(out.Payload)
			return got != `"none yet"`
		})
		return got
	}
}

func (b *bed) reserve(n int32) {
	b.t.Helper()
	must[*lambda.PutFunctionConcurrencyOutput](b.t)(b.lambda.PutFunctionConcurrency(context.Background(), &lambda.PutFunctionConcurrencyInput{FunctionName: aws.String("fn"), ReservedConcurrentExecutions: &n}))
}

// TestEventOfZeroConcurrency: it is given up at once, untried; the record is as
// recorded from AWS in November 2025, with nothing of a response.
func TestEventOfZeroConcurrency(t *testing.T) {
	b := newBed(t, emulator.Options{Placement: "lru"})
	b.install(emulator.LocalFunction{})
	received := b.onFailure(nil)
	b.reserve(0)
	if err := b.send(order{}); err != nil {
		t.Fatal(err)
	}
	mustMatch(t, `{"version":"1.0","timestamp":"[^"]*","requestContext":{"requestId":"`+uuidForm+`","functionArn":"[^"]*:function:fn:\$LATEST","condition":"ZeroReservedConcurrency","approximateInvokeCount":0},"requestPayload":{[^{}]*}}`, received())
}

// TestEventTooOld: the first retry comes after one unit; an event that may live
// for one is too old for it.
func TestEventTooOld(t *testing.T) {
	b := newBed(t, emulator.Options{RetryUnit: 20 * time.Millisecond, Placement: "lru"})
	b.install(emulator.LocalFunction{})
	received := b.onFailure(aws.Int32(60))
	if err := b.send(order{Do: "error"}); err != nil {
		t.Fatal(err)
	}
	mustMatch(t, `.*"condition":"EventAgeExceeded","approximateInvokeCount":1},"requestPayload":{.*"responseContext":{"statusCode":200,"executedVersion":"\$LATEST","functionError":"Unhandled"},"responsePayload":{"errorMessage":"","errorType":"CustomError"}}`, received())
}

// TestThrottledEventWaits: it goes back to the queue and counts as no try.
func TestThrottledEventWaits(t *testing.T) {
	b := newBed(t, emulator.Options{RetryUnit: 60 * time.Millisecond}) // the first pause is 1 ms
	b.install(emulator.LocalFunction{})
	b.reserve(1)
	running, release := make(chan struct{}), make(chan struct{})
	var once sync.Once
	gate := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		once.Do(func() { close(running) })
		<-release
	}))
	defer gate.Close()
	first := make(chan error, 1)
	go func() {
		_, err := b.try("fn", order{Do: "get", Text: gate.URL})
		first <- err
	}()
	<-running
	if err := b.send(order{Do: "print", Text: "event"}); err != nil {
		t.Fatal(err)
	}
	var throttled *types.TooManyRequestsException
	if _, err := b.try("fn", order{}); !errors.As(err, &throttled) {
		t.Fatalf("a second request: %v", err)
	}
	close(release)
	if err := <-first; err != nil {
		t.Fatal(err)
	}
	eventually(t, "the event's output", func() bool { return strings.Contains(strings.Join(b.events(), ""), "event\n") })
	if n := strings.Count(strings.Join(b.events(), ""), "START RequestId"); n != 2 {
		t.Errorf("%d invocations, want the request and the event", n)
	}
}

// TestEventSize: an event may have 1 MB.
func TestEventSize(t *testing.T) {
	b := newBed(t, emulator.Options{})
	b.install(emulator.LocalFunction{})
	post := func(bytes int) int {
		req, _ := http.NewRequest(http.MethodPost, b.url+"/2015-03-31/functions/fn/invocations", strings.NewReader(`"`+strings.Repeat("x", bytes-2)+`"`))
		req.Header.Set("X-Amz-Invocation-Type", "Event")
		resp, err := b.client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		return resp.StatusCode
	}
	if got := post(1 << 20); got != http.StatusAccepted {
		t.Errorf("1 MB: status %d", got)
	}
	if got := post(1<<20 + 1); got != http.StatusRequestEntityTooLarge {
		t.Errorf("a byte more: status %d", got)
	}
}

// TestMaximumAge: an environment that is older ends with its request, however
// busy the function is.
func TestMaximumAge(t *testing.T) {
	b := newBed(t, emulator.Options{MaxAge: time.Nanosecond})
	b.install(emulator.LocalFunction{})
	for range 2 {
		if a := b.invoke(order{Do: "served"}); a.payload != "1" || !strings.Contains(a.log, "Init Duration") {
			t.Errorf("served by an environment beyond its age: %+v", a)
		}
	}
}

// TestTraceHeaderComesThrough: the caller's own X-Ray header reaches the function
// and comes back.
func TestTraceHeaderComesThrough(t *testing.T) {
	b := newBed(t, emulator.Options{})
	b.install(emulator.LocalFunction{})
	const trace = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"
	req, _ := http.NewRequest(http.MethodPost, b.url+"/2015-03-31/functions/fn/invocations", strings.NewReader(`{"Do":"headers"}`))
	req.Header.Set("X-Amzn-Trace-Id", trace)
	resp, err := b.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var seen map[string][]string
	if err := json.NewDecoder(resp.Body).Decode(&seen); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(seen["Lambda-Runtime-Trace-Id"], "|"); got != trace || resp.Header.Get("X-Amzn-Trace-Id") != trace {
		t.Errorf("function %q, caller %q", got, resp.Header.Get("X-Amzn-Trace-Id"))
	}
}
