package wire

import (
	"crypto/tls"
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
	Begin  time.Time // the instant that the phases count from; set before Trace
	reused atomic.Bool

	dnsStart, dnsDone   atomic.Int64
	connStart, connDone atomic.Int64
	tlsStart, tlsDone   atomic.Int64
	wrote, first        atomic.Int64
}

func (p *Phases) now() int64 { return max(1, int64(time.Since(p.Begin))) }

// Trace returns the hooks that observe a request.
func (p *Phases) Trace() *httptrace.ClientTrace {
	// The first of several starts counts (addresses are tried in parallel), and
	// the first success.
	return &httptrace.ClientTrace{
		GotConn:  func(i httptrace.GotConnInfo) { p.reused.Store(i.Reused) },
		DNSStart: func(httptrace.DNSStartInfo) { p.dnsStart.CompareAndSwap(0, p.now()) },
		DNSDone:  func(httptrace.DNSDoneInfo) { p.dnsDone.CompareAndSwap(0, p.now()) },
		ConnectStart: func(_, _ string) {
			p.connStart.CompareAndSwap(0, p.now())
		},
		ConnectDone: func(_, _ string, err error) {
			if err == nil {
				p.connDone.CompareAndSwap(0, p.now())
			}
		},
		TLSHandshakeStart: func() { p.tlsStart.CompareAndSwap(0, p.now()) },
		TLSHandshakeDone: func(_ tls.ConnectionState, err error) {
			if err == nil {
				p.tlsDone.CompareAndSwap(0, p.now())
			}
		},
		WroteRequest:         func(i httptrace.WroteRequestInfo) { p.wrote.CompareAndSwap(0, p.now()) },
		GotFirstResponseByte: func() { p.first.CompareAndSwap(0, p.now()) },
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
func (p *Phases) Fill(r *loadgen.Reply) {
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

func between(start, done *atomic.Int64) time.Duration {
	a, b := start.Load(), done.Load()
	if a == 0 || b < a {
		return 0
	}
	return time.Duration(b - a)
}
