package lambda

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"sync"
	"time"

	"coldbench/target/wire"
)

// direct writes signed requests straight to a connection. net/http's transport
// hands each request to two goroutines of its own, some 60 us of work that a
// burst of N does N times before its last request is out; here a request is
// made into bytes ahead of its due time, and sending it is one write.
//
// It speaks HTTP/1.1 to one host through a pool of connections, and makes one
// attempt. It is not used behind a proxy.
type direct struct {
	pool *wire.Pool
	idle wire.Idle[*link]
}

// link is one connection.
type link struct {
	net.Conn
	in   *bufio.Reader
	used bool // has carried a request
}

func newLink(conn net.Conn) *link { return &link{Conn: conn, in: bufio.NewReader(conn)} }

// fill opens n connections.
func (d *direct) fill(ctx context.Context, n int) error {
	err := d.pool.Fill(ctx, n)
	for range n {
		conn := d.pool.Ready()
		if conn == nil {
			break
		}
		d.idle.Put(newLink(conn))
	}
	return err
}

// send writes a request and reads the head of its answer. The body must be
// read to its end and closed. The end of ctx cuts both.
func (d *direct) send(ctx context.Context, g *gate, r *http.Request) (*http.Response, error) {
	l := g.early
	if l == nil {
		var err error
		if l, err = d.take(ctx, g); err != nil {
			return nil, err
		}
	}
	stop := wire.AfterFunc(ctx, func() { _ = l.SetDeadline(time.Unix(1, 0)) })
	fail := func(err error) (*http.Response, error) {
		stop()
		_ = l.Close()
		return nil, err
	}
	if g.failed != nil {
		return fail(g.failed)
	}
	if g.early == nil {
		if _, err := l.Write(g.bytes); err != nil {
			return fail(err)
		}
		g.phases.Wrote()
	}
	if _, err := l.in.Peek(1); err != nil {
		return fail(err)
	}
	g.phases.FirstByte()
	resp, err := http.ReadResponse(l.in, r)
	for err == nil && resp.StatusCode < 200 && resp.StatusCode != http.StatusSwitchingProtocols {
		resp, err = http.ReadResponse(l.in, r) // 1xx announces the answer
	}
	if err != nil {
		return fail(err)
	}
	resp.Body = &linkBody{ReadCloser: resp.Body, done: func(whole bool) {
		if !stop() || !whole || resp.Close || l.in.Buffered() > 0 { // cut, or of no further use
			_ = l.Close()
			return
		}
		d.idle.Put(l)
	}}
	return resp, nil
}

// start writes a request to a kept connection, if there is one.
func (d *direct) start(g *gate) {
	l := d.kept()
	if l == nil {
		return
	}
	g.stampSent()
	if l.used {
		g.phases.Reuse()
	}
	g.early, l.used = l, true
	if _, g.failed = l.Write(g.bytes); g.failed == nil {
		g.phases.Wrote()
	}
}

// kept returns an idle connection that is still open, or nil.
func (d *direct) kept() *link {
	for {
		l, ok := d.idle.Take()
		if !ok {
			return nil
		}
		if wire.Alive(l.Conn, !l.used) {
			return l
		}
		_ = l.Close()
	}
}

// take returns a kept connection, or opens one.
func (d *direct) take(ctx context.Context, g *gate) (*link, error) {
	if l := d.kept(); l != nil {
		if l.used {
			g.phases.Reuse()
		}
		l.used = true
		return l, nil
	}
	conn, err := d.pool.Open(ctx, &g.phases)
	if err != nil {
		return nil, err
	}
	l := newLink(conn)
	l.used = true
	return l, nil
}

func (d *direct) close() {
	d.pool.Close()
	d.idle.Close()
}

// linkBody gives the connection back when the body has been read.
type linkBody struct {
	io.ReadCloser
	done  func(whole bool)
	whole bool
	once  sync.Once
}

func (b *linkBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if errors.Is(err, io.EOF) {
		b.whole = true
	}
	return n, err
}

func (b *linkBody) Close() error {
	b.once.Do(func() { b.done(b.whole) })
	return nil
}
