package record

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"
	"unicode/utf8"
)

// rowDecoder turns lines into rows. Lines in the key order and spelling of
// AppendJSON, with no escape in a string, take a fast path; every other line
// goes through encoding/json. Both give the same row: FuzzDecodeRow.
type rowDecoder struct {
	version, errorType, errorText string // of the row before: runs repeat them
}

// decode reads one line into row, which it overwrites.
func (d *rowDecoder) decode(line []byte, row *Invocation) error {
	*row = Invocation{}
	if !d.fast(line, row) {
		*row = Invocation{}
		if err := json.Unmarshal(line, row); err != nil {
			return err
		}
	}
	if !row.Outcome.known() {
		return fmt.Errorf("outcome %q is none of those of this version", row.Outcome)
	}
	return nil
}

func (o Outcome) known() bool {
	switch o {
	case OK, FunctionError, TimedOut, Throttled, Rejected, TransportError, NotSent:
		return true
	}
	return false
}

// fast reports whether line is exactly of the known form. row is garbage when
// it is not.
func (d *rowDecoder) fast(line []byte, row *Invocation) bool {
	c := cursor{b: line, ok: true}
	row.Seq = c.must(`{"seq":`)
	fn := c.must(`,"fn":`)
	row.Function = int(fn)
	row.Tag = Tag(shared(c.text(`,"tag":`), "", string(TagBase), string(TagBurst), string(TagPing)))
	row.Phase = Phase(shared(c.text(`,"phase":`), "", string(PhaseMeasure), string(PhaseWarmup)))
	row.Intended = time.Duration(c.must(`,"intended_ns":`))
	row.Sent = time.Duration(c.number(`,"sent_ns":`))
	row.FirstByte = time.Duration(c.number(`,"first_byte_ns":`))
	row.Done = time.Duration(c.number(`,"done_ns":`))
	row.Outcome = outcomeOf(c.text(`,"outcome":`))
	row.Status = int(c.number(`,"status":`))
	row.ErrorType = shared(c.text(`,"error_type":`), "", d.errorType)
	row.Error = shared(c.text(`,"error":`), "", d.errorText)
	row.RequestID = string(c.text(`,"request_id":`))
	row.Version = shared(c.text(`,"version":`), "", d.version)
	row.RequestBytes = c.number(`,"request_bytes":`)
	row.ResponseBytes = c.number(`,"response_bytes":`)
	if c.skip(`,"conn":`) {
		c.conn(&row.Conn)
	}
	if !c.skip(`}`) || !c.ok || len(c.b) != 0 || row.Outcome == "" {
		return false
	}
	d.errorType, d.errorText, d.version = row.ErrorType, row.Error, row.Version
	return true
}

// shared returns the first of known that equals b, so that the many rows that
// say the same share one string, or else a copy.
func shared(b []byte, known ...string) string {
	for _, s := range known {
		if string(b) == s {
			return s
		}
	}
	return string(b)
}

// outcomeOf is "" for an unknown outcome.
func outcomeOf(b []byte) Outcome {
	for _, o := range Outcomes {
		if string(b) == string(o) {
			return o
		}
	}
	return ""
}

// cursor walks one line. ok turns false at the first thing that is not of the
// known form.
type cursor struct {
	b  []byte
	ok bool
}

// skip consumes text if it comes next.
func (c *cursor) skip(text string) bool {
	if len(c.b) < len(text) || string(c.b[:len(text)]) != text {
		return false
	}
	c.b = c.b[len(text):]
	return true
}

// must is number for a key that is always there.
func (c *cursor) must(key string) int64 {
	if !c.skip(key) {
		c.ok = false
		return 0
	}
	return c.int()
}

// number reads key and its integer, or 0 where another key comes next.
func (c *cursor) number(key string) int64 {
	if !c.skip(key) {
		return 0
	}
	return c.int()
}

// int reads an integer of up to 18 digits, so that it cannot overflow; longer
// ones are left to encoding/json, as are fractions, exponents and leading
// zeros.
func (c *cursor) int() int64 {
	neg := c.skip("-")
	var v int64
	n := 0
	for n < len(c.b) && c.b[n]-'0' <= 9 {
		if n == 18 {
			c.ok = false
			return 0
		}
		v = v*10 + int64(c.b[n]-'0')
		n++
	}
	if n == 0 || (n > 1 && c.b[0] == '0') {
		c.ok = false
	}
	c.b = c.b[n:]
	if neg {
		return -v
	}
	return v
}

// text reads key and its string, or nothing where another key comes next.
func (c *cursor) text(key string) []byte {
	if !c.skip(key) {
		return nil
	}
	if !c.skip(`"`) {
		c.ok = false
		return nil
	}
	n := bytes.IndexByte(c.b, '"')
	if n < 0 || !plain(c.b[:n]) {
		c.ok = false
		return nil
	}
	s := c.b[:n]
	c.b = c.b[n+1:]
	return s
}

// plain reports whether the inside of a JSON string stands for itself.
func plain(b []byte) bool {
	ascii := true
	for _, x := range b {
		if x < ' ' || x == '\\' {
			return false
		}
		ascii = ascii && x < utf8.RuneSelf
	}
	return ascii || utf8.Valid(b)
}

func (c *cursor) conn(v *Conn) {
	sep := byte('{') // before the first key, a comma before the others
	key := func(name string) bool {
		if len(c.b) <= len(name) || c.b[0] != sep || string(c.b[1:1+len(name)]) != name {
			return false
		}
		c.b, sep = c.b[1+len(name):], ','
		return true
	}
	number := func(name string) time.Duration {
		if !key(name) {
			return 0
		}
		return time.Duration(c.int())
	}
	v.Reused = key(`"reused":true`)
	v.DNS = number(`"dns_ns":`)
	v.Connect = number(`"connect_ns":`)
	v.TLS = number(`"tls_ns":`)
	v.Wait = number(`"wait_ns":`)
	if sep != ',' || !c.skip(`}`) {
		c.ok = false
	}
}
