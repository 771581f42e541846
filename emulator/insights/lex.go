package insights

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// SyntaxError is why a query can't be compiled, and the bytes of its text that
// it is about, from Start up to End.
type SyntaxError struct {
	Text       string
	Start, End int
}

// Error implements error.
func (e *SyntaxError) Error() string { return e.Text }

// Place is the error with its place in the query, as the service words it:
// lines are counted from 1, positions within a line from 0.
func (e *SyntaxError) Place(query string) string {
	before := query[:min(e.Start, len(query))]
	line := strings.Count(before, "\n") + 1
	position := len(before) - (strings.LastIndexByte(before, '\n') + 1)
	return fmt.Sprintf("%s at line %d and position %d", e.Text, line, position)
}

type tokenKind uint8

const (
	tokenEnd    tokenKind = iota
	tokenName             // field, function or keyword
	tokenQuoted           // `field` in backticks
	tokenNumber
	tokenPeriod // 5m
	tokenText   // 'text' or "text"
	tokenSign   // operator or punctuation
)

// token is one word of a query. text is without quotes and escapes.
type token struct {
	kind    tokenKind
	text    string
	at, end int
}

// signs are those of one character.
const signs = "|,()[]=<>+-*/%^"

// nextToken reads the word that begins at or after byte at. A slash is a sign:
// only the parser knows where it begins a regular expression.
func nextToken(q string, at int) (token, *SyntaxError) {
	at = skipBlanks(q, at)
	if at >= len(q) {
		return token{tokenEnd, "", len(q), len(q)}, nil
	}
	c := q[at]
	switch {
	case c == '"' || c == '\'' || c == '`':
		return quoted(q, at)
	case c >= '0' && c <= '9':
		return numberToken(q, at), nil
	case nameByte(q, at) > 0:
		end := nameEnd(q, at)
		return token{tokenName, q[at:end], at, end}, nil
	}
	end := at + 1
	if end < len(q) {
		switch q[at : end+1] {
		case "!=", "<=", ">=", "=~", "==":
			end++
		}
	}
	if strings.IndexByte(signs, c) < 0 && end == at+1 {
		_, size := utf8.DecodeRuneInString(q[at:])
		return token{}, unexpected(q[at:at+size], at, at+size)
	}
	return token{tokenSign, q[at:end], at, end}, nil
}

func unexpected(text string, at, end int) *SyntaxError {
	if text == "" {
		text = "<EOF>"
	}
	return &SyntaxError{"unexpected symbol found " + text, at, end}
}

// skipBlanks passes over blanks and comments, which # begins.
func skipBlanks(q string, at int) int {
	for at < len(q) {
		switch q[at] {
		case ' ', '\t', '\r', '\n':
			at++
		case '#':
			end := strings.IndexByte(q[at:], '\n')
			if end < 0 {
				return len(q)
			}
			at += end
		default:
			return at
		}
	}
	return at
}

// nameByte is the length of the character at byte at if names may hold it.
func nameByte(q string, at int) int {
	r, size := utf8.DecodeRuneInString(q[at:])
	if r == '_' || r == '@' || r == '.' || unicode.IsLetter(r) || unicode.IsDigit(r) {
		return size
	}
	return 0
}

func nameEnd(q string, at int) int {
	for at < len(q) {
		n := nameByte(q, at)
		if n == 0 {
			break
		}
		at += n
	}
	return at
}

// numberToken reads 12, 1.5 and 5m.
func numberToken(q string, at int) token {
	end := at
	for end < len(q) && (q[end] >= '0' && q[end] <= '9' || q[end] == '.') {
		end++
	}
	if last := nameEnd(q, end); last > end {
		return token{tokenPeriod, q[at:last], at, last}
	}
	return token{tokenNumber, q[at:end], at, end}
}

// quoted reads a text in quotes. A backslash keeps the next character from
// ending it, and stands for itself before others but n, t and itself.
func quoted(q string, at int) (token, *SyntaxError) {
	var b strings.Builder
	for i := at + 1; i < len(q); i++ {
		switch {
		case q[i] == q[at]:
			kind := tokenText
			if q[at] == '`' {
				kind = tokenQuoted
			}
			return token{kind, b.String(), at, i + 1}, nil
		case q[i] == '\\' && i+1 < len(q):
			i++
			switch q[i] {
			case q[at], '\\':
			case 'n':
				b.WriteByte('\n')
				continue
			case 't':
				b.WriteByte('\t')
				continue
			default:
				b.WriteByte('\\')
			}
		}
		b.WriteByte(q[i])
	}
	return token{}, &SyntaxError{"a quote is not closed", at, len(q)}
}

// slashed reads the /regular expression/ that begins at byte at.
func slashed(q string, at int) (token, *SyntaxError) {
	for i := at + 1; i < len(q); i++ {
		switch q[i] {
		case '\\':
			i++
		case '/':
			return token{tokenText, strings.ReplaceAll(q[at+1:i], `\/`, `/`), at, i + 1}, nil
		}
	}
	return token{}, &SyntaxError{"a regular expression is not closed", at, len(q)}
}
