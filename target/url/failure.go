package url

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"strings"
	"syscall"
	"time"

	"coldbench/loadgen"
	"coldbench/record"
)

// fail fills the reply of an attempt that got no complete response. An end of
// the context is left to the caller, who knows its cause.
func fail(ctx context.Context, r *loadgen.Reply, err error) {
	r.Outcome = record.TransportError
	r.Error = text(err)
	switch {
	case errors.Is(err, syscall.EMFILE), errors.Is(err, syscall.ENFILE), errors.Is(err, syscall.EADDRNOTAVAIL):
		// This machine ran out of files or local ports: nothing left it.
		r.Outcome, r.ErrorType = record.NotSent, record.ErrFileLimit
		r.Sent = time.Time{}
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
	case errors.Is(err, io.EOF), strings.Contains(err.Error(), "server closed"):
		return "HTTP.ConnectionClosed"
	}
	for _, sign := range []string{"malformed", "bad Content-Length", "chunk", "invalid"} {
		if strings.Contains(err.Error(), sign) { // net/http has no type for these
			return "HTTP.Malformed"
		}
	}
	return "HTTP.Transport"
}

// text is the error without the address of our own end, which is different in
// each row and tells nobody anything.
func text(err error) string {
	var op *net.OpError
	if errors.As(err, &op) && op.Source != nil && op.Addr != nil {
		return op.Op + " " + op.Net + " " + op.Addr.String() + ": " + op.Err.Error()
	}
	return err.Error()
}
