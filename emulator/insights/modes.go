package insights

import (
	"encoding/csv"
	"maps"
	"regexp"
	"strings"
)

// The modes of parse for whole formats.

// parseModes give a row its fields, if its text is of the format.
var parseModes = map[string]func(r *row, text string, names []string){
	"logfmt": func(r *row, text string, names []string) {
		if found := logfmt(text); len(found) > 0 {
			r.set(names[0], structureCell(found))
		}
	},
	"csv": func(r *row, text string, names []string) {
		reader := csv.NewReader(strings.NewReader(text))
		reader.LazyQuotes = true
		values, err := reader.Read()
		if err != nil {
			return
		}
		for i, name := range names[:min(len(names), len(values))] {
			r.set(name, textCell(values[i]))
		}
	},
}

// parseMode reads what follows the name of a mode.
func (c *compiler) parseMode(source expr, mode string) *SyntaxError {
	if !c.word("as") {
		return c.unexpected()
	}
	at := c.tok.at
	names, err := c.aliases()
	if err != nil {
		return err
	}
	if mode == "logfmt" && len(names) != 1 {
		return &SyntaxError{"parse logfmt makes one field", at, c.last}
	}
	if mode == "csv" {
		c.parsed(names)
	}
	c.then(func(rows []*row) []*row {
		for _, r := range rows {
			parseModes[mode](r, strings.TrimRight(source(r).String(), "\r\n"), names)
		}
		return rows
	})
	return nil
}

var logfmtPair = regexp.MustCompile(`([^\s="]+)=("(?:[^"\\]|\\.)*"|\S*)`)

var logfmtUnquoted = strings.NewReplacer(`\"`, `"`, `\\`, `\`)

// logfmt are the pairs of key=value, where a value in quotes may hold blanks.
func logfmt(text string) map[string]any {
	found := map[string]any{}
	for _, m := range logfmtPair.FindAllStringSubmatch(text, -1) {
		value := m[2]
		if len(value) > 1 && value[0] == '"' {
			value = logfmtUnquoted.Replace(value[1 : len(value)-1])
		}
		found[m[1]] = value
	}
	return found
}

// maxMatches bounds the rows that multi makes of one event.
const maxMatches = 1000

// parseEach makes a row of each match. A row without any stays.
func parseEach(rows []*row, source expr, re *regexp.Regexp, names []string) (out []*row) {
	for _, r := range rows {
		matches := re.FindAllStringSubmatch(source(r).String(), maxMatches)
		if matches == nil {
			out = append(out, r)
		}
		for _, m := range matches {
			one := *r
			one.made = maps.Clone(r.made)
			for i, name := range names {
				if name != "" {
					one.set(name, textCell(m[i+1]))
				}
			}
			out = append(out, &one)
		}
	}
	return out
}
