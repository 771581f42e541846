package parsers

import (
	"bytes"
	"encoding/base64"
	"io"

	"github.com/klauspost/compress/gzip"
)

// json reads the JSON text at rest[at:], behind the prefixes of a line. Values
// that end on the line are read there, several one after the other; one that
// goes on over lines is read as far as it goes.
func (e *engine) json(rest []byte, nl, at int, final bool) int {
	line := rest[:nl]
	lineEnd := min(nl+1, len(rest))
	if at == 0 {
		it := e.slot()
		it.v = View{}
		if result, ok := e.fastJSON(line, &it.v); ok {
			e.via, e.raw = 0, nil
			e.keep(it, result, line, e.line)
			e.line++
			return lineEnd
		}
	}
	j := jsonText{b: line, i: at}
	if j.skip(0) {
		e.jsonLine(line, at, j.i)
		return e.consumed(rest[:lineEnd])
	}
	if j.i < nl || e.line < e.noDocument {
		e.one(line, e.line)
		return e.consumed(rest[:lineEnd])
	}
	j = jsonText{b: rest, i: at}
	if j.skip(0) {
		whole := through(rest, j.i)
		if whole[len(whole)-1] != '\n' && !final {
			return 0
		}
		e.jsonLine(whole, at, j.i)
		return e.consumed(whole)
	}
	switch {
	case j.i < len(rest): // not valid
		e.noDocument = e.line + int64(bytes.Count(rest[:j.i], []byte{'\n'}))
		e.one(line, e.line)
		return e.consumed(rest[:lineEnd])
	case !final:
		return 0
	case !e.fragment(rest[at:]):
		e.noDocument = e.line + int64(bytes.Count(rest, []byte{'\n'}))
		e.cutDocument(line, rest[at:])
		return e.consumed(rest[:lineEnd])
	}
	e.doc = document{stack: e.doc.stack[:0], first: true}
	e.mode = streamMode
	return max(at, 0) + e.doc.enter(rest[at])
}

// cutDocument takes the first line of a JSON text that goes on over lines and
// was cut. Its other lines are read on their own.
func (e *engine) cutDocument(line, text []byte) {
	if bytes.Contains(text[:min(len(text), 4096)], []byte(`"platform.`)) {
		e.fail(fault{what: "platform JSON", reason: "JSON is cut or not valid"}, e.line)
		return
	}
	e.one(line, e.line)
}

// fragment says whether the beginning of a JSON text is worth reading as a
// document that was cut: an array, or an object that holds arrays of events.
func (e *engine) fragment(b []byte) bool {
	head := b[:min(len(b), 4096)]
	return b[0] == '[' || bytes.Contains(head, []byte(`vents"`)) || bytes.Contains(head, []byte(`"results"`))
}

// jsonLine reads the values in text[at:], the first of which ends at end. More
// may follow it on the same line, as Firehose writes them. With anything else
// behind it, the line is no JSON.
func (e *engine) jsonLine(text []byte, at, end int) {
	rest := text[end:]
	for len(rest) > 0 && (rest[0] == ',' || rest[0] == ']') {
		rest = rest[1:] // of an array whose beginning was cut
	}
	rest = rest[separators(rest):]
	if len(rest) > 0 && rest[0] != '{' && rest[0] != '[' {
		e.one(text, e.line)
		return
	}
	if at > 0 {
		var v View
		e.via = 0
		e.prefix(text, &v)
		if text[at] == '{' || isInsightsRow(text[at:end]) {
			e.prefixed(text[:end], v, text[at:end])
			return
		}
	}
	e.value(text[at:end], e.line)
	for len(rest) > 0 {
		j := jsonText{b: rest}
		if !j.skip(0) {
			e.one(rest, e.line)
			return
		}
		e.value(rest[:j.i], e.line)
		rest = rest[j.i:]
		rest = rest[separators(rest):]
	}
}

// prefixed reads a JSON value behind a prefix that v holds: the line is one
// log event.
func (e *engine) prefixed(text []byte, v View, value []byte) {
	it := e.slot()
	it.v = View{Timestamp: v.Timestamp, LogStream: v.LogStream}
	e.depth, e.raw = 0, nil
	if value[0] == '{' {
		e.keep(it, e.object(value, &it.v), text, e.line)
	} else {
		e.keep(it, e.array(value, &it.v), text, e.line)
	}
}

// value reads one whole JSON value: a platform event, a log event, a row, or a
// document that contains such.
func (e *engine) value(b []byte, line int64) {
	e.via, e.depth, e.raw = 0, 0, nil
	switch b[0] {
	case '{':
		e.objectValue(b, line)
	case '[':
		if isInsightsRow(b) {
			it := e.slot()
			it.v = View{LogStream: e.outer}
			e.via |= EnvelopeInsights
			j := jsonText{b: b}
			e.keep(it, e.insightsFields(&j, &it.v), b, line)
			return
		}
		e.elements(b, line, EnvelopeTelemetry)
	case '"':
		j := jsonText{b: b}
		text, escaped := j.str()
		e.one(e.plain(text, escaped), line)
	}
}

func (e *engine) objectValue(b []byte, line int64) {
	it := e.slot()
	it.v = View{LogStream: e.outer}
	if result, ok := e.fastJSON(b, &it.v); ok {
		e.keep(it, result, b, line)
		return
	}
	var o outline
	j := jsonText{b: b}
	if !e.outlineOf(&j, &o) {
		e.keep(it, foreign, b, line)
		return
	}
	outer := e.outer
	if o.stream != nil {
		e.outer = o.stream
	}
	switch {
	case kindOfJSON(o.kind) != "":
		e.keep(it, e.outlined(b, &o, &it.v), b, line)
	case o.events.found():
		envelope := EnvelopeEventsJSON
		if o.messageType {
			envelope = EnvelopeSubscription
		}
		e.elements(o.events.of(b), line, envelope)
	case o.results.found():
		e.elements(o.results.of(b), line, EnvelopeInsights)
	case o.tail != nil:
		e.decoded(o.tail, line)
	case o.awslogs.found():
		e.subscribed(o.awslogs.of(b), line)
	case o.hasMessage && o.source && !o.hasMillis && !o.strange && !o.level:
		e.keep(it, e.enveloped(&o, &it.v), b, line)
	default:
		e.keep(it, e.outlined(b, &o, &it.v), b, line)
	}
	e.outer = outer
}

// elements reads the elements of an array.
func (e *engine) elements(b []byte, line int64, envelope Envelope) {
	if e.nest >= maxEnvelopes {
		e.counts.Application++
		return
	}
	e.nest++
	within := e.within
	e.within = envelope
	j := jsonText{b: b, i: 1}
	at := 0
	for first := true; j.element(first); first = false {
		j.peek()
		from := j.i
		if !j.skip(0) {
			break
		}
		if !e.fixed {
			line += int64(bytes.Count(b[at:from], []byte{'\n'}))
			at = from
		}
		if c := b[from]; c == '{' || c == '[' || c == '"' {
			e.value(b[from:j.i], line)
		} else {
			e.counts.Application++
		}
	}
	e.within = within
	e.nest--
}

// subscribed reads {"data":"<base64 of gzip>"}, the event by which a
// subscription calls a function.
func (e *engine) subscribed(b []byte, line int64) {
	j := jsonText{b: b}
	if j.peek() != '{' {
		return
	}
	j.i++
	for first := true; ; first = false {
		key, _, ok := j.member(first)
		if !ok {
			return
		}
		if j.peek() == '"' && string(key) == "data" {
			e.decoded(e.plain(j.str()), line)
			continue
		}
		j.skip(1)
	}
}

// quotedMessage reads a line that is one JSON string with escapes, as jq prints
// a message.
func (e *engine) quotedMessage(b []byte) bool {
	j := jsonText{b: b}
	if _, escaped := j.str(); !escaped || !j.done() {
		return false
	}
	e.value(b, e.line)
	return true
}

// minEncoded is the least length of a line that is tried as base64: shorter
// ones hold no platform line.
const minEncoded = 40

// encoded reads a line that is nothing but base64, as LogResult is, in quotes
// or not. It reports false where the line is anything else.
func (e *engine) encoded(line []byte) bool {
	text := bytes.Trim(line, " \t\r\"")
	if len(text) < minEncoded || len(text)%4 != 0 || e.nest >= maxEnvelopes {
		return false
	}
	for _, c := range bytes.TrimRight(text, "=") {
		if c|0x20-'a' >= 26 && c-'0' >= 10 && c != '+' && c != '/' {
			return false
		}
	}
	return e.decoded(text, e.line)
}

// maxDecoded bounds what a compressed payload may grow to.
const maxDecoded = 16 << 20

// decoded reads a base64 text: the lines of a tail, or a compressed payload.
func (e *engine) decoded(text []byte, line int64) bool {
	data := make([]byte, base64.StdEncoding.DecodedLen(len(text)))
	n, err := base64.StdEncoding.Decode(data, text)
	if err != nil || e.nest >= maxEnvelopes {
		return false
	}
	data = data[:n]
	if has(data, gzipMagic) {
		r, err := gzip.NewReader(bytes.NewReader(data))
		if err != nil {
			return false
		}
		// What can be read of a cut payload is read; the rest is missing from
		// the input, not from us.
		data, _ = io.ReadAll(io.LimitReader(r, maxDecoded))
	} else if !bytes.Contains(data, []byte("RequestId: ")) && !bytes.Contains(data, []byte(`"platform.`)) {
		return false
	}
	e.nested(data, line)
	return true
}

// nested reads lines that were inside one line.
func (e *engine) nested(data []byte, line int64) {
	inner := engine{file: e.file, maxEvent: e.maxEvent, all: true, line: line, fixed: true, out: e.out, n: e.n}
	inner.within, inner.nest, inner.outer = e.within, e.nest+1, e.outer
	if inner.within == 0 {
		inner.within = EnvelopeBase64
	}
	for len(data) > 0 {
		n := inner.step(data, true)
		if n == 0 {
			break
		}
		data = data[n:]
	}
	inner.finish()
	for i := e.n; i < inner.n; i++ {
		inner.out[i].v.Pos.Line = line
		if err := inner.out[i].err; err != nil {
			err.Pos.Line = line
		}
	}
	e.out, e.n = inner.out, inner.n
	inner.counts.Lines = 0
	e.counts.Add(inner.counts)
	e.seen |= inner.seen
}
