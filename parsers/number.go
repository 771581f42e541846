package parsers

// maxDigits bounds a number: 15 decimal digits fit a float64 exactly.
const maxDigits = 15

var pow10 = [maxDigits + 1]float64{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15}

// decimal reads digits, optionally with one dot inside, at the start of b. It
// returns the value, the bytes read, and whether they are a number. Mantissa
// and power of ten are both exact in a float64 (15 digits < 2^53, 10^15 <
// 10^22), so that one division rounds once and gives what strconv gives.
func decimal(b []byte) (value float64, n int, ok bool) {
	var m uint64
	i := 0
	for i < len(b) {
		c := b[i] - '0'
		if c > 9 {
			break
		}
		m = m*10 + uint64(c)
		i++
	}
	if i == 0 || i > maxDigits {
		return 0, i, false
	}
	if i >= len(b) || b[i] != '.' {
		return float64(m), i, true
	}
	dot := i
	i++
	for i < len(b) {
		c := b[i] - '0'
		if c > 9 {
			break
		}
		m = m*10 + uint64(c)
		i++
	}
	frac := i - dot - 1
	if frac == 0 || dot+frac > maxDigits {
		return 0, i, false
	}
	return float64(m) / pow10[frac], i, true
}
