package wire

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	neturl "net/url"
	"sync"
	"time"
)

// dialers is how many connections are opened at once ahead of the load.
const dialers = 32

// Pool keeps connections that were opened ahead of the load until a transport
// dials. It is safe for concurrent use.
type Pool struct {
	address string
	tls     *tls.Config // nil for http
	dialer  net.Dialer

	mu    sync.Mutex
	ready []net.Conn // the oldest is used first
	done  bool
}

// NewPool makes a pool for the host of u. secure is used for https.
func NewPool(u *neturl.URL, secure *tls.Config) *Pool {
	p := &Pool{dialer: net.Dialer{KeepAlive: 15 * time.Second}}
	port := u.Port()
	if port == "" {
		port = "80"
	}
	if u.Scheme == "https" {
		p.tls = secure
		if u.Port() == "" {
			port = "443"
		}
	}
	p.address = net.JoinHostPort(u.Hostname(), port)
	return p
}

// Fill opens connections, TLS included, until n are ready.
func (p *Pool) Fill(ctx context.Context, n int) error {
	p.mu.Lock()
	missing := n - len(p.ready)
	p.mu.Unlock()
	if missing <= 0 {
		return nil
	}
	tickets := make(chan struct{}, missing)
	for range missing {
		tickets <- struct{}{}
	}
	close(tickets)
	errs := make(chan error, dialers)
	for range dialers {
		go func() { errs <- p.fillOne(ctx, tickets) }()
	}
	var first error
	for range dialers {
		if err := <-errs; first == nil {
			first = err
		}
	}
	if first == nil {
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return fmt.Errorf("open connections to %s: %d of %d: %w", p.address, len(p.ready), n, first)
}

// fillOne opens one connection for each ticket, up to the first error.
func (p *Pool) fillOne(ctx context.Context, tickets <-chan struct{}) error {
	for range tickets {
		conn, err := p.open(ctx)
		if err != nil {
			return err
		}
		if !p.put(conn) {
			return errors.Join(net.ErrClosed, conn.Close())
		}
	}
	return nil
}

// open makes a connection that is ready for a request.
func (p *Pool) open(ctx context.Context) (net.Conn, error) {
	raw, err := p.dialer.DialContext(ctx, "tcp", p.address)
	if err != nil || p.tls == nil {
		return raw, err
	}
	conn := tls.Client(raw, p.tls)
	if err := conn.HandshakeContext(ctx); err != nil {
		return nil, errors.Join(err, raw.Close())
	}
	return conn, nil
}

func (p *Pool) put(conn net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.done {
		return false
	}
	p.ready = append(p.ready, conn)
	return true
}

// take returns a connection that was opened ahead and is still alive, or nil.
func (p *Pool) take() net.Conn {
	for {
		p.mu.Lock()
		if len(p.ready) == 0 {
			p.mu.Unlock()
			return nil
		}
		conn := p.ready[0]
		p.ready = p.ready[1:]
		p.mu.Unlock()
		if Alive(conn, true) {
			return conn
		}
		_ = conn.Close()
	}
}

// Dial is the transport's way to a connection for http.
func (p *Pool) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	if conn := p.take(); conn != nil {
		return conn, nil
	}
	return TracedDial(&p.dialer)(ctx, network, address)
}

// DialTLS is the transport's way to a connection for https. The handshake is
// made and noted here: the hooks of the transport fire for a connection, too,
// that has made it long ago.
func (p *Pool) DialTLS(ctx context.Context, _, _ string) (net.Conn, error) {
	phases, ok := ctx.Value(phasesKey{}).(*Phases)
	if !ok {
		phases = &Phases{Begin: time.Now()}
	}
	return p.Open(ctx, phases)
}

// Ready returns a connection that was opened ahead, or nil. It is the caller's
// to close.
func (p *Pool) Ready() net.Conn { return p.take() }

// Open returns a connection that is ready for a request: one that was opened
// ahead, or else a new one, whose cost p takes note of.
func (p *Pool) Open(ctx context.Context, phases *Phases) (net.Conn, error) {
	if conn := p.take(); conn != nil {
		return conn, nil
	}
	raw, err := p.dialer.DialContext(phases.dialContext(ctx), "tcp", p.address)
	if err != nil || p.tls == nil {
		return raw, err
	}
	conn := tls.Client(raw, p.tls)
	phases.shaking()
	err = conn.HandshakeContext(ctx)
	phases.shaken(err)
	if err != nil {
		return nil, errors.Join(err, raw.Close())
	}
	return conn, nil
}

// Close closes the connections that were not used.
func (p *Pool) Close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done = true
	for _, conn := range p.ready {
		_ = conn.Close()
	}
	p.ready = nil
}
