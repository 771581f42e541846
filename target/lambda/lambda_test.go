package lambda_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"go.uber.org/goleak"

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

func target(t testing.TB, h http.Handler) *lambda.Target {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return at(t, server.URL)
}

func at(t testing.TB, endpoint string) *lambda.Target {
	t.Helper()
	cfg, err := lambda.Access{Endpoint: endpoint, Region: "us-east-1", Anonymous: true}.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return of(t, cfg)
}

func of(t testing.TB, cfg aws.Config) *lambda.Target {
	t.Helper()
	tgt := lambda.New(cfg, []record.Function{{Name: "f"}})
	t.Cleanup(func() {
		if err := tgt.Close(); err != nil {
			t.Error(err)
		}
	})
	return tgt
}

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// raw answers a request with these bytes and closes the connection.
func raw(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		c, _, _ := http.NewResponseController(w).Hijack()
		_, _ = io.WriteString(c, text)
		_ = c.Close()
	}
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
			raw(""),
			record.TransportError, "HTTP.ConnectionClosed", 0,
		},
		{
			"half a head",
			raw("HTTP/1.1 200 OK\r\nX: y\r\n"),
			record.TransportError, "HTTP.ResponseCut", 0,
		},
		{
			"half a body",
			raw("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{\"a\":"),
			record.TransportError, "HTTP.ResponseCut", 200,
		},
		{
			"half of an error",
			raw("HTTP/1.1 429 Too Many Requests\r\nX-Amzn-Errortype: TooManyRequestsException\r\nContent-Length: 100\r\n\r\n{\"Reason\":"),
			record.TransportError, "HTTP.ResponseCut", 429,
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
			if whole := tt.outcome != record.TransportError; r.Sent.IsZero() || r.Done.After(r.Sent) != whole || r.Done.IsZero() == whole {
				t.Errorf("Sent %v, Done %v", r.Sent, r.Done)
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

// An attempt that the end of its context cut has no Done; the generator, which
// knows the cause, makes it a time-out.
func TestEndOfContext(t *testing.T) {
	release := make(chan struct{})
	defer close(release)
	asked := make(chan struct{}, 1)
	for name, begin := range map[string]string{"before the head": "", "in the body": "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc"} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			tgt := target(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				c, _, _ := http.NewResponseController(w).Hijack()
				defer c.Close()
				_, _ = io.WriteString(c, begin)
				asked <- struct{}{}
				<-release
			}))
			go func() {
				<-asked
				cancel()
			}()
			r := tgt.Invoke(ctx, loadgen.Request{})
			if r.Outcome != record.TransportError || r.ErrorType != "" || r.Error != "" || r.Sent.IsZero() || !r.Done.IsZero() {
				t.Errorf("%+v", r)
			}
		})
	}
}

func TestRefusedConnection(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = l.Close()
	r := at(t, "http://"+l.Addr().String()).Invoke(t.Context(), loadgen.Request{})
	if r.Outcome != record.TransportError || r.ErrorType != "HTTP.ConnectionRefused" || !strings.Contains(r.Error, "refused") || !r.Done.IsZero() {
		t.Errorf("%+v", r)
	}
}

// Behind a proxy net/http's transport sends; what it records is the same, and
// Close ends its connections too.
func TestProxy(t *testing.T) {
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Host {
		case "good.invalid":
			answer(200, nil, `{}`)(w, r)
		case "moved.invalid": // one attempt is one request
			w.Header().Set("Location", "http://good.invalid/")
			w.WriteHeader(http.StatusTemporaryRedirect)
		default:
			raw("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc")(w, r)
		}
	}))
	t.Cleanup(proxy.Close)
	for host, want := range map[string]record.Outcome{"good": record.OK, "moved": record.Rejected, "cut": record.TransportError} {
		cfg, err := lambda.Access{Endpoint: "http://" + host + ".invalid", Region: "us-east-1", Anonymous: true}.Load(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		u, _ := url.Parse(proxy.URL)
		cfg.HTTPClient = awshttp.NewBuildableClient().WithTransportOptions(func(tr *http.Transport) { tr.Proxy = http.ProxyURL(u) })
		tgt := of(t, cfg)
		for range 2 {
			r := tgt.Invoke(t.Context(), loadgen.Request{})
			if r.Outcome != want || r.FirstByte.Before(r.Sent) || r.Done.IsZero() == (want != record.TransportError) {
				t.Errorf("%s: %+v", host, r)
			}
		}
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
}

// A TLS server sends session tickets after the handshake; they make no
// connection that was opened ahead useless. That of Go does so if the client
// could use them, and was asked for a certificate; otherwise they come earlier.
func TestConnectionsAheadOverTLS(t *testing.T) {
	server := httptest.NewUnstartedServer(answer(200, nil, `{}`))
	server.StartTLS()
	inner := httptest.NewUnstartedServer(server.Config.Handler)
	server.Close()
	server.TLS.ClientAuth = tls.RequestClientCert
	accepts := shaken{tls.NewListener(inner.Listener, server.TLS), make(chan struct{}, 100)}
	inner.Listener = accepts
	inner.Start()
	t.Cleanup(inner.Close)
	cfg, err := lambda.Access{Endpoint: "https://" + inner.Listener.Addr().String(), Region: "us-east-1", Anonymous: true}.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	cfg.HTTPClient = awshttp.NewBuildableClient().WithTransportOptions(func(tr *http.Transport) {
		tr.TLSClientConfig = &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS13, ClientSessionCache: tls.NewLRUClientSessionCache(1)}
	})
	tgt := of(t, cfg)
	if err := tgt.Preconnect(t.Context(), 4); err != nil {
		t.Fatal(err)
	}
	for range 4 {
		<-accepts.done
	}
	var waiting []loadgen.Prepared
	for range 4 {
		p := tgt.Prepare(t.Context(), loadgen.Request{})
		p.(loadgen.Starter).Start()
		waiting = append(waiting, p)
	}
	for _, p := range waiting {
		if r := p.Send(t.Context()); r.Outcome != record.OK || r.Conn.Reused || r.Conn.Connect != 0 || r.Conn.TLS != 0 {
			t.Errorf("%+v", r)
		}
	}
	if r := tgt.Invoke(t.Context(), loadgen.Request{}); r.Outcome != record.OK || !r.Conn.Reused {
		t.Errorf("%+v", r)
	}
	if n := len(accepts.done); n != 0 {
		t.Errorf("%d connections more than the 4 that were opened ahead", n)
	}
}

// shaken tells of each connection whose handshake is over, the tickets sent.
type shaken struct {
	net.Listener
	done chan struct{}
}

func (s shaken) Accept() (net.Conn, error) {
	c, err := s.Listener.Accept()
	if err == nil {
		err = c.(*tls.Conn).Handshake()
		s.done <- struct{}{}
	}
	return c, err
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
