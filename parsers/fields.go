package parsers

import "bytes"

// walk says how the fields of one line are read.
type walk struct {
	what     string // the kind of line, for errors
	duration label  // what a bare "Duration:" means; 0 is itself
	seen     uint32 // labels found so far
}

// fields walks b label by label, in any order, and fills v. Unknown labels are
// skipped with their values; a remark behind the record is ignored; a label
// that comes twice, a value that is none, or a second record break the line.
func (p *parser) fields(b []byte, v *View, w walk) verdict {
	for {
		// Subtle: the usual case first, one tab, to keep the loop short.
		if len(b) > 1 && b[0] == '\t' && b[1] > ' ' && b[1] != '\\' {
			b = b[1:]
		} else {
			b = b[separators(b):]
		}
		if len(b) == 0 {
			return platform
		}
		l, n := matchLabel(b)
		if l == noLabel {
			rest, verdict := p.unknown(b, v, &w)
			if verdict != platform {
				return verdict
			}
			b = rest
			continue
		}
		if l == labelDuration && w.duration != 0 {
			l = w.duration
		}
		if l != labelForeign {
			if w.seen&(1<<l) != 0 {
				return p.broken(w.what, l, nil, "stands there twice")
			}
			w.seen |= 1 << l
		}
		var verdict verdict
		if l <= labelBilledRestore {
			b, verdict = p.quantity(b[n:], v, l, &w)
		} else {
			b, verdict = p.word(b[n:], v, l, &w)
		}
		if verdict != platform {
			return verdict
		}
	}
}

// quantity reads a number and its unit.
func (p *parser) quantity(b []byte, v *View, l label, w *walk) ([]byte, verdict) {
	if len(b) > 1 && b[0] == ' ' && b[1] > ' ' {
		b = b[1:]
	} else {
		b = b[separators(b):]
	}
	x, n, ok := decimal(b)
	rest := b[n:]
	if atEnd(rest) && (ok || n == 0 || cutNumber(b)) {
		v.Truncated = true
		return nil, platform
	}
	if !ok {
		return nil, p.broken(w.what, l, snippet(b), "not a number")
	}
	if len(rest) > 3 && rest[0] == ' ' && rest[1] > ' ' {
		rest = rest[1:]
	} else {
		rest = rest[separators(rest):]
	}
	first, second := byte('m'), byte('s')
	if l == labelMemory || l == labelMaxMemory {
		first, second = 'M', 'B'
	}
	if len(rest) < 2 || rest[0] != first || rest[1] != second {
		if len(rest) > 0 && rest[0] == first && atEnd(rest[1:]) {
			v.Truncated = true
			return nil, platform
		}
		return nil, p.broken(w.what, l, snippet(b), "wrong or missing unit")
	}
	rest = rest[2:]
	if len(rest) > 0 && (rest[0]-'a' < 26 || rest[0]-'0' < 10) {
		return nil, p.broken(w.what, l, snippet(b), "wrong unit")
	}
	v.set(l, x)
	if l == labelDuration && w.seen&(1<<labelInit) != 0 && v.IsReport() {
		v.Emulator = true // AWS prints Init Duration last
	}
	return rest, platform
}

// set stores a quantity.
func (v *View) set(l label, x float64) {
	switch l {
	case labelDuration:
		v.DurationMs.Value, v.DurationMs.Valid = x, true
	case labelBilled:
		v.BilledDurationMs.Value, v.BilledDurationMs.Valid = x, true
	case labelMemory:
		v.MemorySizeMB.Value, v.MemorySizeMB.Valid = x, true
	case labelMaxMemory:
		v.MaxMemoryUsedMB.Value, v.MaxMemoryUsedMB.Valid = x, true
	case labelInit:
		v.InitDurationMs.Value, v.InitDurationMs.Valid = x, true
	case labelRestore:
		v.RestoreDurationMs.Value, v.RestoreDurationMs.Valid = x, true
	case labelBilledRestore:
		v.BilledRestoreDurationMs.Value, v.BilledRestoreDurationMs.Valid = x, true
	}
}

// atEnd says whether only line ends follow.
func atEnd(b []byte) bool {
	for _, c := range b {
		if c != '\n' && c != '\r' {
			return false
		}
	}
	return true
}

// cutNumber says whether b is a number that was cut behind its dot.
func cutNumber(b []byte) bool {
	b = bytes.TrimRight(b, "\r\n")
	return len(b) > 1 && len(b) <= maxDigits && b[len(b)-1] == '.' && bytes.IndexByte(b, '.') == len(b)-1
}

// snippet is the beginning of b that an error shows.
func snippet(b []byte) []byte {
	for i, c := range b {
		if c == '\t' || c == '\n' || c == '\r' || i == 40 {
			return b[:i]
		}
	}
	return b
}

// word reads a value that is no quantity.
func (p *parser) word(b []byte, v *View, l label, w *walk) ([]byte, verdict) {
	b = b[separators(b):]
	if len(b) == 0 {
		v.Truncated = v.Truncated || l != labelARN
		return nil, platform
	}
	if next, _ := matchLabel(b); next != noLabel {
		return b, platform // an empty value
	}
	switch l {
	case labelRequestID:
		return nil, p.broken(w.what, l, nil, "stands there twice")
	case labelStatus, labelPhase:
		return p.status(b, v, l), platform
	case labelErrorType:
		return errorType(b, v), platform
	case labelTraceID:
		return traceID(b, v), platform
	case labelSegmentID:
		return segmentID(b, v), platform
	case labelSampled:
		return sampled(b, v), platform
	case labelVersion:
		v.RuntimeVersion = token(b)
		return b[len(v.RuntimeVersion):], platform
	case labelARN:
		return runtimeARN(b, v), platform
	case labelInitType:
		v.InitializationType = token(b)
		return b[len(v.InitializationType):], platform
	}
	return skipForeign(b), platform
}

// status reads a word of small letters. At the very end of the line a part of
// a known word was cut, and is dropped.
func (p *parser) status(b []byte, v *View, l label) []byte {
	n := 0
	for n < len(b) && (b[n]-'a' < 26 || b[n] == '-' || b[n] == '_') {
		n++
	}
	if n == 0 {
		n = len(token(b))
	}
	value, rest := b[:n], b[n:]
	known := [...]string{"success", "failure", "error", "timeout"}
	if l == labelPhase {
		known = [...]string{"init", "invoke", "", ""}
	}
	if atEnd(rest) {
		for _, k := range known {
			if len(value) < len(k) && k[:len(value)] == string(value) {
				v.Truncated = true
				return nil
			}
		}
	}
	if l == labelPhase {
		v.Phase = value
	} else {
		v.Status = value
	}
	return rest
}

// errorTypes are the types that the platform itself assigns; they serve to
// recognise one that was cut.
var errorTypes = [...]string{
	"Runtime.ExitError", "Runtime.OutOfMemory", "Runtime.ImportModuleError", "Runtime.UserCodeSyntaxError",
	"Runtime.HandlerNotFound", "Runtime.InvalidEntrypoint", "Runtime.InvalidWorkingDir", "Runtime.Unknown",
	"Runtime.MalformedHandlerName", "Runtime.UnhandledPromiseRejection", "Runtime.AfterRestoreError",
	"Runtime.BeforeCheckpointError", "Runtime.NodejsExit", "Runtime.InitError", "Runtime.MarshalError",
	"Runtime.UnmarshalError", "Runtime.TruncatedResponse", "Extension.Crash", "Extension.LaunchError",
	"Extension.InitError", "Extension.ExitError", "Extension.InitCrash", "Sandbox.Timeout", "Sandbox.Timedout",
	"Sandbox.Failure", "Sandbox.Rapid", "Function.Unknown", "Function.ResponseSizeTooLarge",
}

// knownErrorFamily says whether b is of the form Runtime.ExitError.
func knownErrorFamily(b []byte) bool {
	for _, family := range [...]string{"Runtime.", "Extension.", "Sandbox.", "Function."} {
		if has(b, family) && len(b) > len(family) {
			return true
		}
	}
	return false
}

func errorType(b []byte, v *View) []byte {
	value := token(b)
	if i := bytes.Index(value, []byte("XRAY")); i > 0 && i == len(value)-4 && separators(b[len(value):]) > 0 {
		value = value[:i] // glued
	}
	rest := b[len(value):]
	if atEnd(rest) && cutErrorType(value) {
		v.Truncated = true
		return nil
	}
	v.ErrorType = value
	return rest
}

func cutErrorType(value []byte) bool {
	if len(value) > 0 && value[len(value)-1] == '.' {
		return true
	}
	for _, t := range errorTypes {
		if len(value) < len(t) && t[:len(value)] == string(value) {
			return true
		}
	}
	return false
}

// traceIDLength is that of 1-8hex-24hex.
const traceIDLength = 35

func traceID(b []byte, v *View) []byte {
	value := alnumDash(b)
	switch {
	case len(value) >= traceIDLength && validTraceID(value[:traceIDLength]):
		v.XRayTraceID = value[:traceIDLength]
		return b[traceIDLength:]
	case atEnd(b[len(value):]):
		v.Truncated = true
		return nil
	}
	return b[len(token(b)):]
}

// validTraceID checks the form 1-8-24. The documentation writes ids with
// letters beyond f, so letters and digits will do.
func validTraceID(b []byte) bool {
	if len(b) != traceIDLength || b[0] != '1' || b[1] != '-' || b[10] != '-' {
		return false
	}
	return bytes.IndexByte(b[2:10], '-') < 0 && bytes.IndexByte(b[11:], '-') < 0
}

func alnumDash(b []byte) []byte {
	for i, c := range b {
		if c|0x20-'a' >= 26 && c-'0' >= 10 && c != '-' {
			return b[:i]
		}
	}
	return b
}

const segmentIDLength = 16

func segmentID(b []byte, v *View) []byte {
	value := alnumDash(b)
	switch {
	case len(value) >= segmentIDLength && bytes.IndexByte(value[:segmentIDLength], '-') < 0:
		v.XRaySegmentID = value[:segmentIDLength]
		return b[segmentIDLength:]
	case atEnd(b[len(value):]):
		v.Truncated = true
		return nil
	}
	return b[len(token(b)):]
}

func sampled(b []byte, v *View) []byte {
	for _, s := range [...]string{"true", "false"} {
		if has(b, s) {
			v.XRaySampled.Value, v.XRaySampled.Valid = s == "true", true
			return b[len(s):]
		}
	}
	value := token(b)
	if atEnd(b[len(value):]) {
		v.Truncated = true
		return nil
	}
	return b[len(value):]
}

// runtimeARN reads the ARN of a runtime version. At the very end of the line
// it may have been cut: then its hash is short.
func runtimeARN(b []byte, v *View) []byte {
	value := token(b)
	rest := b[len(value):]
	if atEnd(rest) && len(rest) == 0 && has(value, "arn:") {
		_, hash, found := bytes.Cut(value, []byte("::runtime:"))
		if !found || len(hash) < 64 && isHex(hash) {
			v.Truncated = true
			return nil
		}
	}
	v.RuntimeVersionARN = value
	return rest
}
