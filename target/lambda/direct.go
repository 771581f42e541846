package lambda

import (
	"bufio"
	"bytes"
	"context"
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

	mu     sync.Mutex
	idle   []*link // the one that was busy last is taken first
	closed bool
}

// link is one connection.
type link struct {
	net.Conn
	in    *bufio.Reader
	since time.Time // idle since
}

// lookAfter is how long a link may be idle before it is looked at whether the
// server has closed it, which costs a system call.
const lookAfter = time.Millisecond

// wireForm is the request as it goes over the wire.
func wireForm(r *http.Request) ([]byte, error) {
	var b bytes.Buffer
	b.Grow(2048 + int(max(0, r.ContentLength)))
	err := r.Write(&b)
	return b.Bytes(), err
}

// send writes a request and reads the head of its answer. The body must be
// read to its end and closed. The end of ctx cuts both.
func (d *direct) send(ctx context.Context, g *gate, request []byte, r *http.Request) (*http.Response, error) {
	l, err := d.take(ctx, g)
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { _ = l.SetDeadline(time.Unix(1, 0)) })
	fail := func(err error) (*http.Response, error) {
		stop()
		_ = l.Close()
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return nil, err
	}
	if _, err := l.Write(request); err != nil {
		return fail(err)
	}
	g.phases.Wrote()
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
	resp.Body = &linkBody{ReadCloser: resp.Body, ctx: ctx, done: func(whole bool) {
		if !stop() || !whole || resp.Close { // cut, or of no further use
			_ = l.Close()
			return
		}
		d.put(l)
	}}
	return resp, nil
}

// take returns an idle connection that is still open, or opens one.
func (d *direct) take(ctx context.Context, g *gate) (*link, error) {
	for {
		d.mu.Lock()
		if len(d.idle) == 0 {
			d.mu.Unlock()
			break
		}
		l := d.idle[len(d.idle)-1]
		d.idle = d.idle[:len(d.idle)-1]
		d.mu.Unlock()
		if time.Since(l.since) < lookAfter || wire.Alive(l.Conn) {
			g.phases.Reuse()
			return l, nil
		}
		_ = l.Close()
	}
	conn, err := d.pool.Open(ctx, &g.phases)
	if err != nil {
		return nil, err
	}
	return &link{Conn: conn, in: bufio.NewReader(conn)}, nil
}

func (d *direct) put(l *link) {
	l.since = time.Now()
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed || l.in.Buffered() > 0 { // bytes that answer nothing
		_ = l.Close()
		return
	}
	d.idle = append(d.idle, l)
}

func (d *direct) close() {
	d.pool.Close()
	d.mu.Lock()
	defer d.mu.Unlock()
	d.closed = true
	for _, l := range d.idle {
		_ = l.Close()
	}
	d.idle = nil
}

// linkBody gives the connection back when the body has been read.
type linkBody struct {
	io.ReadCloser
	ctx   context.Context // it says why a read was cut
	done  func(whole bool)
	whole bool
	once  sync.Once
}

func (b *linkBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	switch {
	case err == io.EOF:
		b.whole = true
	case err != nil && b.ctx.Err() != nil:
		err = context.Cause(b.ctx)
	}
	return n, err
}

func (b *linkBody) Close() error {
	b.once.Do(func() { b.done(b.whole) })
	return nil
}
