package url

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"strconv"
	"time"

	"github.com/valyala/fasthttp"

	"coldbench/loadgen"
	"coldbench/target/wire"
)

// lean is a client for HTTP/1.1 and high rates. It writes the bytes that
// net/http would write, made once, and reads the answer in the goroutine of the
// caller; fasthttp parses the head. What it saves of net/http's work are two
// goroutines and some forty allocations for each request.
type lean struct {
	pool   *wire.Pool
	noBody bool // answers to HEAD have none

	bare           []byte // a request without payload, whole
	prefix, suffix []byte // around the length of a payload
	idle           wire.Idle[*leanConn]
}

// quiet is how long a kept connection may be idle before it is looked at
// whether the server has closed it. net/http always knows; here it costs a
// system call, which at high rates no request pays.
const quiet = 10 * time.Millisecond

const (
	headBuffer = 4 << 10
	maxHead    = 1 << 20 // as the transport of net/http is set to
)

// leanConn is one connection and what is reused with it.
type leanConn struct {
	net.Conn
	in     *bufio.Reader
	header fasthttp.ResponseHeader
	out    []byte
	cut    func()    // ends what waits on the connection
	since  time.Time // idle since
}

func newLean(t *Target) (*lean, error) {
	l := &lean{pool: t.pool, noBody: t.method == http.MethodHead}
	var err error
	if l.bare, err = wire.Form(t.request(context.Background(), nil)); err != nil {
		return nil, fmt.Errorf("target %s: %w", t.bare.URL.Redacted(), err)
	}
	one, err := wire.Form(t.request(context.Background(), []byte("x")))
	if err != nil {
		return nil, fmt.Errorf("target %s: %w", t.bare.URL.Redacted(), err)
	}
	const length = "\r\nContent-Length: "
	at := bytes.Index(one, []byte(length)) + len(length)
	l.prefix, l.suffix = one[:at:at], one[at+1:len(one)-1]
	return l, nil
}

// invoke is Target.Invoke.
func (l *lean) invoke(ctx context.Context, payload []byte) loadgen.Reply {
	r := loadgen.Reply{RequestBytes: int64(len(payload)), Sent: time.Now()}
	c, err := l.connection(ctx, &r)
	if err != nil {
		wire.Fail(ctx, &r, err)
		return r
	}
	stop := wire.AfterFunc(ctx, c.cut)
	text, keep, err := l.exchange(c, &r, payload)
	uncut := stop()
	if err != nil || !keep || !uncut {
		_ = c.Close()
	} else {
		c.since = r.Done
		l.idle.Put(c)
	}
	if err != nil {
		wire.Fail(ctx, &r, err)
		return r
	}
	judge(&r, text)
	return r
}

// connection takes a kept connection or opens one.
func (l *lean) connection(ctx context.Context, r *loadgen.Reply) (*leanConn, error) {
	for {
		c, ok := l.idle.Take()
		if !ok {
			break
		}
		if r.Sent.Sub(c.since) < quiet || wire.Alive(c.Conn, false) {
			r.Conn.Reused = true
			return c, nil
		}
		_ = c.Close()
	}
	p := wire.Phases{Begin: r.Sent}
	conn, err := l.pool.Open(ctx, &p)
	p.Fill(r)
	if err != nil {
		return nil, err
	}
	c := &leanConn{Conn: conn, in: bufio.NewReaderSize(conn, headBuffer)}
	c.cut = func() { _ = conn.SetDeadline(time.Unix(1, 0)) }
	return c, nil
}

var headerRequestID, headerVersion = []byte("X-Amzn-Requestid"), []byte("X-Amz-Executed-Version")

// exchange sends one request and reads its answer. It says whether the
// connection may carry another.
func (l *lean) exchange(c *leanConn, r *loadgen.Reply, payload []byte) (text string, keep bool, err error) {
	if err := l.write(c, payload); err != nil {
		return "", false, err
	}
	wrote := time.Now()
	if _, err := c.in.Peek(1); err != nil {
		return "", false, err
	}
	r.FirstByte = time.Now()
	r.Conn.Wait = r.FirstByte.Sub(wrote)
	if err := c.readHead(); err != nil {
		return "", false, err
	}
	h := &c.header
	r.Status = h.StatusCode()
	if id := h.PeekCanonical(headerRequestID); len(id) > 0 {
		r.RequestID = string(id)
	}
	if v := h.PeekCanonical(headerVersion); len(v) > 0 {
		r.Version = string(v)
	}
	b := bodyOf{c: c, want: r.Status >= 400}
	if !l.noBody && r.Status != http.StatusNoContent && r.Status != http.StatusNotModified {
		err = b.read(h.ContentLength())
	}
	r.Done = time.Now()
	r.ResponseBytes = b.n
	if err != nil {
		return "", false, fmt.Errorf("read body after %d bytes: %w", b.n, err)
	}
	return string(b.first), !h.ConnectionClose() && !b.ended && c.in.Buffered() == 0, nil
}

// largePayload is not copied behind its head.
const largePayload = 32 << 10

func (l *lean) write(c *leanConn, payload []byte) error {
	if len(payload) == 0 {
		_, err := c.Write(l.bare)
		return err
	}
	c.out = append(c.out[:0], l.prefix...)
	c.out = strconv.AppendInt(c.out, int64(len(payload)), 10)
	c.out = append(c.out, l.suffix...)
	if len(payload) > largePayload {
		both := net.Buffers{c.out, payload}
		_, err := both.WriteTo(c.Conn)
		return err
	}
	c.out = append(c.out, payload...)
	_, err := c.Write(c.out)
	return err
}

// readHead parses the head of the answer, past interim ones (1xx).
func (c *leanConn) readHead() error {
	for {
		if err := c.header.Read(c.in); err != nil {
			if err = c.readLongHead(err); err != nil {
				return err
			}
		}
		if s := c.header.StatusCode(); s >= 200 || s == http.StatusSwitchingProtocols {
			return nil
		}
	}
}

// readLongHead reads once more where err says that the head did not fit, and
// otherwise says what err is.
func (c *leanConn) readLongHead(err error) error {
	if _, small := errors.AsType[*fasthttp.ErrSmallBuffer](err); small && c.in.Size() < maxHead {
		c.enlarge()
		if err = c.header.Read(c.in); err == nil {
			return nil
		}
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return io.ErrUnexpectedEOF
	}
	if _, broken := errors.AsType[net.Error](err); broken {
		return err
	}
	return fmt.Errorf("malformed answer: %w", err)
}

// enlarge makes room for a head that is longer than usual.
func (c *leanConn) enlarge() {
	have, _ := c.in.Peek(c.in.Buffered())
	c.in = bufio.NewReaderSize(io.MultiReader(bytes.NewReader(bytes.Clone(have)), c.Conn), maxHead)
}

// bodyOf reads the body of an answer, counts it, and keeps its beginning if it
// is wanted for an error text.
type bodyOf struct {
	c     *leanConn
	want  bool
	first []byte
	n     int64
	ended bool // the body ended with its connection
}

// read reads a body of the given length, as fasthttp tells it: -1 is chunked,
// below that is up to the end of the connection.
func (b *bodyOf) read(length int) error {
	switch {
	case length >= 0:
		return b.counted(int64(length))
	case length == -1:
		return b.chunked()
	}
	b.ended = true
	return b.readAll(b.c.in)
}

func (b *bodyOf) saw(p []byte) {
	if b.want && b.n == 0 {
		b.first = bytes.Clone(p[:min(len(p), wire.MaxErrorText)])
	}
	b.n += int64(len(p))
}

// counted reads a body of known length.
func (b *bodyOf) counted(length int64) error {
	in := b.c.in
	for b.n < length {
		if in.Buffered() == 0 {
			if _, err := in.Peek(1); err != nil {
				return cutShort(err)
			}
		}
		p, _ := in.Peek(int(min(length-b.n, int64(in.Buffered()))))
		b.saw(p)
		if _, err := in.Discard(len(p)); err != nil {
			return err
		}
	}
	return nil
}

// chunked reads a chunked body and its trailer.
func (b *bodyOf) chunked() error {
	if err := b.readAll(httputil.NewChunkedReader(b.c.in)); err != nil {
		return err
	}
	for {
		line, err := b.c.in.ReadSlice('\n')
		if err != nil {
			return cutShort(err)
		}
		if len(bytes.TrimRight(line, "\r\n")) == 0 {
			return nil
		}
	}
}

func (b *bodyOf) readAll(in io.Reader) error {
	buf := buffers.Get().(*[16 << 10]byte)
	defer buffers.Put(buf)
	for {
		k, err := in.Read(buf[:])
		b.saw(buf[:k])
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// cutShort says that an end of the stream came too early.
func cutShort(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
