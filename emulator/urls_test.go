package emulator_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"coldbench/emulator"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
)

func TestFunctionURL(t *testing.T) {
	ctx := context.Background()
	b := newBed(t, emulator.Options{})
	b.install(emulator.LocalFunction{})
	made, err := b.lambda.CreateFunctionUrlConfig(ctx, &lambda.CreateFunctionUrlConfigInput{FunctionName: aws.String("fn"), AuthType: types.FunctionUrlAuthTypeNone})
	if err != nil {
		t.Fatal(err)
	}
	defer http.DefaultClient.CloseIdleConnections()
	post := func(path, contentType, text string) (*http.Response, string) {
		resp, err := http.Post(*made.FunctionUrl+path, contentType, strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		return resp, body(t, resp)
	}
	// The function answers with the event, which is then the body.
	_, text := post("pa%20th/1?q=query&m=a&m=b", "text/plain", "hello")
	var e struct {
		Version, RawPath, RawQueryString, Body string
		QueryStringParameters, Headers         map[string]string
		RequestContext                         struct{ HTTP struct{ Method, Path string } }
		IsBase64Encoded                        bool
	}
	if err := json.Unmarshal([]byte(text), &e); err != nil {
		t.Fatal(err)
	}
	if e.Version != "2.0" || e.RawPath != "/pa%20th/1" || e.RequestContext.HTTP.Path != "/pa th/1" || e.Body != "hello" || e.QueryStringParameters["m"] != "a,b" || e.RequestContext.HTTP.Method != http.MethodPost || e.IsBase64Encoded {
		t.Errorf("event %+v", e)
	}
	at, _ := url.Parse(*made.FunctionUrl)
	for name, form := range map[string]string{
		"host": regexp.QuoteMeta(at.Host), "content-length": "5", "content-type": "text/plain",
		"x-amzn-trace-id": "Root=1-[0-9a-f]{8}-[0-9a-f]{24}", "x-forwarded-for": `127\.0\.0\.1`, "x-forwarded-port": at.Port(), "x-forwarded-proto": "http",
	} {
		mustMatch(t, form, e.Headers[name])
	}
	if _, text := post("", "application/octet-stream", "\x00\x01"); !strings.Contains(text, `"body":"AAE=","isBase64Encoded":true`) {
		t.Errorf("binary body: %s", text)
	}
	// What the function says when told by a header, as recorded from AWS.
	for _, c := range []struct {
		answer string
		status int
		body   string
	}{
		{`"hello"`, 200, "hello"},
		{`3.1`, 200, "3.1"},
		{`["hello",3,true]`, 200, `["hello",3,true]`},
		{`{"statusCode":201,"headers":{"x-a":"b"},"cookies":["c=d"],"body":"Ym9keTEyMw==","isBase64Encoded":true}`, 201, "body123"},
	} {
		req, _ := http.NewRequest(http.MethodGet, *made.FunctionUrl, nil)
		req.Header.Set("X-Answer", c.answer)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		got := body(t, resp)
		resp.Body.Close()
		if resp.StatusCode != c.status || got != c.body || (c.status == 201 && (resp.Header.Get("X-A") != "b" || resp.Header.Get("Set-Cookie") != "c=d")) {
			t.Errorf("%s: %d %q %v", c.answer, resp.StatusCode, got, resp.Header)
		}
	}
	var exists *types.ResourceConflictException
	if _, err := b.lambda.CreateFunctionUrlConfig(ctx, &lambda.CreateFunctionUrlConfigInput{FunctionName: aws.String("fn"), AuthType: types.FunctionUrlAuthTypeNone}); !errors.As(err, &exists) {
		t.Errorf("got %v", err)
	}
	if _, err := b.lambda.DeleteFunctionUrlConfig(ctx, &lambda.DeleteFunctionUrlConfigInput{FunctionName: aws.String("fn")}); err != nil {
		t.Error(err)
	}
	if resp, _ := post("", "", ""); resp.StatusCode != http.StatusNotFound {
		t.Errorf("after its deletion: %d", resp.StatusCode)
	}
}

// TestSignedStreamingURL: a URL of AuthType AWS_IAM refuses who has not signed.
// Who has gets status and headers from the function, and its first words while
// it still works on the others.
func TestSignedStreamingURL(t *testing.T) {
	ctx := context.Background()
	b := newBed(t, emulator.Options{})
	b.install(emulator.LocalFunction{Env: map[string]string{"TEST_FUNCTION": "url"}})
	made, err := b.lambda.CreateFunctionUrlConfig(ctx, &lambda.CreateFunctionUrlConfigInput{
		FunctionName: aws.String("fn"), AuthType: types.FunctionUrlAuthTypeAwsIam, InvokeMode: types.InvokeModeResponseStream,
	})
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	text := []byte(l.Addr().String())
	post := func(sign bool) *http.Response {
		req, err := http.NewRequest(http.MethodPost, *made.FunctionUrl, bytes.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "text/plain")
		if sign {
			sum := sha256.Sum256(text)
			err = v4.NewSigner().SignHTTP(ctx, aws.Credentials{AccessKeyID: "AKIATEST", SecretAccessKey: "secret"}, req, hex.EncodeToString(sum[:]), "lambda", "us-east-1", time.Now())
			if err != nil {
				t.Fatal(err)
			}
		}
		resp, err := b.client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		return resp
	}
	resp := post(false)
	if said := body(t, resp); resp.StatusCode != http.StatusForbidden || !strings.HasPrefix(said, `{"Message":"Forbidden. `) {
		t.Errorf("unsigned: %d %s", resp.StatusCode, said)
	}
	resp.Body.Close()
	resp = post(true)
	defer resp.Body.Close()
	h := resp.Header
	if resp.StatusCode != http.StatusAccepted || h.Get("X-A") != "b" || h.Get("Set-Cookie") != "c=d" || h.Get("Content-Type") != "text/plain" {
		t.Fatalf("signed: %d %v %s", resp.StatusCode, h, body(t, resp))
	}
	first := make([]byte, len("first of 123456789012;"))
	if _, err := io.ReadFull(resp.Body, first); err != nil || string(first) != "first of 123456789012;" {
		t.Fatalf("first part %q, %v", first, err)
	}
	c, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	_, _ = c.Write([]byte{1})
	c.Close()
	if rest := body(t, resp); rest != "second" {
		t.Errorf("second part %q", rest)
	}
}
