package main

import (
	"context"
	"errors"
	"io"
)

// aheadSize is how much is read at once, and aheadBuffers how often, before
// the parser must take it.
const (
	aheadSize    = 256 << 10
	aheadBuffers = 4
)

var errInterrupted = errors.New("interrupted")

// aheadReader reads another reader in a goroutine of its own: decompression
// and parsing then run side by side, and an interrupt is heard while a pipe
// has nothing to read.
type aheadReader struct {
	ctx  context.Context
	full chan piece
	free chan []byte
	end  chan struct{}
	cur  []byte // what is left of buf
	buf  []byte
	err  error
}

type piece struct {
	b   []byte
	err error
}

// abortable returns a reader that ends with errInterrupted when ctx does.
// stop ends its goroutine at the next read of r at the latest.
func abortable(ctx context.Context, r io.Reader) (ahead io.Reader, stop func()) {
	a := &aheadReader{ctx: ctx, full: make(chan piece, aheadBuffers), free: make(chan []byte, aheadBuffers), end: make(chan struct{})}
	for range aheadBuffers {
		a.free <- make([]byte, aheadSize)
	}
	go a.fill(r)
	return a, func() { close(a.end) }
}

// fill reads r to its end or its first error.
func (a *aheadReader) fill(r io.Reader) {
	for {
		var p piece
		select {
		case p.b = <-a.free:
		case <-a.end:
			return
		}
		var n int
		n, p.err = r.Read(p.b)
		p.b = p.b[:n]
		select {
		case a.full <- p:
		case <-a.end:
			return
		}
		if p.err != nil {
			return
		}
	}
}

// Read gives what was read ahead.
func (a *aheadReader) Read(p []byte) (int, error) {
	for len(a.cur) == 0 {
		if a.err != nil {
			return 0, a.err
		}
		if a.buf != nil {
			a.free <- a.buf[:cap(a.buf)] // never blocks: there is room for all
			a.buf = nil
		}
		select {
		case next := <-a.full:
			a.buf, a.cur, a.err = next.b, next.b, next.err
		case <-a.ctx.Done():
			a.err = errInterrupted
		}
	}
	n := copy(p, a.cur)
	a.cur = a.cur[n:]
	return n, nil
}
