package record

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// percent formats n of a total with as many digits as keep a small share from
// looking like none.
func percent(n, of int64) string {
	if of == 0 {
		return "0 %"
	}
	return share(float64(n) / float64(of))
}

func share(x float64) string {
	return strconv.FormatFloat(100*x, 'g', 3, 64) + " %"
}

// inMs writes a time in milliseconds with three digits or more, for people.
func inMs(d time.Duration) string {
	v := float64(d) / float64(time.Millisecond)
	switch {
	case v >= 100:
		return fmt.Sprintf("%.0f ms", v)
	case v >= 10:
		return fmt.Sprintf("%.1f ms", v)
	case v >= 1:
		return fmt.Sprintf("%.2f ms", v)
	}
	return fmt.Sprintf("%.3g ms", v)
}

func first(ids []string) string {
	if len(ids) == 0 {
		return "unknown"
	}
	return ids[0]
}

// mostFrequent returns the key with the highest count, the first by name of
// equals.
func mostFrequent(m map[string]int64) (key string, n int64) {
	for _, k := range slices.Sorted(maps.Keys(m)) {
		if m[k] > n {
			key, n = k, m[k]
		}
	}
	if key == "" {
		key = "no error type"
	}
	return key, n
}

// memorySizes lists the sizes of one function, ascending, with their counts.
func memorySizes(cells map[Cell]int64, fn int) string {
	var list []Cell
	for c := range cells {
		if c.Function == fn {
			list = append(list, c)
		}
	}
	slices.SortFunc(list, func(a, b Cell) int { return int(a.MemoryMB - b.MemoryMB) })
	var b strings.Builder
	for i, c := range list {
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "%v MB: %d", c.MemoryMB, cells[c])
	}
	return b.String()
}
