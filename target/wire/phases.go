package wire

import (
	"context"
	"crypto/tls"
	"net"
	"net/http/httptrace"
	"sync/atomic"
	"time"

	"coldbench/loadgen"
)

// Phases gathers what httptrace tells of one attempt, in nanoseconds since its
// begin, 0 for what did not happen. The transport dials in a goroutine of its
// own that may outlive the attempt (another connection became free first), so
// everything is atomic and nothing is reused.
type Phases struct {
	Begin time.Time // the instant that the phases count from; set before the request is sent
	// Shared says that connections carry many requests at once (HTTP/2). See
	// Fill.
	Shared bool
	reused atomic.Bool

	dnsStart, dnsDone   atomic.Int64
	connStart, connDone atomic.Int64
	tlsStart, tlsDone   atomic.Int64
	writing             atomic.Int64
	wrote, first        atomic.Int64

	trace        httptrace.ClientTrace // of the request
	ends, values context.Context       // of Context
}

func (p *Phases) now() int64 { return max(1, int64(time.Since(p.Begin))) }

// Trace returns the hooks that observe a request, its dial included, for a
// transport whose dialing is its own. Where it is TracedDial or a Pool, Context
// is cheaper.
func (p *Phases) Trace() *httptrace.ClientTrace {
	t := p.requestTrace()
	d := p.dialTrace()
	t.DNSStart, t.DNSDone, t.ConnectStart, t.ConnectDone = d.DNSStart, d.DNSDone, d.ConnectStart, d.ConnectDone
	p.traceTLS(t)
	return t
}

// requestTrace observes all but the opening of a connection.
func (p *Phases) requestTrace() *httptrace.ClientTrace {
	t := &p.trace
	t.WroteRequest = func(httptrace.WroteRequestInfo) { p.Wrote() }
	t.GotFirstResponseByte = p.FirstByte
	if p.Shared {
		t.GotConn = func(i httptrace.GotConnInfo) {
			p.reused.Store(i.Reused)
			p.write()
		}
		return t
	}
	t.GotConn = func(i httptrace.GotConnInfo) { p.reused.Store(i.Reused) }
	t.WroteHeaders = p.write
	return t
}

// traceTLS observes a handshake that the transport makes.
func (p *Phases) traceTLS(t *httptrace.ClientTrace) {
	t.TLSHandshakeStart = p.shaking
	t.TLSHandshakeDone = func(_ tls.ConnectionState, err error) { p.shaken(err) }
}

func (p *Phases) write()   { p.writing.CompareAndSwap(0, p.now()) }
func (p *Phases) shaking() { p.tlsStart.CompareAndSwap(0, p.now()) }

func (p *Phases) shaken(err error) {
	if err == nil {
		p.tlsDone.CompareAndSwap(0, p.now())
	}
}

// dialTrace observes the dial. The first of several starts counts (addresses
// are tried in parallel), and the first success.
func (p *Phases) dialTrace() *httptrace.ClientTrace {
	return &httptrace.ClientTrace{
		DNSStart:     func(httptrace.DNSStartInfo) { p.dnsStart.CompareAndSwap(0, p.now()) },
		DNSDone:      func(httptrace.DNSDoneInfo) { p.dnsDone.CompareAndSwap(0, p.now()) },
		ConnectStart: func(_, _ string) { p.connStart.CompareAndSwap(0, p.now()) },
		ConnectDone: func(_, _ string, err error) {
			if err == nil {
				p.connDone.CompareAndSwap(0, p.now())
			}
		},
	}
}

func (p *Phases) dialContext(ctx context.Context) context.Context {
	return httptrace.WithClientTrace(ctx, p.dialTrace())
}

// Context makes p observe a request that is sent with the context returned
// instead of ctx, through a transport that dials through a Pool, or, for
// requests that share connections, with TracedDial.
//
// The hooks of a dial, which few requests need, cost more than the others
// together; so they are made when there is a dial. And the context stays one
// that ends what is made from it without a goroutine (see AfterFunc).
func (p *Phases) Context(ctx context.Context) context.Context {
	t := p.requestTrace()
	if p.Shared {
		p.traceTLS(t)
	}
	p.ends, p.values = ctx, httptrace.WithClientTrace(ctx, t)
	return (*observed)(p)
}

// observed is the context of a request that is observed.
type observed Phases

type phasesKey struct{}

func (o *observed) Deadline() (time.Time, bool) { return o.ends.Deadline() }
func (o *observed) Done() <-chan struct{}       { return o.ends.Done() }
func (o *observed) Err() error                  { return o.ends.Err() }
func (o *observed) Value(key any) any {
	if key == (phasesKey{}) {
		return (*Phases)(o)
	}
	return o.values.Value(key)
}

// AfterFunc is looked for by context.AfterFunc.
func (o *observed) AfterFunc(f func()) func() bool { return AfterFunc(o.ends, f) }

// TracedDial is d's DialContext, observed by the Phases of the request.
func TracedDial(d *net.Dialer) func(ctx context.Context, network, address string) (net.Conn, error) {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		if p, ok := ctx.Value(phasesKey{}).(*Phases); ok {
			ctx = p.dialContext(ctx)
		}
		return d.DialContext(ctx, network, address)
	}
}

// Wrote notes that the request is out, for clients without httptrace.
func (p *Phases) Wrote() { p.wrote.CompareAndSwap(0, p.now()) }

// FirstByte notes that the answer has begun, for clients without httptrace.
func (p *Phases) FirstByte() { p.first.CompareAndSwap(0, p.now()) }

// Reuse notes that the connection was kept from an earlier request.
func (p *Phases) Reuse() { p.reused.Store(true) }

// Fill sets the first byte and the cost of the connection. What a dial cost
// that the attempt did not wait for is not its own.
//
// After Context or Trace, where the connection was there, it moves Sent to the
// moment at which the head of the request is made and about to be written:
// net/http hands a request to a goroutine of its own, and how long that waits
// for a processor is the generator's lateness, not the service time of the
// target. On a shared connection, where net/http tells of the head only when it
// is written, that is the moment at which the request got its connection: the
// wait for the others' writes, and for a free stream, is service. Where a
// connection had to be opened, Sent stays where the waiting began.
func (p *Phases) Fill(r *loadgen.Reply) {
	if at := p.writing.Load(); at > 0 && !p.dialled() {
		r.Sent = p.Begin.Add(time.Duration(at))
	}
	if at := p.first.Load(); at > 0 {
		r.FirstByte = p.Begin.Add(time.Duration(at))
		if wrote := p.wrote.Load(); wrote > 0 && wrote <= at {
			r.Conn.Wait = time.Duration(at - wrote)
		}
	}
	if r.Conn.Reused = p.reused.Load(); r.Conn.Reused {
		return
	}
	r.Conn.DNS = between(&p.dnsStart, &p.dnsDone)
	r.Conn.Connect = between(&p.connStart, &p.connDone)
	r.Conn.TLS = between(&p.tlsStart, &p.tlsDone)
}

// dialled says whether a connection was opened for the attempt.
func (p *Phases) dialled() bool {
	return p.dnsStart.Load()|p.connStart.Load()|p.tlsStart.Load() != 0
}

func between(start, done *atomic.Int64) time.Duration {
	a, b := start.Load(), done.Load()
	if a == 0 || b < a {
		return 0
	}
	return time.Duration(b - a)
}
