package wire_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"coldbench/loadgen"
	"coldbench/record"
	"coldbench/target/wire"
)

// What this machine could not do was not sent, and says which limit it was.
// Errors of servers are tested with the clients that meet them.
func TestFail(t *testing.T) {
	elsewhere := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1)}} // RFC 5737: nobody's
	_, noAddress := elsewhere.DialContext(t.Context(), "tcp", "127.0.0.1:9")
	if noAddress == nil {
		t.Fatal("192.0.2.1 is an address of this machine")
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for _, c := range []struct {
		ctx       context.Context
		err       error
		outcome   record.Outcome
		errorType string
	}{
		{t.Context(), noAddress, record.NotSent, record.ErrPortLimit},
		{ended, noAddress, record.NotSent, record.ErrPortLimit},
		{t.Context(), fmt.Errorf("read body: %w", io.ErrUnexpectedEOF), record.TransportError, "HTTP.ResponseCut"},
		{ended, io.ErrUnexpectedEOF, record.TransportError, ""}, // the caller knows why
		{t.Context(), errors.New("http2: Transport: cannot retry err [stream error: REFUSED_STREAM] after Request.Body was written; define it"), record.TransportError, "HTTP.StreamRefused"},
		{t.Context(), errors.New("something new"), record.TransportError, "HTTP.Transport"},
	} {
		r := loadgen.Reply{Sent: time.Now(), Done: time.Now()}
		wire.Fail(c.ctx, &r, c.err)
		if r.Outcome != c.outcome || r.ErrorType != c.errorType || !r.Done.IsZero() || r.Sent.IsZero() != (c.outcome == record.NotSent) {
			t.Errorf("%v: %+v", c.err, r)
		}
		if strings.Contains(r.Error, "cannot retry") {
			t.Errorf("%q", r.Error)
		}
	}
}
