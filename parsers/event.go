package parsers

import (
	"bytes"

	"coldbench/record"
)

// maxEnvelopes bounds envelopes within envelopes.
const maxEnvelopes = 4

// ParseEvent parses one whole log event, which may hold line ends: a text line
// with its X-Ray line, or a JSON object, both with the prefixes and in the
// envelopes that tools put around them. It fills p and reports true where the
// event is a platform line. Otherwise p is zero: an application's line and a
// broken platform line are told apart by Scanner, which says why.
//
// The texts of p share nothing with text. Concurrent calls are safe.
func ParseEvent(text []byte, p *record.Platform) bool {
	var v View
	*p = record.Platform{}
	var ps parser
	if ps.event(text, &v) != platform {
		return false
	}
	v.Raw = text
	v.Platform(p)
	return true
}

// event parses one log event into v, which is reset.
func (p *parser) event(b []byte, v *View) verdict {
	*v = View{}
	p.depth, p.via, p.raw = 0, 0, nil
	return p.inner(b, v)
}

// inner parses a message whose envelope has filled Timestamp and LogStream.
func (p *parser) inner(b []byte, v *View) verdict {
	if has(b, "REPORT RequestId") && has(b[16:], ": ") {
		instant, stream := v.Timestamp, v.LogStream
		if fastReport(b[len("REPORT RequestId: "):], v) {
			return platform
		}
		*v = View{Timestamp: instant, LogStream: stream}
		result := p.text(b, v)
		if result != foreign && bytes.IndexByte(b, 0x1B) < 0 {
			return result
		}
		*v = View{Timestamp: instant, LogStream: stream}
	}
	if (has(b, "START RequestId: ") || has(b, "END RequestId: ")) && bytes.IndexByte(b, 0x1B) < 0 {
		return p.text(b, v)
	}
	b = p.stripped(b)
	if message, ok := cliText(b, v); ok {
		return p.message(message, v)
	}
	return p.message(b, v)
}

// message removes prefixes and parses what follows.
func (p *parser) message(b []byte, v *View) verdict {
	b, quoted := p.prefix(b, v)
	if quoted {
		b = p.unquoted(b)
	}
	if len(b) == 0 {
		return foreign
	}
	switch b[0] {
	case '{':
		return p.object(b, v)
	case '[':
		return p.array(b, v)
	}
	return p.text(b, v)
}

// unquoted is the text of a CSV field whose opening quote is gone: up to the
// closing quote, with doubled quotes made one.
func (p *parser) unquoted(b []byte) []byte {
	i := bytes.IndexByte(b, '"')
	if i < 0 {
		return b
	}
	if i+1 == len(b) || b[i+1] != '"' {
		return b[:i]
	}
	start := len(p.arena)
	for i := 0; i < len(b); i++ {
		if b[i] == '"' {
			if i+1 == len(b) || b[i+1] != '"' {
				break
			}
			i++
		}
		p.arena = append(p.arena, b[i])
	}
	return p.arena[start:len(p.arena):len(p.arena)]
}

// object parses a JSON object: a platform event, a log event in its envelope,
// or a row of Logs Insights.
func (p *parser) object(b []byte, v *View) verdict {
	if result, ok := p.fastJSON(b, v); ok {
		return result
	}
	j := jsonText{b: b}
	var o outline
	if !p.outlineOf(&j, &o) || !j.done() {
		if bytes.Contains(b, []byte(`"platform.`)) && o.message == nil && !o.level {
			return p.broken("platform JSON", noLabel, snippet(b[min(j.i, len(b)):]), "JSON is cut or not valid")
		}
		return foreign
	}
	return p.outlined(b, &o, v)
}

// outlined decides by the outline what the object is.
func (p *parser) outlined(b []byte, o *outline, v *View) verdict {
	if kind := kindOfJSON(o.kind); kind != "" {
		if !o.record.found() {
			return foreign
		}
		if o.time == nil && o.hasMillis {
			v.Timestamp = millis(o.millis)
		}
		return p.platformJSON(kind, o.time, o.record.of(b), v)
	}
	switch {
	case o.insights && !o.hasMessage:
		j := jsonText{b: b}
		return p.insightsObject(&j, v)
	case o.hasMessage && o.hasMillis && !o.level && o.kind == nil && p.depth < maxEnvelopes:
		return p.enveloped(o, v)
	}
	return foreign
}

// enveloped parses the message of a log event.
func (p *parser) enveloped(o *outline, v *View) verdict {
	p.depth++
	if o.hasMillis {
		v.Timestamp = millis(o.millis)
	}
	if o.stream != nil {
		v.LogStream = o.stream
	}
	p.via |= EnvelopeEventsJSON
	if !o.hasMillis {
		p.via |= EnvelopeRun
	}
	p.raw = p.plain(o.message, o.escaped)
	return p.inner(p.raw, v)
}

// array parses a JSON array that is one event: a row of Logs Insights.
func (p *parser) array(b []byte, v *View) verdict {
	j := jsonText{b: b}
	if !j.skip(0) || !j.done() || !isInsightsRow(b) {
		return foreign
	}
	j = jsonText{b: b}
	return p.insightsFields(&j, v)
}

// isInsightsRow looks for the member "field" in the first element.
func isInsightsRow(b []byte) bool {
	j := jsonText{b: b}
	if !j.open('[') || !j.element(true) || j.peek() != '{' {
		return false
	}
	j.i++
	key, _, ok := j.member(true)
	return ok && (string(key) == "field" || string(key) == "value")
}
