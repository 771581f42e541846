package record

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"time"
)

// codec writes a value to a spill file or reads it back: one walk over the
// fields serves both ways, so that they cannot disagree. The form lives only
// as long as a Join and has no version.
type codec struct {
	w    *bufio.Writer // nil when reading
	r    *bufio.Reader
	buf  [binary.MaxVarintLen64]byte
	text []byte // of the string that is read
	err  error  // sticky
}

// maxSpilledString bounds what a damaged length may allocate.
const maxSpilledString = 1 << 30

func codeInt[T ~int | ~int64](c *codec, p *T) {
	if c.err != nil {
		return
	}
	if c.w != nil {
		_, c.err = c.w.Write(binary.AppendVarint(c.buf[:0], int64(*p)))
		return
	}
	var v int64
	v, c.err = binary.ReadVarint(c.r)
	*p = T(v)
}

// codeString keeps *p when it holds what is read, so that values that repeat
// from one record to the next share one string.
func codeString[T ~string](c *codec, p *T) {
	n := len(*p)
	codeInt(c, &n)
	if c.err != nil {
		return
	}
	if c.w != nil {
		_, c.err = c.w.WriteString(string(*p))
		return
	}
	if n < 0 || n > maxSpilledString {
		c.err = fmt.Errorf("string of %d bytes", n)
		return
	}
	c.text = slices.Grow(c.text[:0], n)[:n]
	if _, c.err = io.ReadFull(c.r, c.text); c.err == nil && string(c.text) != string(*p) {
		*p = T(c.text)
	}
}

func codeBool(c *codec, p *bool) {
	v := 0
	if *p {
		v = 1
	}
	codeInt(c, &v)
	*p = v == 1
}

func codeFloat(c *codec, p *float64) {
	v := int64(math.Float64bits(*p))
	codeInt(c, &v)
	*p = math.Float64frombits(uint64(v))
}

func codeOpt[T any](c *codec, p *Opt[T], code func(*codec, *T)) {
	codeBool(c, &p.Valid)
	if !p.Valid {
		*p = Opt[T]{}
		return
	}
	code(c, &p.Value)
}

// codeTime keeps the instant; the location comes back as UTC.
func codeTime(c *codec, p *time.Time) {
	there := !p.IsZero()
	codeBool(c, &there)
	if !there {
		*p = time.Time{}
		return
	}
	sec, nsec := p.Unix(), p.Nanosecond()
	codeInt(c, &sec)
	codeInt(c, &nsec)
	*p = time.Unix(sec, int64(nsec)).UTC()
}

func (r *Invocation) code(c *codec) {
	codeInt(c, &r.Seq)
	codeInt(c, &r.Function)
	codeString(c, &r.Tag)
	codeString(c, &r.Phase)
	codeInt(c, &r.Intended)
	codeInt(c, &r.Sent)
	codeInt(c, &r.FirstByte)
	codeInt(c, &r.Done)
	codeString(c, &r.Outcome)
	codeInt(c, &r.Status)
	codeString(c, &r.ErrorType)
	codeString(c, &r.Error)
	codeString(c, &r.RequestID)
	codeString(c, &r.Version)
	codeInt(c, &r.RequestBytes)
	codeInt(c, &r.ResponseBytes)
	codeBool(c, &r.Conn.Reused)
	codeInt(c, &r.Conn.DNS)
	codeInt(c, &r.Conn.Connect)
	codeInt(c, &r.Conn.TLS)
	codeInt(c, &r.Conn.Wait)
}

func (p *Platform) code(c *codec) {
	codeString(c, &p.Kind)
	codeString(c, &p.RequestID)
	for _, f := range []*Opt[float64]{
		&p.DurationMs, &p.BilledDurationMs, &p.MemorySizeMB, &p.MaxMemoryUsedMB,
		&p.InitDurationMs, &p.RestoreDurationMs, &p.BilledRestoreDurationMs,
	} {
		codeOpt(c, f, codeFloat)
	}
	codeString(c, &p.Status)
	codeString(c, &p.ErrorType)
	codeString(c, &p.XRayTraceID)
	codeString(c, &p.XRaySegmentID)
	codeOpt(c, &p.XRaySampled, codeBool)
	codeString(c, &p.Phase)
	codeString(c, &p.RuntimeVersion)
	codeString(c, &p.RuntimeVersionARN)
	codeTime(c, &p.Timestamp)
	codeString(c, &p.LogStream)
	codeString(c, &p.Start)
	codeString(c, &p.StartRule)
	codeBool(c, &p.Emulator)
	codeBool(c, &p.Truncated)
	codeString(c, &p.Pos.File)
	codeInt(c, &p.Pos.Line)
	codeString(c, &p.Raw)
}

// coder is what a spill file holds.
type coder[T any] interface {
	*T
	code(c *codec)
}

// decodeAll reads values until the end of r.
func decodeAll[T any, P coder[T]](r io.Reader, do func(T) error) error {
	c := codec{r: bufio.NewReaderSize(r, 64<<10)}
	var v T
	for {
		if _, err := c.r.Peek(1); errors.Is(err, io.EOF) {
			return nil
		}
		if P(&v).code(&c); c.err != nil {
			return fmt.Errorf("spill file: %w", c.err)
		}
		if err := do(v); err != nil {
			return err
		}
	}
}
