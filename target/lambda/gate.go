package lambda

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptrace"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"coldbench/loadgen"
	"coldbench/target/wire"
)

// gate holds one request back between signing and sending. The SDK serialises
// and signs, then calls its HTTP client: that is where the gate stands. So the
// tens of microseconds of CPU that the SDK takes for each request are spent
// before the due time, and a burst of N is N writes and no more.
type gate struct {
	signed  chan struct{}        // closed when the request stands at the gate, or never will
	open    chan context.Context // the context of the send
	discard chan struct{}
	once    sync.Once

	direct *direct // set before signed is closed; nil: net/http's transport sends
	bytes  []byte  // the request as direct sends it
	early  *link   // where Start has sent it
	failed error   // of Start

	phases     wire.Phases
	sent, done time.Time       // done: the last byte of a whole answer
	ctx        context.Context // of the send
	broken     error           // why there is no whole answer
	received   int64           // bytes of the body
}

func newGate() *gate {
	return &gate{signed: make(chan struct{}), open: make(chan context.Context, 1), discard: make(chan struct{})}
}

func (g *gate) atGate() { g.once.Do(func() { close(g.signed) }) }

func (g *gate) stampSent() {
	g.sent = time.Now()
	g.phases.Begin = g.sent
}

type gateKey struct{}

var errDiscarded = errors.New("the request was prepared and never sent")

// gatedClient is the HTTP client that the SDK calls.
type gatedClient struct {
	inner  aws.HTTPClient
	direct *direct // nil: inner sends
}

// oneTrip is the HTTP client of one attempt: it follows no redirect.
type oneTrip struct{ *http.Transport }

func (c oneTrip) Do(r *http.Request) (*http.Response, error) { return c.RoundTrip(r) }

// Do waits at the request's gate, if it has one, and then sends. The last byte
// of the body stamps Done, so that decoding is no part of the service time.
func (c gatedClient) Do(r *http.Request) (*http.Response, error) {
	g, _ := r.Context().Value(gateKey{}).(*gate)
	if g == nil {
		return c.inner.Do(r)
	}
	if c.direct != nil {
		var err error
		if g.bytes, err = wire.Form(r); err != nil {
			return nil, err
		}
		g.direct = c.direct
	}
	g.atGate()
	select {
	case ctx := <-g.open:
		return c.send(ctx, g, r)
	case <-g.discard:
		return nil, errDiscarded
	}
}

func (c gatedClient) send(ctx context.Context, g *gate, r *http.Request) (*http.Response, error) {
	if g.early == nil {
		g.stampSent()
	}
	g.ctx = ctx
	var resp *http.Response
	var err error
	release := func() {}
	if c.direct != nil {
		resp, err = c.direct.send(ctx, g, r)
	} else {
		merged, cancel := context.WithCancel(httptrace.WithClientTrace(r.Context(), g.phases.Trace()))
		stop := context.AfterFunc(ctx, cancel)
		release = func() { stop(); cancel() }
		resp, err = c.inner.Do(r.WithContext(merged))
	}
	if err != nil {
		release()
		g.broken = err
		return nil, err
	}
	resp.Body = &stampedBody{ReadCloser: resp.Body, gate: g, release: release}
	return resp, nil
}

// stampedBody notes when the last byte of a response was read, or why it was not.
type stampedBody struct {
	io.ReadCloser
	gate    *gate
	release func()
}

func (b *stampedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.gate.received += int64(n)
	switch {
	case errors.Is(err, io.EOF):
		b.gate.done = time.Now()
	case err != nil:
		b.gate.broken = err
	}
	return n, err
}

func (b *stampedBody) Close() error {
	defer b.release()
	return b.ReadCloser.Close()
}

// prepared is a signed request on its way through the SDK.
type prepared struct {
	gate  *gate
	reply chan loadgen.Reply
}

// Send lets the request through and waits for its reply.
func (p *prepared) Send(ctx context.Context) loadgen.Reply {
	p.gate.open <- ctx
	return <-p.reply
}

// Start sends the request if a kept connection is at hand and the request is
// small enough for the connection to take it without waiting.
func (p *prepared) Start() {
	if d := p.gate.direct; d != nil && len(p.gate.bytes) <= maxStart {
		d.start(p.gate)
	}
}

// maxStart is less than the send buffer of any fresh connection.
const maxStart = 16 << 10

// Discard gives the request up.
func (p *prepared) Discard() { close(p.gate.discard) }
