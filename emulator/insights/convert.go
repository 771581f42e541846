package insights

import (
	"fmt"
	"math"
	"net/netip"
	"net/url"
	"regexp"
	"strconv"
	"strings"
)

// Functions that turn values into others, of the same page of the user guide.

// contains is strcontains, whose third argument may let case not count.
func contains(a []cell) cell {
	text, part := a[0].String(), a[1].String()
	if len(a) == 3 && a[2].is() {
		text, part = strings.ToLower(text), strings.ToLower(part)
	}
	return truthCell(strings.Contains(text, part))
}

func split(a []cell) cell {
	if a[0].kind == cellAbsent {
		return cell{}
	}
	var list []any
	for part := range strings.SplitSeq(a[0].String(), a[1].String()) {
		list = append(list, part)
	}
	return structureCell(list)
}

// round rounds half away from zero, to a number of decimals.
func round(a []cell) cell {
	n, ok := a[0].number()
	if len(a) == 1 {
		return finite(math.Round(n), ok)
	}
	d, isD := a[1].number()
	scale := math.Pow10(int(min(max(d, -15), 15)))
	return finite(math.Round(n*scale)/scale, ok && isD)
}

// whole cuts decimals off. What lies outside of a type's bounds has no value.
func whole(low, high float64) func(float64) float64 {
	return func(n float64) float64 {
		if n = math.Trunc(n); n < low || n > high {
			return math.NaN()
		}
		return n
	}
}

func isNumeric(a []cell) cell {
	_, ok := a[0].number()
	return truthCell(ok)
}

// choose is the value behind the first condition that holds, or else a last
// value without a condition.
func choose(a []cell) cell {
	for ; len(a) > 1; a = a[2:] {
		if a[0].is() {
			return a[1]
		}
	}
	if len(a) == 1 {
		return a[0]
	}
	return cell{}
}

// listOf is a list, or what is one in JSON.
func listOf(c cell) ([]any, bool) {
	if c.kind != cellStructure {
		c = parseJSON([]cell{c})
	}
	if c.kind != cellStructure {
		return nil, false
	}
	list, ok := (*c.v).([]any)
	return list, ok
}

func arraySize(a []cell) cell {
	list, ok := listOf(a[0])
	return finite(float64(len(list)), ok)
}

func arrayContains(a []cell) cell {
	list, _ := listOf(a[0])
	for _, v := range list {
		if c := jsonCell(v, ""); c.kind != cellAbsent && c.kind != cellStructure && c.String() == a[1].String() {
			return truthCell(true)
		}
	}
	return truthCell(false)
}

// decoded is text in a code; what is none has no value.
func decoded(decode func(string) ([]byte, error)) func(string) cell {
	return func(s string) cell {
		b, err := decode(s)
		if err != nil {
			return cell{}
		}
		return textCell(string(b))
	}
}

func urlDecoded(s string) cell {
	text, err := url.QueryUnescape(s)
	if err != nil {
		return cell{}
	}
	return textCell(text)
}

func hexToDec(s string) cell {
	n, err := strconv.ParseInt(strings.TrimPrefix(strings.ToLower(s), "0x"), 16, 64)
	return finite(float64(n), err == nil)
}

func decToHex(a []cell) cell {
	n, ok := a[0].number()
	if !ok || math.Abs(n) >= math.MaxInt64 {
		return cell{}
	}
	return textCell(fmt.Sprintf("%#x", int64(n)))
}

// addressNumber is an IPv4 address as one number.
func addressNumber(a []cell) cell {
	ip, err := netip.ParseAddr(a[0].String())
	if err != nil || !ip.Is4() {
		return cell{}
	}
	n := 0.0
	for _, b := range ip.As4() {
		n = n*256 + float64(b)
	}
	return numberCell(n)
}

// privateIPv4: RFC 1918.
func privateIPv4(ip netip.Addr) bool { return ip.Is4() && ip.IsPrivate() }

// replaceMatches is regexReplace(field, "pattern", replacement).
func (p *parser) replaceMatches(name token) (expr, *SyntaxError) {
	args, err := p.arguments(name, 3, 3)
	if err != nil {
		return nil, err
	}
	re, bad := regexp.Compile(args[1](&row{frame: &Frame{}}).String())
	if bad != nil {
		return nil, &SyntaxError{"invalid regular expression: " + bad.Error(), name.at, p.last}
	}
	return func(r *row) cell {
		c := args[0](r)
		if c.kind == cellAbsent {
			return c
		}
		return textCell(re.ReplaceAllLiteralString(c.String(), args[2](r).String()))
	}, nil
}
