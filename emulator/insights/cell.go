package insights

import (
	"cmp"
	"encoding/json"
	"math"
	"strconv"
	"strings"
	"time"
)

// cellKind says how a value of a query is printed and compared.
type cellKind uint8

const (
	cellAbsent cellKind = iota // the field isn't there
	cellText
	cellNumber // computed
	cellDouble // a discovered field, printed as Java prints a double
	cellTime   // milliseconds of the Unix epoch
	cellTruth
	cellStructure // an object or a list of JSON
)

// cell is one value. The zero value is an absent field.
type cell struct {
	kind cellKind
	n    float64
	s    string
	v    *any // of a structure
}

func structureCell(v any) cell  { return cell{kind: cellStructure, v: &v} }
func textCell(s string) cell    { return cell{kind: cellText, s: s} }
func numberCell(n float64) cell { return cell{kind: cellNumber, n: n} }
func doubleCell(n float64) cell { return cell{kind: cellDouble, n: n} }
func timeCell(ms int64) cell    { return cell{kind: cellTime, n: float64(ms)} }

func truthCell(is bool) cell {
	c := cell{kind: cellTruth}
	if is {
		c.n = 1
	}
	return c
}

// number is the value as a number; text counts if it is one.
func (c cell) number() (float64, bool) {
	switch c.kind {
	case cellAbsent, cellStructure:
		return 0, false
	case cellText:
		n, err := strconv.ParseFloat(strings.TrimSpace(c.s), 64)
		return n, err == nil && !math.IsNaN(n) && !math.IsInf(n, 0)
	}
	return c.n, true
}

// is says whether a value counts as true.
func (c cell) is() bool {
	n, ok := c.number()
	return ok && n != 0 || c.kind == cellText && strings.EqualFold(c.s, "true")
}

// timeLayout is how a query's results show times, in UTC.
const timeLayout = "2006-01-02 15:04:05.000"

// String is the value as results show it.
func (c cell) String() string {
	switch c.kind {
	case cellText:
		return c.s
	case cellNumber, cellTruth:
		return strconv.FormatFloat(math.Round(c.n*1e4)/1e4, 'f', -1, 64)
	case cellDouble:
		return javaDouble(c.n)
	case cellTime:
		return time.UnixMilli(int64(c.n)).UTC().Format(timeLayout)
	case cellStructure:
		text, err := json.Marshal(*c.v)
		if err == nil { // it came from JSON
			return string(text)
		}
	}
	return ""
}

// javaDouble prints a number as Java's Double.toString does, which is how the
// service shows @duration and its like: 3.0, 1394.6, 1.28E8.
func javaDouble(n float64) string {
	if a := math.Abs(n); a != 0 && (a >= 1e7 || a < 1e-3) {
		s := strconv.FormatFloat(n, 'E', -1, 64)
		mantissa, exponent, _ := strings.Cut(s, "E")
		if !strings.Contains(mantissa, ".") {
			mantissa += ".0"
		}
		e, _ := strconv.Atoi(exponent)
		return mantissa + "E" + strconv.Itoa(e)
	}
	s := strconv.FormatFloat(n, 'f', -1, 64)
	if !strings.Contains(s, ".") {
		s += ".0"
	}
	return s
}

// compare orders two values that are there: by number if both are numbers, by
// text otherwise.
func (c cell) compare(d cell) int {
	a, isA := c.number()
	b, isB := d.number()
	if isA && isB {
		return cmp.Compare(a, b)
	}
	return strings.Compare(c.String(), d.String())
}

// order is the order of sort: absent values first, then text, then numbers.
// Source: CloudWatch Logs user guide, "sort".
func (c cell) order(d cell) int {
	rank := func(v cell) int {
		if v.kind == cellAbsent {
			return 0
		}
		if _, ok := v.number(); ok {
			return 2
		}
		return 1
	}
	if by := cmp.Compare(rank(c), rank(d)); by != 0 {
		return by
	}
	return c.compare(d)
}
