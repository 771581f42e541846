package emulator_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"coldbench/emulator"
	"coldbench/emulator/runtimes"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
)

// The second part follows when somebody has taken the first: the address at
// which the function asks comes in the event, or as the body of a request.
const streamingHandler = `
const net = require('net')
const { once } = require('events')
exports.handler = awslambda.streamifyResponse(async (event, stream, context) => {
  if (event.requestContext) {
    stream = awslambda.HttpResponseStream.from(stream, { statusCode: 202, headers: { 'x-a': 'b' }, cookies: ['c=d'] })
  }
  stream.write('first;')
  await once(net.connect(Number((event.body ?? event.Text).split(':')[1]), '127.0.0.1'), 'close')
  if (event.Do === 'throw') throw new TypeError('broken off')
  stream.end('second of ' + context.functionName)
})`

// TestNodeResponseStream: what a handler of awslambda.streamifyResponse writes
// is with the client while the handler works on the rest, through the SDK and
// through a function URL.
func TestNodeResponseStream(t *testing.T) {
	if _, err := runtimes.Lookup("nodejs22.x"); err != nil {
		t.Skip(err)
	}
	ctx := context.Background()
	b := newBed(t, emulator.Options{})
	if _, err := b.lambda.CreateFunction(ctx, &lambda.CreateFunctionInput{
		FunctionName: aws.String("fn"), Role: aws.String("arn:aws:iam::123456789012:role/r"), Runtime: types.RuntimeNodejs22x, Timeout: aws.Int32(60),
		Handler: aws.String("index.handler"), MemorySize: aws.Int32(1769), Code: &types.FunctionCode{ZipFile: zipOf(t, "index.js", streamingHandler, 0o644)},
	}); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	goOn := func() {
		if c, err := l.Accept(); err == nil {
			c.Close()
		}
	}
	for _, do := range []string{"", "throw"} {
		out, err := b.lambda.InvokeWithResponseStream(ctx, &lambda.InvokeWithResponseStreamInput{
			FunctionName: aws.String("fn"), Payload: []byte(`{"Do":"` + do + `","Text":"` + l.Addr().String() + `"}`),
		})
		if err != nil {
			t.Fatal(err)
		}
		var text string
		var end types.InvokeWithResponseStreamCompleteEvent
		for e := range out.GetStream().Events() {
			switch e := e.(type) {
			case *types.InvokeWithResponseStreamResponseEventMemberPayloadChunk:
				if text == "" {
					goOn()
				}
				text += string(e.Value.Payload)
			case *types.InvokeWithResponseStreamResponseEventMemberInvokeComplete:
				end = e.Value
			}
		}
		if err := out.GetStream().Close(); err != nil {
			t.Error(err)
		}
		details := aws.ToString(end.ErrorDetails)
		if do == "" && (text != "first;second of fn" || end.ErrorCode != nil) {
			t.Errorf("%q, %+v", text, end)
		}
		if do == "throw" && (text != "first;" || aws.ToString(end.ErrorCode) != "Unhandled" || !strings.HasPrefix(details, `{"errorType":"TypeError","errorMessage":"broken off","trace":[`)) {
			t.Errorf("%q, %v %s", text, aws.ToString(end.ErrorCode), details)
		}
	}
	made, err := b.lambda.CreateFunctionUrlConfig(ctx, &lambda.CreateFunctionUrlConfigInput{
		FunctionName: aws.String("fn"), AuthType: types.FunctionUrlAuthTypeNone, InvokeMode: types.InvokeModeResponseStream,
	})
	if err != nil {
		t.Fatal(err)
	}
	resp, err := b.client.Post(*made.FunctionUrl, "text/plain", strings.NewReader(l.Addr().String()))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusAccepted || resp.Header.Get("X-A") != "b" || resp.Header.Get("Set-Cookie") != "c=d" {
		t.Fatalf("%d %v", resp.StatusCode, resp.Header)
	}
	first := make([]byte, len("first;"))
	if _, err := io.ReadFull(resp.Body, first); err != nil || string(first) != "first;" {
		t.Fatalf("first part %q, %v", first, err)
	}
	goOn()
	if rest := body(t, resp); rest != "second of fn" {
		t.Errorf("rest %q", rest)
	}
}
