package emulator_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"coldbench/emulator"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
)

// refusal is how the next Invoke of fn is answered: status, kind, and body.
func (b *bed) refusal() string {
	b.t.Helper()
	resp, err := b.client.Post(b.url+"/2015-03-31/functions/fn/invocations", "", strings.NewReader("{}"))
	if err != nil {
		b.t.Fatal(err)
	}
	defer resp.Body.Close()
	text := body(b.t, resp)
	return strings.Join([]string{resp.Status, resp.Header.Get("X-Amzn-ErrorType"), resp.Header.Get("Retry-After"), text}, "|")
}

const throttled = "429 Too Many Requests|TooManyRequestsException||"

// TestThrottle: the answers as AWS sends them. Only a limit of a rate knows when
// there is room again (limits_internal_test.go).
func TestThrottle(t *testing.T) {
	ctx := context.Background()
	b := newBed(t, emulator.Options{Concurrency: 1})
	b.install(emulator.LocalFunction{})
	reserve := func(n int32) {
		_, err := b.lambda.PutFunctionConcurrency(ctx, &lambda.PutFunctionConcurrencyInput{FunctionName: aws.String("fn"), ReservedConcurrentExecutions: &n})
		if err != nil {
			t.Fatal(err)
		}
	}
	reserve(0)
	if got, want := b.refusal(), throttled+`{"Reason":"ReservedFunctionConcurrentInvocationLimitExceeded","Type":"User","message":"Rate Exceeded."}`; got != want {
		t.Errorf("reserved concurrency\ngot  %s\nwant %s", got, want)
	}
	if _, err := b.lambda.DeleteFunctionConcurrency(ctx, &lambda.DeleteFunctionConcurrencyInput{FunctionName: aws.String("fn")}); err != nil {
		t.Fatal(err)
	}
	arrived, leave := make(chan struct{}), make(chan struct{})
	gate := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { close(arrived); <-leave }))
	defer gate.Close()
	done := make(chan error, 1)
	go func() {
		_, err := b.try("fn", order{Do: "get", Text: gate.URL})
		done <- err
	}()
	<-arrived
	if got, want := b.refusal(), throttled+`{"Reason":"ConcurrentInvocationLimitExceeded","Type":"User","message":"Rate Exceeded."}`; got != want {
		t.Errorf("the account's concurrency\ngot  %s\nwant %s", got, want)
	}
	close(leave)
	if err := <-done; err != nil {
		t.Error(err)
	}
}
