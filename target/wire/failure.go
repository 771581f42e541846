package wire

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	neturl "net/url"
	"strings"
	"syscall"
	"time"

	"coldbench/loadgen"
	"coldbench/record"
)

// MaxErrorText is how much of the body of an error is kept as its text.
const MaxErrorText = 300

// Fail fills the reply of an attempt that got no complete response: one failure
// is one record, whichever client met it. Such an attempt has no Done. An end of
// the context is left to the caller, who knows its cause.
func Fail(ctx context.Context, r *loadgen.Reply, err error) {
	r.Outcome = record.TransportError
	r.Error = text(err)
	r.Done = time.Time{}
	switch {
	case errors.Is(err, syscall.EMFILE), errors.Is(err, syscall.ENFILE): // nothing left this machine
		r.Outcome, r.ErrorType, r.Sent = record.NotSent, record.ErrFileLimit, time.Time{}
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		r.Outcome, r.ErrorType, r.Sent = record.NotSent, record.ErrPortLimit, time.Time{}
	case ctx.Err() != nil:
		r.Error = ""
	default:
		r.ErrorType = kind(err)
	}
}

// kind names what went wrong, as the error type of the row.
func kind(err error) string {
	var dns *net.DNSError
	var certificate *tls.CertificateVerificationError
	var authority x509.UnknownAuthorityError
	var alert tls.AlertError
	var header tls.RecordHeaderError
	switch {
	case errors.As(err, &dns):
		return "HTTP.DNS"
	case errors.As(err, &certificate), errors.As(err, &authority), errors.As(err, &alert), errors.As(err, &header):
		return "HTTP.TLS"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "HTTP.ConnectionRefused"
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return "HTTP.ConnectionReset"
	case errors.Is(err, io.ErrUnexpectedEOF):
		return "HTTP.ResponseCut"
	case errors.Is(err, io.EOF):
		return "HTTP.ConnectionClosed"
	}
	for _, s := range signs {
		if strings.Contains(err.Error(), s.text) {
			return s.kind
		}
	}
	return "HTTP.Transport"
}

// signs tell apart what net/http has no types for.
var signs = []struct{ text, kind string }{
	{"REFUSED_STREAM", "HTTP.StreamRefused"},
	{"GOAWAY", "HTTP.ConnectionClosed"},
	{"server closed", "HTTP.ConnectionClosed"},
	{"http2: client conn", "HTTP.ConnectionClosed"}, // "could not be established", "not usable", "lost", ...
	{"malformed", "HTTP.Malformed"},
	{"frame too large", "HTTP.Malformed"}, // HTTP/1.1 read as HTTP/2
	{"bad Content-Length", "HTTP.Malformed"},
	{"chunk", "HTTP.Malformed"},
	{"invalid", "HTTP.Malformed"},
}

// text is the error without the address of our own end, which is different in
// each row and tells nobody anything.
func text(err error) string {
	var request *neturl.Error // of an http.Client, which names the URL again
	if errors.As(err, &request) {
		err = request.Err
	}
	var op *net.OpError
	if errors.As(err, &op) && op.Source != nil && op.Addr != nil {
		return op.Op + " " + op.Net + " " + op.Addr.String() + ": " + op.Err.Error()
	}
	// What HTTP/2 says of an attempt that it may not repeat is for programmers.
	if s, ok := strings.CutPrefix(err.Error(), "http2: Transport: cannot retry err ["); ok {
		s, _, _ = strings.Cut(s, "]")
		return s
	}
	return err.Error()
}
