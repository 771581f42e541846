package parsers

import "bytes"

// document is where the engine is in a JSON document that is too large, or too
// damaged, to be read in one piece.
type document struct {
	stack []byte // open brackets, outermost first
	first bool   // before the first member or element
	found bool   // an array of events, or an element
}

func (d *document) enter(c byte) int {
	d.stack = append(d.stack, c)
	d.first = true
	return 1
}

func (d *document) leave() {
	d.stack = d.stack[:len(d.stack)-1]
	d.first = false
}

// stream reads one member or element of a document.
func (e *engine) stream(data []byte, eof bool) int {
	final := eof || len(data) >= e.maxEvent
	j := jsonText{b: data}
	done := false
	if e.doc.stack[len(e.doc.stack)-1] == '[' {
		done = e.streamElement(&j, final)
	} else {
		done = e.streamMember(&j, final)
	}
	switch {
	case done:
	case !j.bad, j.i >= len(data) && !final:
		return 0
	default:
		return e.streamFault(data, j.i, eof)
	}
	e.line += int64(bytes.Count(data[:j.i], []byte{'\n'}))
	if len(e.doc.stack) == 0 {
		e.mode, e.within, e.outer = plainMode, 0, nil
		if eof && j.i == len(data) {
			e.line++
		}
	}
	return j.i
}

func (e *engine) streamElement(j *jsonText, final bool) bool {
	if !j.element(e.doc.first) {
		if !j.bad {
			e.doc.leave()
		}
		return !j.bad
	}
	c := j.peek()
	from := j.i
	if !j.skip(0) || j.i == len(j.b) && !final {
		return false
	}
	e.doc.first, e.doc.found = false, true
	if e.within == 0 {
		e.within = EnvelopeTelemetry
	}
	if c == '{' || c == '[' || c == '"' {
		line := e.line + int64(bytes.Count(j.b[:from], []byte{'\n'}))
		e.value(j.b[from:j.i], line)
	}
	return true
}

func (e *engine) streamMember(j *jsonText, final bool) bool {
	key, _, ok := j.member(e.doc.first)
	if !ok {
		if !j.bad {
			e.doc.leave()
		}
		return !j.bad
	}
	c := j.peek()
	if c == '[' && (string(key) == "events" || string(key) == "logEvents" || string(key) == "results") {
		j.i++
		e.doc.enter('[')
		e.doc.found = true
		e.within = EnvelopeEventsJSON
		if string(key) == "results" {
			e.within = EnvelopeInsights
		}
		return true
	}
	from := j.i
	if !j.skip(0) || j.i == len(j.b) && !final {
		return false
	}
	if c == '"' && (string(key) == "logStream" || string(key) == "logStreamName") {
		e.outer = bytes.Clone(j.b[from+1 : j.i-1])
	}
	e.doc.first = false
	return true
}

// streamFault ends a document that is not valid or was cut at i, and goes on
// with the line in which that was found, or else with the next.
func (e *engine) streamFault(data []byte, i int, eof bool) int {
	if e.doc.found || bytes.Contains(data[:min(i, len(data))], []byte(`"platform.`)) {
		reason := "JSON is not valid"
		switch {
		case i >= len(data) && eof:
			reason = "JSON is cut at the end of the input"
		case i >= len(data):
			reason = "an element is longer than any log event"
		}
		e.fail(fault{what: "JSON document", reason: reason, found: nil}, e.line)
	} else {
		e.counts.Application++
	}
	e.mode, e.within, e.outer = plainMode, 0, nil
	i = min(i, len(data))
	if start := bytes.LastIndexByte(data[:i], '\n'); start >= 0 && i < len(data) {
		e.line += int64(bytes.Count(data[:start+1], []byte{'\n'}))
		return start + 1
	}
	if i >= len(data) && !eof {
		e.line += int64(bytes.Count(data, []byte{'\n'}))
		e.mode = discardMode
		return len(data)
	}
	return e.consumed(through(data, i))
}
