package parsers

import (
	"coldbench/record"
)

// bytesPerMB is what Logs Insights takes a megabyte for in @memorySize and
// @maxMemoryUsed: 512 MB is printed as 512000000.
const bytesPerMB = 1e6

// insightsRow gathers the fields of one row of Logs Insights.
type insightsRow struct {
	v       View
	report  bool // @type is REPORT
	message []byte
	bad     bool
	why     fault
}

// field takes one field and its value, both unescaped.
func (r *insightsRow) field(name, value []byte) {
	if len(value) == 0 {
		return
	}
	switch string(name) {
	case "@timestamp":
		if t, n := isoTime(value); n > 0 && n == len(value) {
			r.v.Timestamp = t
		} else if ms, n := epochMillis(value); n > 0 && n == len(value) {
			r.v.Timestamp = millis(ms)
		}
	case "@type":
		r.report = string(value) == "REPORT"
	case "@requestId":
		r.v.RequestID = value
	case "@message":
		r.message = value
	case "@logStream":
		r.v.LogStream = value
	case "@xrayTraceId":
		r.v.XRayTraceID = value
	case "@xraySegmentId":
		r.v.XRaySegmentID = value
	case "@duration":
		r.number(labelDuration, value, 1)
	case "@billedDuration":
		r.number(labelBilled, value, 1)
	case "@initDuration":
		r.number(labelInit, value, 1)
	case "@restoreDuration":
		r.number(labelRestore, value, 1)
	case "@billedRestoreDuration":
		r.number(labelBilledRestore, value, 1)
	case "@memorySize":
		r.number(labelMemory, value, bytesPerMB)
	case "@maxMemoryUsed":
		r.number(labelMaxMemory, value, bytesPerMB)
	}
}

func (r *insightsRow) number(l label, value []byte, divisor float64) {
	j := jsonText{b: value}
	text := j.num()
	x, ok := jsonNumber(text)
	if text == nil || j.i != len(value) || !ok {
		r.bad = true
		r.why = fault{what: "Logs Insights row", label: l, found: snippet(value), reason: "not a number"}
		return
	}
	r.v.set(l, x/divisor)
}

// finish decides what the row is. A row that holds the message is read from
// it; one of fields alone must say that it is a REPORT.
func (p *parser) finishRow(r *insightsRow, v *View) verdict {
	if r.message != nil {
		stream, instant := r.v.LogStream, r.v.Timestamp
		*v = View{Timestamp: instant, LogStream: stream}
		p.raw = r.message
		return p.inner(r.message, v)
	}
	if !r.report {
		return foreign
	}
	if r.bad {
		p.why = r.why
		return broken
	}
	stream := v.LogStream
	*v = r.v
	v.Kind = record.KindReport
	if v.LogStream == nil {
		v.LogStream = stream
	}
	return platform
}

// insightsFields parses [{"field":"@duration","value":".."}, ..], one row as
// GetQueryResults gives it.
func (p *parser) insightsFields(j *jsonText, v *View) verdict {
	var row insightsRow
	if !j.open('[') {
		return foreign
	}
	for first := true; j.element(first); first = false {
		if !j.open('{') {
			return foreign
		}
		var name, value []byte
		for first := true; ; first = false {
			key, escaped, ok := j.member(first)
			if !ok {
				break
			}
			text := p.scalar(j)
			switch string(p.plain(key, escaped)) {
			case "field":
				name = text
			case "value":
				value = text
			}
		}
		if j.bad {
			return foreign
		}
		row.field(name, value)
	}
	if j.bad {
		return foreign
	}
	return p.finishRow(&row, v)
}

// scalar reads a string or a number as text, and skips anything else.
func (p *parser) scalar(j *jsonText) []byte {
	switch c := j.peek(); {
	case c == '"':
		return p.plain(j.str())
	case c == '-' || c-'0' < 10:
		return j.num()
	}
	j.skip(2)
	return nil
}

// insightsObject parses {"@timestamp":"..","@type":"REPORT",..}, one row as the
// console exports it.
func (p *parser) insightsObject(j *jsonText, v *View) verdict {
	var row insightsRow
	if !j.open('{') {
		return foreign
	}
	for first := true; ; first = false {
		key, escaped, ok := j.member(first)
		if !ok {
			break
		}
		name := p.plain(key, escaped)
		row.field(name, p.scalar(j))
	}
	if j.bad {
		return foreign
	}
	return p.finishRow(&row, v)
}
