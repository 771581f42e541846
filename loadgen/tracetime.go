package loadgen

import (
	"math"
	"slices"
	"strconv"
	"time"

	"coldbench/record"
)

// instant reads a time in nanoseconds since some zero that is the same for all
// rows of a file.
func (t *table) instant(text string, isMinute bool) (int64, error) {
	if v, err := strconv.ParseFloat(text, 64); err == nil {
		if isMinute {
			v *= 60
		}
		// 9.2e9 s is the range of 64 bits; Unix milliseconds are beyond it.
		if !(math.Abs(v) < 9.2e9) {
			return 0, t.errorf("time %.40q: not a number of seconds", text)
		}
		whole := math.Floor(v)
		return int64(whole)*1e9 + int64(math.Round((v-whole)*1e9)), nil
	}
	for _, layout := range []string{time.RFC3339Nano, time.DateTime, "2006/01/02 15:04:05", "2006-01-02 15:04"} {
		if at, err := time.Parse(layout, text); err == nil {
			if y := at.Year(); y < 1700 || y > 2200 {
				return 0, t.errorf("time %.40q: the year is out of range", text)
			}
			return at.UnixNano(), nil
		}
	}
	return 0, t.errorf("time %.40q: want seconds, RFC 3339 or 2006-01-02 15:04:05", text)
}

func (t *table) instantAt(row []string, i int, isMinute bool) (int64, error) {
	text, err := t.field(row, i, "the time")
	if err != nil {
		return 0, err
	}
	return t.instant(text, isMinute)
}

// readEnds reads invocations by end and duration.
func (t *table) readEnds(c columns) error {
	return t.readSingles(c, func(row []string) (int64, error) {
		end, err := t.instantAt(row, c.end, false)
		if err != nil {
			return 0, err
		}
		text, err := t.field(row, c.duration, "the duration")
		if err != nil {
			return 0, err
		}
		d, err := strconv.ParseFloat(text, 64)
		if err != nil || !(d >= 0 && d < 1e9) {
			return 0, t.errorf("duration %.40q: not a number of seconds", text)
		}
		return end - int64(math.Round(d*1e9)), nil
	})
}

// readInstants reads one arrival for each row.
func (t *table) readInstants(c columns) error {
	return t.readSingles(c, func(row []string) (int64, error) { return t.instantAt(row, c.time, false) })
}

func (t *table) readSingles(c columns, at func(row []string) (int64, error)) error {
	var instants []int64
	for {
		row, ok, err := t.next()
		if err != nil {
			return err
		}
		if !ok {
			break
		}
		when, err := at(row)
		if err != nil {
			return err
		}
		f, err := t.functionOf(row, c.function)
		if err != nil {
			return err
		}
		instants = append(instants, when)
		t.trace.singles = append(t.trace.singles, Arrival{Function: f})
	}
	if len(instants) == 0 {
		return nil
	}
	first, last := slices.Min(instants), slices.Max(instants)
	if err := t.within(first, last); err != nil {
		return err
	}
	for i, when := range instants {
		t.trace.singles[i].At = time.Duration(when - first)
	}
	return nil
}

// within refuses traces that are longer than a run may be.
func (t *table) within(first, last int64) error {
	if span := uint64(last) - uint64(first); span >= uint64(record.MaxDuration) {
		return t.errorf("the times span more than %v", record.MaxDuration)
	}
	return nil
}

// readTimedCounts reads windows whose beginnings are given.
func (t *table) readTimedCounts(c columns) error {
	var begins []int64
	var raw []cell
	for {
		row, ok, err := t.next()
		if err != nil {
			return err
		}
		if !ok {
			break
		}
		begin, err := t.instantAt(row, c.time, c.timeIsMinute)
		if err != nil {
			return err
		}
		n, err := t.countAt(row, c.count)
		if err != nil {
			return err
		}
		f, err := t.functionOf(row, c.function)
		if err != nil {
			return err
		}
		begins = append(begins, begin)
		raw = append(raw, cell{function: f, n: n})
	}
	if len(begins) == 0 {
		return nil
	}
	first, last := slices.Min(begins), slices.Max(begins)
	if err := t.within(first, last); err != nil {
		return err
	}
	window := smallestGap(begins)
	t.trace.window = time.Duration(window)
	t.trace.Duration = time.Duration((last-first)/window+1) * t.trace.window
	for i, begin := range begins {
		if (begin-first)%window != 0 {
			return t.errorf("the times are not whole multiples of %v apart", t.trace.window)
		}
		t.add((begin-first)/window, raw[i].function, raw[i].n)
	}
	return nil
}

// smallestGap is the smallest distance of two different instants, a minute
// where there are none.
func smallestGap(instants []int64) int64 {
	sorted := slices.Clone(instants)
	slices.Sort(sorted)
	gap := int64(0)
	for i := 1; i < len(sorted); i++ {
		if d := sorted[i] - sorted[i-1]; d > 0 && (gap == 0 || d < gap) {
			gap = d
		}
	}
	if gap == 0 {
		return int64(time.Minute)
	}
	return gap
}
