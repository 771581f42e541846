package lambda_test

import (
	"context"
	"encoding/base64"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"coldbench/loadgen"
	"coldbench/record"
	"coldbench/target/lambda"
)

// The bodies and headers below are what Lambda answers; see the recorded
// responses named in the emulator's tests.
func answer(status int, header map[string]string, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for k, v := range header {
			w.Header().Set(k, v)
		}
		w.Header().Set("X-Amzn-Requestid", "8f5a1f0e-6b1d-4f0b-9b57-0c6c8e8d5a11")
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}
}

func target(t *testing.T, h http.Handler) *lambda.Target {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return at(t, server.URL)
}

func at(t *testing.T, endpoint string) *lambda.Target {
	t.Helper()
	cfg, err := lambda.Access{Endpoint: endpoint, Region: "us-east-1", Anonymous: true}.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return lambda.New(cfg, []record.Function{{Name: "f"}})
}

func TestOutcomes(t *testing.T) {
	tests := []struct {
		name      string
		handler   http.HandlerFunc
		outcome   record.Outcome
		errorType string
		status    int
	}{
		{"ok", answer(200, map[string]string{"X-Amz-Executed-Version": "$LATEST"}, `{}`), record.OK, "", 200},
		{
			"handler error",
			answer(200, map[string]string{"X-Amz-Function-Error": "Unhandled"}, `{"errorType":"ValueError","errorMessage":"no"}`),
			record.FunctionError, "ValueError", 200,
		},
		{
			"time-out",
			answer(200, map[string]string{"X-Amz-Function-Error": "Unhandled"}, `{"errorType":"Sandbox.Timedout","errorMessage":"RequestId: x Error: Task timed out after 1.00 seconds"}`),
			record.TimedOut, "Sandbox.Timedout", 200,
		},
		{
			"old time-out",
			answer(200, map[string]string{"X-Amz-Function-Error": "Unhandled"}, `{"errorMessage":"2020-01-01T00:00:00Z x Task timed out after 3.00 seconds"}`),
			record.TimedOut, "Unhandled", 200,
		},
		{
			"an error payload that is no object",
			answer(200, map[string]string{"X-Amz-Function-Error": "Unhandled"}, `oops`),
			record.FunctionError, "Unhandled", 200,
		},
		{
			"throttled",
			answer(429, map[string]string{"X-Amzn-Errortype": "TooManyRequestsException", "Content-Type": "application/json"}, `{"Reason":"ReservedFunctionConcurrentInvocationLimitExceeded","Type":"User","message":"Rate Exceeded."}`),
			record.Throttled, "ReservedFunctionConcurrentInvocationLimitExceeded", 429,
		},
		{
			"no such function",
			answer(404, map[string]string{"X-Amzn-Errortype": "ResourceNotFoundException"}, `{"Message":"Function not found","Type":"User"}`),
			record.Rejected, "ResourceNotFoundException", 404,
		},
		{
			"service error",
			answer(500, map[string]string{"X-Amzn-Errortype": "ServiceException"}, `{"Message":"x","Type":"Service"}`),
			record.Rejected, "ServiceException", 500,
		},
		{
			"dropped connection",
			func(w http.ResponseWriter, _ *http.Request) {
				c, _, _ := http.NewResponseController(w).Hijack()
				_ = c.Close()
			},
			record.TransportError, "Client.Transport", 0,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var calls atomic.Int32
			r := target(t, http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
				calls.Add(1)
				tt.handler(w, req)
			})).Invoke(t.Context(), loadgen.Request{})
			if r.Outcome != tt.outcome || r.ErrorType != tt.errorType || r.Status != tt.status {
				t.Errorf("got %s %q %d (%s), want %s %q %d", r.Outcome, r.ErrorType, r.Status, r.Error, tt.outcome, tt.errorType, tt.status)
			}
			if n := calls.Load(); n != 1 {
				t.Errorf("one attempt made %d requests", n)
			}
			if r.Sent.IsZero() || r.Done.Before(r.Sent) {
				t.Errorf("Sent %v, Done %v", r.Sent, r.Done)
			}
			if strings.ContainsAny(r.Error, "\n\r") {
				t.Errorf("error text of more than one line: %q", r.Error)
			}
		})
	}
}

func TestReplyCarriesWhatThePlatformSaid(t *testing.T) {
	tail := "START RequestId: 8f5a1f0e-6b1d-4f0b-9b57-0c6c8e8d5a11 Version: 7\n"
	r := target(t, answer(200, map[string]string{
		"X-Amz-Executed-Version": "7",
		"X-Amz-Log-Result":       base64.StdEncoding.EncodeToString([]byte(tail)),
	}, `{"ok":true}`)).Invoke(t.Context(), loadgen.Request{Payload: []byte(`{}`)})
	if r.RequestID != "8f5a1f0e-6b1d-4f0b-9b57-0c6c8e8d5a11" || r.Version != "7" || string(r.Tail) != tail || r.ResponseBytes != 11 || r.RequestBytes != 2 {
		t.Errorf("got %+v", r)
	}
	if r.FirstByte.Before(r.Sent) || r.Done.Before(r.FirstByte) {
		t.Errorf("Sent %v, FirstByte %v, Done %v are out of order", r.Sent, r.FirstByte, r.Done)
	}
}

func TestClientTimeout(t *testing.T) {
	release := make(chan struct{})
	tgt := target(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
	defer close(release)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	r := tgt.Invoke(ctx, loadgen.Request{})
	if r.Outcome != record.TimedOut || r.ErrorType != record.ErrClientTimeout {
		t.Errorf("got %s %s", r.Outcome, r.ErrorType)
	}
}

func TestRefusedConnection(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = l.Close()
	r := at(t, "http://"+l.Addr().String()).Invoke(t.Context(), loadgen.Request{})
	if r.Outcome != record.TransportError || !strings.Contains(r.Error, "refused") {
		t.Errorf("got %s %q", r.Outcome, r.Error)
	}
}

// A request that was prepared and started is on the wire before Send is called,
// on a connection that was opened ahead; nothing is sent twice.
func TestStartSendsOnce(t *testing.T) {
	arrived := make(chan struct{}, 8)
	tgt := target(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		arrived <- struct{}{}
		answer(200, nil, `{"ok":true}`)(w, nil)
	}))
	if err := tgt.Preconnect(t.Context(), 2); err != nil {
		t.Fatal(err)
	}
	for i := range 3 { // the third on a connection that is kept
		p := tgt.Prepare(t.Context(), loadgen.Request{Seq: int64(i)})
		p.(loadgen.Starter).Start()
		<-arrived // before Send
		r := p.Send(t.Context())
		if r.Outcome != record.OK || r.Sent.IsZero() || r.FirstByte.Before(r.Sent) || r.Done.Before(r.FirstByte) {
			t.Errorf("request %d: %+v", i, r)
		}
	}
	if n := len(arrived); n != 0 {
		t.Errorf("%d requests arrived again", n)
	}
	if err := tgt.Close(); err != nil {
		t.Error(err)
	}
}

// A server that has closed a kept connection costs no request.
func TestClosedKeptConnectionIsNotUsed(t *testing.T) {
	server := httptest.NewServer(answer(200, nil, `{}`))
	defer server.Close()
	tgt := at(t, server.URL)
	for range 3 {
		p := tgt.Prepare(t.Context(), loadgen.Request{})
		p.(loadgen.Starter).Start()
		if r := p.Send(t.Context()); r.Outcome != record.OK {
			t.Fatalf("got %s %s", r.Outcome, r.Error)
		}
		server.CloseClientConnections()
	}
}

func TestAnonymousIgnoresTheEnvironment(t *testing.T) {
	t.Setenv("AWS_PROFILE", "there-is-no-such-profile")
	t.Setenv("AWS_ENDPOINT_URL_LAMBDA", "http://192.0.2.1")
	var asked atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		answer(200, nil, `{}`)(w, r)
	}))
	t.Cleanup(server.Close)
	if got := at(t, server.URL).Invoke(t.Context(), loadgen.Request{}); got.Outcome != record.OK || asked.Load() != 1 {
		t.Errorf("outcome %q (%s), %d requests; want ok, 1", got.Outcome, got.Error, asked.Load())
	}
}

func TestEndpoint(t *testing.T) {
	t.Setenv("AWS_CONFIG_FILE", "/dev/null")
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
	tests := []struct {
		name   string
		env    [2]string
		access lambda.Access
		want   string
	}{
		{"AWS", [2]string{}, lambda.Access{}, "https://lambda.eu-west-1.amazonaws.com"},
		{"FIPS", [2]string{"AWS_USE_FIPS_ENDPOINT", "true"}, lambda.Access{}, "https://lambda-fips.eu-west-1.amazonaws.com"},
		{"of the environment", [2]string{"AWS_ENDPOINT_URL_LAMBDA", "http://127.0.0.1:4566"}, lambda.Access{}, "http://127.0.0.1:4566"},
		{"given goes first", [2]string{"AWS_ENDPOINT_URL_LAMBDA", "http://127.0.0.1:4566"}, lambda.Access{Endpoint: "http://127.0.0.1:9000"}, "http://127.0.0.1:9000"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if tt.env[0] != "" {
				t.Setenv(tt.env[0], tt.env[1])
			}
			tt.access.Region = "eu-west-1"
			cfg, err := tt.access.Load(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if got, err := lambda.Endpoint(cfg); err != nil || got.String() != tt.want {
				t.Errorf("Endpoint = %v, %v; want %s", got, err, tt.want)
			}
		})
	}
}
