package emulator_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"coldbench/emulator"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
)

type streamed struct {
	text  string
	parts int
	end   types.InvokeWithResponseStreamCompleteEvent
	first time.Duration // from the call to the first part
	last  time.Duration
}

func (b *bed) stream(o order) streamed {
	b.t.Helper()
	payload, _ := json.Marshal(o)
	begin := time.Now()
	out, err := b.lambda.InvokeWithResponseStream(context.Background(), &lambda.InvokeWithResponseStreamInput{
		FunctionName: aws.String("fn"), Payload: payload, LogType: types.LogTypeTail,
	})
	if err != nil {
		b.t.Fatal(err)
	}
	if out.StatusCode != http.StatusOK || aws.ToString(out.ExecutedVersion) != "$LATEST" {
		b.t.Errorf("%+v", out)
	}
	var s streamed
	for e := range out.GetStream().Events() {
		switch e := e.(type) {
		case *types.InvokeWithResponseStreamResponseEventMemberPayloadChunk:
			if s.parts++; s.parts == 1 {
				s.first = time.Since(begin)
			}
			s.text += string(e.Value.Payload)
		case *types.InvokeWithResponseStreamResponseEventMemberInvokeComplete:
			s.end = e.Value
		}
	}
	s.last = time.Since(begin)
	if err := out.GetStream().Close(); err != nil {
		b.t.Error(err)
	}
	return s
}

func TestResponseStream(t *testing.T) {
	b := newBed(t, emulator.Options{})
	b.install(emulator.LocalFunction{})
	b.invoke(order{})
	s := b.stream(order{Do: "stream", Code: 4, MS: 200})
	if s.text != "part 0;part 1;part 2;part 3;" || s.parts < 2 || s.end.ErrorCode != nil {
		t.Errorf("got %+v", s)
	}
	// The parts come as they are written: three pauses of 200 ms lie between the
	// first and the end; a reader that is kept waiting sees fewer of them.
	if s.last-s.first < 200*time.Millisecond {
		t.Errorf("first part after %v, end after %v", s.first, s.last)
	}
	log, _ := base64.StdEncoding.DecodeString(aws.ToString(s.end.LogResult))
	if !strings.Contains(string(log), "REPORT RequestId") {
		t.Errorf("tail %q", log)
	}
	if s := b.stream(order{Text: "buffered"}); !strings.Contains(s.text, "buffered") || s.end.ErrorCode != nil {
		t.Errorf("a function that does not stream: %+v", s)
	}
}

func testResponseStreamThatFails(t *testing.T) {
	b := newBed(t, emulator.Options{})
	b.install(emulator.LocalFunction{Timeout: 3 * time.Second})
	for _, c := range []struct {
		name    string
		order   order
		text    string
		details string
	}{
		{"trailer", order{Do: "stream", Code: 1, Text: "Function.Broken"}, "part 0;", `{"errorType":"X"}`},
		{"error", order{Do: "error", Text: "no"}, "", `{"errorMessage":"no","errorType":"CustomError"}`},
		{"exit", order{Do: "exit", Code: 3}, "", "exit status 3"},
		{"time-out on the way", order{Do: "stream", Code: 1000, MS: 100}, "", "Task timed out after 3.00 seconds"},
	} {
		s := b.stream(c.order)
		if aws.ToString(s.end.ErrorCode) != "Unhandled" || !strings.Contains(aws.ToString(s.end.ErrorDetails), c.details) || !strings.HasPrefix(s.text, c.text) {
			t.Errorf("%s: %q, %v %v", c.name, s.text, aws.ToString(s.end.ErrorCode), aws.ToString(s.end.ErrorDetails))
		}
	}
	if s := b.stream(order{Do: "stream", Code: 1}); s.text != "part 0;" {
		t.Errorf("after the failures: %+v", s)
	}
}
