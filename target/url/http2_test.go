package url_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/http2"

	"coldbench/loadgen"
	"coldbench/record"
	"coldbench/target/url"
)

// refuser is a server of HTTP/2 that reads requests and refuses each, in a way
// that tells the client that it may repeat it.
type refuser struct {
	refuse   func(*http2.Framer, uint32) error
	requests atomic.Int64
}

func (s *refuser) serve(c net.Conn) {
	if _, err := io.ReadFull(c, make([]byte, len(http2.ClientPreface))); err != nil {
		return
	}
	f := http2.NewFramer(c, c)
	if f.WriteSettings() != nil {
		return
	}
	for {
		frame, err := f.ReadFrame()
		if err != nil {
			return
		}
		switch frame := frame.(type) {
		case *http2.SettingsFrame:
			if !frame.IsAck() {
				err = f.WriteSettingsAck()
			}
		case *http2.HeadersFrame:
			s.requests.Add(1)
			err = s.refuse(f, frame.StreamID)
		}
		if err != nil {
			return
		}
	}
}

// A server may refuse a request of HTTP/2 and say that it can be repeated, which
// net/http on its own would do, up to six times and with pauses.
func TestNothingIsSentTwiceOverHTTP2(t *testing.T) {
	for name, c := range map[string]struct {
		refuse    func(*http2.Framer, uint32) error
		errorType string
	}{
		"stream": {func(f *http2.Framer, id uint32) error {
			return f.WriteRSTStream(id, http2.ErrCodeRefusedStream)
		}, "HTTP.StreamRefused"},
		"connection": {func(f *http2.Framer, _ uint32) error {
			return f.WriteGoAway(0, http2.ErrCodeNo, nil)
		}, "HTTP.ConnectionClosed"},
	} {
		s := &refuser{refuse: c.refuse}
		u := listen(t, s.serve)
		for _, method := range []string{"GET", "HEAD", "OPTIONS", "DELETE", "PUT", "POST", "PATCH"} {
			for _, payload := range []string{"", "body"} {
				before := s.requests.Load()
				target := target(t, url.Options{URL: u, Method: method, HTTP2: true})
				r := target.Invoke(t.Context(), loadgen.Request{Payload: []byte(payload)})
				if n := s.requests.Load() - before; n != 1 || r.Outcome != record.TransportError || r.ErrorType != c.errorType || !r.Done.IsZero() {
					t.Errorf("%s refused, %s %q: the server saw %d requests, %+v", name, method, payload, n, r)
				}
				_ = target.Close()
			}
		}
	}
}

// shared starts a server of HTTP/2 and counts its connections.
func shared(t *testing.T, secure bool, h http.HandlerFunc) (s *httptest.Server, conns *atomic.Int64) {
	t.Helper()
	s, conns = httptest.NewUnstartedServer(h), new(atomic.Int64)
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			conns.Add(1)
		}
	}
	if s.EnableHTTP2 = secure; secure {
		s.StartTLS()
	} else {
		s.Config.Protocols = new(http.Protocols)
		s.Config.Protocols.SetUnencryptedHTTP2(true)
		s.Start()
	}
	t.Cleanup(s.Close)
	return s, conns
}

// Preconnect opens the connection that all requests share, and sends none on it.
func TestSharedConnectionIsOpenedAhead(t *testing.T) {
	for name, secure := range map[string]bool{"http": false, "https": true} {
		t.Run(name, func(t *testing.T) {
			var requests atomic.Int64
			all := make(chan struct{})
			s, conns := shared(t, secure, func(http.ResponseWriter, *http.Request) {
				if requests.Add(1) == 50 {
					close(all)
				}
				<-all
			})
			target := target(t, url.Options{URL: s.URL, HTTP2: true, TLS: trust(s)})
			for range 2 {
				if err := target.Preconnect(t.Context(), 50); err != nil {
					t.Fatal(err)
				}
			}
			var wg sync.WaitGroup
			for range 50 {
				wg.Go(func() {
					r := target.Invoke(t.Context(), loadgen.Request{})
					if r.Outcome != record.OK || r.Conn.Connect != 0 || r.Conn.TLS != 0 {
						t.Errorf("%+v", r)
					}
				})
			}
			wg.Wait()
			if requests.Load() != 50 || conns.Load() != 1 {
				t.Errorf("%d requests on %d connections", requests.Load(), conns.Load())
			}
		})
	}
	old := serve(t, func(http.ResponseWriter, *http.Request) {})
	if r := target(t, url.Options{URL: old.URL, HTTP2: true}).Invoke(t.Context(), loadgen.Request{}); r.Outcome != record.TransportError ||
		r.ErrorType == "HTTP.Transport" { // its answer, its end and its reset come together; each has a name
		t.Errorf("HTTP/1.1 only: %+v", r)
	}
	nobody, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = nobody.Close()
	if err := target(t, url.Options{URL: "http://" + nobody.Addr().String(), HTTP2: true}).Preconnect(t.Context(), 1); err == nil {
		t.Error("no error where nobody listens")
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := target(t, url.Options{URL: "http://127.0.0.1:1", HTTP2: true}).Preconnect(ended, 1); err == nil {
		t.Error("no error where there is no time")
	}
}

// On a shared connection net/http tells of the head when it is written: Sent is
// before that, so that the wait for the write is service.
func TestSentOnASharedConnection(t *testing.T) {
	s, _ := shared(t, false, func(http.ResponseWriter, *http.Request) {})
	target := target(t, url.Options{URL: s.URL, HTTP2: true})
	var got time.Time
	ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { got = time.Now() }})
	for i := range 3 {
		before := time.Now()
		r := target.Invoke(ctx, loadgen.Request{})
		if r.Outcome != record.OK || r.Sent.Before(before) || r.Sent.After(got) || r.FirstByte.Before(got) || r.Conn.Reused != (i > 0) {
			t.Errorf("request %d: %+v", i, r)
		}
	}
}
