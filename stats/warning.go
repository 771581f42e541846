package stats

import (
	"errors"
	"fmt"
	"math"
	"strings"
)

// ErrEmpty warns that there is no value at all.
var ErrEmpty = errors.New("no values")

// TooFewError warns that a sample can't support a quantile.
type TooFewError struct {
	P    float64
	N    int64
	Need int64 // math.MaxInt64: no sample can
}

func (e *TooFewError) Error() string {
	if e.Need == math.MaxInt64 {
		return fmt.Sprintf("quantile %g: no sample size gives a %g %% interval", e.P, Level*100)
	}
	return fmt.Sprintf("quantile %g: %d values, a %g %% interval needs at least %d", e.P, e.N, Level*100, e.Need)
}

// ClampedError warns of values that were moved to a bound or left out.
type ClampedError struct {
	Unit           string
	Low, High, NaN int64
}

func (e *ClampedError) Error() string {
	var parts []string
	if e.Low > 0 {
		parts = append(parts, fmt.Sprintf("%d below 0 counted as 0", e.Low))
	}
	if e.High > 0 {
		parts = append(parts, fmt.Sprintf("%d above %g counted as that", e.High, MaxValue))
	}
	if e.NaN > 0 {
		parts = append(parts, fmt.Sprintf("%d not a number and left out", e.NaN))
	}
	return fmt.Sprintf("values in %s: %s", e.Unit, strings.Join(parts, ", "))
}

// NotAQuantileError warns of a quantile outside 0..1.
type NotAQuantileError struct{ P float64 }

func (e *NotAQuantileError) Error() string {
	return fmt.Sprintf("quantile %g: not in 0..1 (quantiles are fractions: 0.99, not 99)", e.P)
}
