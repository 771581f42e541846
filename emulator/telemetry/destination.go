package telemetry

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"
)

// destination is where a subscriber listens. It is used by one goroutine.
type destination interface {
	// send delivers events, all or none as far as it can tell.
	send(ctx context.Context, events [][]byte) error
	close()
}

func newDestination(how *Subscription) destination {
	address := net.JoinHostPort("127.0.0.1", strconv.Itoa(how.port))
	if how.tcp {
		return &tcpDestination{address: address}
	}
	return newHTTPDestination(how, address)
}

// httpDestination posts arrays of events.
type httpDestination struct {
	url       string
	method    string
	transport *http.Transport
	client    *http.Client
}

func newHTTPDestination(how *Subscription, address string) *httpDestination {
	transport := &http.Transport{
		// Whatever the URI's host resolves to, the subscriber is on this machine.
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, "tcp", address)
		},
		MaxConnsPerHost: 1, MaxResponseHeaderBytes: 16 << 10, DisableCompression: true,
	}
	return &httpDestination{
		url: "http://sandbox.localdomain:" + strconv.Itoa(how.port) + how.path, method: how.method, transport: transport,
		client: &http.Client{
			Transport:     transport,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
}

func (h *httpDestination) send(ctx context.Context, events [][]byte) error {
	body := append([]byte("["), bytes.Join(events, []byte(","))...)
	req, err := http.NewRequestWithContext(ctx, h.method, h.url, bytes.NewReader(append(body, ']')))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := h.client.Do(req)
	if err != nil {
		return err
	}
	_, copyErr := io.CopyN(io.Discard, resp.Body, 64<<10)
	if err := resp.Body.Close(); err != nil {
		return err
	}
	if copyErr != nil && !errors.Is(copyErr, io.EOF) {
		return copyErr
	}
	if resp.StatusCode >= 300 {
		return fmt.Errorf("deliver telemetry to port %s: %s", req.URL.Port(), resp.Status)
	}
	return nil
}

func (h *httpDestination) close() { h.transport.CloseIdleConnections() }

// tcpDestination writes events as lines of JSON.
type tcpDestination struct {
	address string
	conn    net.Conn
}

func (t *tcpDestination) send(ctx context.Context, events [][]byte) error {
	if t.conn == nil {
		var d net.Dialer
		c, err := d.DialContext(ctx, "tcp", t.address)
		if err != nil {
			return err
		}
		t.conn = c
	}
	conn := t.conn
	// A subscriber that doesn't read must not hold the writer beyond ctx.
	stop := context.AfterFunc(ctx, func() { _ = conn.SetWriteDeadline(time.Unix(1, 0)) })
	_, err := conn.Write(append(bytes.Join(events, []byte("\n")), '\n'))
	if !stop() || err != nil {
		t.close()
		return errors.Join(err, ctx.Err())
	}
	return nil
}

func (t *tcpDestination) close() {
	if t.conn != nil {
		_ = t.conn.Close()
		t.conn = nil
	}
}
