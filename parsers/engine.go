package parsers

import (
	"bytes"

	"coldbench/record"
)

// mode is what the engine is in the middle of.
type mode uint8

const (
	plainMode   mode = iota // at the start of a line
	discardMode             // within a line that is too long
	csvMode                 // at the start of a record of a CSV file
	streamMode              // within a JSON document too large to hold
)

// item is a record or a syntax error, in the order of the input.
type item struct {
	v   View
	err *SyntaxError
}

// engine finds log events in a buffer. Scanner and the parallel reader feed
// it.
type engine struct {
	parser
	file     string
	maxEvent int
	all      bool // go on after the first record
	clean    bool // what follows the data begins an event

	out []item
	n   int // items in out

	line   int64 // number of the line that data begins with
	fixed  bool  // positions are those of an outer line
	counts Counts
	seen   Envelope
	mode   mode
	csv    csvHeader
	doc    document

	noDocument int64 // the lines before this one begin no JSON of several lines

	within Envelope // the document that is being read
	outer  []byte   // its log stream
	nest   int      // documents within documents
}

// reset makes room for the next items. The texts of the former ones are lost.
func (e *engine) reset() {
	e.n = 0
	e.arena = e.arena[:0]
}

// slot is where the next item goes.
func (e *engine) slot() *item {
	if e.n == len(e.out) {
		e.out = append(e.out, item{})
	}
	return &e.out[e.n]
}

// step reads from the start of data and returns how much of it is done with.
// It stops at the first record, unless all is set. 0 means that more data is
// needed; with eof there is no more.
func (e *engine) step(data []byte, eof bool) int {
	switch e.mode {
	case discardMode:
		return e.discard(data)
	case csvMode:
		return e.csvRecord(data, eof)
	case streamMode:
		return e.stream(data, eof)
	}
	return e.lines(data, eof)
}

// lines reads line after line.
func (e *engine) lines(data []byte, eof bool) int {
	i := 0
	for i < len(data) {
		rest := data[i:]
		nl := bytes.IndexByte(rest, '\n')
		if nl < 0 {
			switch {
			case eof:
				nl = len(rest)
			case len(rest) >= e.maxEvent:
				e.overlong(rest)
				return len(data)
			default:
				return i
			}
		}
		if nl == 0 || !suspect(rest[:nl]) {
			if nl > 0 {
				e.counts.Application++
			}
			e.line++
			i += min(nl+1, len(rest))
			continue
		}
		final := eof || len(rest) >= e.maxEvent
		n := e.eventAt(rest, nl, final)
		if n == 0 {
			return i
		}
		i += n
		if e.n > 0 && !e.all || e.mode != plainMode {
			return i
		}
	}
	return i
}

// overlong takes the beginning of a line that is longer than any event.
func (e *engine) overlong(line []byte) {
	if has(line, "REPORT RequestId:") || bytes.Contains(line[:min(len(line), 4096)], []byte(`"platform.`)) {
		e.fail(fault{what: "log line", reason: "line is longer than any log event"}, e.line)
	} else {
		e.counts.Application++
		e.counts.Overlong++
	}
	e.mode = discardMode
}

// finish ends what the end of the input cut. It says whether there was such.
func (e *engine) finish() bool {
	mode := e.mode
	e.mode = plainMode
	switch mode {
	case discardMode:
		e.line++
	case streamMode:
		e.streamFault(nil, 0, true)
		e.line++
	default:
		return false
	}
	return true
}

// discard drops data up to a line end.
func (e *engine) discard(data []byte) int {
	i := bytes.IndexByte(data, '\n')
	if i < 0 {
		return len(data)
	}
	e.line++
	e.mode = plainMode
	return i + 1
}

// consumed counts the lines in what was read and returns its length.
func (e *engine) consumed(b []byte) int {
	n := int64(bytes.Count(b, []byte{'\n'}))
	if len(b) > 0 && b[len(b)-1] != '\n' {
		n++
	}
	e.line += n
	return len(b)
}

// through is the part of rest up to the end of the line in which rest[:n]
// ends.
func through(rest []byte, n int) []byte {
	if i := bytes.IndexByte(rest[n:], '\n'); i >= 0 {
		return rest[:n+i+1]
	}
	return rest
}

// eventAt reads the event that begins with the line rest[:nl]. It returns the
// bytes read, 0 where more are needed. final says that there are no more.
func (e *engine) eventAt(rest []byte, nl int, final bool) int {
	line := rest[:nl]
	if has(line, "REPORT ") {
		return e.joined(rest, nl, final)
	}
	if has(line, "START ") || has(line, "END ") {
		e.one(line, e.line)
		return e.consumed(rest[:min(nl+1, len(rest))])
	}
	if has(line, "EVENTS\t") {
		return e.cliEvent(rest, nl, final)
	}
	if e.header(line) {
		return e.consumed(rest[:min(nl+1, len(rest))])
	}
	var v View
	e.via = 0
	message, quoted := e.prefix(line, &v)
	at := nl - len(message)
	switch {
	case quoted:
		return e.quotedEvent(rest, at, final)
	case len(message) == 0:
	case message[0] == '{' || message[0] == '[':
		return e.json(rest, nl, at, final)
	case has(message, "REPORT"), has(message, "RequestId:"), has(message, "INIT_START"), has(message, "RESTORE_START"):
		return e.joined(rest, nl, final)
	case e.encoded(line), message[0] == '"' && e.quotedMessage(message):
		return e.consumed(rest[:min(nl+1, len(rest))])
	case bytes.IndexByte(message, 0x1B) >= 0 && bytes.Contains(message, []byte("REPORT")):
		return e.joined(rest, nl, final)
	}
	e.one(line, e.line)
	return e.consumed(rest[:min(nl+1, len(rest))])
}

// joined reads a line and those that continue it.
func (e *engine) joined(rest []byte, nl int, final bool) int {
	end := nl
	for end < len(rest) {
		next := rest[end+1:]
		if plainStart(next) || len(next) == 0 && e.clean {
			break
		}
		m := bytes.IndexByte(next, '\n')
		if m < 0 {
			if !final {
				return 0
			}
			m = len(next)
		}
		if m == 0 || !continuation(next[:m]) {
			break
		}
		end += 1 + m
	}
	e.one(rest[:end], e.line)
	if end == nl {
		e.line++
		return min(nl+1, len(rest))
	}
	return e.consumed(rest[:min(end+1, len(rest))])
}

// plainStart says, by a quick look, that b begins no continuation.
func plainStart(b []byte) bool {
	if len(b) < 8 {
		return false
	}
	switch b[0] {
	case 'R':
		return has(b, "REPORT R")
	case 'S':
		return has(b, "START Re")
	case 'I':
		return has(b, "INIT_")
	case 'E':
		return has(b, "END Requ")
	case 'X', 'D', 'B', 'M', 'F', ' ', '\t', '\\', '\r', '\n', 0x1B, 0xC2:
		return false
	}
	return true
}

// one parses one log event and keeps what it is.
func (e *engine) one(text []byte, line int64) {
	it := e.slot()
	it.v = View{LogStream: e.outer}
	e.depth, e.via, e.raw = 0, 0, nil
	e.keep(it, e.inner(text, &it.v), text, line)
}

// keep takes the verdict over the event in the slot.
func (e *engine) keep(it *item, result verdict, text []byte, line int64) {
	switch result {
	case platform:
		it.err = nil
		it.v.Raw = text
		if e.raw != nil {
			it.v.Raw = e.raw
		}
		it.v.Pos = record.Pos{File: e.file, Line: line}
		e.n++
		e.counts.Platform++
		if it.v.IsReport() {
			e.counts.Reports++
		}
		if it.v.Truncated {
			e.counts.Truncated++
		}
		e.note(text)
	case broken:
		e.fail(e.why, line)
	default:
		if separators(text) < len(text) {
			e.counts.Application++
		}
	}
}

// fail keeps a syntax error.
func (e *engine) fail(why fault, line int64) {
	it := e.slot()
	it.v = View{}
	it.err = why.syntaxError(record.Pos{File: e.file, Line: line})
	e.n++
	e.counts.Broken++
}

// note remembers the envelope of a record that was found in a line.
func (e *engine) note(text []byte) {
	switch {
	case e.within != 0:
		e.seen |= e.within
	case e.via&EnvelopeRun != 0:
		e.seen |= EnvelopeRun
	case e.via != 0:
		e.seen |= e.via
	case len(text) > 0 && text[0] == '{':
		e.seen |= EnvelopeJSONLines
	default:
		e.seen |= EnvelopeText
	}
}
