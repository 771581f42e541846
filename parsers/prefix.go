package parsers

import (
	"bytes"
	"time"
	"unicode/utf8"
)

// maxPrefixes bounds the tool prefixes before a message.
const maxPrefixes = 8

// prefix removes what tools print before a message: times, log streams, log
// groups, tags in brackets, and terminal colours. It fills Timestamp and
// LogStream of v. Only known forms are removed; the message of an
// application's line therefore begins with something that is no head. quoted
// says that the rest is a field of a CSV line in quotes.
func (p *parser) prefix(b []byte, v *View) (rest []byte, quoted bool) {
	timeFirst := false
	for i := range maxPrefixes {
		b = b[separators(b):]
		for len(b) > 0 && b[0] == 0x1B {
			b = b[escapeSequence(b):]
			b = b[separators(b):]
		}
		if i == 0 && has(b, byteOrderMark) {
			b = b[len(byteOrderMark):]
		}
		n, quote := onePrefix(b, v)
		if n == 0 {
			break
		}
		if i == 0 {
			timeFirst = !v.Timestamp.IsZero()
		}
		p.via = viaPrefix(v, timeFirst)
		b = b[n:]
		if quote {
			p.via = EnvelopeCSV
			return b, true
		}
	}
	return b, false
}

// viaPrefix names the tool by what it printed before the message.
func viaPrefix(v *View, timeFirst bool) Envelope {
	switch {
	case v.LogStream != nil && timeFirst:
		return EnvelopeTail
	case v.LogStream != nil && !v.Timestamp.IsZero():
		return EnvelopeSAM
	case timeFirst:
		return EnvelopeTimed
	}
	return EnvelopePrefixed
}

// onePrefix measures the prefix at the start of b, 0 where there is none.
func onePrefix(b []byte, v *View) (n int, quoted bool) {
	if len(b) < 2 {
		return 0, false
	}
	switch c := b[0]; {
	case c-'0' < 10:
		return digitPrefix(b, v)
	case c == '[':
		return tagPrefix(b, v), false
	case c == '/':
		return groupPrefix(b), false
	case c == '>' && b[1] == ' ':
		return 2, false
	case c == '(':
		return lambdaPrefix(b, v), false
	case c|0x20-'a' < 26:
		return wordPrefix(b), false
	}
	return 0, false
}

// digitPrefix takes a time, a log stream, or the epoch of a CSV line.
func digitPrefix(b []byte, v *View) (n int, quoted bool) {
	if n := logStream(b); n > 0 {
		v.LogStream = b[:n]
		return n, false
	}
	if t, n := isoTime(b); n > 0 {
		if n < len(b) && b[n] == ',' {
			v.Timestamp = t
			return csvField(b, n)
		}
		if n == len(b) || b[n] == '[' || b[n] == 0x1B || separators(b[n:]) > 0 {
			v.Timestamp = t
			return n, false
		}
		if has(b[n:], ":DEBUG:") { // LocalStack before 2.0
			v.Timestamp = t
			return n + debugPrefix(b[n:]), false
		}
		return 0, false
	}
	if ms, n := epochMillis(b); n > 0 && n < len(b) && b[n] == ',' {
		v.Timestamp = millis(ms)
		return csvField(b, n)
	}
	return clockPrefix(b), false
}

// csvField steps over the comma at b[n] and the quote behind it.
func csvField(b []byte, n int) (int, bool) {
	if n+1 < len(b) && b[n+1] == '"' {
		return n + 2, true
	}
	return n + 1, false
}

// epochMillis reads 12 to 14 digits, an instant between 2001 and 5138.
func epochMillis(b []byte) (ms int64, n int) {
	for n < len(b) && n < 15 && b[n]-'0' < 10 {
		ms = ms*10 + int64(b[n]-'0')
		n++
	}
	if n < 12 || n > 14 {
		return 0, 0
	}
	return ms, n
}

func millis(ms int64) time.Time { return time.UnixMilli(ms).UTC() }

// logStream measures YYYY/MM/DD/[version]hex or YYYY/MM/DD/name[version]hex.
func logStream(b []byte) int {
	if len(b) < 15 || b[4] != '/' || b[7] != '/' || b[10] != '/' || pair(b, 0) < 0 || pair(b, 2) < 0 || pair(b, 5) < 0 || pair(b, 8) < 0 {
		return 0
	}
	i := 11
	for i < len(b) && (idByte[b[i]] || b[i] == ':') {
		i++
	}
	if i >= len(b) || b[i] != '[' {
		return 0
	}
	end := bytes.IndexByte(b[i:], ']')
	if end < 2 || end > 130 {
		return 0
	}
	i += end + 1
	hash := i
	for i < len(b) && idByte[b[i]] {
		i++
	}
	if i == hash {
		return 0
	}
	return i
}

// clockPrefix measures "16:39:01" or "2:34:39 PM", which give no instant.
func clockPrefix(b []byte) int {
	i := 0
	for part := range 3 {
		start := i
		for i < len(b) && b[i]-'0' < 10 {
			i++
		}
		if i == start || i > start+2 {
			return 0
		}
		if part < 2 {
			if i >= len(b) || b[i] != ':' {
				return 0
			}
			i++
		}
	}
	if _, n := fraction(b[i:]); n > 0 {
		i += n
	}
	if n := blanks(b[i:]); n > 0 && i+n+2 <= len(b) {
		if c := b[i+n] | 0x20; (c == 'a' || c == 'p') && b[i+n+1]|0x20 == 'm' {
			i += n + 2
		}
	}
	if separators(b[i:]) == 0 {
		return 0
	}
	return i
}

// tagPrefix takes "[name]", "[/aws/lambda/name]" or "[2:34:39 PM]", unless the
// tag is a level.
func tagPrefix(b []byte, v *View) int {
	end := bytes.IndexByte(b, ']')
	if end < 2 || end > 600 || bytes.IndexByte(b[:end], '\n') >= 0 {
		return 0
	}
	tag := bytes.TrimSpace(b[1:end])
	if len(tag) == 0 || tag[0] == '{' || tag[0] == '"' || isLevel(tag) {
		return 0
	}
	if t, n := isoTime(tag); n > 0 && n == len(tag) {
		v.Timestamp = t
	}
	return end + 1
}

// groupPrefix takes a log group, /aws/lambda/name for example.
func groupPrefix(b []byte) int {
	n := 0
	for n < len(b) && (idByte[b[n]] || b[n] == '/' || b[n] == '#') {
		n++
	}
	if n < 2 || n == len(b) || separators(b[n:]) == 0 {
		return 0
	}
	return n
}

// lambdaPrefix takes "(λ: name) ", by which serverless-offline begins a line.
func lambdaPrefix(b []byte, v *View) int {
	if !has(b, "(λ: ") {
		return 0
	}
	v.Emulator = true
	return bytes.IndexByte(b, ')') + 1
}

// wordPrefix takes the prefixes that begin with a word: a service of docker
// compose and its bar, a log group before its stream, LocalStack's logger,
// "offline:".
func wordPrefix(b []byte) int {
	if has(b, "offline: (") {
		return len("offline: ")
	}
	if has(b, "DEBUG --- [") {
		return debugPrefix(b)
	}
	n := 0
	for n < len(b) && (idByte[b[n]] || b[n] == '/' || b[n] == '#') {
		n++
	}
	s := blanks(b[n:])
	rest := b[n+s:]
	switch {
	case s > 0 && has(rest, "| "):
		return n + s + 2
	case s > 0 && logStream(rest) > 0:
		return n + s
	}
	return 0
}

// debugPrefix takes LocalStack's "DEBUG --- [thread] logger : > ".
func debugPrefix(b []byte) int {
	i := bytes.IndexByte(b, '\n')
	if i < 0 {
		i = len(b)
	}
	if n := bytes.Index(b[:i], []byte(": > ")); n > 0 {
		return n + len(": > ")
	}
	return 0
}

// cliText takes apart a line of the AWS CLI's --output text:
// EVENTS, columns of digits and the log stream, the message, the timestamp.
func cliText(b []byte, v *View) ([]byte, bool) {
	b, ok := bytes.CutPrefix(b, []byte("EVENTS\t"))
	if !ok {
		return nil, false
	}
	b = bytes.TrimRight(b, "\r\n")
	if i := bytes.LastIndexByte(b, '\t'); i >= 0 {
		if ms, n := epochMillis(b[i+1:]); n > 0 && n == len(b)-i-1 {
			v.Timestamp = millis(ms)
			b = b[:i]
		}
	}
	for range 4 {
		i := bytes.IndexByte(b, '\t')
		if i <= 0 {
			break
		}
		if n := logStream(b); n == i {
			v.LogStream = b[:n]
		} else if !allDigits(b[:i]) {
			break
		}
		b = b[i+1:]
	}
	return b, true
}

func allDigits(b []byte) bool {
	for _, c := range b {
		if c-'0' > 9 {
			return false
		}
	}
	return len(b) > 0
}

// byteOrderMark is U+FEFF in UTF-8.
const byteOrderMark = "\xEF\xBB\xBF"

// stripped removes terminal colours and byte order marks from b. It returns b
// itself where there are none.
func (p *parser) stripped(b []byte) []byte {
	if bytes.IndexByte(b, 0x1B) < 0 && !bytes.Contains(b, []byte(byteOrderMark)) {
		return b
	}
	start := len(p.arena)
	for i := 0; i < len(b); {
		if n := escapeSequence(b[i:]); n > 0 {
			i += n
			continue
		}
		if has(b[i:], byteOrderMark) {
			i += len(byteOrderMark)
			continue
		}
		_, n := utf8.DecodeRune(b[i:])
		p.arena = append(p.arena, b[i:i+n]...)
		i += n
	}
	return p.arena[start:len(p.arena):len(p.arena)]
}

// escapeSequence measures a terminal control sequence: ESC [ ... letter, or a
// lone ESC.
func escapeSequence(b []byte) int {
	if b[0] != 0x1B {
		return 0
	}
	if len(b) < 2 || b[1] != '[' {
		return 1
	}
	i := 2
	for i < len(b) && (b[i]-'0' < 10 || b[i] == ';' || b[i] == '?') {
		i++
	}
	if i < len(b) {
		i++
	}
	return i
}
