package url_test

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"strings"
	"testing"
	"time"

	"coldbench/loadgen"
	"coldbench/record"
	"coldbench/target/url"
)

// What net/http does between its call and the write is the generator's lateness;
// opening a connection is not.
func TestSentIsTheWrite(t *testing.T) {
	plain := serve(t, func(http.ResponseWriter, *http.Request) {})
	secure := httptest.NewTLSServer(plain.Config.Handler)
	defer secure.Close()
	var got time.Time
	ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { got = time.Now() }})
	for _, s := range []*httptest.Server{plain, secure} {
		for _, ahead := range []int{0, 1} {
			target := target(t, url.Options{URL: s.URL, TLS: trust(s)})
			if err := target.Preconnect(t.Context(), ahead); err != nil {
				t.Fatal(err)
			}
			for i, afterwards := range []bool{ahead == 1, true} { // the first opens a connection, unless it was opened ahead
				r := target.Invoke(ctx, loadgen.Request{})
				if r.Sent.After(got) != afterwards || r.FirstByte.Before(r.Sent) {
					t.Errorf("request %d: sent %v after it had its connection, first byte %v after that: %+v", i, r.Sent.Sub(got), r.FirstByte.Sub(r.Sent), r)
				}
			}
		}
	}
}

// trust accepts the certificate of a server of httptest.
func trust(s *httptest.Server) *tls.Config {
	roots := x509.NewCertPool()
	if c := s.Certificate(); c != nil {
		roots.AddCert(c)
	}
	return &tls.Config{RootCAs: roots, ServerName: "example.com"}
}

// A name is looked up for a new connection, and not for a kept one.
func TestNameLookup(t *testing.T) { both(t, testNameLookup) }

func testNameLookup(t *testing.T, client func(testing.TB, url.Options) *url.Target) {
	s := serve(t, func(http.ResponseWriter, *http.Request) {})
	target := client(t, url.Options{URL: strings.Replace(s.URL, "127.0.0.1", "localhost", 1)})
	for i := range 2 {
		r := target.Invoke(t.Context(), loadgen.Request{})
		if fresh := i == 0; r.Outcome != record.OK || r.Conn.DNS > 0 != fresh || r.Conn.Connect > 0 != fresh || r.Conn.Reused == fresh {
			t.Errorf("request %d: %+v", i, r)
		}
	}
}

func TestTLS(t *testing.T) { both(t, testTLS) }

func testTLS(t *testing.T, client func(testing.TB, url.Options) *url.Target) {
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.Proto) }))
	s.EnableHTTP2 = true
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	defer s.Close()
	trust := trust(s)

	cold := client(t, url.Options{URL: s.URL, TLS: trust})
	if r := cold.Invoke(t.Context(), loadgen.Request{}); r.Outcome != record.OK || r.Conn.TLS == 0 || r.Conn.Connect == 0 {
		t.Errorf("%+v", r)
	}
	ahead := client(t, url.Options{URL: s.URL, TLS: trust})
	if err := ahead.Preconnect(t.Context(), 2); err != nil {
		t.Fatal(err)
	}
	if r := ahead.Invoke(t.Context(), loadgen.Request{}); r.Outcome != record.OK || r.Conn.Connect != 0 || r.Conn.TLS != 0 || r.ResponseBytes != int64(len("HTTP/1.1")) {
		t.Errorf("%+v", r)
	}
	two := client(t, url.Options{URL: s.URL, TLS: trust, HTTP2: true})
	if r := two.Invoke(t.Context(), loadgen.Request{}); r.Outcome != record.OK || r.ResponseBytes != int64(len("HTTP/2.0")) {
		t.Errorf("%+v", r)
	}
	if r := client(t, url.Options{URL: s.URL}).Invoke(t.Context(), loadgen.Request{}); r.Outcome != record.TransportError || r.ErrorType != "HTTP.TLS" {
		t.Errorf("%+v", r)
	}
}
