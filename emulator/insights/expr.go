package insights

import (
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// expr is a compiled expression.
type expr func(r *row) cell

// maxDepth bounds how deep the brackets of a query go.
const maxDepth = 100

// parser compiles a query by recursive descent, one word ahead.
type parser struct {
	text  string
	tok   token
	last  int // end of the word before
	depth int
	stats *[]aggregateSpec // where aggregate functions may stand; nil = nowhere
	bare  []token          // fields in the items of stats, outside of aggregates
}

func (p *parser) advance() *SyntaxError {
	p.last = p.tok.end
	t, err := nextToken(p.text, p.tok.end)
	p.tok = t
	return err
}

func (p *parser) unexpected() *SyntaxError {
	return unexpected(p.text[p.tok.at:p.tok.end], p.tok.at, p.tok.end)
}

func (p *parser) sign(s string) bool { return p.tok.kind == tokenSign && p.tok.text == s }

func (p *parser) word(s string) bool {
	return p.tok.kind == tokenName && strings.EqualFold(p.tok.text, s)
}

// accept passes over a sign if it is next.
func (p *parser) accept(s string) (bool, *SyntaxError) {
	if !p.sign(s) {
		return false, nil
	}
	return true, p.advance()
}

func (p *parser) expect(s string) *SyntaxError {
	if ok, err := p.accept(s); ok || err != nil {
		return err
	}
	return p.unexpected()
}

// expr reads an expression: or < and < not < comparison < + - < * / % < ^.
func (p *parser) expr() (expr, *SyntaxError) {
	if p.depth++; p.depth > maxDepth {
		return nil, &SyntaxError{"too many brackets", p.tok.at, p.tok.end}
	}
	defer func() { p.depth-- }()
	left, err := p.conjunction()
	for err == nil && p.word("or") {
		if err = p.advance(); err != nil {
			break
		}
		var right expr
		if right, err = p.conjunction(); err == nil {
			a := left
			left = func(r *row) cell { return truthCell(a(r).is() || right(r).is()) }
		}
	}
	return left, err
}

func (p *parser) conjunction() (expr, *SyntaxError) {
	left, err := p.negation()
	for err == nil && p.word("and") {
		if err = p.advance(); err != nil {
			break
		}
		var right expr
		if right, err = p.negation(); err == nil {
			a := left
			left = func(r *row) cell { return truthCell(a(r).is() && right(r).is()) }
		}
	}
	return left, err
}

func (p *parser) negation() (expr, *SyntaxError) {
	not := false
	for p.word("not") {
		if err := p.advance(); err != nil {
			return nil, err
		}
		not = !not
	}
	x, err := p.comparison()
	if err != nil || !not {
		return x, err
	}
	return negate(x), nil
}

func negate(x expr) expr {
	return func(r *row) cell { return truthCell(!x(r).is()) }
}

func (p *parser) comparison() (expr, *SyntaxError) {
	left, err := p.chain(0)
	if err != nil {
		return nil, err
	}
	not := p.word("not")
	if not {
		if err := p.advance(); err != nil {
			return nil, err
		}
	}
	var is expr
	switch {
	case p.word("like"):
		is, err = p.like(left, true)
	case p.sign("=~") && !not:
		is, err = p.like(left, false)
	case p.word("in"):
		is, err = p.in(left)
	case not:
		return nil, p.unexpected()
	case p.tok.kind == tokenSign && comparisons[p.tok.text] != nil:
		is, err = p.compare(left)
	default:
		return left, nil
	}
	if not && err == nil {
		is = negate(is)
	}
	return is, err
}

// comparisons are the operators of two sides. A side that is absent makes all
// of them false but !=.
var comparisons = map[string]func(order int) bool{
	"=":  func(o int) bool { return o == 0 },
	"==": func(o int) bool { return o == 0 }, // only in examples, as of "Monitoring Lambda functions with tenant isolation"
	"!=": func(o int) bool { return o != 0 },
	"<":  func(o int) bool { return o < 0 },
	">":  func(o int) bool { return o > 0 },
	"<=": func(o int) bool { return o <= 0 },
	">=": func(o int) bool { return o >= 0 },
}

func (p *parser) compare(left expr) (expr, *SyntaxError) {
	op, holds := p.tok.text, comparisons[p.tok.text]
	if err := p.advance(); err != nil {
		return nil, err
	}
	right, err := p.chain(0)
	return func(r *row) cell {
		a, b := left(r), right(r)
		if a.kind == cellAbsent || b.kind == cellAbsent {
			return truthCell(op == "!=" && a.kind != b.kind)
		}
		return truthCell(holds(a.compare(b)))
	}, err
}

// like reads what follows like or =~: a text that must occur, or a /regular
// expression/ that must match somewhere.
func (p *parser) like(left expr, texts bool) (expr, *SyntaxError) {
	if err := p.advance(); err != nil {
		return nil, err
	}
	if p.sign("/") {
		re, err := p.regexp()
		return func(r *row) cell { return truthCell(re.MatchString(left(r).String())) }, err
	}
	if p.tok.kind != tokenText || !texts {
		return nil, p.unexpected()
	}
	part := p.tok.text
	return func(r *row) cell {
		c := left(r)
		return truthCell(c.kind != cellAbsent && strings.Contains(c.String(), part))
	}, p.advance()
}

// regexp reads a /regular expression/, which begins with the next word.
func (p *parser) regexp() (*regexp.Regexp, *SyntaxError) {
	t, bad := slashed(p.text, p.tok.at)
	if bad != nil {
		return nil, bad
	}
	p.tok = t
	re, err := regexp.Compile(t.text)
	if err != nil {
		return nil, &SyntaxError{"invalid regular expression: " + err.Error(), t.at, t.end}
	}
	return re, p.advance()
}

func (p *parser) in(left expr) (expr, *SyntaxError) {
	if err := p.advance(); err != nil {
		return nil, err
	}
	if err := p.expect("["); err != nil {
		return nil, err
	}
	list, err := p.list("]")
	return func(r *row) cell {
		c := left(r)
		return truthCell(c.kind != cellAbsent && slices.ContainsFunc(list, func(x expr) bool {
			d := x(r)
			return d.kind != cellAbsent && c.compare(d) == 0
		}))
	}, err
}

// list reads expressions up to a closing bracket.
func (p *parser) list(end string) ([]expr, *SyntaxError) {
	var list []expr
	if ok, err := p.accept(end); ok || err != nil {
		return nil, err
	}
	for {
		x, err := p.expr()
		if err != nil {
			return nil, err
		}
		list = append(list, x)
		if ok, err := p.accept(","); err != nil {
			return nil, err
		} else if !ok {
			return list, p.expect(end)
		}
	}
}

// operators are the arithmetic ones, the loosest first.
var operators = []map[string]func(a, b float64) float64{
	{"+": func(a, b float64) float64 { return a + b }, "-": func(a, b float64) float64 { return a - b }},
	{"*": func(a, b float64) float64 { return a * b }, "/": func(a, b float64) float64 { return a / b }, "%": math.Mod},
	{"^": math.Pow},
}

// chain reads a chain of operators of one level.
func (p *parser) chain(level int) (expr, *SyntaxError) {
	if level == len(operators) {
		return p.primary()
	}
	left, err := p.chain(level + 1)
	for err == nil && p.tok.kind == tokenSign && operators[level][p.tok.text] != nil {
		do := operators[level][p.tok.text]
		if err = p.advance(); err != nil {
			break
		}
		var right expr
		if right, err = p.chain(level + 1); err == nil {
			left = arithmetic(do, left, right)
		}
	}
	return left, err
}

// arithmetic of what is no number, or has no finite result, is absent.
func arithmetic(do func(a, b float64) float64, left, right expr) expr {
	return func(r *row) cell {
		a, isA := left(r).number()
		b, isB := right(r).number()
		return finite(do(a, b), isA && isB)
	}
}

func finite(n float64, ok bool) cell {
	if !ok || math.IsNaN(n) || math.IsInf(n, 0) {
		return cell{}
	}
	return numberCell(n)
}

func (p *parser) primary() (expr, *SyntaxError) {
	t := p.tok
	switch {
	case t.kind == tokenNumber:
		n, bad := strconv.ParseFloat(t.text, 64)
		if bad != nil {
			return nil, p.unexpected()
		}
		return constant(numberCell(n)), p.advance()
	case t.kind == tokenText:
		return constant(textCell(t.text)), p.advance()
	case p.sign("-"):
		return p.minus()
	case p.sign("("):
		if err := p.advance(); err != nil {
			return nil, err
		}
		x, err := p.expr()
		if err != nil {
			return nil, err
		}
		return x, p.expect(")")
	case t.kind == tokenQuoted:
		p.noteBare(t)
		return fieldExpr(t.text), p.advance()
	case t.kind == tokenName:
		if err := p.advance(); err != nil {
			return nil, err
		}
		if p.sign("(") {
			return p.call(t)
		}
		if t.text == "true" || t.text == "false" {
			return constant(truthCell(t.text == "true")), nil
		}
		return p.path(t)
	}
	return nil, p.unexpected()
}

// path reads what follows the first name of a field without a blank between:
// `names in backticks`, [indexes] and further names.
func (p *parser) path(t token) (expr, *SyntaxError) {
	for p.tok.at == t.end {
		next := p.tok
		switch {
		case next.kind == tokenQuoted && strings.HasSuffix(t.text, "."), next.kind == tokenName && next.text[0] == '.':
			t.text += next.text
		case p.sign("["):
			if err := p.advance(); err != nil {
				return nil, err
			}
			if _, err := strconv.Atoi(p.tok.text); err != nil || p.tok.kind != tokenNumber {
				return nil, p.unexpected()
			}
			t.text += "." + p.tok.text
			if err := p.advance(); err != nil {
				return nil, err
			}
			if next = p.tok; !p.sign("]") {
				return nil, p.unexpected()
			}
		default:
			p.noteBare(t)
			return fieldExpr(t.text), nil
		}
		t.end = next.end
		if err := p.advance(); err != nil {
			return nil, err
		}
	}
	p.noteBare(t)
	return fieldExpr(t.text), nil
}

func (p *parser) noteBare(t token) {
	if p.stats != nil {
		p.bare = append(p.bare, t)
	}
}

func (p *parser) minus() (expr, *SyntaxError) {
	if p.depth++; p.depth > maxDepth {
		return nil, &SyntaxError{"too many signs", p.tok.at, p.tok.end}
	}
	defer func() { p.depth-- }()
	if err := p.advance(); err != nil {
		return nil, err
	}
	x, err := p.primary()
	return func(r *row) cell {
		n, ok := x(r).number()
		return finite(-n, ok)
	}, err
}

func constant(c cell) expr { return func(*row) cell { return c } }

func fieldExpr(name string) expr {
	return func(r *row) cell { return r.field(name) }
}
