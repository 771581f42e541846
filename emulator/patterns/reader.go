package patterns

import (
	"regexp"
	"strings"
	"unicode/utf8"
)

// maxRegexps is the number of regular expressions that one pattern may have.
const maxRegexps = 2

// reader goes through the text of a pattern.
type reader struct {
	text    string
	at      int
	regexps int
}

// peek is the next character after blanks, which are passed over.
func (r *reader) peek() (rune, bool) {
	for r.at < len(r.text) && strings.IndexByte(" \t\r\n", r.text[r.at]) >= 0 {
		r.at++
	}
	if r.at >= len(r.text) {
		return 0, false
	}
	c, _ := utf8.DecodeRuneInString(r.text[r.at:])
	return c, true
}

// accept passes over a sign if it is next.
func (r *reader) accept(sign string) bool {
	r.peek()
	if !strings.HasPrefix(r.text[r.at:], sign) {
		return false
	}
	r.at += len(sign)
	return true
}

// unexpected refuses what is next.
func (r *reader) unexpected() *Error {
	c, more := r.peek()
	if !more {
		return refusef("Invalid filter pattern: it ends too early")
	}
	return badCharacter(c)
}

func isWord(c rune) bool {
	return c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

// run reads characters as long as they are of a kind; "" if the next is not.
func (r *reader) run(of func(rune) bool) string {
	r.peek()
	begin := r.at
	for r.at < len(r.text) {
		c, size := utf8.DecodeRuneInString(r.text[r.at:])
		if !of(c) {
			break
		}
		r.at += size
	}
	return r.text[begin:r.at]
}

// term reads a word or a "phrase".
func (r *reader) term() (string, *Error) {
	if c, _ := r.peek(); c == '"' {
		return r.quoted()
	}
	word := r.run(isWord)
	if word == "" {
		return "", r.unexpected()
	}
	return word, r.end(" \t\r\n")
}

// end refuses what is next unless it is one of these characters, or nothing.
func (r *reader) end(of string) *Error {
	if r.at < len(r.text) && strings.IndexByte(of, r.text[r.at]) < 0 {
		c, _ := utf8.DecodeRuneInString(r.text[r.at:])
		return badCharacter(c)
	}
	return nil
}

// quoted reads a "phrase"; a backslash keeps a quote or a backslash in it.
func (r *reader) quoted() (string, *Error) {
	var b strings.Builder
	for i := r.at + 1; i < len(r.text); i++ {
		switch c := r.text[i]; {
		case c == '"':
			r.at = i + 1
			return b.String(), nil
		case c == '\\' && i+1 < len(r.text) && (r.text[i+1] == '"' || r.text[i+1] == '\\'):
			i++
			b.WriteByte(r.text[i])
		default:
			b.WriteByte(c)
		}
	}
	return "", refusef("Invalid filter pattern: a quote is not closed")
}

// regexp reads a %regular expression%.
func (r *reader) regexp() (*regexp.Regexp, *Error) {
	end := r.at + 1
	for end < len(r.text) && r.text[end] != '%' {
		if r.text[end] == '\\' {
			end++
		}
		end++
	}
	if end >= len(r.text) {
		return nil, refusef("Invalid filter pattern: a regular expression is not closed")
	}
	if r.regexps++; r.regexps > maxRegexps {
		return nil, refusef("Invalid filter pattern: more than %d regular expressions", maxRegexps)
	}
	re, err := newRegexp(r.text[r.at+1 : end])
	r.at = end + 1
	return re, err
}
