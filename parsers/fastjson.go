package parsers

// fastJSON parses the JSON lines that the platform writes: "time" and "type"
// before "record", no escapes. It walks the text once. It reports false, and
// leaves v as it was, where the object is anything else, or at fault: then the
// general way decides.
func (p *parser) fastJSON(b []byte, v *View) (verdict, bool) {
	if !has(b, `{"time":"`) {
		return foreign, false
	}
	j := jsonText{b: b, i: 1}
	_, _, _ = j.member(true)
	instant, escaped := j.str()
	key, _, ok := j.member(false)
	if !ok || escaped || string(key) != "type" || j.peek() != '"' {
		return foreign, false
	}
	kind, escaped := j.str()
	key, _, ok = j.member(false)
	if !ok || escaped || string(key) != "record" || j.peek() != '{' {
		return foreign, false
	}
	k := kindOfJSON(kind)
	if k == "" {
		return foreign, false
	}
	known := *v
	v.Kind = k
	if result := p.objectAt(k, &j, v); result != platform || j.bad || !closed(&j) {
		*v = known
		return foreign, false
	}
	if t, n := isoTime(instant); n > 0 && n == len(instant) {
		v.Timestamp = t
	}
	return platform, true
}

// closed says whether the object ends here, and the text with it.
func closed(j *jsonText) bool {
	if j.peek() != '}' {
		return false
	}
	j.i++
	return j.done()
}
