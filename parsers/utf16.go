package parsers

import (
	"io"
	"unicode/utf16"
	"unicode/utf8"
)

// The byte order marks of UTF-16.
const (
	bomLittle = "\xff\xfe"
	bomBig    = "\xfe\xff"
)

// utf16Reader turns UTF-16 into UTF-8. Windows PowerShell redirects the output
// of a program into a file of that kind. A unit without its pair becomes
// U+FFFD, as does half a unit at the end.
type utf16Reader struct {
	r    io.Reader
	big  bool
	in   []byte // read, and not decoded: less than a rune after a Read
	out  []byte // decoded, and not taken
	buf  []byte
	err  error
	high rune // a surrogate that waits for its pair; 0 is none
}

// Read decodes on.
func (u *utf16Reader) Read(p []byte) (int, error) {
	for len(u.out) == 0 {
		if u.err != nil {
			return 0, u.err
		}
		u.fill()
	}
	n := copy(p, u.out)
	u.out = u.out[n:]
	return n, nil
}

func (u *utf16Reader) fill() {
	if u.buf == nil {
		u.buf = make([]byte, 64<<10)
	}
	left := copy(u.buf, u.in)
	n, err := u.r.Read(u.buf[left:])
	u.in, u.err = u.buf[:left+n], err
	u.out = u.out[:0]
	for len(u.in) >= 2 {
		c := rune(u.in[0]) | rune(u.in[1])<<8
		if u.big {
			c = rune(u.in[0])<<8 | rune(u.in[1])
		}
		u.in = u.in[2:]
		u.unit(c)
	}
	if err != nil && (len(u.in) > 0 || u.high != 0) {
		u.in, u.high = nil, 0
		u.out = utf8.AppendRune(u.out, utf8.RuneError)
	}
}

// unit takes one code unit.
func (u *utf16Reader) unit(c rune) {
	high := u.high
	u.high = 0
	if high != 0 {
		if r := utf16.DecodeRune(high, c); r != utf8.RuneError {
			u.out = utf8.AppendRune(u.out, r)
			return
		}
		u.out = utf8.AppendRune(u.out, utf8.RuneError)
	}
	switch {
	case c >= 0xD800 && c < 0xDC00:
		u.high = c
	case c == 0xFEFF: // the mark itself
	default:
		u.out = utf8.AppendRune(u.out, c) // a lone low surrogate becomes U+FFFD
	}
}
