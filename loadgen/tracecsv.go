package loadgen

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"time"

	"coldbench/record"
)

// maxFunctions bounds the functions of a trace.
const maxFunctions = 1_000_000

// maxMinutes bounds the minutes of a trace.
const maxMinutes = int64(record.MaxDuration / time.Minute)

// ReadTrace reads a CSV file with a header, or the same under gzip; name is
// what errors call it. The names of the columns (in any order and case) say
// what it is:
//
//   - Azure Functions 2019 (Shahrad et al., Serverless in the Wild, USENIX ATC
//     2020): columns 1, 2, ... or 1_minute, 2_minute, ... with the counts of
//     those minutes, a row for each function, named by HashFunction. The first
//     minute that has a column is offset 0.
//   - Azure Functions 2021 (Zhang et al., Faster and Cheaper Serverless
//     Computing on Harvested Resources, SOSP 2021): app, func, end_timestamp
//     and duration in seconds, a row for each invocation, which began at
//     end_timestamp - duration. The first one is offset 0.
//   - Counts: one column InvocationsPerMinute, Invocations, Count, Requests,
//     Value or Sum, a row for each window, one after the other. With a column
//     Timestamp, Time or Minute beside it the rows are windows that begin there,
//     in any order; windows without a row are empty.
//   - Instants: one column Timestamp, Time, At or Offset, a row for each
//     arrival. The first one is offset 0. A column Function names it.
//
// A time is a number of seconds (Unix or relative), Unix milliseconds, RFC 3339, or "2006-01-02
// 15:04:05"; a Minute is a whole number. Errors name file and line.
//
// It reads a CloudWatch history as JSON too: see readMetrics.
//
// The window of counts is a minute or, where they have times, the smallest
// distance of two, unless it is given (> 0).
func ReadTrace(r io.Reader, name string, window time.Duration) (*Trace, error) {
	t, err := readAny(r, name, window)
	if err != nil {
		return nil, fmt.Errorf("read trace: %w", err)
	}
	if t.finish(); t.Count > record.MaxArrivals {
		return nil, fmt.Errorf("read trace: %s: %d arrivals are more than the most allowed, %d", name, t.Count, int64(record.MaxArrivals))
	}
	return t, nil
}

func readAny(r io.Reader, name string, window time.Duration) (*Trace, error) {
	if window < 0 || window > record.MaxDuration {
		return nil, fmt.Errorf("%s: windows of %v are not in (0, %v]", name, window, record.MaxDuration)
	}
	in, err := plain(r)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if beginsJSON(in) {
		return readMetrics(in, name, window)
	}
	t := &table{csv: csv.NewReader(in), name: name, window: window, names: map[string]int{}}
	t.csv.ReuseRecord = true
	t.csv.FieldsPerRecord = -1
	t.csv.TrimLeadingSpace = true
	return t.read()
}

// plain takes gzip and a byte order mark off.
func plain(r io.Reader) (*bufio.Reader, error) {
	in := bufio.NewReaderSize(r, 1<<16)
	if magic, _ := in.Peek(2); bytes.Equal(magic, []byte{0x1f, 0x8b}) {
		z, err := gzip.NewReader(in)
		if err != nil {
			return nil, err
		}
		in = bufio.NewReaderSize(z, 1<<16)
	}
	if mark, _ := in.Peek(3); bytes.Equal(mark, []byte("\xef\xbb\xbf")) {
		_, _ = in.Discard(3)
	}
	return in, nil
}

func beginsJSON(in *bufio.Reader) bool {
	head, _ := in.Peek(1 << 10)
	return bytes.HasPrefix(bytes.TrimLeft(head, " \t\r\n"), []byte("{"))
}

// table is a CSV file on its way to a trace.
type table struct {
	csv    *csv.Reader
	name   string
	window time.Duration // as given; 0: by the file
	line   int
	names  map[string]int // functions by name
	trace  Trace
}

func (t *table) errorf(format string, a ...any) error {
	return fmt.Errorf("%s:%d: %s", t.name, t.line, fmt.Sprintf(format, a...))
}

// next returns the next row; ok is false at the end.
func (t *table) next() (row []string, ok bool, err error) {
	row, err = t.csv.Read()
	if errors.Is(err, io.EOF) {
		return nil, false, nil
	}
	var syntax *csv.ParseError
	if errors.As(err, &syntax) {
		t.line = syntax.Line
		return nil, false, t.errorf("%v", syntax.Err)
	}
	if err != nil {
		return nil, false, fmt.Errorf("%s: after line %d: %w", t.name, t.line, err)
	}
	t.line, _ = t.csv.FieldPos(0)
	return row, true, nil
}

func (t *table) read() (*Trace, error) {
	header, ok, err := t.next()
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, fmt.Errorf("%s: the file is empty", t.name)
	}
	c := columnsOf(header)
	if err := t.untitled(header, c); err != nil {
		return nil, err
	}
	read, format := t.readInstants, "one instant a row"
	switch {
	case len(c.minutes) > 0:
		read, format = t.readMinutes, "counts with a column for each minute (Azure Functions 2019)"
	case c.end >= 0 && c.duration >= 0:
		read, format = t.readEnds, "invocations by end and duration (Azure Functions 2021)"
	case c.count >= 0 && c.time >= 0:
		read, format = t.readTimedCounts, "counts with times"
	case c.count >= 0:
		read, format = t.readCounts, "one count a row"
	case c.time >= 0 && !c.timeIsMinute:
	default:
		return nil, t.errorf("header %.60q is none that is known: want minutes (1, 2, ... or 1_minute, ...), "+
			"end_timestamp and duration, a count (InvocationsPerMinute, Count, ...), or a timestamp", strings.Join(header, ","))
	}
	if err := read(c); err != nil {
		return nil, err
	}
	if t.trace.Format = format; t.trace.window > 0 {
		t.trace.Format += fmt.Sprintf(", each of %v", t.trace.window)
	}
	return &t.trace, nil
}

// untitled refuses a header that is the first row of a file without one: its
// numbers would be taken for the titles of minutes.
func (t *table) untitled(header []string, c columns) error {
	seen := map[int64]bool{}
	for _, m := range c.minutes {
		alone := len(header) == 1 && !strings.Contains(header[0], "_")
		if alone || seen[m.minute] {
			return t.errorf("header %.60q: numbers are the titles of minutes, each once and beside others; counts below each other need a title, such as InvocationsPerMinute", strings.Join(header, ","))
		}
		seen[m.minute] = true
	}
	return nil
}

// columns are the places of what the header names; -1 for what it does not.
type columns struct {
	minutes                              []minuteColumn
	function, end, duration, count, time int
	timeIsMinute                         bool
}

type minuteColumn struct {
	at     int
	minute int64
}

func columnsOf(header []string) columns {
	c := columns{function: -1, end: -1, duration: -1, count: -1, time: -1}
	for i, title := range header {
		title = strings.ToLower(strings.TrimSpace(title))
		switch title {
		case "hashfunction", "func", "function":
			c.function = i
		case "end_timestamp":
			c.end = i
		case "duration":
			c.duration = i
		case "invocationsperminute", "invocations", "count", "requests", "value", "sum":
			c.count = i
		case "timestamp", "time", "at", "offset":
			c.time, c.timeIsMinute = i, false
		case "minute":
			c.time, c.timeIsMinute = i, true
		default:
			if n, err := strconv.ParseInt(strings.TrimSuffix(title, "_minute"), 10, 32); err == nil && n >= 0 {
				c.minutes = append(c.minutes, minuteColumn{i, n})
			}
		}
	}
	return c
}

// field returns the field of a row, or an error that names what is missing.
func (t *table) field(row []string, i int, what string) (string, error) {
	if i >= len(row) {
		return "", t.errorf("%s is missing: the row has %d columns", what, len(row))
	}
	return strings.TrimSpace(row[i]), nil
}

func (t *table) functionOf(row []string, i int) (int, error) {
	name := ""
	if i >= 0 {
		var err error
		if name, err = t.field(row, i, "the function"); err != nil {
			return 0, err
		}
	}
	k, err := t.trace.functionNamed(name, t.names)
	if err != nil {
		return 0, t.errorf("%v", err)
	}
	return k, nil
}

// countOf reads a number of arrivals.
func countOf(text string) (int64, error) {
	if text == "" {
		return 0, errors.New("the count is empty: write 0 where nothing arrived")
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil { // some exporters write 12.0
		f, ferr := strconv.ParseFloat(text, 64)
		if ferr != nil || f != math.Trunc(f) || math.Abs(f) > 1<<53 {
			return 0, fmt.Errorf("count %.40q: not a whole number", text)
		}
		n = int64(f)
	}
	if n < 0 || n > record.MaxArrivals {
		return 0, fmt.Errorf("count %d is not in [0, %d]", n, int64(record.MaxArrivals))
	}
	return n, nil
}

func (t *table) readMinutes(c columns) error {
	t.trace.window = time.Minute
	first, last := c.minutes[0].minute, c.minutes[0].minute
	for _, m := range c.minutes {
		first, last = min(first, m.minute), max(last, m.minute)
	}
	if last-first >= maxMinutes {
		return t.errorf("the minutes %d to %d span more than %v", first, last, record.MaxDuration)
	}
	t.trace.Duration = time.Duration(last-first+1) * time.Minute
	for {
		row, ok, err := t.next()
		if err != nil || !ok {
			return err
		}
		f, err := t.functionOf(row, c.function)
		if err != nil {
			return err
		}
		for _, m := range c.minutes {
			text, err := t.field(row, m.at, fmt.Sprintf("minute %d", m.minute))
			if err != nil {
				return err
			}
			n, err := countOf(text)
			if err != nil {
				return t.errorf("minute %d: %v", m.minute, err)
			}
			t.trace.add(m.minute-first, f, n)
		}
	}
}

func (t *table) readCounts(c columns) error {
	t.trace.window = orElse(t.window, time.Minute)
	for slot := int64(0); ; slot++ {
		before := t.line
		row, ok, err := t.next()
		if err != nil || !ok {
			t.trace.Duration = time.Duration(slot) * t.trace.window
			return err
		}
		if t.line > before+1 { // the reader passes over empty lines
			t.line = before + 1
			_, err := countOf("")
			return t.errorf("%v", err)
		}
		if slot >= int64(record.MaxDuration/t.trace.window) {
			return t.errorf("more than %v of windows of %v", record.MaxDuration, t.trace.window)
		}
		n, err := t.countAt(row, c.count)
		if err != nil {
			return err
		}
		f, err := t.functionOf(row, c.function)
		if err != nil {
			return err
		}
		t.trace.add(slot, f, n)
	}
}

func (t *table) countAt(row []string, i int) (int64, error) {
	text, err := t.field(row, i, "the count")
	if err != nil {
		return 0, err
	}
	n, err := countOf(text)
	if err != nil {
		return 0, t.errorf("%v", err)
	}
	return n, nil
}
