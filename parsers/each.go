package parsers

import (
	"bytes"
	"errors"
	"fmt"
	"io"
)

// Result is what Each has read.
type Result struct {
	Counts
	Envelopes Envelope
}

// chunkSize is how much one worker parses at a time. It is small enough for
// its records to stay in the cache.
const chunkSize = 256 << 10

// chunk is a piece of the input that begins at a line, and what a worker found
// in it.
type chunk struct {
	data []byte
	e    engine
	used int // bytes that the engine is done with
	eof  bool
	done chan struct{}
}

// parse is run by a worker.
func (c *chunk) parse() {
	for c.used < len(c.data) {
		n := c.e.step(c.data[c.used:], c.eof)
		if n == 0 {
			break
		}
		c.used += n
	}
	c.done <- struct{}{}
}

// whole says whether the chunk was read to its end, so that the next one
// begins at an event.
func (c *chunk) whole() bool { return c.used == len(c.data) && c.e.mode == plainMode }

// Each reads r to its end and calls f for each platform record and each broken
// line, in their order; one of f's arguments is nil. Both are valid until f
// returns. An error of f ends reading and is returned. Otherwise the error is
// what ended reading early; the Result then counts what was read before.
//
// With Options.Workers the input is cut at line starts and parsed in parallel;
// f is still called by the caller's goroutine alone. Where an event goes on
// over a cut, reading goes on without workers from there, so that the result
// is always that of a Scanner.
func Each(r io.Reader, o Options, f func(*View, *SyntaxError) error) (Result, error) {
	if o.Workers <= 1 {
		return drain(NewScanner(r, o), f)
	}
	p := pool{o: o, f: f, work: make(chan *chunk, o.Workers+1), free: make(chan *chunk, o.Workers+2)}
	defer close(p.work)
	for range o.Workers {
		go func() {
			for c := range p.work {
				c.parse()
			}
		}()
	}
	return p.run(r)
}

// drain reads s to its end.
func drain(s *Scanner, f func(*View, *SyntaxError) error) (Result, error) {
	for s.Scan() {
		if err := f(s.View(), s.SyntaxError()); err != nil {
			return Result{s.Counts(), s.Envelopes()}, err
		}
	}
	return Result{s.Counts(), s.Envelopes()}, s.Err()
}

// pool hands chunks to workers and takes them back in order.
type pool struct {
	o      Options
	f      func(*View, *SyntaxError) error
	work   chan *chunk
	free   chan *chunk
	flight []*chunk
	r      io.Reader
	carry  []byte // read, but behind the last cut
	eof    bool
	err    error
	lines  int64
	result Result
}

func (p *pool) run(r io.Reader) (Result, error) {
	p.r, p.result.Envelopes, p.err = decompressed(r)
	p.eof = p.err != nil
	for {
		for len(p.flight) <= p.o.Workers && !p.eof {
			if c := p.next(); c != nil {
				p.flight = append(p.flight, c)
				p.work <- c
			}
		}
		if len(p.flight) == 0 {
			return p.finish(p.err)
		}
		c := p.flight[0]
		<-c.done
		p.flight = p.flight[1:]
		if !c.whole() {
			return p.alone(c)
		}
		if err := p.deliver(c); err != nil {
			p.await()
			return p.finish(err)
		}
		p.count(c)
		p.recycle(c)
	}
}

// await waits for the workers to be done with what is in flight.
func (p *pool) await() {
	for _, c := range p.flight {
		<-c.done
	}
}

func (p *pool) finish(err error) (Result, error) {
	p.result.Lines = p.lines
	if err != nil && errors.Is(err, p.err) {
		name := p.o.File
		if name == "" {
			name = "input"
		}
		err = fmt.Errorf("scan %s: line %d: %w", name, p.lines+1, p.err)
	}
	return p.result, err
}

// next reads a chunk and cuts it at the start of a line that begins an event.
func (p *pool) next() *chunk {
	c := p.fresh()
	buf := c.data[:cap(c.data)]
	n := copy(buf, p.carry)
	for n < len(buf) && !p.eof {
		m, err := p.r.Read(buf[n:])
		n += m
		if err != nil {
			p.eof = true
			if !errors.Is(err, io.EOF) {
				p.err = err
			}
		}
	}
	cut := n
	if !p.eof {
		cut, c.e.clean = lastStart(buf[:n])
	}
	p.carry = append(p.carry[:0], buf[cut:n]...)
	c.data, c.eof, c.used = buf[:cut], p.eof, 0
	if cut == 0 {
		p.recycle(c)
		return nil
	}
	return c
}

// fresh is a chunk with an engine at its beginning.
func (p *pool) fresh() *chunk {
	var c *chunk
	select {
	case c = <-p.free:
	default:
		c = &chunk{data: make([]byte, p.o.chunkSize()), done: make(chan struct{}, 1)}
	}
	out, arena := c.e.out, c.e.arena[:0]
	c.e = engine{file: p.o.File, maxEvent: p.o.maxEvent(), all: true, line: 1, out: out}
	c.e.arena = arena
	return c
}

func (p *pool) recycle(c *chunk) {
	select {
	case p.free <- c:
	default:
	}
}

// deliver calls f for what was found in a chunk.
func (p *pool) deliver(c *chunk) error {
	for i := range c.e.out[:c.e.n] {
		it := &c.e.out[i]
		if it.err != nil {
			it.err.Pos.Line += p.lines
			if err := p.f(nil, it.err); err != nil {
				return err
			}
			continue
		}
		it.v.Pos.Line += p.lines
		if err := p.f(&it.v, nil); err != nil {
			return err
		}
	}
	return nil
}

func (p *pool) count(c *chunk) {
	c.e.counts.Bytes = int64(c.used)
	p.result.Add(c.e.counts)
	p.result.Envelopes |= c.e.seen
	p.lines += c.e.line - 1
}

// alone goes on without workers where a chunk ended within an event: with its
// engine, what it left over, the chunks in flight, and the rest of the input.
func (p *pool) alone(c *chunk) (Result, error) {
	if err := p.deliver(c); err != nil {
		p.await()
		return p.finish(err)
	}
	rest := []io.Reader{bytes.NewReader(c.data[c.used:])}
	for _, later := range p.flight {
		<-later.done
		rest = append(rest, bytes.NewReader(later.data))
	}
	rest = append(rest, bytes.NewReader(p.carry))
	if !p.eof {
		rest = append(rest, p.r)
	}
	s := &Scanner{r: io.MultiReader(rest...), e: c.e, cur: -1, buf: make([]byte, readSize)}
	s.e.all, s.e.clean = false, false
	s.e.line += p.lines
	s.e.noDocument += p.lines
	s.e.counts.Bytes = int64(c.used)
	s.e.seen |= p.result.Envelopes
	s.e.reset()
	result, err := drain(s, p.f)
	lines := result.Lines
	result.Add(p.result.Counts)
	result.Lines = lines
	if err == nil && p.err != nil {
		p.lines, p.result = lines, result
		return p.finish(p.err)
	}
	return result, err
}

// lastStart finds the last line start in b that begins an event, as far as a
// look at its first bytes tells, and whether it is certain that nothing goes
// on over it but what the engine notices by itself. Without a line end it is
// len(b).
func lastStart(b []byte) (cut int, clean bool) {
	const look = 8
	last := len(b)
	for end := len(b); end > 0 && len(b)-end <= len(b)/4; {
		i := bytes.LastIndexByte(b[:end], '\n')
		if i < 0 {
			break
		}
		if last == len(b) {
			last = i + 1
		}
		if len(b)-i > look && beginsEvent(b[i+1:]) {
			return i + 1, true
		}
		end = i
	}
	return last, false
}

// beginsEvent says whether b begins an event and continues none.
func beginsEvent(b []byte) bool {
	switch b[0] {
	case ' ', '\t', '\r', '\n', '"', '}', ']', ',', '{':
		return has(b, `{"`)
	}
	return plainStart(b)
}
