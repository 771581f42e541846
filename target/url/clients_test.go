package url_test

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"coldbench/loadgen"
	"coldbench/record"
	"coldbench/target/url"
)

// Every form that an answer may have in HTTP/1.1, and what both clients make
// of it.
func TestFormsOfAnswers(t *testing.T) { both(t, testFormsOfAnswers) }

func testFormsOfAnswers(t *testing.T, client func(testing.TB, url.Options) *url.Target) {
	for _, c := range []struct {
		name, method, answer string
		status               int
		bytes                int64
		reused               bool // by the second request
	}{
		{"length", "GET", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc", 200, 3, true},
		{"empty", "GET", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 200, 0, true},
		{"no body by status", "GET", "HTTP/1.1 204 No Content\r\n\r\n", 204, 0, true},
		{"no body by method", "HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n", 200, 0, true},
		{"chunks", "GET", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n", 200, 5, true},
		{"trailer", "GET", "HTTP/1.1 200 OK\r\nTrailer: X\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX: y\r\n\r\n", 200, 3, true},
		{"to the end", "GET", "HTTP/1.1 200 OK\r\n\r\nabcd", 200, 4, false},
		{"closing", "GET", "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 3\r\n\r\nabc", 200, 3, false},
		{"old", "GET", "HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\nabc", 200, 3, false},
		{"interim", "GET", "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na", 200, 1, true},
		{"long head", "GET", "HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", 100_000) + "\r\nContent-Length: 1\r\n\r\na", 200, 1, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			u := listen(t, func(conn net.Conn) {
				in := bufio.NewReader(conn)
				for {
					if _, err := http.ReadRequest(in); err != nil {
						return
					}
					_, _ = io.WriteString(conn, c.answer)
					if !c.reused {
						return
					}
				}
			})
			target := client(t, url.Options{URL: u, Method: c.method})
			for i := range 2 {
				r := target.Invoke(t.Context(), loadgen.Request{})
				if r.Outcome != record.OK || r.Status != c.status || r.ResponseBytes != c.bytes {
					t.Errorf("request %d: %+v", i, r)
				}
				if i == 1 && r.Conn.Reused != c.reused {
					t.Errorf("reused: %v", r.Conn.Reused)
				}
			}
		})
	}
}

func TestPayloadsOfAllSizes(t *testing.T) { both(t, testPayloadsOfAllSizes) }

func testPayloadsOfAllSizes(t *testing.T, client func(testing.TB, url.Options) *url.Target) {
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		_, _ = w.Write(body)
	})
	target := client(t, url.Options{URL: s.URL, Header: http.Header{"X-A": {"1"}}})
	for _, n := range []int{1, 10, 4096, 32 << 10, 32<<10 + 1, 1 << 20} {
		r := target.Invoke(t.Context(), loadgen.Request{Payload: bytes.Repeat([]byte("p"), n)})
		if r.Outcome != record.OK || r.RequestBytes != int64(n) || r.ResponseBytes != int64(n) {
			t.Errorf("%d bytes: %+v", n, r)
		}
	}
}

// A server that closes what it kept open must not cost the next request.
func TestConnectionThatWasClosedWhileIdle(t *testing.T) {
	both(t, testConnectionThatWasClosedWhileIdle)
}

func testConnectionThatWasClosedWhileIdle(t *testing.T, client func(testing.TB, url.Options) *url.Target) {
	closed, left := make(chan struct{}, 2), make(chan struct{}, 2)
	u := listen(t, func(c net.Conn) {
		if readRequest(c) {
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
		}
		_ = c.(*net.TCPConn).CloseWrite()
		closed <- struct{}{}
		_, _ = io.Copy(io.Discard, c)
		left <- struct{}{}
	})
	target := client(t, url.Options{URL: u})
	r := target.Invoke(t.Context(), loadgen.Request{})
	if r.Outcome != record.OK {
		t.Fatalf("%+v", r)
	}
	<-closed
	if target.Lean() { // looks when it needs a connection that has been idle for some time
		time.Sleep(time.Until(r.Done.Add(url.Quiet)))
	} else { // notices, and closes its end
		<-left
	}
	if r := target.Invoke(t.Context(), loadgen.Request{}); r.Outcome != record.OK || r.Conn.Reused {
		t.Errorf("%+v", r)
	}
}

func TestEndOfContextCutsARequest(t *testing.T) { both(t, testEndOfContextCutsARequest) }

func testEndOfContextCutsARequest(t *testing.T, client func(testing.TB, url.Options) *url.Target) {
	asked, done := make(chan struct{}), make(chan struct{})
	defer close(done)
	u := listen(t, func(c net.Conn) {
		readRequest(c)
		close(asked)
		<-done
	})
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-asked
		cancel()
	}()
	r := client(t, url.Options{URL: u}).Invoke(ctx, loadgen.Request{})
	if r.Outcome != record.TransportError || r.Error != "" || !r.Done.IsZero() {
		t.Errorf("%+v", r)
	}
}

// FuzzAnswer sends arbitrary bytes as the answer: whatever they are, there is a
// reply with an outcome, and its instants are in order.
func FuzzAnswer(f *testing.F) {
	for _, s := range []string{
		"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
		"HTTP/1.1 103 x\r\n\r\nHTTP/1.1 500 y\r\n\r\nbody",
		"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", "\r\n\r\n", "HTTP", "",
	} {
		f.Add([]byte(s))
	}
	answers := make(chan []byte, 1)
	u := listen(f, func(c net.Conn) {
		if readRequest(c) {
			_, _ = c.Write(<-answers)
		}
	})
	target := target(f, url.Options{URL: u, Lean: true})
	f.Fuzz(func(t *testing.T, answer []byte) {
		answers <- answer
		r := target.Invoke(t.Context(), loadgen.Request{})
		switch {
		case r.Outcome == "":
			t.Fatal("no outcome")
		case r.Outcome == record.TransportError && (r.ErrorType == "" || !r.Done.IsZero()):
			t.Fatalf("%+v", r)
		case r.Outcome != record.TransportError && (r.Done.Before(r.FirstByte) || r.FirstByte.Before(r.Sent)):
			t.Fatalf("%+v", r)
		}
		select { // the request may have gone to a connection that was kept and has ended
		case <-answers:
		default:
		}
	})
}
