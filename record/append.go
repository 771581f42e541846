package record

import (
	"strconv"
	"unicode/utf8"
)

// AppendJSON appends the row as one JSON object, without a newline, and
// returns the extended slice. The bytes are those that encoding/json writes
// with HTML escaping off; bytes that are no UTF-8 become U+FFFD. It allocates
// only to grow dst.
func (r *Invocation) AppendJSON(dst []byte) []byte {
	dst = strconv.AppendInt(append(dst, `{"seq":`...), r.Seq, 10)
	dst = strconv.AppendInt(append(dst, `,"fn":`...), int64(r.Function), 10)
	dst = appendStr(dst, `,"tag":`, string(r.Tag))
	dst = appendStr(dst, `,"phase":`, string(r.Phase))
	dst = strconv.AppendInt(append(dst, `,"intended_ns":`...), int64(r.Intended), 10)
	dst = appendInt(dst, `,"sent_ns":`, int64(r.Sent))
	dst = appendInt(dst, `,"first_byte_ns":`, int64(r.FirstByte))
	dst = appendInt(dst, `,"done_ns":`, int64(r.Done))
	dst = appendString(append(dst, `,"outcome":`...), string(r.Outcome))
	dst = appendInt(dst, `,"status":`, int64(r.Status))
	dst = appendStr(dst, `,"error_type":`, r.ErrorType)
	dst = appendStr(dst, `,"error":`, r.Error)
	dst = appendStr(dst, `,"request_id":`, r.RequestID)
	dst = appendStr(dst, `,"version":`, r.Version)
	dst = appendInt(dst, `,"request_bytes":`, r.RequestBytes)
	dst = appendInt(dst, `,"response_bytes":`, r.ResponseBytes)
	if r.Conn != (Conn{}) {
		dst = r.Conn.appendJSON(append(dst, `,"conn":`...))
	}
	return append(dst, '}')
}

func (c *Conn) appendJSON(dst []byte) []byte {
	start := len(dst)
	if c.Reused {
		dst = append(dst, `,"reused":true`...)
	}
	dst = appendInt(dst, `,"dns_ns":`, int64(c.DNS))
	dst = appendInt(dst, `,"connect_ns":`, int64(c.Connect))
	dst = appendInt(dst, `,"tls_ns":`, int64(c.TLS))
	dst = appendInt(dst, `,"wait_ns":`, int64(c.Wait))
	dst[start] = '{' // a Conn that is not zero has at least one key
	return append(dst, '}')
}

// appendInt appends key and v unless v is 0.
func appendInt(dst []byte, key string, v int64) []byte {
	if v == 0 {
		return dst
	}
	return strconv.AppendInt(append(dst, key...), v, 10)
}

// appendStr appends key and s unless s is empty.
func appendStr(dst []byte, key, s string) []byte {
	if s == "" {
		return dst
	}
	return appendString(append(dst, key...), s)
}

const hexDigits = "0123456789abcdef"

// appendString appends s as a JSON string. Subtle: U+2028 and U+2029 are
// escaped although JSON does not ask for it, because encoding/json does so.
func appendString(dst []byte, s string) []byte {
	dst = append(dst, '"')
	from := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= ' ' && c != '"' && c != '\\' && c < utf8.RuneSelf {
			i++
			continue
		}
		if c < utf8.RuneSelf {
			dst = appendEscape(append(dst, s[from:i]...), c)
			i++
			from = i
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && size == 1:
			dst = append(append(dst, s[from:i]...), `\ufffd`...)
			from = i + size
		case r == '\u2028' || r == '\u2029':
			dst = append(append(dst, s[from:i]...), `\u202`...)
			dst = append(dst, hexDigits[r&0xf])
			from = i + size
		}
		i += size
	}
	return append(append(dst, s[from:]...), '"')
}

// appendEscape appends the escape of a quote, a backslash or a control
// character.
func appendEscape(dst []byte, c byte) []byte {
	switch c {
	case '"', '\\':
		return append(dst, '\\', c)
	case '\b':
		return append(dst, `\b`...)
	case '\f':
		return append(dst, `\f`...)
	case '\n':
		return append(dst, `\n`...)
	case '\r':
		return append(dst, `\r`...)
	case '\t':
		return append(dst, `\t`...)
	}
	return append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&0xf])
}
