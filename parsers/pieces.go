package parsers

import (
	"bytes"
	"iter"
)

// pieces splits a text of many lines into log events: lines, where the lines
// that continue an event belong to it.
func pieces(text []byte) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		for len(text) > 0 {
			n := eventLength(text)
			if !yield(text[:n]) {
				return
			}
			text = text[n:]
		}
	}
}

// eventLength measures the event at the start of text: its first line and the
// lines that continue it.
func eventLength(text []byte) int {
	n := lineLength(text)
	if !continues(text[:n]) {
		return n
	}
	for n < len(text) {
		next := text[n:]
		m := lineLength(next)
		if !continuation(next[:m]) {
			return n
		}
		n += m
	}
	return n
}

// lineLength is the length of the first line, its end included.
func lineLength(b []byte) int {
	if i := bytes.IndexByte(b, '\n'); i >= 0 {
		return i + 1
	}
	return len(b)
}

// continues says whether lines after this one may belong to its event: a
// REPORT has its X-Ray line, or its fields on lines of their own, and a fault
// its error type.
func continues(line []byte) bool {
	if has(line, "REPORT ") || has(line, "RequestId:") {
		return true
	}
	return bytes.Contains(line, []byte("REPORT ")) || bytes.Contains(line, []byte("RequestId: "))
}

// continuation says whether a line can only be the continuation of a platform
// record.
func continuation(line []byte) bool {
	b := line[separators(line):]
	if len(b) == 0 {
		return len(line) > 0 && line[0] != '\n' && line[0] != '\r'
	}
	switch b[0] {
	case 'X', 'D', 'B', 'M', 'I', 'R', 'S', 'E', 'F':
	default:
		return false
	}
	if l, _ := matchLabel(b); l != noLabel && l != labelRequestID {
		return true
	}
	b = bytes.TrimRight(b, " \t\r\n")
	return knownErrorFamily(b) && len(token(b)) == len(b)
}
