package patterns

import (
	"fmt"
	"regexp"
	"strings"
)

// Error is why a pattern is no pattern, in words for the caller.
type Error struct{ Text string }

// Error implements error.
func (e *Error) Error() string { return e.Text }

func refusef(format string, args ...any) *Error { return &Error{fmt.Sprintf(format, args...)} }

// badCharacter is the refusal of a character that stands outside of quotes.
func badCharacter(c rune) *Error { return refusef("Invalid character(s) in term '%c'", c) }

// Compile makes a function of a pattern that tells whether an event's text
// matches. The function is nil for an empty pattern, which every event matches;
// any number of goroutines may call it.
func Compile(pattern string) (func(text string) bool, *Error) {
	p := strings.TrimSpace(pattern)
	switch {
	case p == "" || p == `""`:
		return nil, nil
	case p[0] == '{':
		return compileJSON(p)
	case p[0] == '[':
		return compileColumns(p)
	case p[0] == '%':
		return compileRegexp(p)
	}
	return compileTerms(p)
}

func compileRegexp(p string) (func(string) bool, *Error) {
	r := &reader{text: p}
	re, err := r.regexp()
	if err != nil {
		return nil, err
	}
	if c, more := r.peek(); more {
		return nil, badCharacter(c)
	}
	return re.MatchString, nil
}

// terms are the words and "quoted phrases" of a pattern, by their sign.
type terms struct{ all, any, not []string }

func compileTerms(p string) (func(string) bool, *Error) {
	var t terms
	for r := (&reader{text: p}); ; {
		c, more := r.peek()
		if !more {
			return t.match, nil
		}
		list := &t.all
		switch c {
		case '?':
			list = &t.any
			r.at++
		case '-':
			list = &t.not
			r.at++
		}
		word, err := r.term()
		if err != nil {
			return nil, err
		}
		*list = append(*list, word)
	}
}

// match: terms with a question mark count only where they stand alone; beside
// others they are ignored, as the guide says.
func (t *terms) match(text string) bool {
	for _, w := range t.all {
		if !strings.Contains(text, w) {
			return false
		}
	}
	for _, w := range t.not {
		if strings.Contains(text, w) {
			return false
		}
	}
	if len(t.all)+len(t.not) > 0 {
		return true
	}
	for _, w := range t.any {
		if strings.Contains(text, w) {
			return true
		}
	}
	return false
}

// regexpLetters are what a regular expression may hold besides ASCII letters and
// digits. A backslash may stand before any punctuation.
const regexpLetters = `_#=@/;,-:^$?[]{}|\*+.`

// checkRegexp refuses what the service's regular expressions do not have.
func checkRegexp(text string) *Error {
	for i := 0; i < len(text); i++ {
		c := text[i]
		switch {
		case c == '\\' && i+1 < len(text) && text[i+1] > ' ' && text[i+1] < 0x7f:
			i++
		case isWord(rune(c)) || strings.IndexByte(regexpLetters, c) >= 0:
		default:
			return badCharacter([]rune(text[i:])[0])
		}
	}
	return nil
}

func newRegexp(text string) (*regexp.Regexp, *Error) {
	if err := checkRegexp(text); err != nil {
		return nil, err
	}
	re, err := regexp.Compile(text)
	if err != nil {
		return nil, refusef("Invalid filter pattern: %v", err)
	}
	return re, nil
}
