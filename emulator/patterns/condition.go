package patterns

import (
	"regexp"
	"strconv"
	"strings"
)

// condition tells whether an event meets it.
type condition[E any] func(event E) bool

// maxDepth bounds how deep the brackets of a pattern go.
const maxDepth = 50

// conditions reads conditions on events of a kind: || < && < brackets < one
// condition, which simple reads.
type conditions[E any] struct {
	*reader
	depth  int
	simple func() (condition[E], *Error)
}

func (c *conditions[E]) any() (condition[E], *Error) {
	if c.depth++; c.depth > maxDepth {
		return nil, refusef("Invalid filter pattern: too many brackets")
	}
	defer func() { c.depth-- }()
	left, err := c.all()
	for err == nil && c.accept("||") {
		var right condition[E]
		if right, err = c.all(); err == nil {
			a := left
			left = func(e E) bool { return a(e) || right(e) }
		}
	}
	return left, err
}

func (c *conditions[E]) all() (condition[E], *Error) {
	left, err := c.one()
	for err == nil && c.accept("&&") {
		var right condition[E]
		if right, err = c.one(); err == nil {
			a := left
			left = func(e E) bool { return a(e) && right(e) }
		}
	}
	return left, err
}

func (c *conditions[E]) one() (condition[E], *Error) {
	if !c.accept("(") {
		return c.simple()
	}
	inner, err := c.any()
	if err != nil {
		return nil, err
	}
	if !c.accept(")") {
		return nil, c.unexpected()
	}
	return inner, nil
}

// operators of a comparison, the longer before those that they begin with.
var operators = []string{"!=", "<=", ">=", "=", "<", ">"}

// operand is the right side of a comparison.
type operand struct {
	text   string
	number float64
	isNum  bool
	re     *regexp.Regexp
}

// comparison reads an operator and what a value is compared with. The function
// that comes back takes the value as text.
func (r *reader) comparison() (func(value string) bool, *Error) {
	r.peek()
	for _, op := range operators {
		if r.accept(op) {
			o, err := r.operand()
			if err != nil {
				return nil, err
			}
			return o.compare(op)
		}
	}
	return nil, r.unexpected()
}

// isBare says whether a text may hold a character without quotes.
func isBare(c rune) bool { return isWord(c) || strings.ContainsRune(".*-+", c) }

func (r *reader) operand() (o operand, err *Error) {
	switch c, _ := r.peek(); c {
	case '%':
		o.re, err = r.regexp()
		return o, err
	case '"':
		o.text, err = r.quoted()
		return o, err
	}
	if o.text = r.run(isBare); o.text == "" {
		return o, r.unexpected()
	}
	o.number, o.isNum = number(o.text)
	return o, nil
}

// number reads a number as the guide describes it: no hexadecimal, no infinity.
func number(s string) (float64, bool) {
	if strings.Trim(s, "0123456789+-.eE") != "" {
		return 0, false
	}
	n, err := strconv.ParseFloat(s, 64)
	return n, err == nil
}

func (o operand) compare(op string) (func(string) bool, *Error) {
	if op == "=" || op == "!=" {
		return func(v string) bool { return o.equals(v) == (op == "=") }, nil
	}
	if !o.isNum {
		return nil, refusef("Invalid filter pattern: %s wants a number", op)
	}
	return func(v string) bool {
		n, ok := number(v)
		switch {
		case !ok:
			return false
		case n == o.number:
			return op == "<=" || op == ">="
		}
		return (n < o.number) == (op[0] == '<')
	}, nil
}

// equals compares with a text, in which an asterisk at the ends stands for
// anything, a number or a regular expression.
func (o operand) equals(v string) bool {
	if o.re != nil {
		return o.re.MatchString(v)
	}
	if n, ok := number(v); ok && o.isNum {
		return n == o.number
	}
	rest, before := strings.CutPrefix(o.text, "*")
	rest, after := strings.CutSuffix(rest, "*")
	switch {
	case before && after:
		return strings.Contains(v, rest)
	case before:
		return strings.HasSuffix(v, rest)
	case after:
		return strings.HasPrefix(v, rest)
	}
	return v == o.text
}
