package patterns

import "strings"

// columns is a pattern over the words of an event: so many columns, of which an
// ellipsis may stand for any number.
type columns struct {
	names []string // as first named; "" = none
	many  int      // the place of the ellipsis; -1 = none
	is    []condition[[]string]
}

// compileColumns reads [a, b = x, ..., c > 5].
func compileColumns(p string) (func(string) bool, *Error) {
	r := &reader{text: p}
	r.accept("[")
	c := &columns{many: -1}
	named := map[string]int{} // the columns that conditions may ask about
	wanted := map[string]bool{}
	for {
		if err := c.column(r, named, wanted); err != nil {
			return nil, err
		}
		if r.accept(",") {
			continue
		}
		if !r.accept("]") {
			return nil, r.unexpected()
		}
		break
	}
	if _, more := r.peek(); more {
		return nil, r.unexpected()
	}
	for name := range wanted {
		if _, ok := named[name]; !ok {
			return nil, refusef("Invalid filter pattern: no column is named %s", name)
		}
	}
	return c.match, nil
}

// column reads one column: an ellipsis, nothing, a name, or conditions that
// begin with its name.
func (c *columns) column(r *reader, named map[string]int, wanted map[string]bool) *Error {
	if r.accept("...") {
		if c.many >= 0 {
			return refusef("Invalid filter pattern: more than one ellipsis")
		}
		c.many = len(c.names)
		return nil
	}
	begin := r.at
	r.accept("(")
	name := r.run(isWord)
	if name != "" {
		if _, twice := named[name]; twice {
			return refusef("Invalid filter pattern: two columns are named %s", name)
		}
		named[name] = len(c.names)
	}
	c.names = append(c.names, name)
	if next, _ := r.peek(); next == ',' || next == ']' {
		return nil
	}
	r.at = begin
	list := &conditions[[]string]{reader: r, simple: func() (condition[[]string], *Error) { return r.columnCondition(named, wanted) }}
	is, err := list.any()
	if err != nil {
		return err
	}
	c.is = append(c.is, is)
	return nil
}

func (r *reader) columnCondition(named map[string]int, wanted map[string]bool) (condition[[]string], *Error) {
	name := r.run(isWord)
	if name == "" {
		return nil, r.unexpected()
	}
	wanted[name] = true
	holds, err := r.comparison()
	if err != nil {
		return nil, err
	}
	return func(values []string) bool { return holds(values[named[name]]) }, nil
}

func (c *columns) match(text string) bool {
	words := split(text)
	more := len(words) - len(c.names)
	if more < 0 || more > 0 && c.many < 0 {
		return false
	}
	if more > 0 {
		words = append(words[:c.many:c.many], words[c.many+more:]...)
	}
	for _, is := range c.is {
		if !is(words) {
			return false
		}
	}
	return true
}

// split cuts an event into its words. What stands between quotes or between
// square brackets is one word, without them.
func split(text string) []string {
	var words []string
	for {
		text = strings.TrimLeft(text, " \t\r\n")
		if text == "" {
			return words
		}
		end, closing := -1, byte(0)
		switch text[0] {
		case '"':
			closing = '"'
		case '[':
			closing = ']'
		}
		if closing != 0 {
			end = strings.IndexByte(text[1:], closing)
		}
		if end >= 0 {
			words, text = append(words, text[1:end+1]), text[end+2:]
			continue
		}
		if end = strings.IndexAny(text, " \t\r\n"); end < 0 {
			end = len(text)
		}
		words, text = append(words, text[:end]), text[end:]
	}
}
