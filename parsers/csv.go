package parsers

import (
	"bytes"
	"strings"
)

// csvHeader holds the columns of a CSV file, named as Logs Insights names its
// fields: the console's "timestamp,message" is "@timestamp,@message".
type csvHeader []string

// header recognises the first line of a CSV file and enters its mode.
func (e *engine) header(line []byte) bool {
	line = bytes.TrimRight(bytes.TrimPrefix(line, []byte(byteOrderMark)), "\r")
	if !has(line, "timestamp,message") && !has(line, "@") && !has(line, `"@`) || bytes.IndexByte(line, ',') < 0 {
		return false
	}
	names := strings.Split(strings.ReplaceAll(string(line), `"`, ""), ",")
	useful := false
	for i, name := range names {
		if !has([]byte(name), "@") {
			names[i] = "@" + name
		}
		useful = useful || names[i] == "@message" || names[i] == "@type"
	}
	if !useful {
		return false
	}
	e.csv = names
	e.mode = csvMode
	return true
}

// csvRecord reads one record of a CSV file.
func (e *engine) csvRecord(data []byte, eof bool) int {
	final := eof || len(data) >= e.maxEvent
	var row insightsRow
	e.depth, e.via, e.raw = 0, 0, nil
	i, column := 0, 0
	for {
		value, n := e.csvValue(data[i:], final)
		if n < 0 {
			if !final {
				return 0
			}
			return e.csvFault(data, eof)
		}
		if column < len(e.csv) {
			row.field([]byte(e.csv[column]), value)
		}
		column++
		i += n
		if i >= len(data) || data[i] != ',' {
			break
		}
		i++
	}
	if i < len(data) && data[i] == '\r' {
		i++
	}
	if i >= len(data) && !final {
		return 0
	}
	if i < len(data) && data[i] != '\n' {
		return e.csvFault(data, eof)
	}
	end := min(i+1, len(data))
	it := e.slot()
	it.v = View{}
	e.within = EnvelopeCSV
	e.keep(it, e.finishRow(&row, &it.v), data[:i], e.line)
	e.within = 0
	return e.consumed(data[:end])
}

// csvValue reads one field and returns its text and length, -1 where its end
// is not in b.
func (e *engine) csvValue(b []byte, final bool) (value []byte, n int) {
	if len(b) > 0 && b[0] == '"' {
		end := closingQuote(b[1:])
		if end < 0 {
			return nil, -1
		}
		if 1+end+1 >= len(b) && !final {
			return nil, -1 // the quote may be the first of two
		}
		return e.unquoted(b[1 : 1+end+1]), 1 + end + 1
	}
	n = bytes.IndexAny(b, ",\r\n")
	if n < 0 {
		if !final {
			return nil, -1
		}
		n = len(b)
	}
	return b[:n], n
}

// closingQuote finds the quote that ends a field; doubled quotes are text.
func closingQuote(b []byte) int {
	for i := 0; i < len(b); {
		q := bytes.IndexByte(b[i:], '"')
		if q < 0 {
			return -1
		}
		i += q
		if i+1 >= len(b) || b[i+1] != '"' {
			return i
		}
		i += 2
	}
	return -1
}

// csvFault goes on, with a line that is no CSV, as with any other text.
func (e *engine) csvFault(data []byte, eof bool) int {
	e.mode = plainMode
	return e.lines(data, eof)
}

// quotedEvent reads a CSV line without a header, whose message begins at at
// and may go on over lines.
func (e *engine) quotedEvent(rest []byte, at int, final bool) int {
	end := closingQuote(rest[at:])
	if end < 0 || at+end+1 == len(rest) && !final {
		if !final {
			return 0
		}
		if end < 0 {
			line := through(rest, 0)
			e.one(line, e.line)
			return e.consumed(line)
		}
	}
	whole := through(rest, at+end)
	if whole[len(whole)-1] != '\n' && !final {
		return 0
	}
	e.within = EnvelopeCSV
	e.one(bytes.TrimRight(whole, "\r\n"), e.line)
	e.within = 0
	return e.consumed(whole)
}

// cliEvent reads an EVENTS line of the AWS CLI's text output. Its message ends
// with a line end, so that its last column, the timestamp, stands on a line of
// its own.
func (e *engine) cliEvent(rest []byte, nl int, final bool) int {
	begin, end := 0, nl
	for {
		if i := bytes.LastIndexByte(rest[begin:end], '\t'); i >= 0 {
			stamp := bytes.TrimRight(rest[begin+i+1:end], "\r")
			if _, n := epochMillis(stamp); n > 0 && n == len(stamp) && bytes.Count(rest[:begin+i], []byte{'\t'}) > 1 {
				break
			}
		}
		if end >= len(rest) || has(rest[end+1:], "EVENTS\t") {
			if end >= len(rest) && !final {
				return 0
			}
			break
		}
		m := bytes.IndexByte(rest[end+1:], '\n')
		if m < 0 {
			if !final {
				return 0
			}
			m = len(rest) - end - 1
		}
		begin = end + 1
		end = begin + m
	}
	e.within = EnvelopeCLIText
	e.one(rest[:end], e.line)
	e.within = 0
	return e.consumed(rest[:min(end+1, len(rest))])
}
