// Package httptiming observes the phases of one HTTP request through
// net/http/httptrace: name lookup, connect, TLS handshake, wait and first
// byte. Every target that uses net/http shares it, so that all of them stamp
// the same instants.
package httptiming

import (
	"context"
	"crypto/tls"
	"net/http/httptrace"
	"sync"
	"time"

	"coldbench/record"
)

// Observer collects the instants of one request. The zero value is ready. It
// is used for one request only; its hooks run on the transport's goroutines,
// and a dial may outlive the request that caused it.
type Observer struct {
	mu                   sync.Mutex
	dnsAt, dialAt, tlsAt time.Time
	dns, dial, tls       time.Duration
	reused               bool
	wroteAt, firstByteAt time.Time
}

// Trace returns a context whose request o observes.
func (o *Observer) Trace(ctx context.Context) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		DNSStart:          func(httptrace.DNSStartInfo) { o.set(func(t time.Time) { o.dnsAt = t }) },
		DNSDone:           func(httptrace.DNSDoneInfo) { o.set(func(t time.Time) { o.dns = t.Sub(o.dnsAt) }) },
		ConnectStart:      func(string, string) { o.set(func(t time.Time) { o.dialAt = t }) },
		ConnectDone:       func(string, string, error) { o.set(func(t time.Time) { o.dial = t.Sub(o.dialAt) }) },
		TLSHandshakeStart: func() { o.set(func(t time.Time) { o.tlsAt = t }) },
		TLSHandshakeDone: func(tls.ConnectionState, error) {
			o.set(func(t time.Time) { o.tls = t.Sub(o.tlsAt) })
		},
		GotConn:              func(i httptrace.GotConnInfo) { o.set(func(time.Time) { o.reused = i.Reused }) },
		WroteRequest:         func(httptrace.WroteRequestInfo) { o.set(func(t time.Time) { o.wroteAt = t }) },
		GotFirstResponseByte: func() { o.set(func(t time.Time) { o.firstByteAt = t }) },
	})
}

func (o *Observer) set(f func(now time.Time)) {
	now := time.Now()
	o.mu.Lock()
	f(now)
	o.mu.Unlock()
}

// Result returns when the first byte of the response came (zero: never) and
// what the connection cost. On a reused connection the set-up phases are 0.
func (o *Observer) Result() (firstByte time.Time, c record.Conn) {
	o.mu.Lock()
	defer o.mu.Unlock()
	c.Reused = o.reused
	if !o.reused {
		c.DNS, c.Connect, c.TLS = o.dns, o.dial, o.tls
	}
	if !o.wroteAt.IsZero() && !o.firstByteAt.IsZero() {
		c.Wait = o.firstByteAt.Sub(o.wroteAt)
	}
	return o.firstByteAt, c
}
