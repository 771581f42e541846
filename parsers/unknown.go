package parsers

import "bytes"

// heads are the beginnings that make a second record on a line certain.
var heads = [...]string{
	"REPORT RequestId:", "START RequestId:", "END RequestId:", "INIT_START Runtime", "INIT_REPORT ",
	"RESTORE_START Runtime", "RESTORE_REPORT ", "REPORT - ", "START - ", "END - ",
}

// anotherHead says whether a record begins at the start of b or of a line
// within b.
func anotherHead(b []byte) bool {
	for {
		b = b[separators(b):]
		for _, h := range heads {
			if has(b, h) {
				return true
			}
		}
		i := bytes.IndexByte(b, '\n')
		if i < 0 {
			return false
		}
		b = b[i+1:]
	}
}

// unknown skips what stands at b where no known label does: an unknown label
// with its value, or a remark. It returns the rest, or why the line is broken.
func (p *parser) unknown(b []byte, v *View, w *walk) ([]byte, verdict) {
	for _, h := range heads {
		if has(b, h) {
			return nil, p.broken(w.what, labelRequestID, nil, "two records on one line")
		}
	}
	if cutLabel(bytes.TrimRight(b, "\r\n")) {
		v.Truncated = true
		return nil, platform
	}
	if n := unknownLabel(b); n > 0 {
		return skipForeign(b[n:]), platform
	}
	line := b
	if i := bytes.IndexByte(b, '\n'); i >= 0 {
		line = b[:i]
	}
	for _, text := range [...]string{"RequestId:", "Duration:", "Memory Size:", "Memory Used:", "Status:"} {
		if bytes.Contains(line, []byte(text)) {
			return nil, p.broken(w.what, noLabel, snippet(b), "unreadable text between the fields")
		}
	}
	return b[len(line):], platform
}

// unknownLabel measures a label that is none of ours: words of letters, digits
// and dashes, parted by single blanks, and a colon before a separator or the
// end. It returns 0 where there is none.
func unknownLabel(b []byte) int {
	if len(b) == 0 || b[0]|0x20-'a' >= 26 {
		return 0
	}
	for i, c := range b {
		switch {
		case c == ':':
			if i+1 == len(b) || separators(b[i+1:]) > 0 {
				return i + 1
			}
			return 0
		case c|0x20-'a' < 26, c-'0' < 10, c == '-', c == '_', c == '(', c == ')', c == '/', c == '.':
		case c == ' ':
			if i > 0 && b[i-1] == ' ' {
				return 0
			}
		default:
			return 0
		}
	}
	return 0
}

// skipForeign skips the value of a label of no use: a number and its unit, or
// a word. Then what stands there must be a label, a separator that ends the
// field, or words of the same value, up to the next tab or line end.
func skipForeign(b []byte) []byte {
	n := blanks(b)
	if n >= len(b) || b[n] == '\n' || b[n] == '\r' {
		return b[n:]
	}
	b = b[n:]
	if l, _ := matchLabel(b); l != noLabel {
		return b
	}
	if _, n, ok := decimal(b); ok && n < len(b) {
		rest := b[n+blanks(b[n:]):]
		if has(rest, "ms") || has(rest, "MB") {
			return rest[2:]
		}
	}
	b = b[len(token(b)):]
	n = blanks(b)
	if l, _ := matchLabel(b[n:]); l != noLabel || unknownLabel(b[n:]) > 0 {
		return b
	}
	for i, c := range b {
		if c == '\t' || c == '\n' {
			return b[i:]
		}
	}
	return nil
}
