package emulator

import (
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// queryExpr is a compiled expression.
type queryExpr func(r *queryRow) cell

// maxQueryDepth bounds how deep the brackets of a query go.
const maxQueryDepth = 100

// queryParser compiles a query by recursive descent, one word ahead.
type queryParser struct {
	text  string
	tok   queryToken
	last  int // end of the word before
	depth int
	stats *[]aggregateSpec // where aggregate functions may stand; nil = nowhere
	bare  []queryToken     // fields in the items of stats, outside of aggregates
}

func (p *queryParser) advance() *queryError {
	p.last = p.tok.end
	t, err := nextToken(p.text, p.tok.end)
	p.tok = t
	return err
}

func (p *queryParser) unexpected() *queryError {
	return unexpected(p.text[p.tok.at:p.tok.end], p.tok.at, p.tok.end)
}

func (p *queryParser) sign(s string) bool { return p.tok.kind == tokenSign && p.tok.text == s }

func (p *queryParser) word(s string) bool {
	return p.tok.kind == tokenName && strings.EqualFold(p.tok.text, s)
}

// accept passes over a sign if it is next.
func (p *queryParser) accept(s string) (bool, *queryError) {
	if !p.sign(s) {
		return false, nil
	}
	return true, p.advance()
}

func (p *queryParser) expect(s string) *queryError {
	if ok, err := p.accept(s); ok || err != nil {
		return err
	}
	return p.unexpected()
}

// expr reads an expression: or < and < not < comparison < + - < * / % < ^.
func (p *queryParser) expr() (queryExpr, *queryError) {
	if p.depth++; p.depth > maxQueryDepth {
		return nil, &queryError{"too many brackets", p.tok.at, p.tok.end}
	}
	defer func() { p.depth-- }()
	left, err := p.conjunction()
	for err == nil && p.word("or") {
		if err = p.advance(); err != nil {
			break
		}
		var right queryExpr
		if right, err = p.conjunction(); err == nil {
			a := left
			left = func(r *queryRow) cell { return truthCell(a(r).is() || right(r).is()) }
		}
	}
	return left, err
}

func (p *queryParser) conjunction() (queryExpr, *queryError) {
	left, err := p.negation()
	for err == nil && p.word("and") {
		if err = p.advance(); err != nil {
			break
		}
		var right queryExpr
		if right, err = p.negation(); err == nil {
			a := left
			left = func(r *queryRow) cell { return truthCell(a(r).is() && right(r).is()) }
		}
	}
	return left, err
}

func (p *queryParser) negation() (queryExpr, *queryError) {
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

func negate(x queryExpr) queryExpr {
	return func(r *queryRow) cell { return truthCell(!x(r).is()) }
}

func (p *queryParser) comparison() (queryExpr, *queryError) {
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
	var is queryExpr
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
	"!=": func(o int) bool { return o != 0 },
	"<":  func(o int) bool { return o < 0 },
	">":  func(o int) bool { return o > 0 },
	"<=": func(o int) bool { return o <= 0 },
	">=": func(o int) bool { return o >= 0 },
}

func (p *queryParser) compare(left queryExpr) (queryExpr, *queryError) {
	op, holds := p.tok.text, comparisons[p.tok.text]
	if err := p.advance(); err != nil {
		return nil, err
	}
	right, err := p.chain(0)
	return func(r *queryRow) cell {
		a, b := left(r), right(r)
		if a.kind == cellAbsent || b.kind == cellAbsent {
			return truthCell(op == "!=" && a.kind != b.kind)
		}
		return truthCell(holds(a.compare(b)))
	}, err
}

// like reads what follows like or =~: a text that must occur, or a /regular
// expression/ that must match somewhere.
func (p *queryParser) like(left queryExpr, texts bool) (queryExpr, *queryError) {
	if err := p.advance(); err != nil {
		return nil, err
	}
	if p.sign("/") {
		re, err := p.regexp()
		return func(r *queryRow) cell { return truthCell(re.MatchString(left(r).String())) }, err
	}
	if p.tok.kind != tokenText || !texts {
		return nil, p.unexpected()
	}
	part := p.tok.text
	return func(r *queryRow) cell {
		c := left(r)
		return truthCell(c.kind != cellAbsent && strings.Contains(c.String(), part))
	}, p.advance()
}

// regexp reads a /regular expression/, which begins with the next word.
func (p *queryParser) regexp() (*regexp.Regexp, *queryError) {
	t, bad := slashed(p.text, p.tok.at)
	if bad != nil {
		return nil, bad
	}
	p.tok = t
	re, err := regexp.Compile(t.text)
	if err != nil {
		return nil, &queryError{"invalid regular expression: " + err.Error(), t.at, t.end}
	}
	return re, p.advance()
}

func (p *queryParser) in(left queryExpr) (queryExpr, *queryError) {
	if err := p.advance(); err != nil {
		return nil, err
	}
	if err := p.expect("["); err != nil {
		return nil, err
	}
	list, err := p.list("]")
	return func(r *queryRow) cell {
		c := left(r)
		return truthCell(c.kind != cellAbsent && slices.ContainsFunc(list, func(x queryExpr) bool {
			d := x(r)
			return d.kind != cellAbsent && c.compare(d) == 0
		}))
	}, err
}

// list reads expressions up to a closing bracket.
func (p *queryParser) list(end string) ([]queryExpr, *queryError) {
	var list []queryExpr
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
func (p *queryParser) chain(level int) (queryExpr, *queryError) {
	if level == len(operators) {
		return p.primary()
	}
	left, err := p.chain(level + 1)
	for err == nil && p.tok.kind == tokenSign && operators[level][p.tok.text] != nil {
		do := operators[level][p.tok.text]
		if err = p.advance(); err != nil {
			break
		}
		var right queryExpr
		if right, err = p.chain(level + 1); err == nil {
			left = arithmetic(do, left, right)
		}
	}
	return left, err
}

// arithmetic of what is no number, or has no finite result, is absent.
func arithmetic(do func(a, b float64) float64, left, right queryExpr) queryExpr {
	return func(r *queryRow) cell {
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

func (p *queryParser) primary() (queryExpr, *queryError) {
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
		p.noteBare(t)
		return fieldExpr(t.text), nil
	}
	return nil, p.unexpected()
}

func (p *queryParser) noteBare(t queryToken) {
	if p.stats != nil {
		p.bare = append(p.bare, t)
	}
}

func (p *queryParser) minus() (queryExpr, *queryError) {
	if p.depth++; p.depth > maxQueryDepth {
		return nil, &queryError{"too many signs", p.tok.at, p.tok.end}
	}
	defer func() { p.depth-- }()
	if err := p.advance(); err != nil {
		return nil, err
	}
	x, err := p.primary()
	return func(r *queryRow) cell {
		n, ok := x(r).number()
		return finite(-n, ok)
	}, err
}

func constant(c cell) queryExpr { return func(*queryRow) cell { return c } }

func fieldExpr(name string) queryExpr {
	return func(r *queryRow) cell { return r.field(name) }
}
