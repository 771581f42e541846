package insights

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
)

// row is one row on its way through the commands of a query: a log event
// with the fields that the query made, or a group that stats made.
type row struct {
	event  *Event // nil after stats
	frame  *Frame // of the query
	made   map[string]cell
	found  map[string]cell // discovered fields; nil = not looked for
	parsed map[string]any  // the message's JSON
	read   bool            // parsed has been tried
	states []aggregate     // of stats
}

// set makes a field.
func (r *row) set(name string, c cell) {
	if r.made == nil {
		r.made = map[string]cell{}
	}
	r.made[name] = c
}

// field is a field of the row, by name.
func (r *row) field(name string) cell {
	if c, ok := r.made[name]; ok {
		return c
	}
	for i := range name { // a.b of a structure a
		if name[i] == '.' {
			if c := r.made[name[:i]]; c.kind == cellStructure {
				return jsonCell(*c.v, name[i+1:])
			}
		}
	}
	if r.event == nil {
		return cell{}
	}
	if strings.HasPrefix(name, "@") {
		return r.system(name)
	}
	return r.json(name)
}

// system is a field that the service sets or discovers.
func (r *row) system(name string) cell {
	switch name {
	case "@timestamp":
		return timeCell(r.event.At)
	case "@ingestionTime":
		return timeCell(r.event.Ingested)
	case "@message":
		return textCell(r.event.Text)
	case "@logStream":
		return textCell(r.event.Stream)
	case "@log":
		return textCell(r.event.Group)
	case "@ptr":
		return textCell(r.pointer())
	}
	if r.found == nil {
		r.found = discover(r.event.Text)
	}
	return r.found[name]
}

// pointer names the event, opaquely and for good.
func (r *row) pointer() string {
	return base64.StdEncoding.EncodeToString(fmt.Appendf(nil, "%s/%s/%d", r.event.Group, r.event.Stream, r.event.ID))
}

// json is a field of the first JSON object in the message, by dotted path.
func (r *row) json(path string) cell {
	if !r.read {
		r.read = true
		if at := strings.IndexByte(r.event.Text, '{'); at >= 0 {
			d := json.NewDecoder(strings.NewReader(r.event.Text[at:]))
			d.UseNumber()
			if d.Decode(&r.parsed) != nil {
				r.parsed = nil
			}
		}
	}
	c := jsonCell(r.parsed, path)
	if c.kind == cellStructure { // only what it holds is discovered
		return cell{}
	}
	return c
}

// parseJSON is the function jsonParse: an object or a list as a structure.
func parseJSON(a []cell) cell {
	d := json.NewDecoder(strings.NewReader(a[0].String()))
	d.UseNumber()
	var v any
	if d.Decode(&v) != nil || d.More() {
		return cell{}
	}
	return jsonCell(v, "")
}

// stringifyJSON is the function jsonStringify.
func stringifyJSON(a []cell) cell {
	if a[0].kind != cellStructure {
		return cell{}
	}
	return textCell(a[0].String())
}

func jsonCell(v any, path string) cell {
	switch v := v.(type) {
	case map[string]any:
		if path == "" {
			return structureCell(v)
		}
		// A name may hold dots, so every split is tried.
		if member, ok := v[path]; ok {
			return jsonCell(member, "")
		}
		for i := range path {
			if path[i] == '.' {
				if member, ok := v[path[:i]]; ok {
					if c := jsonCell(member, path[i+1:]); c.kind != cellAbsent {
						return c
					}
				}
			}
		}
	case []any:
		if path == "" {
			return structureCell(v)
		}
		index, rest, _ := strings.Cut(path, ".")
		if i, err := strconv.Atoi(index); err == nil && i >= 0 && i < len(v) {
			return jsonCell(v[i], rest)
		}
	case string:
		if path == "" {
			return textCell(v)
		}
	case json.Number:
		if path == "" {
			return textCell(v.String())
		}
	case bool:
		if path == "" {
			return truthCell(v)
		}
	}
	return cell{}
}

// reportLabels are the members of a REPORT line that become fields. Memory is
// shown in bytes, with a megabyte of 1,000,000.
// Source: CloudWatch Logs user guide, "Supported logs and discovered fields",
// and results of the service found in public notes ("1.28E8" for 128 MB).
var reportLabels = map[string]struct {
	field string
	scale float64
}{
	"Duration":        {"@duration", 1},
	"Billed Duration": {"@billedDuration", 1},
	"Init Duration":   {"@initDuration", 1},
	"Memory Size":     {"@memorySize", 1e6},
	"Max Memory Used": {"@maxMemoryUsed", 1e6},
}

// discover finds the fields that the service discovers in the logs of Lambda.
// It reads the text, whoever wrote it, as the service does.
func discover(text string) map[string]cell {
	found := map[string]cell{}
	for _, kind := range []string{"START", "END", "REPORT"} {
		rest, ok := strings.CutPrefix(text, kind+" RequestId: ")
		if !ok {
			continue
		}
		id, rest, _ := strings.Cut(strings.ReplaceAll(rest, "\n", "\t"), "\t")
		id, _, _ = strings.Cut(id, " ")
		found["@type"], found["@requestId"] = textCell(kind), textCell(strings.TrimSpace(id))
		if kind == "REPORT" {
			discoverReport(found, rest)
		}
		return found
	}
	if id := requestIDIn(text); id != "" {
		found["@requestId"] = textCell(id)
	}
	return found
}

func discoverReport(found map[string]cell, members string) {
	for _, m := range strings.Split(members, "\t") {
		label, v, ok := strings.Cut(m, ": ")
		if !ok {
			continue
		}
		v, unit, _ := strings.Cut(v, " ")
		switch label {
		case "XRAY TraceId":
			found["@xrayTraceId"] = textCell(v)
			continue
		case "SegmentId":
			found["@xraySegmentId"] = textCell(v)
			continue
		}
		to, ok := reportLabels[label]
		if n, err := strconv.ParseFloat(v, 64); ok && err == nil && (unit == "ms" || unit == "MB") {
			found[to.field] = doubleCell(n * to.scale)
		}
	}
}

// requestIDIn finds the request id that runtimes print ahead of a line of the
// function: among the first three words that tabs or blanks part.
func requestIDIn(text string) string {
	for range 3 {
		end := strings.IndexAny(text, "\t ")
		word := text
		if end >= 0 {
			word = text[:end]
		}
		if isUUID(word) {
			return word
		}
		if end < 0 {
			break
		}
		text = text[end+1:]
	}
	return ""
}

func isUUID(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i := range len(s) {
		c := s[i]
		switch {
		case i == 8 || i == 13 || i == 18 || i == 23:
			if c != '-' {
				return false
			}
		case (c < '0' || c > '9') && (c < 'a' || c > 'f'):
			return false
		}
	}
	return true
}
