package url_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"coldbench/loadgen"
	"coldbench/record"
	"coldbench/target/url"
)

var (
	_ loadgen.Target       = (*url.Target)(nil)
	_ loadgen.Preconnecter = (*url.Target)(nil)
	_ loadgen.FileUser     = (*url.Target)(nil)
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func target(t testing.TB, o url.Options) *url.Target {
	t.Helper()
	target, err := url.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = target.Close() })
	return target
}

// both runs a test against both clients: what they record is the same.
func both(t *testing.T, f func(*testing.T, func(testing.TB, url.Options) *url.Target)) {
	t.Helper()
	t.Run("net-http", func(t *testing.T) { f(t, target) })
	t.Run("lean", func(t *testing.T) {
		f(t, func(t testing.TB, o url.Options) *url.Target {
			t.Helper()
			o.Lean = !o.HTTP2
			return target(t, o)
		})
	})
}

func serve(t testing.TB, h http.HandlerFunc) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s
}

func TestStatusDecidesTheOutcome(t *testing.T) { both(t, testStatusDecidesTheOutcome) }

func testStatusDecidesTheOutcome(t *testing.T, client func(testing.TB, url.Options) *url.Target) {
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		var status int
		fmt.Sscanf(r.URL.Path, "/%d", &status)
		w.Header().Set("x-amzn-requestid", "id-1")
		w.Header().Set("Location", "/200")
		w.WriteHeader(status)
		if status != 304 && status != 204 {
			fmt.Fprint(w, "body\nof it")
		}
	})
	for _, c := range []struct {
		status    int
		outcome   record.Outcome
		errorType string
		bytes     int64
	}{
		{200, record.OK, "", 10},
		{204, record.OK, "", 0},
		{302, record.OK, "", 10}, // not followed
		{304, record.OK, "", 0},
		{404, record.FunctionError, "HTTP.404", 10},
		{429, record.Throttled, "HTTP.429", 10},
		{500, record.FunctionError, "HTTP.500", 10},
		{503, record.FunctionError, "HTTP.503", 10},
	} {
		r := client(t, url.Options{URL: fmt.Sprintf("%s/%d", s.URL, c.status)}).Invoke(t.Context(), loadgen.Request{})
		if r.Outcome != c.outcome || r.Status != c.status || r.ErrorType != c.errorType || r.ResponseBytes != c.bytes || r.RequestID != "id-1" {
			t.Errorf("%d: %+v", c.status, r)
		}
		if r.Sent.IsZero() || r.FirstByte.Before(r.Sent) || r.Done.Before(r.FirstByte) {
			t.Errorf("%d: order of instants %+v", c.status, r)
		}
	}
}

func TestRequestOnTheWire(t *testing.T) { both(t, testRequestOnTheWire) }

func testRequestOnTheWire(t *testing.T, client func(testing.TB, url.Options) *url.Target) {
	var got *http.Request
	var body []byte
	s := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		got = r
		body, _ = io.ReadAll(r.Body)
	})
	t.Setenv("HTTP_PROXY", "http://127.0.0.1:1") // must not be used
	t.Setenv("http_proxy", "http://127.0.0.1:1")

	plain := client(t, url.Options{URL: s.URL + "/a?b=c"})
	if r := plain.Invoke(t.Context(), loadgen.Request{}); r.Outcome != record.OK {
		t.Fatalf("%+v", r)
	}
	if got.Method != http.MethodGet || got.URL.String() != "/a?b=c" || len(got.TransferEncoding) > 0 || got.ContentLength != 0 ||
		got.Header.Get("Accept-Encoding") != "" || got.UserAgent() != "coldbench" {
		t.Errorf("%+v", got)
	}
	if r := plain.Invoke(t.Context(), loadgen.Request{Payload: []byte("xyz")}); r.Outcome != record.OK || r.RequestBytes != 3 {
		t.Fatalf("%+v", r)
	}
	if got.Method != http.MethodPost || string(body) != "xyz" || got.ContentLength != 3 {
		t.Errorf("%+v %q", got, body)
	}
	custom := client(t, url.Options{URL: s.URL, Method: "put", Header: http.Header{"Host": {"other.example"}, "X-A": {"1"}}})
	if r := custom.Invoke(t.Context(), loadgen.Request{}); r.Outcome != record.OK {
		t.Fatalf("%+v", r)
	}
	if got.Method != http.MethodPut || got.Host != "other.example" || got.Header.Get("X-A") != "1" {
		t.Errorf("%+v", got)
	}
}

func TestConnectionsAreReusedAndOpenedAhead(t *testing.T) {
	both(t, testConnectionsAreReusedAndOpenedAhead)
}

func testConnectionsAreReusedAndOpenedAhead(t *testing.T, client func(testing.TB, url.Options) *url.Target) {
	opened := make(chan struct{}, 100)
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			opened <- struct{}{}
		}
	}
	s.Start()
	defer s.Close()
	target := client(t, url.Options{URL: s.URL})
	if err := target.Preconnect(t.Context(), 20); err != nil {
		t.Fatal(err)
	}
	first := target.Invoke(t.Context(), loadgen.Request{})
	second := target.Invoke(t.Context(), loadgen.Request{})
	if first.Conn.Reused || first.Conn.Connect != 0 || !second.Conn.Reused || second.Conn.Wait == 0 {
		t.Errorf("%+v, %+v", first.Conn, second.Conn)
	}
	for range 20 {
		<-opened
	}
	if len(opened) > 0 {
		t.Errorf("%d connections too many", len(opened))
	}
}

// listen answers each connection with f.
func listen(t testing.TB, f func(net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var conns sync.WaitGroup
	conns.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			conns.Go(func() {
				defer c.Close()
				f(c)
			})
		}
	})
	t.Cleanup(func() {
		l.Close()
		conns.Wait()
	})
	return "http://" + l.Addr().String()
}

func readRequest(c net.Conn) bool {
	_, err := http.ReadRequest(bufio.NewReader(c))
	return err == nil
}

func TestBadServers(t *testing.T) { both(t, testBadServers) }

func testBadServers(t *testing.T, client func(testing.TB, url.Options) *url.Target) {
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody := "http://" + closed.Addr().String()
	closed.Close()
	reply := func(text string) string {
		return listen(t, func(c net.Conn) {
			if readRequest(c) {
				io.WriteString(c, text)
			}
		})
	}
	reset := listen(t, func(c net.Conn) {
		readRequest(c)
		_ = c.(*net.TCPConn).SetLinger(0)
	})
	for _, c := range []struct {
		name, url, errorType string
		status               int
	}{
		{"refused", nobody, "HTTP.ConnectionRefused", 0},
		{"reset", reset, "HTTP.ConnectionReset", 0},
		{"closed", reply(""), "HTTP.ConnectionClosed", 0},
		{"half a head", reply("HTTP/1.1 200 OK\r\nX: y\r\n"), "HTTP.ResponseCut", 0},
		{"half a body", reply("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc"), "HTTP.ResponseCut", 200},
		{"half a chunk", reply("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab"), "HTTP.ResponseCut", 200},
		{"bad chunk", reply("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"), "HTTP.Malformed", 200},
		{"no HTTP", reply("SSH-2.0-OpenSSH\r\n"), "HTTP.Malformed", 0},
		{"bad length", reply("HTTP/1.1 200 OK\r\nContent-Length: ten\r\n\r\n"), "HTTP.Malformed", 0},
		{"TLS", strings.Replace(reply("HTTP/1.1 400 Bad Request\r\n\r\n"), "http:", "https:", 1), "HTTP.ConnectionClosed", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := client(t, url.Options{URL: c.url}).Invoke(t.Context(), loadgen.Request{})
			if r.Outcome != record.TransportError || r.ErrorType != c.errorType || r.Status != c.status || r.Error == "" {
				t.Errorf("%+v", r)
			}
			if r.Sent.IsZero() || !r.Done.IsZero() {
				t.Errorf("instants %+v", r)
			}
		})
	}
}

func TestMoreBodyThanLength(t *testing.T) { both(t, testMoreBodyThanLength) }

func testMoreBodyThanLength(t *testing.T, client func(testing.TB, url.Options) *url.Target) {
	u := listen(t, func(c net.Conn) {
		if readRequest(c) {
			io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nabcdef")
		}
	})
	if r := client(t, url.Options{URL: u}).Invoke(t.Context(), loadgen.Request{}); r.Outcome != record.OK || r.ResponseBytes != 2 {
		t.Errorf("%+v", r)
	}
}

func TestServerThatNeverAnswers(t *testing.T) { both(t, testServerThatNeverAnswers) }

func testServerThatNeverAnswers(t *testing.T, client func(testing.TB, url.Options) *url.Target) {
	done := make(chan struct{})
	defer close(done)
	u := listen(t, func(c net.Conn) {
		readRequest(c)
		<-done
	})
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	r := client(t, url.Options{URL: u}).Invoke(ctx, loadgen.Request{})
	if r.Outcome != record.TransportError || r.ErrorType != "" || !r.FirstByte.IsZero() {
		t.Errorf("%+v", r)
	}
}

// A server that drops a kept-alive connection instead of answering must see
// each request once, whatever its method: net/http on its own would repeat it.
func TestNothingIsSentTwice(t *testing.T) { both(t, testNothingIsSentTwice) }

func testNothingIsSentTwice(t *testing.T, client func(testing.TB, url.Options) *url.Target) {
	for _, method := range []string{"GET", "HEAD", "OPTIONS", "DELETE", "PUT", "POST"} {
		for _, payload := range []string{"", "body"} {
			t.Run(method+payload, func(t *testing.T) {
				var seen atomic.Int64
				u := listen(t, func(c net.Conn) {
					in := bufio.NewReader(c)
					for i := range 2 {
						r, err := http.ReadRequest(in)
						if err != nil {
							return
						}
						_, _ = io.Copy(io.Discard, r.Body)
						seen.Add(1)
						if i == 0 {
							io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
						}
					}
				})
				target := client(t, url.Options{URL: u, Method: method, Header: http.Header{"Idempotency-Key": {"k"}}})
				var outcomes []record.Outcome
				for range 4 {
					r := target.Invoke(t.Context(), loadgen.Request{Payload: []byte(payload)})
					outcomes = append(outcomes, r.Outcome)
				}
				want := []record.Outcome{record.OK, record.TransportError, record.OK, record.TransportError}
				if fmt.Sprint(outcomes) != fmt.Sprint(want) || seen.Load() != 4 {
					t.Errorf("%v, the server saw %d requests", outcomes, seen.Load())
				}
			})
		}
	}
}

func TestBadURLs(t *testing.T) {
	for _, c := range []url.Options{
		{},
		{URL: "localhost:80"},
		{URL: "/path"},
		{URL: "http://"},
		{URL: "http://:80/"},
		{URL: "ftp://host/"},
		{URL: "http://a b/"},
		{URL: "http://host:port/"},
		{URL: "http://host/%zz"},
		{URL: "http://host/", Method: "GET /"},
		{URL: "http://host/", Header: http.Header{"X": {"a\r\nb: c"}}},
		{URL: "http://host/", Header: http.Header{"X Y": {"a"}}},
		{URL: "http://host/", Header: http.Header{"Host": {"a b"}}},
		{URL: "http://host/", Lean: true, HTTP2: true},
	} {
		if _, err := url.New(c); err == nil || strings.Contains(err.Error(), "\n") {
			t.Errorf("%+v: %v", c, err)
		}
	}
}

func TestConnectionThatDiedAheadIsReplaced(t *testing.T) {
	both(t, testConnectionThatDiedAheadIsReplaced)
}

func testConnectionThatDiedAheadIsReplaced(t *testing.T, client func(testing.TB, url.Options) *url.Target) {
	accepted := make(chan net.Conn, 8)
	u := listen(t, func(c net.Conn) {
		accepted <- c
		if readRequest(c) {
			io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
		}
	})
	target := client(t, url.Options{URL: u})
	if err := target.Preconnect(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	(<-accepted).Close()
	// The end of the connection reaches us through the kernel at once on
	// loopback; should it not, the request fails rather than passing wrongly.
	if r := target.Invoke(t.Context(), loadgen.Request{}); r.Outcome != record.OK {
		t.Errorf("%+v", r)
	}
}

func BenchmarkInvoke(b *testing.B) {
	s := serve(b, func(http.ResponseWriter, *http.Request) {})
	for name, lean := range map[string]bool{"net-http": false, "lean": true} {
		b.Run(name, func(b *testing.B) {
			target := target(b, url.Options{URL: s.URL, Lean: lean})
			ctx, cancel := context.WithTimeout(b.Context(), time.Hour)
			defer cancel()
			b.ReportAllocs()
			for b.Loop() {
				if r := target.Invoke(ctx, loadgen.Request{}); r.Outcome != record.OK {
					b.Fatalf("%+v", r)
				}
			}
		})
	}
}

func TestErrorsHoldNoPassword(t *testing.T) {
	for name, o := range map[string]url.Options{
		"malformed": {URL: "http://user:secret@ho st/"},
		"scheme":    {URL: "ftp://user:secret@host/"},
		"host":      {URL: "http://user:secret@/"},
		"method":    {URL: "http://user:secret@host/", Method: "G T"},
		"header":    {URL: "http://user:secret@host/", Header: http.Header{"a b": {"c"}}},
		"client":    {URL: "http://user:secret@host/", Lean: true, HTTP2: true},
	} {
		if _, err := url.New(o); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
