package url

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	neturl "net/url"
	"strings"
	"sync"
	"time"

	"golang.org/x/net/http/httpguts"

	"coldbench/loadgen"
	"coldbench/record"
	"coldbench/target/wire"
)

// Options say what to request. URL is needed.
type Options struct {
	URL    string
	Method string      // "" = GET, or POST for requests with a payload
	Header http.Header // sent with every request; Host sets the authority

	HTTP2       bool        // HTTP/2 only; false = HTTP/1.1 only
	Lean        bool        // the client for high rates instead of net/http; HTTP/1.1 only
	MaxInFlight int         // connections that are kept; 0 = loadgen.DefaultMaxInFlight
	TLS         *tls.Config // nil = the system's roots; its NextProtos are not used
}

// Target requests one URL. It is safe for concurrent use.
type Target struct {
	transport *http.Transport
	pool      *wire.Pool
	bare      http.Request // without context and body
	method    string
	http2     bool
	lean      *lean // nil: net/http
}

// New checks the options and returns the target. Nothing is connected yet.
func New(o Options) (*Target, error) {
	u, err := parse(o.URL)
	if err != nil {
		return nil, err
	}
	if strings.ContainsAny(o.Method, " \t\r\n/:") {
		return nil, fmt.Errorf("target %s: %q is no HTTP method", u.Redacted(), o.Method)
	}
	t := &Target{method: strings.ToUpper(o.Method), http2: o.HTTP2}
	t.bare = http.Request{URL: u, Host: u.Host, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1}
	t.bare.Header = o.Header.Clone()
	if t.bare.Header == nil {
		t.bare.Header = http.Header{}
	}
	if h := t.bare.Header.Get("Host"); h != "" {
		t.bare.Host = h
		t.bare.Header.Del("Host")
	}
	if t.bare.Header.Get("User-Agent") == "" {
		t.bare.Header.Set("User-Agent", "coldbench")
	}
	if u.User != nil && t.bare.Header.Get("Authorization") == "" {
		password, _ := u.User.Password()
		r := http.Request{Header: t.bare.Header}
		r.SetBasicAuth(u.User.Username(), password)
	}
	for _, key := range []string{"Idempotency-Key", "X-Idempotency-Key"} {
		// By the canonical name net/http would know that it may repeat requests.
		if v, ok := t.bare.Header[key]; ok {
			delete(t.bare.Header, key)
			t.bare.Header[strings.ToLower(key)] = v
		}
	}
	if err := checkHeader(&t.bare); err != nil {
		return nil, fmt.Errorf("target %s: %w", u.Redacted(), err)
	}
	if o.Lean && o.HTTP2 {
		return nil, fmt.Errorf("target %s: the lean client speaks HTTP/1.1 only", u.Redacted())
	}
	t.connect(u, &o)
	if o.Lean {
		if t.lean, err = newLean(t); err != nil {
			return nil, err
		}
	}
	return t, nil
}

// checkHeader refuses what would break the head of a request.
func checkHeader(r *http.Request) error {
	if !httpguts.ValidHostHeader(r.Host) {
		return fmt.Errorf("header Host: %q is no host", r.Host)
	}
	for key, values := range r.Header {
		if !httpguts.ValidHeaderFieldName(key) {
			return fmt.Errorf("header %q: not a name", key)
		}
		for _, v := range values {
			if !httpguts.ValidHeaderFieldValue(v) { // the value may be a secret
				return fmt.Errorf("header %s: its value holds a character that none may", key)
			}
		}
	}
	return nil
}

func parse(text string) (*neturl.URL, error) {
	u, err := neturl.Parse(text)
	if err != nil {
		var in *neturl.Error
		if errors.As(err, &in) {
			err = in.Err // without the URL, which may hold a password
		}
		return nil, fmt.Errorf("target: not a URL: %w", err)
	}
	switch {
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, fmt.Errorf("target %s: scheme %q is neither http nor https", u.Redacted(), u.Scheme)
	case u.Hostname() == "":
		return nil, fmt.Errorf("target %s: there is no host in the URL", u.Redacted())
	}
	return u, nil
}

// connect sets up the transport and the pool that it dials through.
func (t *Target) connect(u *neturl.URL, o *Options) {
	keep := o.MaxInFlight
	if keep <= 0 {
		keep = loadgen.DefaultMaxInFlight
	}
	t.transport = &http.Transport{
		MaxIdleConnsPerHost:    keep,
		DisableCompression:     true,
		MaxResponseHeaderBytes: 1 << 20,
		Protocols:              new(http.Protocols),
	}
	secure := o.TLS.Clone()
	if secure == nil {
		secure = &tls.Config{}
	}
	if secure.ServerName == "" {
		secure.ServerName = u.Hostname()
	}
	secure.NextProtos = nil
	if o.HTTP2 {
		t.transport.Protocols.SetHTTP2(true)
		t.transport.Protocols.SetUnencryptedHTTP2(true)
		t.transport.TLSClientConfig = secure
		t.transport.DialContext = dialShared()
		return
	}
	t.transport.Protocols.SetHTTP1(true)
	secure.NextProtos = []string{"http/1.1"}
	t.pool = wire.NewPool(u, secure)
	t.transport.DialContext = t.pool.Dial
	t.transport.DialTLSContext = t.pool.DialTLS
}

// Preconnect opens n connections, TLS included, that the next n requests
// without a kept connection will use. With HTTP/2 it opens the one that carries
// all (see the package documentation for how many that is).
func (t *Target) Preconnect(ctx context.Context, n int) error {
	if t.http2 {
		return t.preconnectShared(ctx)
	}
	return t.pool.Fill(ctx, n)
}

// preconnectShared opens a connection and sends no request on it. It returns
// when requests find it, which is a moment after its first one has: until then
// each would open its own.
func (t *Target) preconnectShared(ctx context.Context) error {
	err := t.reach(ctx)
	shared := context.WithValue(ctx, noDial{}, true)
	for i := 0; err == nil && i < 100; i++ {
		if t.reach(shared) == nil {
			return nil
		}
		time.Sleep(100 * time.Microsecond)
		err = ctx.Err()
	}
	if err == nil {
		err = errors.New("the server keeps none")
	}
	return fmt.Errorf("open a connection to %s: %w", t.bare.URL.Host, err)
}

// reach makes a request that is given up at the moment when it has its
// connection: net/http looks at the context once more before it writes the head.
func (t *Target) reach(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	reached := false
	traced := httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) {
		reached = true
		cancel()
	}})
	resp, err := t.transport.RoundTrip(t.request(traced, nil))
	if err == nil {
		_ = resp.Body.Close()
	}
	if reached {
		return nil
	}
	return err
}

// noDial marks a context in which no connection is opened.
type noDial struct{}

// dialShared opens a connection for HTTP/2.
func dialShared() func(ctx context.Context, network, address string) (net.Conn, error) {
	dial := wire.TracedDial(&net.Dialer{KeepAlive: 15 * time.Second})
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		if ctx.Value(noDial{}) != nil {
			return nil, errors.ErrUnsupported
		}
		return dial(ctx, network, address)
	}
}

// FilesPerRequest is how many open files a request in flight costs.
func (t *Target) FilesPerRequest() int {
	if t.http2 {
		return 0
	}
	return 1
}

// Close closes the kept connections.
func (t *Target) Close() error {
	t.transport.CloseIdleConnections()
	if t.lean != nil {
		t.lean.idle.Close()
	}
	if t.pool != nil {
		t.pool.Close()
	}
	return nil
}

// Invoke makes one request. See the package documentation.
func (t *Target) Invoke(ctx context.Context, req loadgen.Request) loadgen.Reply {
	if t.lean != nil {
		return t.lean.invoke(ctx, req.Payload)
	}
	p := wire.Phases{Shared: t.http2}
	hr := t.request(p.Context(ctx), req.Payload)
	r := loadgen.Reply{RequestBytes: int64(len(req.Payload))}
	p.Begin = time.Now()
	r.Sent = p.Begin
	resp, err := t.transport.RoundTrip(hr) //nolint:bodyclose // drain closes it
	if err != nil {
		p.Fill(&r)
		wire.Fail(ctx, &r, err)
		return r
	}
	first, n, err := drain(resp.Body, resp.StatusCode >= 400)
	r.Done = time.Now()
	p.Fill(&r)
	r.Status, r.ResponseBytes = resp.StatusCode, n
	r.RequestID = resp.Header.Get("X-Amzn-Requestid")
	r.Version = resp.Header.Get("X-Amz-Executed-Version")
	if err != nil {
		wire.Fail(ctx, &r, fmt.Errorf("read body after %d bytes: %w", n, err))
		return r
	}
	judge(&r, first)
	return r
}

// judge decides the outcome of a complete response by its status.
func judge(r *loadgen.Reply, body string) {
	if r.Status < 400 {
		r.Outcome = record.OK
		return
	}
	r.Outcome = record.FunctionError
	if r.Status == http.StatusTooManyRequests {
		r.Outcome = record.Throttled
	}
	r.ErrorType = fmt.Sprintf("HTTP.%d", r.Status)
	if r.Error = body; r.Error == "" {
		r.Error = http.StatusText(r.Status)
	}
}

// request makes the request of one attempt: a shallow copy of the bare one,
// whose URL and header are shared and never written.
func (t *Target) request(ctx context.Context, payload []byte) *http.Request {
	r := t.bare.WithContext(ctx)
	r.Method = t.method
	if len(payload) > 0 {
		if r.Method == "" {
			r.Method = http.MethodPost
		}
		r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(payload)), int64(len(payload))
		return r
	}
	if r.Method == "" {
		r.Method = http.MethodGet
	}
	// An empty body of a type that net/http knows: for others it would write the
	// head on its own.
	empty := io.NopCloser(bytes.NewReader(nil))
	switch r.Method {
	case http.MethodPost, http.MethodPut, http.MethodPatch:
		if t.http2 {
			r.Body = empty
		}
	default:
		r.Body, r.TransferEncoding = empty, identity
	}
	return r
}

var identity = []string{"identity"}

var buffers = sync.Pool{New: func() any { return new([16 << 10]byte) }}

// drain reads a body to its end. It returns how many bytes it had, and the
// first of them where an error text is wanted.
func drain(body io.ReadCloser, want bool) (first string, n int64, err error) {
	defer func() { _ = body.Close() }()
	buf := buffers.Get().(*[16 << 10]byte)
	defer buffers.Put(buf)
	for {
		k, err := body.Read(buf[:])
		if want && n == 0 && k > 0 {
			first = string(buf[:min(k, wire.MaxErrorText)])
		}
		n += int64(k)
		if errors.Is(err, io.EOF) {
			return first, n, nil
		}
		if err != nil {
			return first, n, err
		}
	}
}
