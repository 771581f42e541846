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
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
)

// retryUnit is a minute of the queue where retries are waited for: 100 ms, so that
// an event may be 36 s old before it is given up, which is long on any machine.
const retryUnit = 100 * time.Millisecond

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

func TestEventRunsLaterAndRetries(t *testing.T) {
	b := newBed(t, emulator.Options{RetryUnit: retryUnit})
	b.install(emulator.LocalFunction{})
	send := func(o order) *lambda.InvokeOutput {
		payload, _ := json.Marshal(o)
		out, err := b.lambda.Invoke(context.Background(), &lambda.InvokeInput{FunctionName: aws.String("fn"), InvocationType: types.InvocationTypeEvent, Payload: payload})
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	if out := send(order{Do: "print", Text: "event"}); out.StatusCode != http.StatusAccepted || out.ExecutedVersion != nil || len(out.Payload) > 0 {
		t.Errorf("got %+v", out)
	}
	log := func() string {
		out, err := b.logs.DescribeLogGroups(context.Background(), &cloudwatchlogs.DescribeLogGroupsInput{})
		if err != nil || len(out.LogGroups) == 0 {
			return ""
		}
		return strings.Join(b.events(), "")
	}
	eventually(t, "the event's output", func() bool { return strings.Contains(log(), "event\n") })
	// Three tries under one request id: the first and two retries.
	send(order{Do: "error", Text: "again"})
	eventually(t, "retries", func() bool { return strings.Count(log(), "REPORT RequestId") == 4 })
	ids := map[string]int{}
	for _, e := range b.events() {
		if f := strings.Fields(e); f[0] == "START" {
			ids[f[2]]++
		}
	}
	if len(ids) != 2 {
		t.Errorf("request ids and their tries: %v", ids)
	}
}

// TestDestinations: what becomes of an event is told to another function.
func TestDestinations(t *testing.T) {
	ctx := context.Background()
	// With lru every environment is asked in turn, should there be two.
	b := newBed(t, emulator.Options{RetryUnit: retryUnit, Placement: "lru"})
	b.install(emulator.LocalFunction{})
	for _, name := range []string{"good", "bad"} {
		b.install(emulator.LocalFunction{Name: name})
	}
	arn := func(name string) *types.OnSuccess {
		return &types.OnSuccess{Destination: aws.String("arn:aws:lambda:us-east-1:123456789012:function:" + name)}
	}
	put := func(retries int32, success, failure *string) error {
		_, err := b.lambda.PutFunctionEventInvokeConfig(ctx, &lambda.PutFunctionEventInvokeConfigInput{
			FunctionName: aws.String("fn"), MaximumRetryAttempts: &retries,
			DestinationConfig: &types.DestinationConfig{OnSuccess: &types.OnSuccess{Destination: success}, OnFailure: &types.OnFailure{Destination: failure}},
		})
		return err
	}
	if err := put(1, arn("good").Destination, arn("bad").Destination); err != nil {
		t.Fatal(err)
	}
	var refused *types.InvalidParameterValueException
	if err := put(1, arn("fn").Destination, nil); !errors.As(err, &refused) || *refused.Message != "You can't specify the function as a destination for itself." {
		t.Errorf("got %v", err)
	}
	got, err := b.lambda.GetFunctionEventInvokeConfig(ctx, &lambda.GetFunctionEventInvokeConfigInput{FunctionName: aws.String("fn")})
	if err != nil || *got.MaximumRetryAttempts != 1 || *got.DestinationConfig.OnFailure.Destination != *arn("bad").Destination {
		t.Errorf("%+v, %v", got, err)
	}
	for _, c := range []struct {
		do, to, record string
	}{
		{"served", "good", `{"version":"1.0","timestamp":"[^"]*","requestContext":{"requestId":"` + uuidForm + `","functionArn":"[^"]*:function:fn:\$LATEST","condition":"Success","approximateInvokeCount":1},"requestPayload":{.*"responseContext":{"statusCode":200,"executedVersion":"\$LATEST"},"responsePayload":1}`},
		{"error", "bad", `.*"condition":"RetriesExhausted","approximateInvokeCount":2}.*"functionError":"Unhandled"},"responsePayload":{"errorMessage":"","errorType":"CustomError"}}`},
	} {
		payload, _ := json.Marshal(order{Do: c.do})
		if _, err := b.lambda.Invoke(ctx, &lambda.InvokeInput{FunctionName: aws.String("fn"), InvocationType: types.InvocationTypeEvent, Payload: payload}); err != nil {
			t.Fatal(err)
		}
		// The destination tells the next caller what it received.
		eventually(t, c.to, func() bool {
			out, err := b.logs.FilterLogEvents(ctx, &cloudwatchlogs.FilterLogEventsInput{LogGroupName: aws.String("/aws/lambda/" + c.to), FilterPattern: aws.String("REPORT")})
			return err == nil && len(out.Events) > 0
		})
		got := `"none yet"`
		eventually(t, "an answer of the environment that was told", func() bool {
			out, err := b.lambda.Invoke(ctx, &lambda.InvokeInput{FunctionName: &c.to, Payload: []byte(`{"Do":"first-event"}`)})
			if err != nil {
				t.Fatal(err)
			}
			got = string(out.Payload)
			return got != `"none yet"`
		})
		mustMatch(t, c.record, got)
	}
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

// TestEventTooOld: the first retry comes after a minute; an event that may live
// for one is too old for it, which is known, and told, when the first try fails.
func TestEventTooOld(t *testing.T) {
	b := newBed(t, emulator.Options{Placement: "lru"})
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

// TestDeadLetterIsRefused: a target that can't be reached is no place for events.
func TestDeadLetterIsRefused(t *testing.T) {
	b := newBed(t, emulator.Options{})
	b.install(emulator.LocalFunction{})
	set := func(arn string) error {
		_, err := b.lambda.UpdateFunctionConfiguration(context.Background(), &lambda.UpdateFunctionConfigurationInput{
			FunctionName: aws.String("fn"), DeadLetterConfig: &types.DeadLetterConfig{TargetArn: &arn},
		})
		return err
	}
	var refused *types.InvalidParameterValueException
	if err := set("arn:aws:sqs:us-east-1:123456789012:lost"); !errors.As(err, &refused) || !strings.Contains(*refused.Message, "no SQS") {
		t.Errorf("got %v", err)
	}
	if err := set(""); err != nil {
		t.Errorf("none: %v", err)
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
