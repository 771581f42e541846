package parsers

// requestID reads the id at the start of b, or finds that it is missing. It
// reports false where something stands there that is no id.
func (p *parser) requestID(b []byte, v *View, report bool) (rest []byte, ok bool) {
	b = b[separators(b):]
	if len(b) == 0 {
		v.Truncated = true
		return b, true
	}
	n := 0
	for n < len(b) && idByte[b[n]] {
		n++
	}
	switch {
	case n == 0 || b[0] == '.' || b[0] == '-' || b[0] == '_':
		return b, false
	case n == len(b):
		if n != uuidLength && cutID(b, report) {
			v.Truncated = true
			return nil, true
		}
	case separators(b[n:n+min(2, len(b)-n)]) == 0:
		n = gluedID(b, n)
		if n < 0 {
			return b, false
		}
		if n == 0 { // a label: the id is missing
			return b, true
		}
	default:
		if l, _ := matchLabel(b); l != noLabel {
			return b, true
		}
	}
	v.RequestID = b[:n]
	return b[n:], true
}

const uuidLength = 36

// idByte says which bytes a request id may have.
var idByte = func() (set [256]bool) {
	for c := range set {
		set[c] = c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' || c == '.' || c == '_' || c == '-'
	}
	return set
}()

// notIDByte is 1 for the other bytes, so that a loop needs no branches.
var notIDByte = func() (set [256]uint8) {
	for c := range set {
		if !idByte[c] {
			set[c] = 1
		}
	}
	return set
}()

// cutID says whether an id that ends with its line was cut. In a START or END
// line it may end so; a REPORT that ends with its id was cut, and only a whole
// UUID is certainly whole.
func cutID(b []byte, report bool) bool {
	if report {
		return true
	}
	return len(b) > 8 && len(b) < uuidLength && b[8] == '-' && isHex(b[:8]) && uuidPrefix(b)
}

func uuidPrefix(b []byte) bool {
	for i, c := range b {
		if i == 8 || i == 13 || i == 18 || i == 23 {
			if c != '-' {
				return false
			}
		} else if !hexByte(c) {
			return false
		}
	}
	return true
}

func isHex(b []byte) bool {
	for _, c := range b {
		if !hexByte(c) {
			return false
		}
	}
	return true
}

func hexByte(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'
}

// gluedID finds where an id ends to which the next label is glued, given that
// no separator follows b[:n]. It returns 0 where b begins with a label, and -1
// where there is no id.
func gluedID(b []byte, n int) int {
	for i := 0; i < n; i++ {
		if b[i] < 'A' || b[i] > 'X' {
			continue
		}
		if l, _ := matchLabel(b[i:]); l != noLabel {
			return i
		}
	}
	if b[n] == ':' {
		// An unknown label, Version for example.
		return 0
	}
	return -1
}
