package reports

import (
	"math"
	"strconv"
	"strings"
	"time"
)

// The spaces of printed numbers. Writers for a terminal turn both into a
// plain space after they have wrapped their lines.
const (
	thin = "\u202f" // between thousands
	nbsp = "\u00a0" // between a number and its unit
)

// sig3 prints v with three significant digits and never finer than a
// thousandth, which for milliseconds is the resolution worth reading:
// 8.42, 52.5, 777, 2 178, 0.031.
func sig3(v float64) string {
	switch a := math.Abs(v); {
	case math.IsNaN(v) || math.IsInf(v, 0):
		return "–"
	case v == 0:
		return "0"
	case a < 0.0005:
		return "<0.001"
	case a >= 999.5:
		return count(int64(math.Round(v)))
	case a >= 99.95:
		return minus(strconv.FormatFloat(v, 'f', 0, 64))
	case a >= 9.995:
		return minus(strconv.FormatFloat(v, 'f', 1, 64))
	case a >= 0.9995:
		return minus(strconv.FormatFloat(v, 'f', 2, 64))
	}
	return minus(strconv.FormatFloat(v, 'f', 3, 64))
}

// minus replaces a hyphen in front of a number by the true minus sign.
func minus(s string) string {
	if rest, ok := strings.CutPrefix(s, "-"); ok {
		return "−" + rest
	}
	return s
}

// count prints n exactly, with a thin space between thousands.
func count(n int64) string {
	if n == math.MinInt64 {
		return strconv.FormatInt(n, 10)
	}
	if n < 0 {
		return "−" + count(-n)
	}
	s := strconv.FormatInt(n, 10)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + thin + s[i:]
	}
	return s
}

// withUnit prints v with three significant digits and its unit.
func withUnit(v float64, unit string) string { return sig3(v) + nbsp + unit }

// percent prints a share (0..1) as a percentage with three significant digits.
func percent(share float64) string { return sig3(share*100) + nbsp + "%" }

// usd prints an amount of money. Bills of a test run are a tiny part of a
// cent, so small amounts keep two significant digits rather than decimals.
func usd(v float64) string {
	switch a := math.Abs(v); {
	case v == 0:
		return "0" + nbsp + "USD"
	case a >= 1:
		return minus(strconv.FormatFloat(v, 'f', 2, 64)) + nbsp + "USD"
	case a < 1e-9:
		return "<0.000000001" + nbsp + "USD"
	}
	digits := 1 - int(math.Floor(math.Log10(math.Abs(v))))
	return minus(strconv.FormatFloat(v, 'f', digits, 64)) + nbsp + "USD"
}

// plural joins a count with the right form of its noun.
func plural(n int64, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return count(n) + " " + many
}

// quantileName prints a quantile (0..1) as tables name it: p50, p99.9.
func quantileName(p float64) string {
	return "p" + strconv.FormatFloat(math.Round(p*1e7)/1e5, 'f', -1, 64)
}

// axisMs labels a tick of a millisecond axis; from one second on in seconds.
func axisMs(v float64) string {
	if v >= 1000 {
		return digits4(v/1000) + " s"
	}
	return digits4(v) + " ms"
}

// digits4 prints a label of an axis: four digits are enough to tell two ticks
// apart, and those of a 1-2-5 step need one.
func digits4(v float64) string {
	rounded, err := strconv.ParseFloat(strconv.FormatFloat(v, 'g', 4, 64), 64)
	if err != nil {
		rounded = v
	}
	return strconv.FormatFloat(rounded, 'f', -1, 64)
}

// span prints a duration for people: 800 ms, 12 s, 2 min 30 s, 12 min.
func span(d time.Duration) string {
	switch {
	case d < 0:
		return "−" + span(-d)
	case d < time.Second:
		return withUnit(float64(d)/1e6, "ms")
	case d < 2*time.Minute:
		return strconv.FormatFloat(math.Round(d.Seconds()*10)/10, 'f', -1, 64) + nbsp + "s"
	case d < 2*time.Hour:
		d = d.Round(time.Second)
		s := strconv.Itoa(int(d/time.Minute)) + nbsp + "min"
		if rest := d % time.Minute; rest != 0 {
			s += " " + strconv.Itoa(int(rest/time.Second)) + nbsp + "s"
		}
		return s
	}
	d = d.Round(time.Minute)
	s := strconv.Itoa(int(d/time.Hour)) + nbsp + "h"
	if rest := d % time.Hour; rest != 0 {
		s += " " + strconv.Itoa(int(rest/time.Minute)) + nbsp + "min"
	}
	return s
}

// rate prints arrivals per second.
func rate(v float64) string { return strconv.FormatFloat(v, 'g', 4, 64) + "/s" }

// milliseconds converts a duration to the unit of every table.
func milliseconds(d time.Duration) float64 { return float64(d) / 1e6 }

// unitPrice prints a price with all its digits: 0.0000166667 USD.
func unitPrice(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) + nbsp + "USD" }
