package lambda

import (
	"context"
	"crypto/tls"
	"net/http/httptrace"
	"sync"
	"time"

	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	lambdaapi "github.com/aws/aws-sdk-go-v2/service/lambda"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"coldbench/record"
)

type smithyRequestSend = smithyhttp.RequestSendError

// requestID is the id of the invocation: x-amzn-RequestId is the one that
// START, END and REPORT carry.
func requestID(out *lambdaapi.InvokeOutput) string {
	id, _ := awsmiddleware.GetRequestIDMetadata(out.ResultMetadata)
	return id
}

// phases collects the instants of one request. The hooks run on the
// transport's goroutines, and a dial may outlive the request that caused it.
type phases struct {
	mu                            sync.Mutex
	dnsStart, connStart, tlsStart time.Time
	dns, connect, tls             time.Duration
	reused                        bool
	wrote, firstByte              time.Time
}

func (p *phases) trace(ctx context.Context) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn:  func(i httptrace.GotConnInfo) { p.locked(func(time.Time) { p.reused = i.Reused }) },
		DNSStart: func(httptrace.DNSStartInfo) { p.locked(func(t time.Time) { p.dnsStart = t }) },
		DNSDone:  func(httptrace.DNSDoneInfo) { p.locked(func(t time.Time) { p.dns = t.Sub(p.dnsStart) }) },
		ConnectStart: func(string, string) {
			p.locked(func(t time.Time) { p.connStart = t })
		},
		ConnectDone: func(string, string, error) {
			p.locked(func(t time.Time) { p.connect = t.Sub(p.connStart) })
		},
		TLSHandshakeStart: func() { p.locked(func(t time.Time) { p.tlsStart = t }) },
		TLSHandshakeDone: func(tls.ConnectionState, error) {
			p.locked(func(t time.Time) { p.tls = t.Sub(p.tlsStart) })
		},
		WroteRequest:         func(httptrace.WroteRequestInfo) { p.locked(func(t time.Time) { p.wrote = t }) },
		GotFirstResponseByte: func() { p.locked(func(t time.Time) { p.firstByte = t }) },
	})
}

func (p *phases) locked(f func(now time.Time)) {
	now := time.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	f(now)
}

func (p *phases) result() (time.Time, record.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	c := record.Conn{Reused: p.reused}
	if !p.reused {
		c.DNS, c.Connect, c.TLS = p.dns, p.connect, p.tls
	}
	if !p.wrote.IsZero() && !p.firstByte.IsZero() {
		c.Wait = p.firstByte.Sub(p.wrote)
	}
	return p.firstByte, c
}
