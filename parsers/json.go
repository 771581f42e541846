package parsers

import (
	"encoding/binary"
	"math/bits"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// maxJSONDepth bounds nesting, as a defence against hostile input.
const maxJSONDepth = 512

// jsonText walks one JSON text strictly (RFC 8259) without building anything.
// bad stays true after the first fault; i is where it was found.
type jsonText struct {
	b   []byte
	i   int
	bad bool
}

func (j *jsonText) fail() bool {
	j.bad = true
	return false
}

func (j *jsonText) space() {
	for j.i < len(j.b) {
		switch j.b[j.i] {
		case ' ', '\t', '\n', '\r':
			j.i++
		default:
			return
		}
	}
}

// peek is the next byte after white space, 0 at the end.
func (j *jsonText) peek() byte {
	if j.i < len(j.b) && j.b[j.i] > ' ' {
		return j.b[j.i]
	}
	j.space()
	if j.i >= len(j.b) {
		return 0
	}
	return j.b[j.i]
}

// open steps into an object or array.
func (j *jsonText) open(c byte) bool {
	if j.peek() != c {
		return j.fail()
	}
	j.i++
	return true
}

// member steps to the next member of an object and returns its key; the value
// follows. It reports false behind the last member, and on a fault.
func (j *jsonText) member(first bool) (key []byte, escaped, ok bool) {
	c := j.peek()
	if c == '}' {
		j.i++
		return nil, false, false
	}
	if !first {
		if c != ',' {
			return nil, false, j.fail()
		}
		j.i++
		c = j.peek()
	}
	if c != '"' {
		return nil, false, j.fail()
	}
	key, escaped = j.str()
	if j.bad || j.peek() != ':' {
		return nil, false, j.fail()
	}
	j.i++
	return key, escaped, true
}

// element steps to the next element of an array.
func (j *jsonText) element(first bool) bool {
	c := j.peek()
	if c == ']' {
		j.i++
		return false
	}
	if first {
		return c != 0 || j.fail()
	}
	if c != ',' {
		return j.fail()
	}
	j.i++
	return true
}

// str reads a string and returns its text between the quotes, and whether
// there are escapes in it.
func (j *jsonText) str() (text []byte, escaped bool) {
	j.i++ // the quote
	start := j.i
	b := j.b
	i := start
	for {
		for i+8 <= len(b) {
			n := plainBytes(binary.LittleEndian.Uint64(b[i:]))
			i += n
			if n < 8 {
				break
			}
		}
		if i >= len(b) {
			break
		}
		switch c := b[i]; {
		case c == '"':
			j.i = i + 1
			return b[start:i], escaped
		case c == '\\':
			n := escapeLength(b[i:])
			if n == 0 {
				j.i = i
				if cutEscape(b[i:]) {
					j.i = len(b)
				}
				j.fail()
				return nil, false
			}
			escaped = true
			i += n
		case c < ' ':
			j.i = i
			j.fail()
			return nil, false
		default:
			i++
		}
	}
	j.i = len(b)
	j.fail()
	return nil, false
}

// plainBytes counts the low bytes of w before the first quote, backslash or
// control character: 8 where there is none. It is the well-known test for zero
// bytes, (x - 0x01..) & ^x & 0x80.., exact for the lowest hit.
func plainBytes(w uint64) int {
	const ones, highs = 0x0101010101010101, 0x8080808080808080
	quote := w ^ ones*'"'
	slash := w ^ ones*'\\'
	hit := (quote-ones)&^quote | (slash-ones)&^slash | (w-ones*' ')&^w
	return bits.TrailingZeros64(hit&highs) / 8
}

// escapeLength measures a valid escape at the start of b, 0 if it is none.
func escapeLength(b []byte) int {
	if len(b) < 2 {
		return 0
	}
	switch b[1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return 2
	case 'u':
		if len(b) >= 6 && isHex(b[2:6]) {
			return 6
		}
	}
	return 0
}

// cutEscape says whether b, that is no escape, may become one with more bytes.
func cutEscape(b []byte) bool {
	return len(b) == 1 || len(b) < 6 && b[1] == 'u' && isHex(b[2:])
}

// skip steps over a value of any kind.
func (j *jsonText) skip(depth int) bool {
	switch c := j.peek(); c {
	case '"':
		j.str()
		return !j.bad
	case '{':
		if depth >= maxJSONDepth {
			return j.fail()
		}
		j.i++
		for first := true; ; first = false {
			if _, _, ok := j.member(first); !ok {
				return !j.bad
			}
			if !j.skip(depth + 1) {
				return false
			}
		}
	case '[':
		if depth >= maxJSONDepth {
			return j.fail()
		}
		j.i++
		for first := true; j.element(first); first = false {
			if !j.skip(depth + 1) {
				return false
			}
		}
		return !j.bad
	case 't':
		return j.literal("true")
	case 'f':
		return j.literal("false")
	case 'n':
		return j.literal("null")
	}
	return j.num() != nil
}

func (j *jsonText) literal(s string) bool {
	if !has(j.b[j.i:], s) {
		// Subtle: a literal that the end of the text cut is a fault at the end.
		if n := len(j.b) - j.i; n < len(s) && s[:n] == string(j.b[j.i:]) {
			j.i = len(j.b)
		}
		return j.fail()
	}
	j.i += len(s)
	return true
}

// num reads a number: -?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?
func (j *jsonText) num() []byte {
	b, start := j.b, j.i
	i := start
	digits := func() bool {
		from := i
		for i < len(b) && b[i]-'0' < 10 {
			i++
		}
		return i > from
	}
	if i < len(b) && b[i] == '-' {
		i++
	}
	zero := i < len(b) && b[i] == '0'
	from := i
	ok := digits() && (!zero || i == from+1)
	if ok && i < len(b) && b[i] == '.' {
		i++
		ok = digits()
	}
	if ok && i < len(b) && b[i]|0x20 == 'e' {
		i++
		if i < len(b) && (b[i] == '+' || b[i] == '-') {
			i++
		}
		ok = digits()
	}
	j.i = i
	if !ok {
		j.fail()
		return nil
	}
	return b[start:i]
}

// done says whether only white space follows.
func (j *jsonText) done() bool { return !j.bad && j.peek() == 0 && j.i >= len(j.b) }

// jsonNumber turns the text of a JSON number into a float64. It reports false
// where the value is negative or not finite.
func jsonNumber(text []byte) (float64, bool) {
	if x, n, ok := decimal(text); ok && n == len(text) {
		return x, true
	}
	x, err := strconv.ParseFloat(string(text), 64)
	return x, err == nil && x >= 0
}

// unescape appends the text of a valid JSON string to dst.
func unescape(dst, text []byte) []byte {
	for i := 0; i < len(text); {
		c := text[i]
		if c != '\\' || i+1 >= len(text) {
			dst = append(dst, c)
			i++
			continue
		}
		if text[i+1] == 'u' && i+6 <= len(text) {
			r := hex4(text[i+2 : i+6])
			i += 6
			if utf16.IsSurrogate(r) {
				low := rune(utf8.RuneError)
				if i+6 <= len(text) && text[i] == '\\' && text[i+1] == 'u' {
					low = hex4(text[i+2 : i+6])
				}
				if r = utf16.DecodeRune(r, low); r != utf8.RuneError {
					i += 6
				}
			}
			dst = utf8.AppendRune(dst, r)
			continue
		}
		dst = append(dst, escapedByte(text[i+1]))
		i += 2
	}
	return dst
}

func escapedByte(c byte) byte {
	switch c {
	case 'b':
		return '\b'
	case 'f':
		return '\f'
	case 'n':
		return '\n'
	case 'r':
		return '\r'
	case 't':
		return '\t'
	}
	return c
}

func hex4(b []byte) rune {
	var r rune
	for _, c := range b {
		r <<= 4
		switch {
		case c <= '9':
			r |= rune(c - '0')
		default:
			r |= rune(c|0x20-'a') + 10
		}
	}
	return r
}

// plain is the text of a string: itself where it has no escapes, else its
// unescaped copy in the arena.
func (p *parser) plain(text []byte, escaped bool) []byte {
	if !escaped {
		return text
	}
	start := len(p.arena)
	p.arena = unescape(p.arena, text)
	return p.arena[start:len(p.arena):len(p.arena)]
}
