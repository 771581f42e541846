package reports

import (
	"bytes"
	"iter"
	"slices"
	"strconv"
	"strings"
	"time"

	"coldbench/parsers"
	"coldbench/record"
)

// findRow finds the row that is wanted. An exact request id goes before those
// that only begin with it.
func findRow(run *record.Run, w Wanted) (row record.Placed[record.Invocation], err error) {
	if w.RequestID == "" {
		return findSeq(run, w)
	}
	var first record.Placed[record.Invocation]
	ambiguous := AmbiguousRequestError{Wanted: w, Dir: run.Dir}
	for r, err := range run.FindRows(holding(w.RequestID)) {
		switch id := r.Value.RequestID; {
		case err != nil:
			return row, err
		case id == w.RequestID:
			return r, nil
		case strings.HasPrefix(id, w.RequestID) && !slices.Contains(ambiguous.First, id):
			if ambiguous.N++; ambiguous.N == 1 {
				first = r
			}
			if len(ambiguous.First) < 5 {
				ambiguous.First = append(ambiguous.First, id)
			}
		}
	}
	switch ambiguous.N {
	case 0:
		return row, unknownRow(run, w)
	case 1:
		return first, nil
	}
	return row, &ambiguous
}

func findSeq(run *record.Run, w Wanted) (row record.Placed[record.Invocation], err error) {
	for r, err := range run.FindRows(holding(strconv.FormatInt(w.Seq, 10))) {
		if err != nil {
			return row, err
		}
		if r.Value.Seq == w.Seq {
			return r, nil
		}
	}
	return row, unknownRow(run, w)
}

// unknownRow counts what there is, and finds the id that has most places in
// common with the one that was asked for.
func unknownRow(run *record.Run, w Wanted) error {
	e := &UnknownRequestError{Wanted: w, Dir: run.Dir}
	best := 0
	for row, err := range run.Rows() {
		if err != nil {
			return err
		}
		e.Rows++
		if row.RequestID == "" {
			continue
		}
		e.WithIDs++
		if n := alike(row.RequestID, w.RequestID); n > best || e.Nearest == "" {
			best, e.Nearest, e.NearestSeq = n, row.RequestID, row.Seq
		}
	}
	return e
}

// alike counts the places at which two ids agree.
func alike(a, b string) (n int) {
	for i := range min(len(a), len(b)) {
		if a[i] == b[i] {
			n++
		}
	}
	return n
}

// holding makes a test for lines that may hold a text. JSON can spell most
// bytes in several ways, but nobody escapes letters, digits and hyphens: the
// longest run of those must stand there. Without one every line may.
func holding(text string) func(line []byte) bool {
	needle, start := "", 0
	for i := 0; i <= len(text); i++ {
		if i < len(text) && (text[i] == '-' || text[i]-'0' < 10 || text[i]|0x20-'a' < 26) {
			continue
		}
		if i-start > len(needle) {
			needle = text[start:i]
		}
		start = i + 1
	}
	b := []byte(needle)
	return func(line []byte) bool { return bytes.Contains(line, b) }
}

// environmentLines are the events of one request and of the environments that
// they come from.
type environmentLines struct {
	run     *record.Run
	id      string
	named   []record.Placed[record.Event] // those that name the request
	streams []string                      // of the REPORTs among them
	bare    bool                          // one of them names neither stream nor request: it may be any environment's

	kept map[string]*environment
}

// environment is what is kept of one log stream while it is read.
type environment struct {
	first  []EnvironmentLine // of the init with which the stream begins
	last   []EnvironmentLine // the REPORT before, and the init lines since
	own    []EnvironmentLine
	served int64
}

const (
	maxNamed  = 256 // events of one request
	maxAround = 16  // lines of an init
)

// read finds the events that name the request, and their log streams.
func (l *environmentLines) read(run *record.Run, id string) error {
	l.run, l.id, l.kept = run, id, map[string]*environment{}
	for e, err := range run.FindEvents(holding(id)) {
		if err != nil {
			return err
		}
		if len(l.named) == maxNamed || !strings.Contains(e.Value.Message, id) && e.Value.RequestID != id {
			continue
		}
		l.named = append(l.named, e)
		switch s := e.Value.LogStream; {
		case s == "" && e.Value.RequestID == "":
			l.bare = true
		case s != "" && !slices.Contains(l.streams, s) && ofRequest(e.Value.Message, id):
			l.streams = append(l.streams, s)
		}
	}
	return nil
}

// ofRequest says whether a message is a platform line of the request.
func ofRequest(message, id string) bool {
	var p record.Platform
	return parsers.ParseEvent([]byte(message), &p) && p.RequestID == id
}

// platforms yields the REPORTs of the request, judged with the lines of their
// log streams.
func (l *environmentLines) platforms(id string) iter.Seq2[record.Platform, error] {
	return func(yield func(record.Platform, error) bool) {
		if len(l.named) == 0 {
			return
		}
		var pairing parsers.Pairing
		for p, err := range pairing.Platforms(l.events()) {
			if (err != nil || p.RequestID == id) && !yield(p, err) {
				return
			}
		}
	}
}

// events yields the events of the request's environments, and keeps those
// lines that stand around it.
func (l *environmentLines) events() iter.Seq2[record.Event, error] {
	tests := []func([]byte) bool{holding(l.id)}
	for _, s := range l.streams {
		tests = append(tests, holding(s))
	}
	keep := func(line []byte) bool {
		return l.bare || slices.ContainsFunc(tests, func(test func([]byte) bool) bool { return test(line) })
	}
	return func(yield func(record.Event, error) bool) {
		for e, err := range l.run.FindEvents(keep) {
			if err == nil && !l.belongs(&e.Value) {
				continue
			}
			if err == nil {
				l.note(&e)
			}
			if !yield(e.Value, err) {
				return
			}
		}
	}
}

func (l *environmentLines) belongs(e *record.Event) bool {
	switch {
	case e.LogStream != "":
		return slices.Contains(l.streams, e.LogStream)
	case e.RequestID != "":
		return e.RequestID == l.id
	}
	return l.bare
}

// note keeps a line that stands around the request.
func (l *environmentLines) note(e *record.Placed[record.Event]) {
	var p record.Platform
	if !parsers.ParseEvent([]byte(e.Value.Message), &p) {
		return
	}
	env := l.kept[e.Value.LogStream]
	if env == nil {
		env = new(environment)
		l.kept[e.Value.LogStream] = env
	}
	line := EnvironmentLine{Pos: e.Pos, Kind: parsers.TextKind(p.Kind), Own: p.RequestID == l.id, Text: e.Value.Message, Time: p.Timestamp}
	if line.Time.IsZero() && e.Value.Timestamp != 0 {
		line.Time = time.UnixMilli(e.Value.Timestamp).UTC()
	}
	env.add(line, p.RequestID)
}

// add sorts a line in. Lines of other requests matter up to the START of this
// one: the REPORT before it, and what came since.
func (v *environment) add(line EnvironmentLine, id string) {
	switch {
	case line.Own:
		if len(v.own) < maxNamed {
			v.own = append(v.own, line)
		}
	case len(v.own) > 0 && id != "":
	case line.Kind == record.KindReport:
		v.served++
		v.last = []EnvironmentLine{line}
	case id != "":
	case v.served == 0 && len(v.own) == 0:
		if len(v.first) < maxAround {
			v.first = append(v.first, line)
		}
	case v.open() && len(v.last) < maxAround:
		v.last = append(v.last, line)
	}
}

// open says whether the request has not had its REPORT yet.
func (v *environment) open() bool {
	return !slices.ContainsFunc(v.own, func(l EnvironmentLine) bool { return l.Kind == record.KindReport })
}

// around lists the lines around the request in a log stream, in the order of
// the log.
func (l *environmentLines) around(stream string) (lines []EnvironmentLine, served int64) {
	env := l.kept[stream]
	if env == nil {
		return nil, 0
	}
	lines = slices.Concat(env.first, env.last, env.own)
	slices.SortStableFunc(lines, func(a, b EnvironmentLine) int { return int(a.Pos.Line - b.Pos.Line) })
	return lines, env.served
}

// placesOf finds where a REPORT stands: in its log stream, and where else it
// was delivered too.
func (l *environmentLines) placesOf(p *record.Platform) (at record.Pos, also []record.Pos) {
	head, _, _ := strings.Cut(strings.TrimSpace(p.Raw), "\n")
	for _, e := range l.named {
		if !strings.Contains(e.Value.Message, head) {
			continue
		}
		switch {
		case at.Line == 0 && e.Value.LogStream == p.LogStream:
			at = e.Pos
		default:
			also = append(also, e.Pos)
		}
	}
	if at.Line == 0 && len(also) > 0 {
		at, also = also[0], also[1:]
	}
	return at, also
}
