package insights

import (
	"encoding/base64"
	"encoding/hex"
	"math"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// function is a function of Logs Insights over the values of its arguments.
type function struct {
	least, most int // arguments
	do          func(a []cell) cell
}

const manyArguments = 100

// Source: CloudWatch Logs user guide, "Boolean, comparison, numeric, datetime,
// and other functions".
var functions = map[string]function{
	"ispresent":   {1, 1, func(a []cell) cell { return truthCell(a[0].kind != cellAbsent) }},
	"isempty":     {1, 1, func(a []cell) cell { return truthCell(a[0].String() == "") }},
	"isblank":     {1, 1, func(a []cell) cell { return truthCell(strings.TrimSpace(a[0].String()) == "") }},
	"coalesce":    {1, manyArguments, coalesce},
	"concat":      {1, manyArguments, concat},
	"strlen":      {1, 1, overText(func(s string) cell { return numberCell(float64(utf8.RuneCountInString(s))) })},
	"toupper":     {1, 1, overText(func(s string) cell { return textCell(strings.ToUpper(s)) })},
	"tolower":     {1, 1, overText(func(s string) cell { return textCell(strings.ToLower(s)) })},
	"trim":        {1, 2, trim(strings.TrimSpace, strings.Trim)},
	"ltrim":       {1, 2, trim(leftBlanks, strings.TrimLeft)},
	"rtrim":       {1, 2, trim(rightBlanks, strings.TrimRight)},
	"strcontains": {2, 3, contains},
	"startswith":  {2, 2, func(a []cell) cell { return truthCell(strings.HasPrefix(a[0].String(), a[1].String())) }},
	"endswith":    {2, 2, func(a []cell) cell { return truthCell(strings.HasSuffix(a[0].String(), a[1].String())) }},
	"split":       {2, 2, split},
	"messagesize": {1, 1, overText(func(s string) cell { return numberCell(float64(len(s))) })},
	"unmask":      {1, 1, func(a []cell) cell { return a[0] }}, // nothing is masked here
	"replace": {3, 3, func(a []cell) cell {
		if a[0].kind == cellAbsent || a[1].String() == "" {
			return a[0]
		}
		return textCell(strings.ReplaceAll(a[0].String(), a[1].String(), a[2].String()))
	}},
	"substr":     {2, 3, substr},
	"abs":        {1, 1, overNumber(math.Abs)},
	"ceil":       {1, 1, overNumber(math.Ceil)},
	"floor":      {1, 1, overNumber(math.Floor)},
	"sqrt":       {1, 1, overNumber(math.Sqrt)},
	"log":        {1, 1, overNumber(math.Log)},
	"greatest":   {1, manyArguments, func(a []cell) cell { return slices.MaxFunc(a, cell.order) }},
	"least":      {1, manyArguments, func(a []cell) cell { return slices.MinFunc(a, cell.order) }},
	"tomillis":   {1, 1, overNumber(func(n float64) float64 { return n })},
	"frommillis": {1, 1, fromMillis},

	"round":     {1, 2, round},
	"tonumber":  {1, 1, overNumber(func(n float64) float64 { return n })},
	"todouble":  {1, 1, overNumber(func(n float64) float64 { return n })},
	"toint":     {1, 1, overNumber(whole(math.MinInt32, math.MaxInt32))},
	"tolong":    {1, 1, overNumber(whole(math.MinInt64, math.MaxInt64))},
	"isnumeric": {1, 1, isNumeric},

	"if":   {3, 3, choose},
	"case": {2, 21, choose},

	"jsonparse":         {1, 1, parseJSON},
	"jsonstringify":     {1, 1, stringifyJSON},
	"jsonarraysize":     {1, 1, arraySize},
	"jsonarraycontains": {2, 2, arrayContains},

	"base64encode": {1, 1, overText(func(s string) cell { return textCell(base64.StdEncoding.EncodeToString([]byte(s))) })},
	"base64decode": {1, 1, overText(decoded(base64.StdEncoding.DecodeString))},
	"urlencode":    {1, 1, overText(func(s string) cell { return textCell(url.QueryEscape(s)) })},
	"urldecode":    {1, 1, overText(urlDecoded)},
	"hextoascii":   {1, 1, overText(decoded(hex.DecodeString))},
	"hextodec":     {1, 1, overText(hexToDec)},
	"dectohex":     {1, 1, decToHex},

	"ipv4tonumber": {1, 1, addressNumber},
	"isprivateip":  {1, 1, address(privateIPv4)},

	"isvalidip":      {1, 1, address(anyAddress)},
	"isvalidipv4":    {1, 1, address(netip.Addr.Is4)},
	"isvalidipv6":    {1, 1, address(netip.Addr.Is6)},
	"isipinsubnet":   {2, 2, inSubnet(anyAddress)},
	"isipv4insubnet": {2, 2, inSubnet(netip.Addr.Is4)},
	"isipv6insubnet": {2, 2, inSubnet(netip.Addr.Is6)},
}

func anyAddress(netip.Addr) bool { return true }

// address tells whether a text is an IP address of a kind.
func address(of func(netip.Addr) bool) func([]cell) cell {
	return func(a []cell) cell {
		ip, err := netip.ParseAddr(a[0].String())
		return truthCell(err == nil && of(ip))
	}
}

// inSubnet tells whether an address lies in a subnet, such as 10.0.0.0/8.
func inSubnet(of func(netip.Addr) bool) func([]cell) cell {
	return func(a []cell) cell {
		ip, err := netip.ParseAddr(a[0].String())
		subnet, bad := netip.ParsePrefix(a[1].String())
		return truthCell(err == nil && bad == nil && of(ip) && subnet.Contains(ip))
	}
}

func leftBlanks(s string) string  { return strings.TrimLeftFunc(s, unicode.IsSpace) }
func rightBlanks(s string) string { return strings.TrimRightFunc(s, unicode.IsSpace) }

// trim takes blanks off a text, or the characters of a second argument.
func trim(blanks func(string) string, set func(s, cutset string) string) func([]cell) cell {
	return func(a []cell) cell {
		switch {
		case a[0].kind == cellAbsent:
			return cell{}
		case len(a) == 2:
			return textCell(set(a[0].String(), a[1].String()))
		}
		return textCell(blanks(a[0].String()))
	}
}

func overText(do func(string) cell) func([]cell) cell {
	return func(a []cell) cell {
		if a[0].kind == cellAbsent {
			return cell{}
		}
		return do(a[0].String())
	}
}

func overNumber(do func(float64) float64) func([]cell) cell {
	return func(a []cell) cell {
		n, ok := a[0].number()
		return finite(do(n), ok)
	}
}

func coalesce(a []cell) cell {
	for _, c := range a {
		if c.kind != cellAbsent {
			return c
		}
	}
	return cell{}
}

func concat(a []cell) cell {
	var b strings.Builder
	for _, c := range a {
		b.WriteString(c.String())
	}
	return textCell(b.String())
}

// substr takes characters from a position on, counted from 0, and a length.
func substr(a []cell) cell {
	from, ok := a[1].number()
	if a[0].kind == cellAbsent || !ok {
		return cell{}
	}
	s := []rune(a[0].String())
	start := int(min(max(from, 0), float64(len(s))))
	end := len(s)
	if len(a) == 3 {
		n, ok := a[2].number()
		if !ok {
			return cell{}
		}
		end = start + int(min(max(n, 0), float64(len(s)-start)))
	}
	return textCell(string(s[start:end]))
}

// MaxTime is the end of the year 9999, in milliseconds of the Unix epoch: the
// last time that a query handles.
const MaxTime = 253402300799999

func fromMillis(a []cell) cell {
	n, ok := a[0].number()
	if !ok || n < 0 || n > MaxTime {
		return cell{}
	}
	return timeCell(int64(n))
}

// call reads the arguments of a function.
func (p *parser) call(name token) (expr, *SyntaxError) {
	key := strings.ToLower(name.text)
	switch key {
	case "bin":
		return p.bin()
	case "now", "querystarttime", "queryendtime", "querytimerange":
		return p.ofFrame(frames[key])
	case "datefloor", "dateceil":
		return p.dateFloor(key == "dateceil")
	case "regexreplace":
		return p.replaceMatches(name)
	}
	if spec, ok := aggregates[key]; ok && p.stats != nil {
		return p.aggregate(name, spec)
	}
	f, ok := functions[key]
	if !ok {
		return nil, unexpected(name.text, name.at, name.end)
	}
	args, err := p.arguments(name, f.least, f.most)
	if err != nil {
		return nil, err
	}
	return func(r *row) cell {
		a := make([]cell, len(args))
		for i, x := range args {
			a[i] = x(r)
		}
		return f.do(a)
	}, nil
}

// arguments reads so many arguments, and the bracket after them.
func (p *parser) arguments(name token, least, most int) ([]expr, *SyntaxError) {
	if err := p.advance(); err != nil {
		return nil, err
	}
	args, err := p.list(")")
	if err == nil && (len(args) < least || len(args) > most) {
		err = &SyntaxError{"wrong number of arguments of " + name.text, name.at, p.last}
	}
	return args, err
}
