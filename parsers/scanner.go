package parsers

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"coldbench/record"
)

// Defaults and bounds of reading.
const (
	// DefaultMaxEvent is the longest log event that is read, in bytes.
	// CloudWatch Logs takes events of up to 1 MB
	// (docs.aws.amazon.com/AmazonCloudWatch/latest/logs/cloudwatch_limits_cwl.html);
	// twice that leaves room for JSON escapes.
	DefaultMaxEvent = 2 << 20

	readSize      = 256 << 10
	gzipMagic     = "\x1f\x8b\x08"
	zstdMagic     = "\x28\xb5\x2f\xfd"
	maxZstdWindow = 32 << 20
)

// Options say how input is read. The zero value is ready to use.
type Options struct {
	// File names the input in positions.
	File string
	// MaxEvent bounds a log event in bytes; a longer line is passed over, and
	// counted. 0 means DefaultMaxEvent.
	MaxEvent int
	// Workers is how many goroutines Each parses with; 0 and 1 mean none but
	// the caller's. The records, their order and the counts do not depend on
	// it.
	Workers int

	chunk int // chunkSize where it is 0; for tests
}

func (o *Options) chunkSize() int {
	if o.chunk > 0 {
		return o.chunk
	}
	return chunkSize
}

func (o *Options) maxEvent() int {
	if o.MaxEvent > 0 {
		return o.MaxEvent
	}
	return DefaultMaxEvent
}

// Scanner reads platform records from a stream of bytes in any envelope, which
// it recognises by itself, gzip and zstd included. It is modelled on
// bufio.Scanner:
//
//	for s.Scan() {
//		if err := s.SyntaxError(); err != nil { ... } else { use(s.View()) }
//	}
//	if err := s.Err(); err != nil { ... }
//
// A broken platform line is a step of its own, and reading goes on behind it.
// Lines of the application are counted. Memory is bounded by twice MaxEvent,
// whatever the input. A Scanner is not for concurrent use.
type Scanner struct {
	r    io.Reader
	e    engine
	buf  []byte
	from int // what is read of buf, and not done with: buf[from:to]
	to   int
	eof  bool
	err  error
	cur  int
	p    record.Platform
}

// NewScanner returns a Scanner that reads r. The io.Reader is read to its end,
// or to its first error, and is not closed.
func NewScanner(r io.Reader, o Options) *Scanner {
	s := &Scanner{cur: -1, buf: make([]byte, readSize)}
	s.e.file, s.e.maxEvent, s.e.line = o.File, o.maxEvent(), 1
	s.r, s.e.seen, s.err = decompressed(r)
	s.eof = s.err != nil
	return s
}

// decompressed looks at the first bytes of r.
func decompressed(r io.Reader) (io.Reader, Envelope, error) {
	magic := make([]byte, 4)
	n, err := io.ReadFull(r, magic)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return bytes.NewReader(magic[:n]), 0, err
	}
	whole := io.MultiReader(bytes.NewReader(magic[:n]), r)
	switch {
	case has(magic[:n], gzipMagic):
		z, err := gzip.NewReader(whole)
		if err != nil {
			return bytes.NewReader(nil), EnvelopeGzip, fmt.Errorf("read gzip header: %w", err)
		}
		return z, EnvelopeGzip, nil
	case has(magic[:n], zstdMagic):
		z, err := zstd.NewReader(whole, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(1<<40), zstd.WithDecoderMaxWindow(maxZstdWindow))
		if err != nil {
			return bytes.NewReader(nil), EnvelopeZstd, fmt.Errorf("read zstd header: %w", err)
		}
		return z, EnvelopeZstd, nil
	case has(magic[:n], bomLittle), has(magic[:n], bomBig):
		return &utf16Reader{r: whole, big: has(magic[:n], bomBig)}, EnvelopeUTF16, nil
	}
	return whole, 0, nil
}

// Scan steps to the next record or broken line. It reports false at the end of
// the input, or where reading failed.
func (s *Scanner) Scan() bool {
	s.cur++
	for s.cur >= s.e.n {
		s.cur = 0
		s.e.reset()
		if !s.advance() {
			return false
		}
	}
	return true
}

// advance lets the engine take one step, and reads on where it needs more. It
// reports false at the end.
func (s *Scanner) advance() bool {
	if s.from < s.to {
		n := s.e.step(s.buf[s.from:s.to], s.eof)
		if n == 0 && s.eof {
			n = s.e.consumed(through(s.buf[s.from:s.to], 0)) // never stand still
			s.e.counts.Application++
			s.e.mode = plainMode
		}
		if n > 0 {
			s.from += n
			return true
		}
	}
	if s.eof {
		return s.e.finish()
	}
	s.fill()
	return true
}

// fill reads more behind what is there.
func (s *Scanner) fill() {
	if s.from > 0 {
		copy(s.buf, s.buf[s.from:s.to])
		s.from, s.to = 0, s.to-s.from
	}
	if s.to == len(s.buf) {
		grown := make([]byte, min(2*len(s.buf), s.e.maxEvent+readSize))
		copy(grown, s.buf)
		s.buf = grown
	}
	n, err := s.r.Read(s.buf[s.to:])
	s.to += n
	s.e.counts.Bytes += int64(n)
	switch {
	case errors.Is(err, io.EOF):
		s.eof = true
	case err != nil:
		s.eof, s.err = true, err
	}
}

// View is the record of the last Scan; nil where that was a broken line. It is
// valid until the next Scan.
func (s *Scanner) View() *View {
	if s.cur < 0 || s.cur >= s.e.n || s.e.out[s.cur].err != nil {
		return nil
	}
	return &s.e.out[s.cur].v
}

// Platform is the record of the last Scan, nil where that was a broken line.
// It is valid until the next Scan; its texts live on.
func (s *Scanner) Platform() *record.Platform {
	v := s.View()
	if v == nil {
		return nil
	}
	v.Platform(&s.p)
	return &s.p
}

// SyntaxError is the broken line of the last Scan, nil where that was a
// record.
func (s *Scanner) SyntaxError() *SyntaxError {
	if s.cur < 0 || s.cur >= s.e.n {
		return nil
	}
	return s.e.out[s.cur].err
}

// Counts says what has been read so far.
func (s *Scanner) Counts() Counts {
	c := s.e.counts
	c.Lines = s.e.line - 1
	return c
}

// Envelopes says in which envelopes records have been found so far.
func (s *Scanner) Envelopes() Envelope { return s.e.seen }

// Err is what ended reading before the end of the input, nil where nothing
// did. All that could be read before it has been scanned.
func (s *Scanner) Err() error {
	if s.err == nil {
		return nil
	}
	name := s.e.file
	if name == "" {
		name = "input"
	}
	return fmt.Errorf("scan %s: line %d: %w", name, s.e.line, s.err)
}
