package insights

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// maxParsed bounds the fields of one parse, as the time of a match grows with
// them.
const maxParsed = 50

// parse reads parse FIELD "glob * of *" as a, b and parse FIELD /(?<a>regexp)/,
// with multi behind it if each match is to make a row, parse FIELD logfmt as a
// and parse FIELD csv as a, b. Without a field, it is @message.
func (c *compiler) parse() *SyntaxError {
	source, first := fieldExpr("@message"), c.tok
	if c.tok.kind == tokenName || c.tok.kind == tokenQuoted {
		if err := c.advance(); err != nil {
			return err
		}
		if c.word("as") && first.kind == tokenName && parseModes[first.text] != nil {
			return c.parseMode(source, first.text)
		}
		source = fieldExpr(first.text)
	}
	if mode := c.tok.text; c.tok.kind == tokenName && parseModes[mode] != nil {
		if err := c.advance(); err != nil {
			return err
		}
		return c.parseMode(source, mode)
	}
	var re *regexp.Regexp
	var err *SyntaxError
	at := c.tok.at
	switch {
	case c.sign("/"):
		if re, err = c.regexp(); err != nil {
			return err
		}
	case c.tok.kind == tokenText:
		if re = globRegexp(c.tok.text); re == nil {
			return c.unexpected()
		}
		if err := c.advance(); err != nil {
			return err
		}
	default:
		return c.unexpected()
	}
	if re.NumSubexp() > maxParsed {
		return &SyntaxError{fmt.Sprintf("parse has more than %d wildcards or groups", maxParsed), at, c.last}
	}
	names, err := c.parsedNames(re)
	if err != nil {
		return err
	}
	if len(names) != re.NumSubexp() || len(names) == 0 {
		return &SyntaxError{fmt.Sprintf("parse has %d wildcards or groups and %d names", re.NumSubexp(), len(names)), at, c.last}
	}
	c.parsed(names)
	if c.word("multi") {
		c.narrowed = true // rows are no longer events
		c.then(func(rows []*row) []*row { return parseEach(rows, source, re, names) })
		return c.advance()
	}
	c.then(func(rows []*row) []*row { return parseAll(rows, source, re, names) })
	return nil
}

// parsed shows the fields that a parse makes.
func (c *compiler) parsed(names []string) {
	for _, n := range names {
		if n != "" && !c.display {
			c.column(n)
		}
	}
}

// parsedNames are the names after as, or those of the groups; "" for a group
// without one, where others have.
func (c *compiler) parsedNames(re *regexp.Regexp) ([]string, *SyntaxError) {
	if !c.word("as") {
		names := re.SubexpNames()[1:]
		if !slices.ContainsFunc(names, func(n string) bool { return n != "" }) {
			return nil, nil
		}
		return names, nil
	}
	return c.aliases()
}

// aliases reads as a, b.
func (c *compiler) aliases() (names []string, err *SyntaxError) {
	for {
		name, err := c.alias()
		if err != nil {
			return nil, err
		}
		names = append(names, name)
		if !c.sign(",") {
			return names, nil
		}
	}
}

// globRegexp matches a glob anywhere; a wildcard takes as little as it can, one
// at the end all. It is nil for a glob that is no UTF-8.
func globRegexp(glob string) *regexp.Regexp {
	parts := strings.Split(glob, "*")
	var b strings.Builder
	b.WriteString("(?s)")
	for i, part := range parts {
		if i > 0 {
			if i == len(parts)-1 && part == "" {
				b.WriteString("(.*)")
			} else {
				b.WriteString("(.*?)")
			}
		}
		b.WriteString(regexp.QuoteMeta(part))
	}
	re, err := regexp.Compile(b.String())
	if err != nil {
		return nil
	}
	return re
}

func parseAll(rows []*row, source expr, re *regexp.Regexp, names []string) []*row {
	for _, r := range rows {
		m := re.FindStringSubmatch(source(r).String())
		for i, name := range names {
			if name != "" && m != nil {
				r.set(name, textCell(m[i+1]))
			}
		}
	}
	return rows
}

// dedup keeps the first row of each combination of values. Rows that lack one
// of the fields are kept, as the user guide says.
func (c *compiler) dedup() *SyntaxError {
	list, err := c.named()
	if err != nil {
		return err
	}
	c.deduped, c.narrowed = true, true
	c.then(func(rows []*row) []*row {
		seen := map[string]bool{}
		return slices.DeleteFunc(rows, func(r *row) bool {
			var key strings.Builder
			for _, f := range list {
				v := f.expr(r)
				if v.kind == cellAbsent {
					return false
				}
				key.WriteString(v.String())
				key.WriteByte(0)
			}
			again := seen[key.String()]
			seen[key.String()] = true
			return again
		})
	})
	return nil
}
