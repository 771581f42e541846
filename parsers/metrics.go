package parsers

import (
	"bytes"

	"coldbench/record"
)

// metrics reads the numbers of a record. A number of the wrong type breaks the
// record: to drop an Init Duration would make a cold start warm.
func (p *parser) metrics(kind record.PlatformKind, j *jsonText, v *View) verdict {
	j.i++
	for first := true; ; first = false {
		key, escaped, ok := j.member(first)
		if !ok {
			return platform
		}
		if escaped {
			key = p.plain(key, true)
		}
		l := metricLabel(kind, key)
		c := j.peek()
		from := j.i
		j.skip(2)
		if l == noLabel || c == 'n' || j.bad {
			continue
		}
		text := j.b[from:j.i]
		if c != '-' && c-'0' > 9 {
			return p.broken("platform JSON", l, snippet(text), "not a number")
		}
		x, ok := jsonNumber(text)
		if !ok {
			return p.broken("platform JSON", l, snippet(text), "negative or not finite")
		}
		v.set(l, x)
	}
}

// metricLabel says which field a metric is. Its durationMs is that of the
// phase that the line reports.
func metricLabel(kind record.PlatformKind, key []byte) label {
	switch kind {
	case kindJSONInitReport:
		switch string(key) {
		case "durationMs":
			return labelInit
		case "billedDurationMs":
			return labelBilled
		}
		return noLabel
	case kindJSONRestoreReport:
		switch string(key) {
		case "durationMs":
			return labelRestore
		case "billedDurationMs":
			return labelBilledRestore
		}
		return noLabel
	case kindJSONRuntimeDone:
		if string(key) == "durationMs" {
			return labelDuration
		}
		return noLabel
	}
	switch string(key) {
	case "durationMs":
		return labelDuration
	case "billedDurationMs":
		return labelBilled
	case "memorySizeMB":
		return labelMemory
	case "maxMemoryUsedMB":
		return labelMaxMemory
	case "initDurationMs":
		return labelInit
	case "restoreDurationMs":
		return labelRestore
	case "billedRestoreDurationMs":
		return labelBilledRestore
	}
	return noLabel
}

// tracing reads {"spanId":..,"value":"Root=..;Parent=..;Sampled=1"}. The span
// is the segment of the platform; Parent is the caller's.
func (p *parser) tracing(j *jsonText, v *View) {
	j.i++
	for first := true; ; first = false {
		key, escaped, ok := j.member(first)
		if !ok {
			return
		}
		if j.peek() != '"' {
			j.skip(2)
			continue
		}
		text, esc := j.str()
		switch string(p.plain(key, escaped)) {
		case "spanId":
			if len(text) > 0 {
				v.XRaySegmentID = p.plain(text, esc)
			}
		case "value":
			traceHeader(p.plain(text, esc), v)
		}
	}
}

// traceHeader reads the parts of an X-Amzn-Trace-Id header.
func traceHeader(b []byte, v *View) {
	for len(b) > 0 {
		part := b
		if i := bytes.IndexByte(b, ';'); i >= 0 {
			part, b = b[:i], b[i+1:]
		} else {
			b = nil
		}
		part = bytes.TrimSpace(part)
		switch {
		case has(part, "Root="):
			if id := part[len("Root="):]; len(id) > 0 {
				v.XRayTraceID = id
			}
		case string(part) == "Sampled=1":
			v.XRaySampled.Value, v.XRaySampled.Valid = true, true
		case string(part) == "Sampled=0":
			v.XRaySampled.Value, v.XRaySampled.Valid = false, true
		}
	}
}
