package parsers

import (
	"bytes"

	"coldbench/record"
)

// verdict is what a piece of text turned out to be.
type verdict uint8

const (
	foreign  verdict = iota // an application's line, or none at all
	platform                // a platform record
	broken                  // begins as a platform line, but can't be trusted
)

// parser holds what one parse needs: memory for texts that had to be
// rewritten, and the reason of the last broken verdict.
type parser struct {
	arena []byte
	why   fault
	depth int      // of envelopes within envelopes
	via   Envelope // what the last event was wrapped in, if anything
	raw   []byte   // the message of the last event that had an envelope
}

// fault says why a line is broken.
type fault struct {
	what   string // the kind of line
	label  label
	reason string
	found  []byte
}

func (p *parser) broken(what string, l label, found []byte, reason string) verdict {
	p.why = fault{what: what, label: l, found: found, reason: reason}
	return broken
}

// text parses b, which begins with a head where it is a platform line at all:
// prefixes are gone. The Timestamp of v, if any, came from the prefix.
func (p *parser) text(b []byte, v *View) verdict {
	if len(b) < 4 {
		return foreign
	}
	switch b[0] {
	case 'R':
		return p.headR(b, v)
	case 'S':
		if rest, ok := head(b, "START"); ok {
			v.Kind = record.KindStart
			return p.startEnd("START line", rest, v)
		}
	case 'E':
		return p.headE(b, v)
	case 'I':
		return p.headI(b, v)
	case 'X':
		if has(b, "XRAY TraceId:") || matchFlexible(b, "XRAY TraceId:") > 0 {
			v.Kind = record.KindOther
			return p.fields(b, v, walk{what: "XRAY line"})
		}
	case 'L', 'T':
		rest, ok := head(b, "TELEMETRY")
		if !ok {
			rest, ok = head(b, "LOGS")
		}
		if ok && has(rest, "Name:") {
			v.Kind = record.KindOther
			return platform
		}
	}
	if !v.Timestamp.IsZero() {
		return p.taskTimedOut(b, v)
	}
	return foreign
}

// head removes the word and the separators behind it. It does not match where
// the word goes on.
func head(b []byte, word string) ([]byte, bool) {
	if !has(b, word) {
		return nil, false
	}
	n := separators(b[len(word):])
	if n == 0 {
		return nil, false
	}
	return b[len(word)+n:], true
}

func (p *parser) headR(b []byte, v *View) verdict {
	if has(b, "REPORT RequestId: ") {
		v.Kind = record.KindReport
		return p.report(b[len("REPORT RequestId: "):], v)
	}
	if rest, ok := head(b, "REPORT"); ok {
		return p.reportHead(rest, v)
	}
	if has(b, "RequestId:") {
		return p.failure(b[len("RequestId:"):], v)
	}
	if rest, ok := head(b, "RESTORE_REPORT"); ok {
		v.Kind = record.KindRestoreReport
		return p.labelled(rest, v, walk{what: "RESTORE_REPORT line", duration: labelRestore})
	}
	for _, word := range [...]string{"RESTORE_START", "RESTORE_RUNTIME_DONE"} {
		if rest, ok := head(b, word); ok {
			v.Kind = record.KindOther
			return p.labelled(rest, v, walk{what: word + " line"})
		}
	}
	return p.unheaded(b, v)
}

func (p *parser) headE(b []byte, v *View) verdict {
	if rest, ok := head(b, "END"); ok {
		if l, _ := matchLabel(rest); l == labelDuration { // Serverless Framework 3 prints REPORT so
			v.Kind = record.KindReport
			return p.fields(rest, v, walk{what: "END line"})
		}
		v.Kind = record.KindEnd
		return p.startEnd("END line", rest, v)
	}
	if rest, ok := head(b, "EXTENSION"); ok && has(rest, "Name:") {
		v.Kind = record.KindOther
		return platform
	}
	return p.unheaded(b, v)
}

func (p *parser) headI(b []byte, v *View) verdict {
	if rest, ok := head(b, "INIT_START"); ok {
		v.Kind = record.KindInitStart
		return p.labelled(rest, v, walk{what: "INIT_START line"})
	}
	if rest, ok := head(b, "INIT_REPORT"); ok {
		v.Kind = record.KindInitReport
		return p.labelled(rest, v, walk{what: "INIT_REPORT line", duration: labelInit})
	}
	if rest, ok := head(b, "INIT_RUNTIME_DONE"); ok {
		v.Kind = record.KindOther
		return p.labelled(rest, v, walk{what: "INIT_RUNTIME_DONE line"})
	}
	if rest, ok := head(b, "IMAGE"); ok && imageFault(rest) {
		v.Kind = record.KindOther
		return platform
	}
	return p.unheaded(b, v)
}

func (p *parser) unheaded(b []byte, v *View) verdict {
	if v.Timestamp.IsZero() {
		return foreign
	}
	return p.taskTimedOut(b, v)
}

// imageFault recognises what follows IMAGE in the log of a container image
// that could not be started.
func imageFault(b []byte) bool {
	for _, s := range [...]string{"Launch error:", "Invalid task config", "Invalid ", "Entrypoint:", "Cmd:", "WorkingDir:"} {
		if has(b, s) {
			return true
		}
	}
	return false
}

// labelled parses the fields of a line that must begin with a known label: the
// word before it alone would prove nothing.
func (p *parser) labelled(b []byte, v *View, w walk) verdict {
	if l, _ := matchLabel(b); l == noLabel || l == labelRequestID {
		if len(b) < len("Runtime Version:") && cutLabel(bytes.TrimRight(b, "\r\n")) {
			v.Truncated = true
			return platform
		}
		return foreign
	}
	return p.fields(b, v, w)
}

// reportHead parses what follows REPORT where the usual "RequestId: " does not.
func (p *parser) reportHead(b []byte, v *View) verdict {
	v.Kind = record.KindReport
	if has(b, "- ") { // Serverless Framework 4
		return p.report(b[2:], v)
	}
	switch l, n := matchLabel(b); l {
	case noLabel:
		return foreign
	case labelRequestID:
		return p.report(b[n:], v)
	}
	return p.fields(b, v, walk{what: "REPORT line"})
}

func (p *parser) report(b []byte, v *View) verdict {
	rest, ok := p.requestID(b, v, true)
	if !ok {
		return p.broken("REPORT line", labelRequestID, token(b), "not a request id")
	}
	return p.fields(rest, v, walk{what: "REPORT line"})
}

// startEnd parses what follows START or END.
func (p *parser) startEnd(what string, b []byte, v *View) verdict {
	switch {
	case has(b, "RequestId:"):
		b = b[len("RequestId:"):]
	case has(b, "- "):
		b = b[2:]
	default:
		l, n := matchLabel(b)
		if l != labelRequestID {
			return foreign
		}
		b = b[n:]
	}
	rest, ok := p.requestID(b, v, false)
	if !ok {
		return p.broken(what, labelRequestID, token(b), "not a request id")
	}
	if v.Kind == record.KindStart && len(rest) > 0 && rest[0] == '\t' {
		v.Emulator = true // the runtime interface emulator alone prints a tab here
	}
	if bytes.Contains(rest, []byte("RequestId:")) || anotherHead(rest) {
		return p.broken(what, labelRequestID, nil, "two records on one line")
	}
	return platform
}

// The statuses that faults without a Status label mean.
var (
	statusError   = []byte("error")
	statusTimeout = []byte("timeout")
)

// failure parses what follows "RequestId:" at the start of a line: the lines
// that tell of a function that died.
func (p *parser) failure(b []byte, v *View) verdict {
	v.Kind = record.KindOther
	rest, ok := p.requestID(b, v, false)
	if !ok {
		return foreign
	}
	rest = rest[separators(rest):]
	switch {
	case has(rest, "Error:"):
		v.Status = statusError
		v.ErrorType = lastErrorType(rest[len("Error:"):])
		return platform
	case has(rest, "Process exited before completing request"):
		v.Status = statusError
		return platform
	case v.Emulator && has(rest, "Duration:"): // serverless-offline prints REPORT so
		v.Kind = record.KindReport
		return p.fields(rest, v, walk{what: "REPORT line"})
	case has(rest, "Status:"):
		return p.fields(rest, v, walk{what: "fault line"})
	}
	return foreign
}

// lastErrorType finds the error type that the last word of a fault line is.
func lastErrorType(b []byte) []byte {
	b = bytes.TrimRight(b, " \t\r\n")
	if has(b[max(0, len(b)-2):], "\\n") {
		b = b[:len(b)-2]
	}
	start := len(b)
	for start > 0 && idByte[b[start-1]] {
		start--
	}
	if start > 0 && separators(b[start-1:start]) == 0 {
		if start < 2 || b[start-1] != '\\' && separators(b[start-2:start]) == 0 {
			return nil
		}
		start++ // the letter of the escape
	}
	if start <= len(b) && knownErrorFamily(b[start:]) {
		return b[start:]
	}
	return nil
}

// taskTimedOut parses the line that older time-outs print, behind its time:
// an id and "Task timed out after 3.00 seconds".
func (p *parser) taskTimedOut(b []byte, v *View) verdict {
	n := 0
	for n < len(b) && idByte[b[n]] {
		n++
	}
	s := separators(b[n:])
	if n == 0 || s == 0 || !idByte[b[0]] || !has(b[n+s:], "Task timed out after ") {
		return foreign
	}
	rest := b[n+s+len("Task timed out after "):]
	_, m, ok := decimal(rest)
	if !ok || !has(rest[m:], " second") {
		return foreign
	}
	v.Kind = record.KindOther
	v.RequestID = b[:n]
	v.Status = statusTimeout
	return platform
}
