package loadgen

import (
	"fmt"
	"math"
	"strconv"
	"time"

	"coldbench/record"
)

// instantOf reads a time in nanoseconds since some zero that is the same for all
// rows of a file.
func instantOf(text string, isMinute bool) (int64, error) {
	if v, err := strconv.ParseFloat(text, 64); err == nil {
		if isMinute {
			v *= 60
		}
		// 9.2e9 s is the range of 64 bits. What has thirteen digits are Unix
		// milliseconds, of 2001 to 2261.
		if !isMinute && v >= 1e12 && v < 9.2e12 {
			whole := math.Floor(v)
			return int64(whole)*1e6 + int64(math.Round((v-whole)*1e6)), nil
		}
		if !(math.Abs(v) < 9.2e9) {
			return 0, fmt.Errorf("time %.40q: neither seconds nor Unix milliseconds", text)
		}
		whole := math.Floor(v)
		return int64(whole)*1e9 + int64(math.Round((v-whole)*1e9)), nil
	}
	for _, layout := range []string{time.RFC3339Nano, time.DateTime, "2006/01/02 15:04:05", "2006-01-02 15:04"} {
		if at, err := time.Parse(layout, text); err == nil {
			if y := at.Year(); y < 1700 || y > 2200 {
				return 0, fmt.Errorf("time %.40q: the year is out of range", text)
			}
			return at.UnixNano(), nil
		}
	}
	return 0, fmt.Errorf("time %.40q: want seconds, RFC 3339 or 2006-01-02 15:04:05", text)
}

func (t *table) instantAt(row []string, i int, isMinute bool) (int64, error) {
	text, err := t.field(row, i, "the time")
	if err != nil {
		return 0, err
	}
	at, err := instantOf(text, isMinute)
	if err != nil {
		return 0, t.errorf("%v", err)
	}
	return at, nil
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
	var times span
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
		if !times.add(when, t.line) {
			return t.tooLong(&times)
		}
		instants = append(instants, when)
		t.trace.singles = append(t.trace.singles, Arrival{Function: f})
	}
	for i, when := range instants {
		t.trace.singles[i].At = time.Duration(when - times.first)
	}
	return nil
}

func (t *table) tooLong(times *span) error {
	return t.errorf("the times from line %d (earliest) to line %d (latest) span more than %v", times.firstAt, times.lastAt, record.MaxDuration)
}

// readTimedCounts reads windows whose beginnings are given.
func (t *table) readTimedCounts(c columns) error {
	var counts []timedCount
	var times span
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
		if !times.add(begin, t.line) {
			return t.tooLong(&times)
		}
		counts = append(counts, timedCount{begin, f, n, t.line})
	}
	misfit, err := t.trace.fill(counts, t.window)
	if err != nil {
		t.line = misfit
		return t.errorf("%v", err)
	}
	return nil
}
