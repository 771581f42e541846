package parsers

import "bytes"

// suspect is a quick test that tells most application lines from lines that
// may hold a platform record. It errs on the side of suspicion. b is not
// empty.
func suspect(b []byte) bool {
	for lineClass[b[0]] == classBlank {
		if b = b[1:]; len(b) == 0 {
			return false
		}
	}
	switch lineClass[b[0]] {
	case classLetter:
		return suspectWord(b)
	case classDigit:
		return suspectTime(b)
	case classBracket:
		return !has(b, "[INFO]") && !levelTag(b)
	case classQuote:
		return len(b) > minEncoded
	case classOpen:
		return true
	}
	return false
}

// Classes of the bytes by which a line may begin.
const (
	classNever uint8 = iota // no platform line begins so
	classBlank
	classLetter
	classDigit
	classBracket
	classQuote
	classOpen // worth a closer look
)

var lineClass = func() (class [256]uint8) {
	for c := range class {
		switch {
		case c|0x20 >= 'a' && c|0x20 <= 'z' && c < 0x80:
			class[c] = classLetter
		case c >= '0' && c <= '9':
			class[c] = classDigit
		}
	}
	for _, c := range []byte(" \t\r") {
		class[c] = classBlank
	}
	for _, c := range []byte("{@/>(\x1b\xef\xc2\\") {
		class[c] = classOpen
	}
	class['['], class['"'] = classBracket, classQuote
	return class
}()

// suspectWord tests a line that begins with a letter.
func suspectWord(b []byte) bool {
	switch b[0] {
	case 'R':
		if has(b, "REPORT") || has(b, "RESTORE_") || has(b, "RequestId:") {
			return true
		}
	case 'S':
		if has(b, "START") {
			return true
		}
	case 'E':
		if has(b, "END") || has(b, "EXTENSION") || has(b, "EVENTS\t") {
			return true
		}
	case 'I':
		if has(b, "INIT_") || has(b, "IMAGE") {
			return true
		}
	case 'X', 'L', 'T':
		if has(b, "XRAY") || has(b, "LOGS") || has(b, "TELEMETRY") {
			return true
		}
	case 'D', 'o', 't':
		if has(b, "DEBUG --- [") || has(b, "offline: (") || has(b, "timestamp,message") {
			return true
		}
	}
	n := 0
	for n < len(b) && idByte[b[n]] {
		n++
	}
	if n == len(b) || b[n] == '+' || b[n] == '/' || b[n] == '=' || b[n] == '#' || b[n] == '\r' {
		return true // base64, or a log group
	}
	s := blanks(b[n:])
	return s > 0 && n+s < len(b) && (b[n+s] == '|' || b[n+s]-'0' < 10 && logStream(b[n+s:]) > 0)
}

// suspectTime tests a line that begins with a digit. The usual application
// line of Node.js is time, tab, request id, tab, level.
func suspectTime(b []byte) bool {
	const stamp = len("2006-01-02T15:04:05.000Z")
	if len(b) < stamp+2 || b[10] != 'T' || b[stamp-1] != 'Z' {
		return true
	}
	m := b[stamp:]
	if m[0] != '\t' && m[0] != ' ' {
		return true
	}
	m = m[1:]
	if len(m) > uuidLength && m[8] == '-' && m[13] == '-' && (m[uuidLength] == '\t' || m[uuidLength] == ' ') {
		return has(m[uuidLength+1:], "Task ")
	}
	return suspect(m) || bytes.Contains(m, []byte("Task timed out"))
}

// levelTag recognises "[INFO]" and its kin.
func levelTag(b []byte) bool {
	end := bytes.IndexByte(b[:min(len(b), 12)], ']')
	return end > 0 && isLevel(b[1:end])
}

// isLevel recognises the words by which loggers mark lines, without regard to
// case. A line that begins with one is an application's.
func isLevel(b []byte) bool {
	if len(b) < 3 || len(b) > 8 {
		return false
	}
	var upper [8]byte
	for i, c := range b {
		if c-'a' < 26 {
			c -= 'a' - 'A'
		}
		upper[i] = c
	}
	switch string(upper[:len(b)]) {
	case "TRACE", "DEBUG", "INFO", "NOTICE", "WARN", "WARNING", "ERROR", "FATAL", "CRITICAL", "SEVERE", "VERBOSE", "LOG":
		return true
	}
	return false
}
