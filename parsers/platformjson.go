package parsers

import "coldbench/record"

// span is a part of a text, by offsets; the zero value is "not there".
type span struct{ from, to int }

func (s span) of(b []byte) []byte { return b[s.from:s.to] }
func (s span) found() bool        { return s.to > 0 }

// outline is what the members of a JSON object on the top level tell: which
// schema it is, and where its parts are.
type outline struct {
	kind      []byte // the string "type"
	time      []byte // the string "time", or else "timestamp"
	millis    int64  // the integer "timestamp"
	hasMillis bool
	record    span

	message    []byte // the string "message", still escaped
	escaped    bool
	hasMessage bool
	level      bool // a logger's level stands there
	stream     []byte
	source     bool // the string "source": an event of ours
	strange    bool // a member that no log event has

	insights bool   // members whose names begin with @
	events   span   // the array "events" or "logEvents"
	results  span   // the array "results"
	tail     []byte // the string "LogResult"
	awslogs  span   // the object "awslogs"

	messageType bool // of a subscription's payload
}

// outlineOf walks the members of the object that begins at j.
func (p *parser) outlineOf(j *jsonText, o *outline) bool {
	if !j.open('{') {
		return false
	}
	for first := true; ; first = false {
		key, escaped, ok := j.member(first)
		if !ok {
			return !j.bad
		}
		c := j.peek()
		from := j.i
		if c == '"' {
			text, esc := j.str()
			if j.bad {
				return false
			}
			p.outlineText(o, p.plain(key, escaped), text, esc, span{from, j.i})
			continue
		}
		if !j.skip(1) {
			return false
		}
		o.member(p.plain(key, escaped), c, j.b[from:j.i], span{from, j.i})
	}
}

// outlineText takes a member whose value is a string.
func (p *parser) outlineText(o *outline, key, text []byte, escaped bool, s span) {
	switch string(key) {
	case "type":
		o.kind = p.plain(text, escaped)
	case "time":
		o.time = p.plain(text, escaped)
	case "timestamp":
		if o.time == nil {
			o.time = p.plain(text, escaped)
		}
	case "record":
		o.record = s
	case "message":
		o.message, o.escaped, o.hasMessage = text, escaped, true
	case "level", "severity", "lvl":
		o.level = true
	case "logStreamName", "logStream":
		o.stream = p.plain(text, escaped)
	case "source":
		o.source = true
	case "LogResult", "logResult":
		o.tail = p.plain(text, escaped)
	case "eventId", "id", "requestId", "logGroup", "logGroupName", "logGroupIdentifier", "owner":
	case "messageType":
		o.messageType = true
	default:
		o.other(key)
	}
}

func (o *outline) other(key []byte) {
	if len(key) > 0 && key[0] == '@' {
		o.insights = true
		return
	}
	o.strange = true
}

// member takes a member whose value is no string; c is its first byte.
func (o *outline) member(key []byte, c byte, text []byte, s span) {
	if c == 'n' {
		return // null is absence
	}
	switch string(key) {
	case "record":
		o.record = s
	case "timestamp":
		if ms, n := integer(text); n == len(text) {
			o.millis, o.hasMillis = ms, true
		}
	case "events", "logEvents":
		if c == '[' {
			o.events = s
		}
	case "results":
		if c == '[' {
			o.results = s
		}
	case "awslogs":
		o.awslogs = s
	case "level", "severity", "lvl":
		o.level = true
	case "ingestionTime", "id", "extractedFields":
	default:
		o.other(key)
	}
}

// integer reads decimal digits that fit an int64.
func integer(b []byte) (x int64, n int) {
	for n < len(b) && n < 18 && b[n]-'0' < 10 {
		x = x*10 + int64(b[n]-'0')
		n++
	}
	return x, n
}

// kindOfJSON maps the "type" of a JSON line to its kind, "" where it is no
// platform event.
func kindOfJSON(t []byte) record.PlatformKind {
	const prefix = "platform."
	if !has(t, prefix) {
		return ""
	}
	switch string(t[len(prefix):]) {
	case "report":
		return kindJSONReport
	case "start":
		return kindJSONStart
	case "runtimeDone":
		return kindJSONRuntimeDone
	case "end":
		return kindJSONEnd
	case "fault":
		return kindJSONFault
	case "initStart":
		return kindJSONInitStart
	case "initRuntimeDone":
		return kindJSONInitRuntimeDone
	case "initReport":
		return kindJSONInitReport
	case "restoreStart":
		return kindJSONRestoreStart
	case "restoreRuntimeDone":
		return kindJSONRestoreRuntimeDone
	case "restoreReport":
		return kindJSONRestoreReport
	case "extension":
		return kindJSONExtension
	case "telemetrySubscription":
		return kindJSONTelemetry
	case "logsSubscription":
		return kindJSONLogs
	case "logsDropped":
		return kindJSONLogsDropped
	}
	return kindJSONOther
}

// platformJSON parses a JSON object of type platform.*, whose record is at
// recordText.
func (p *parser) platformJSON(kind record.PlatformKind, instant, recordText []byte, v *View) verdict {
	v.Kind = kind
	var result verdict
	switch recordText[0] {
	case '"':
		result = p.stringRecord(kind, recordText, v)
	case '{':
		result = p.objectRecord(kind, recordText, v)
	default:
		result = p.broken("platform JSON", noLabel, snippet(recordText), "record is neither an object nor a text")
	}
	if result == platform && instant != nil {
		if t, n := isoTime(instant); n > 0 && n == len(instant) {
			v.Timestamp = t
		}
	}
	return result
}

// stringRecord parses the records of the old Logs API that are text lines.
func (p *parser) stringRecord(kind record.PlatformKind, text []byte, v *View) verdict {
	j := jsonText{b: text}
	line := p.plain(j.str())
	var inner View
	switch kind {
	case kindJSONReport, kindJSONStart, kindJSONEnd:
		if p.text(line[separators(line):], &inner) != platform || inner.Kind != TextKind(kind) {
			return p.broken("platform JSON", noLabel, snippet(line), "record is no line of its kind")
		}
	case kindJSONFault:
		if p.text(line[separators(line):], &inner) != platform {
			inner = View{}
		}
	}
	inner.Kind, inner.Timestamp, inner.LogStream = kind, v.Timestamp, v.LogStream
	*v = inner
	return platform
}

// objectRecord parses the record of a platform event.
func (p *parser) objectRecord(kind record.PlatformKind, text []byte, v *View) verdict {
	j := jsonText{b: text}
	return p.objectAt(kind, &j, v)
}

// objectAt parses the record that begins at j.
func (p *parser) objectAt(kind record.PlatformKind, j *jsonText, v *View) verdict {
	j.i++
	for first := true; ; first = false {
		key, escaped, ok := j.member(first)
		if !ok {
			return platform
		}
		if escaped {
			key = p.plain(key, true)
		}
		c := j.peek()
		switch {
		case c == '"':
			value, esc := j.str()
			if len(value) > 0 {
				p.recordText(kind, key, value, esc, v)
			}
		case c == '{' && string(key) == "metrics" && measured(kind):
			if result := p.metrics(kind, j, v); result != platform {
				return result
			}
		case c == '{' && string(key) == "tracing":
			p.tracing(j, v)
		case c != 'n' && string(key) == "metrics" && measured(kind):
			return p.broken("platform JSON", noLabel, snippet(j.b[j.i:]), "metrics is no object")
		default:
			j.skip(1)
		}
	}
}

// measured says whether the metrics of this kind are among our fields.
func measured(kind record.PlatformKind) bool {
	switch kind {
	case kindJSONReport, kindJSONRuntimeDone, kindJSONInitReport, kindJSONRestoreReport:
		return true
	}
	return false
}

// recordText takes a text member of a record, as far as the kind has it.
func (p *parser) recordText(kind record.PlatformKind, key, value []byte, escaped bool, v *View) {
	switch string(key) {
	case "requestId":
		v.RequestID = p.plain(value, escaped)
		return
	case "initializationType":
		v.InitializationType = p.plain(value, escaped)
		return
	}
	switch kind {
	case kindJSONOther, kindJSONTelemetry, kindJSONLogs, kindJSONLogsDropped:
		return
	}
	switch string(key) {
	case "status":
		v.Status = p.plain(value, escaped)
	case "errorType":
		v.ErrorType = p.plain(value, escaped)
	case "phase":
		v.Phase = p.plain(value, escaped)
	case "runtimeVersion":
		v.RuntimeVersion = p.plain(value, escaped)
	case "runtimeVersionArn":
		v.RuntimeVersionARN = p.plain(value, escaped)
	}
}
