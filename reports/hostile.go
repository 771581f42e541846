package reports

import (
	"html"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Function names, error texts, URLs and log lines come from outside. Each
// writer passes them through one of the functions below and nothing else, so
// that no name can move a cursor, open a tag or start a link.

// replacement stands for each rune that must not reach a reader.
const replacement = '\uFFFD'

// plain makes outside text safe for a terminal and for every other writer:
// one line, valid UTF-8, no control characters (which could hold escape
// sequences) and no bidirectional overrides (which could reorder a line). It
// cuts at limit runes; 0 means no limit.
func plain(s string, limit int) string {
	var b strings.Builder
	n := 0
	for _, r := range s {
		if limit > 0 && n == limit {
			b.WriteRune('…')
			break
		}
		switch {
		case r == '\n' || r == '\t' || r == '\r':
			r = ' '
		case r == utf8.RuneError || unicode.IsControl(r) || isBidi(r) || !unicode.IsGraphic(r):
			r = replacement
		}
		b.WriteRune(r)
		n++
	}
	return b.String()
}

// isBidi reports the runes that change the direction of the text after them.
func isBidi(r rune) bool {
	return r == 0x061C || r == 0x200E || r == 0x200F || (r >= 0x202A && r <= 0x202E) || (r >= 0x2066 && r <= 0x2069)
}

// markup escapes outside text for HTML and for XML, both as content and
// within a quoted attribute.
func markup(s string) string { return html.EscapeString(plain(s, 0)) }

// markdown escapes outside text for running Markdown and for table cells, and
// no more than that takes, so that the source stays readable. Brackets cannot
// pair up once they are escaped, so parentheses need nothing.
func markdown(s string) string {
	in := []rune(strings.TrimSpace(plain(s, 0)))
	var b strings.Builder
	for i, r := range in {
		switch {
		case r == '<':
			b.WriteString("&lt;")
			continue
		case r == '&':
			b.WriteString("&amp;")
			continue
		case strings.ContainsRune("\\`*[]|~$@", r), // code, emphasis, links, cells, strikethrough, formulas, mentions
			r == '_' && (!inWord(in, i-1) || !inWord(in, i+1)),
			r == ':' && i+1 < len(in) && in[i+1] == '/',                       // https://
			r == '.' && i >= 3 && strings.EqualFold(string(in[i-3:i]), "www"), // www.
			i == 0 && strings.ContainsRune("#+-=>", r),                        // blocks
			i > 0 && numbers(in, i):                                           // numbered lists
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
	return b.String()
}

// inWord says whether an underscore beside in[i] is within a word, where it
// means nothing.
func inWord(in []rune, i int) bool {
	return i >= 0 && i < len(in) && (unicode.IsLetter(in[i]) || unicode.IsDigit(in[i]))
}

// numbers says whether in[i] would make a list of a text that begins with
// digits: 1. or 1) before a space.
func numbers(in []rune, i int) bool {
	if (in[i] != '.' && in[i] != ')') || i+1 >= len(in) || in[i+1] != ' ' {
		return false
	}
	for _, r := range in[:i] {
		if r < '0' || r > '9' {
			return false
		}
	}
	return true
}

// fenced wraps outside text in a Markdown code block whose fence is longer
// than any run of backticks within.
func fenced(language, s string) string {
	longest, run := 0, 0
	for _, r := range s {
		if r == '`' {
			run++
			longest = max(longest, run)
		} else {
			run = 0
		}
	}
	fence := strings.Repeat("`", max(3, longest+1))
	return fence + language + "\n" + s + "\n" + fence + "\n"
}

// shellWord quotes s for a POSIX shell where that is needed.
func shellWord(s string) string {
	s = plain(s, 0)
	special := func(r rune) bool {
		letter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
		return !letter && !strings.ContainsRune("-_./:@%+=,", r)
	}
	if s != "" && !strings.ContainsFunc(s, special) {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
