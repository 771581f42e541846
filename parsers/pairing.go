package parsers

import (
	"bytes"
	"hash/maphash"
	"iter"

	"coldbench/record"
)

// Bounds of what a Pairing remembers. Beyond them the oldest is settled with
// the evidence at hand and forgotten.
const (
	maxStreams = 1 << 14 // log streams
	maxOpen    = 4096    // invocations without their REPORT, of one stream
	maxWaiting = 1024    // records that wait for a REPORT before them to be decided
	maxRecent  = 64      // lines of one stream among which a duplicate is known
)

// Platforms reads log events and yields the platform records in them, put
// together stream by stream: see Pairing. It may be iterated once.
func Platforms(events iter.Seq2[record.Event, error]) iter.Seq2[record.Platform, error] {
	return new(Pairing).Platforms(events)
}

// Pairing pairs the platform lines of each log stream. A REPORT is accepted
// where its request id was STARTed and its END came before it; one that user
// code printed is refused. Where the log has no START (its beginning was cut)
// or no END lines at all (a filter took them, or Managed Instances print
// none), the REPORT is accepted, and StartRule says so. Two invocations of one
// request id stay two; a line that was delivered twice counts once.
//
// Each accepted REPORT carries Start, StartRule and LogStream. Kinds of JSON
// lines that have a text twin are those of the twin (see TextKind). Records
// come in the order of their lines. Memory is bounded, whatever comes.
//
// The zero Pairing is ready to use. It is for one sequence, and not for
// concurrent use.
type Pairing struct {
	// KeepKinds leaves the kinds of JSON lines as they are, platform.report for
	// example, for those who print what the lines were.
	KeepKinds bool

	streams map[string]*stream
	oldest  []string // names of streams, in order of first sight
	last    *stream  // of the last record
	queue   []*waiting
	spare   []*waiting
	unused  []*invocation
	counts  PairCounts
	seed    maphash.Seed
	linger  bool // the last record stays, for its X-Ray line may follow
}

// PairCounts says what became of the lines of a Pairing.
type PairCounts struct {
	Reports    int64 `json:"reports"`    // accepted
	Refused    int64 `json:"refused"`    // REPORTs without their START or END: printed by user code
	Duplicates int64 `json:"duplicates"` // lines that were delivered twice
	Other      int64 `json:"other"`      // events that are no platform line
	Streams    int64 `json:"streams"`    // log streams seen
}

// Counts says what became of the lines so far.
func (q *Pairing) Counts() PairCounts { return q.counts }

// Platforms yields the records of events. It may be called once.
func (q *Pairing) Platforms(events iter.Seq2[record.Event, error]) iter.Seq2[record.Platform, error] {
	q.linger = true
	return func(yield func(record.Platform, error) bool) {
		var ps parser
		emit := platformsTo(yield)
		for e, err := range events {
			if err != nil {
				if !yield(record.Platform{}, err) {
					return
				}
				continue
			}
			ps.arena = ps.arena[:0]
			if !q.event(&ps, &e, emit) {
				return
			}
		}
		q.Flush(emit)
	}
}

// platformsTo makes records of Views.
func platformsTo(yield func(record.Platform, error) bool) func(*View) bool {
	return func(v *View) bool {
		var p record.Platform
		v.Platform(&p)
		return yield(p, nil)
	}
}

// Scanned yields the records that s finds, paired like those of Platforms. A
// broken line is yielded as a *SyntaxError, and what ended s last; neither
// ends the sequence. It may be iterated once.
func (q *Pairing) Scanned(s *Scanner) iter.Seq2[record.Platform, error] {
	return func(yield func(record.Platform, error) bool) {
		emit := platformsTo(yield)
		for s.Scan() {
			if err := s.SyntaxError(); err != nil {
				if !yield(record.Platform{}, err) {
					return
				}
			} else if !q.Add(s.View(), emit) {
				return
			}
		}
		if q.Flush(emit) && s.Err() != nil {
			yield(record.Platform{}, s.Err())
		}
	}
}

// event takes one log event. The log of a response comes as one text of many
// lines; a source that knows the stream gives one event each.
func (q *Pairing) event(ps *parser, e *record.Event, emit func(*View) bool) bool {
	text := []byte(e.Message)
	if e.LogStream != "" || e.EventID != "" || e.Timestamp != 0 {
		return q.one(ps, e, text, emit)
	}
	for piece := range pieces(text) {
		if separators(piece) < len(piece) && !q.one(ps, e, piece, emit) {
			return false
		}
	}
	return true
}

func (q *Pairing) one(ps *parser, e *record.Event, text []byte, emit func(*View) bool) bool {
	var v View
	if ps.event(text, &v) != platform {
		q.counts.Other++
		return true
	}
	v.Raw = text
	if e.LogStream != "" {
		v.LogStream = []byte(e.LogStream)
	}
	if v.Timestamp.IsZero() && e.Timestamp != 0 {
		v.Timestamp = millis(e.Timestamp)
	}
	name := v.LogStream
	if len(name) == 0 && e.RequestID != "" {
		name = []byte("request " + e.RequestID)
	}
	return q.take(&v, name, e.EventID, emit)
}

// Add takes one platform record and calls emit for each that is decided, this
// one or earlier ones, in order. What emit is given is valid until it returns.
// Add reports false, and drops the rest, where emit did.
func (q *Pairing) Add(v *View, emit func(*View) bool) bool {
	return q.take(v, v.LogStream, "", emit)
}

// take takes one platform record of the named stream.
func (q *Pairing) take(v *View, name []byte, eventID string, emit func(*View) bool) bool {
	s := q.stream(name)
	s.one = len(v.LogStream) > 0
	if s.duplicate(q.fingerprint(v, eventID)) {
		q.counts.Duplicates++
		return true
	}
	if q.linger && q.joinXRay(s, v) {
		return true
	}
	w := q.wait(v, s)
	switch v.Kind {
	case record.KindStart, kindJSONStart:
		s.start(q, v)
	case record.KindEnd, kindJSONEnd, kindJSONRuntimeDone:
		s.end(q, v)
	case record.KindReport, kindJSONReport:
		q.report(s, w)
	case record.KindInitStart, record.KindInitReport, kindJSONInitStart, kindJSONInitReport, kindJSONInitRuntimeDone,
		record.KindRestoreReport, kindJSONRestoreStart, kindJSONRestoreReport:
		s.init(v)
	default:
		if v.Kind == record.KindOther && (len(v.RuntimeVersion) > 0 || has(v.Raw, "RESTORE_START")) {
			s.init(v)
		}
		s.other(q, v)
	}
	return q.flush(maxWaiting, emit)
}

// stream finds or makes the stream of that name; beyond the bound the oldest
// is settled and forgotten.
func (q *Pairing) stream(name []byte) *stream {
	if q.last != nil && q.last.name == string(name) {
		return q.last
	}
	s := q.streams[string(name)]
	if s == nil {
		s = q.newStream(string(name))
	}
	q.last = s
	return s
}

func (q *Pairing) newStream(name string) *stream {
	if q.streams == nil {
		q.streams = map[string]*stream{}
		q.seed = maphash.MakeSeed()
	}
	if len(q.streams) >= maxStreams {
		if q.oldest[0] == "" { // that of many environments stays
			q.oldest = append(q.oldest[1:], "")
		}
		old := q.streams[q.oldest[0]]
		q.settle(old)
		delete(q.streams, old.name)
		q.last = nil
		q.oldest = q.oldest[1:]
	}
	s := &stream{name: name, open: map[uint64]*invocation{}}
	q.streams[name] = s
	q.oldest = append(q.oldest, name)
	q.counts.Streams++
	return s
}

// fingerprint identifies a delivered line: by the id that the source gave it,
// else by its text and instant; 0 where neither can tell it from a twin.
func (q *Pairing) fingerprint(v *View, eventID string) uint64 {
	if eventID != "" {
		return maphash.String(q.seed, eventID) | 1
	}
	if len(v.LogStream) == 0 || v.Timestamp.IsZero() {
		return 0
	}
	return maphash.Bytes(q.seed, v.Raw)*31 + uint64(v.Timestamp.UnixNano()) | 1
}

// joinXRay adds the trace to the REPORT just before it, where a tool split the
// event at its line end.
func (q *Pairing) joinXRay(s *stream, v *View) bool {
	if v.Kind != record.KindOther || v.XRayTraceID == nil || v.RequestID != nil || len(q.queue) == 0 {
		return false
	}
	last := q.queue[len(q.queue)-1]
	if last.stream != s || !last.v.IsReport() || last.v.XRayTraceID != nil {
		return false
	}
	last.v.XRayTraceID = last.own(v.XRayTraceID)
	last.v.XRaySegmentID = last.own(v.XRaySegmentID)
	last.v.XRaySampled = v.XRaySampled
	last.v.Raw = bytes.Join([][]byte{last.v.Raw, v.Raw}, []byte{'\n'})
	return true
}

// Flush decides what still waits, with the evidence there is, and calls emit
// for it. It is called once, at the end.
func (q *Pairing) Flush(emit func(*View) bool) bool {
	for _, w := range q.queue {
		if w.inv != nil && !w.gone {
			q.decide(w)
		}
	}
	return q.flush(0, emit)
}

// flush emits what is decided, up to the first record that is not. While more
// than limit records wait, that first one is decided. With limit 0 everything
// goes.
func (q *Pairing) flush(limit int, emit func(*View) bool) bool {
	n, ok := 0, true
	keep := 0
	if q.linger && limit > 0 {
		keep = 1
	}
	for n+keep < len(q.queue) && ok {
		w := q.queue[n]
		if w.inv != nil && !w.gone {
			if limit != 0 && len(q.queue)-n <= limit {
				break
			}
			q.decide(w)
		}
		n++
		if !w.gone {
			ok = emit(&w.v)
		}
		q.spare = append(q.spare, w)
	}
	if n > 0 {
		kept := copy(q.queue, q.queue[n:])
		q.queue = q.queue[:kept]
	}
	return ok
}
