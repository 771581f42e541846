package parsers

// A label names a field of a text line. The order is that of seen bits.
type label uint8

const (
	noLabel label = iota
	labelDuration
	labelBilled
	labelMemory
	labelMaxMemory
	labelInit
	labelRestore
	labelBilledRestore
	labelStatus
	labelErrorType
	labelTraceID
	labelSegmentID
	labelSampled
	labelPhase
	labelVersion
	labelARN
	labelInitType
	labelRequestID
	labelForeign // known to exist, of no use: Runtime Duration, ...
)

// labelTexts lists every label, the longer of two with a common beginning
// first. A blank stands for any run of separators.
var labelTexts = [...]struct {
	text string
	id   label
}{
	{"Duration:", labelDuration},
	{"Billed Duration:", labelBilled},
	{"Billed Restore Duration:", labelBilledRestore},
	{"Memory Size:", labelMemory},
	{"Max Memory Used:", labelMaxMemory},
	{"Init Duration:", labelInit},
	{"Restore Duration:", labelRestore},
	{"Status:", labelStatus},
	{"Error Type:", labelErrorType},
	{"ErrorType:", labelErrorType},
	{"XRAY TraceId:", labelTraceID},
	{"SegmentId:", labelSegmentID},
	{"Sampled:", labelSampled},
	{"Phase:", labelPhase},
	{"Runtime Version ARN:", labelARN},
	{"Runtime Version:", labelVersion},
	{"Runtime - Version:", labelVersion},
	{"Initialization Type:", labelInitType},
	{"RequestId:", labelRequestID},
	{"Runtime Duration:", labelForeign},
	{"Post Runtime Duration:", labelForeign},
	{"Extension Init Duration:", labelForeign},
	{"Queue Duration:", labelForeign},
}

// labelNames are the names that errors use.
var labelNames = [...]string{
	labelDuration: "duration", labelBilled: "billed duration", labelMemory: "memory size",
	labelMaxMemory: "max memory used", labelInit: "init duration", labelRestore: "restore duration",
	labelBilledRestore: "billed restore duration", labelStatus: "status", labelErrorType: "error type",
	labelTraceID: "X-Ray trace id", labelSegmentID: "X-Ray segment id", labelSampled: "X-Ray sampled",
	labelPhase: "phase", labelVersion: "runtime version", labelARN: "runtime version ARN",
	labelInitType: "initialization type", labelRequestID: "request id", labelForeign: "field",
}

// matchLabel recognises the label at the start of b and returns its length,
// the colon included. The common spellings are compared directly; the rest,
// with odd blanks inside, one by one.
func matchLabel(b []byte) (label, int) {
	if len(b) < 6 {
		return noLabel, 0
	}
	switch b[0] {
	case 'D':
		if has(b, "Duration:") {
			return labelDuration, len("Duration:")
		}
	case 'B':
		if has(b, "Billed Duration:") {
			return labelBilled, len("Billed Duration:")
		}
	case 'M':
		if has(b, "Memory Size:") {
			return labelMemory, len("Memory Size:")
		}
		if has(b, "Max Memory Used:") {
			return labelMaxMemory, len("Max Memory Used:")
		}
	case 'I':
		if has(b, "Init Duration:") {
			return labelInit, len("Init Duration:")
		}
	case 'S', 'E', 'X', 'P', 'R', 'Q':
	default:
		return noLabel, 0
	}
	return matchAnyLabel(b)
}

func matchAnyLabel(b []byte) (label, int) {
	for i := range labelTexts {
		t := &labelTexts[i]
		if t.text[0] != b[0] {
			continue
		}
		if n := matchFlexible(b, t.text); n > 0 {
			return t.id, n
		}
	}
	return noLabel, 0
}

// matchFlexible compares b with text, where a blank in text stands for one or
// more separators in b. It returns the length of the match in b, or 0.
func matchFlexible(b []byte, text string) int {
	i := 0
	for j := 0; j < len(text); j++ {
		if text[j] == ' ' {
			n := separators(b[i:])
			if n == 0 {
				return 0
			}
			i += n
			continue
		}
		if i >= len(b) || b[i] != text[j] {
			return 0
		}
		i++
	}
	return i
}

// cutLabel says whether b, the very end of a line, is the beginning of a label
// that was cut.
func cutLabel(b []byte) bool {
	for i := range labelTexts {
		text := labelTexts[i].text
		if len(b) > 0 && len(b) < len(text) && text[:len(b)] == string(b) {
			return true
		}
	}
	return false
}

// separators counts the separator bytes at the start of b: blanks, tabs, line
// ends, no-break spaces, and the two-letter escapes of tab and line end that
// tools leave in copied text.
func separators(b []byte) int {
	i := 0
	for i < len(b) {
		switch c := b[i]; {
		case c == ' ' || c == '\t' || c == '\n' || c == '\r':
			i++
		case c == '\\' && i+1 < len(b) && (b[i+1] == 't' || b[i+1] == 'n' || b[i+1] == 'r'):
			i += 2
		case c == 0xC2 && i+1 < len(b) && b[i+1] == 0xA0:
			i += 2
		default:
			return i
		}
	}
	return i
}

// blanks counts separators that do not end a line.
func blanks(b []byte) int {
	i := 0
	for i < len(b) {
		switch c := b[i]; {
		case c == ' ' || c == '\t':
			i++
		case c == '\\' && i+1 < len(b) && b[i+1] == 't':
			i += 2
		case c == 0xC2 && i+1 < len(b) && b[i+1] == 0xA0:
			i += 2
		default:
			return i
		}
	}
	return i
}

// has is a prefix test that the compiler turns into a few comparisons.
func has(b []byte, prefix string) bool {
	return len(b) >= len(prefix) && string(b[:len(prefix)]) == prefix
}

// token is the run of bytes up to the next separator.
func token(b []byte) []byte {
	for i := range b {
		switch b[i] {
		case ' ', '\t', '\n', '\r':
			return b[:i]
		case '\\', 0xC2:
			if separators(b[i:]) > 0 {
				return b[:i]
			}
		}
	}
	return b
}
