package parsers

import (
	"hash/maphash"
	"iter"
	"time"

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
	// KeepKinds leaves the kinds of JSON lines their own: platform.report.
	KeepKinds bool

	streams map[string]*stream
	oldest  []string // names of streams, in order of first sight
	queue   []*waiting
	counts  PairCounts
	clock   int64
	seed    maphash.Seed
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

// waiting is a record on its way out, in order.
type waiting struct {
	p      record.Platform
	stream *stream
	inv    *invocation // of a REPORT that is not decided
	gone   bool        // refused, or joined to another
}

// stream is what is known of one log stream.
type stream struct {
	name    string
	starts  int64 // START lines seen
	ends    int64
	served  int64 // REPORTs accepted
	inits   int64 // init lines seen
	crashed bool  // the last invocation cost the environment its state
	used    int64
	pending evidence // for the next START
	open    map[string]*invocation
	order   []string
	recent  [maxRecent]uint64
	next    int
}

// named says whether the stream is one environment's. Events without a stream
// may come from many.
func (s *stream) named() bool { return s.name != "" }

// invocation is one request between START and REPORT.
type invocation struct {
	started, ended bool
	startAt, endAt time.Time
	first          bool // no START was seen before its first line
	crashed        bool // a line of its own says that it failed
	evidence       evidence
	held           *waiting // a REPORT that came before its END
}

// Platforms yields the records of events. It may be called once.
func (q *Pairing) Platforms(events iter.Seq2[record.Event, error]) iter.Seq2[record.Platform, error] {
	return func(yield func(record.Platform, error) bool) {
		var ps parser
		for e, err := range events {
			if err != nil {
				if !yield(record.Platform{}, err) {
					return
				}
				continue
			}
			ps.arena = ps.arena[:0]
			q.event(&ps, &e)
			if !q.flush(maxWaiting, yield) {
				return
			}
		}
		q.settleAll()
		q.flush(0, yield)
	}
}

// event takes one log event. The log of a response comes as one text of many
// lines; a source that knows the stream gives one event each.
func (q *Pairing) event(ps *parser, e *record.Event) {
	var v View
	text := []byte(e.Message)
	if e.LogStream == "" && e.EventID == "" && e.Timestamp == 0 {
		for piece := range pieces(text) {
			if separators(piece) < len(piece) {
				q.one(ps, e, piece, &v)
			}
		}
		return
	}
	q.one(ps, e, text, &v)
}

func (q *Pairing) one(ps *parser, e *record.Event, text []byte, v *View) {
	if ps.event(text, v) != platform {
		q.counts.Other++
		return
	}
	var p record.Platform
	v.Raw = text
	v.Platform(&p)
	if e.LogStream != "" {
		p.LogStream = e.LogStream
	}
	if p.Timestamp.IsZero() && e.Timestamp != 0 {
		p.Timestamp = millis(e.Timestamp)
	}
	name := p.LogStream
	if name == "" && e.RequestID != "" {
		name = "request " + e.RequestID
	}
	q.add(&p, name, string(v.InitializationType), e.EventID)
}

// add takes one platform record of the named stream.
func (q *Pairing) add(p *record.Platform, name, initType, eventID string) {
	s := q.stream(name)
	if s.duplicate(q.fingerprint(p, eventID)) {
		q.counts.Duplicates++
		return
	}
	if q.joinXRay(s, p) {
		return
	}
	w := &waiting{p: *p, stream: s}
	if !q.KeepKinds {
		w.p.Kind = TextKind(p.Kind)
	}
	switch p.Kind {
	case record.KindInitStart, record.KindInitReport, kindJSONInitStart, kindJSONInitReport, kindJSONInitRuntimeDone,
		record.KindRestoreReport, kindJSONRestoreStart, kindJSONRestoreReport:
		s.init(p, initType)
	case record.KindStart, kindJSONStart:
		s.start(p)
	case record.KindEnd, kindJSONEnd, kindJSONRuntimeDone:
		s.end(p)
	case record.KindReport, kindJSONReport:
		q.report(s, w)
	default:
		s.other(p)
	}
	q.queue = append(q.queue, w)
}

// stream finds or makes the stream of that name; beyond the bound the oldest
// is settled and forgotten.
func (q *Pairing) stream(name string) *stream {
	if s := q.streams[name]; s != nil {
		return s
	}
	if q.streams == nil {
		q.streams = map[string]*stream{}
		q.seed = maphash.MakeSeed()
	}
	if len(q.streams) >= maxStreams {
		old := q.streams[q.oldest[0]]
		q.settle(old)
		delete(q.streams, old.name)
		q.oldest = q.oldest[1:]
	}
	s := &stream{name: name, open: map[string]*invocation{}}
	q.streams[name] = s
	q.oldest = append(q.oldest, name)
	q.counts.Streams++
	return s
}

// fingerprint identifies a delivered line: by the id that the source gave it,
// else by its text and instant; 0 where neither can tell it from a twin.
func (q *Pairing) fingerprint(p *record.Platform, eventID string) uint64 {
	if eventID != "" {
		return maphash.String(q.seed, eventID) | 1
	}
	if p.Timestamp.IsZero() || p.LogStream == "" {
		return 0
	}
	return maphash.String(q.seed, p.Raw)*31 + uint64(p.Timestamp.UnixNano()) | 1
}

// duplicate says whether the line is among the last of its stream, and notes
// it.
func (s *stream) duplicate(print uint64) bool {
	if print == 0 {
		return false
	}
	for _, old := range s.recent {
		if old == print {
			return true
		}
	}
	s.recent[s.next%maxRecent] = print
	s.next++
	return false
}

// joinXRay adds the trace to the REPORT just before it, where a tool split the
// event at its line end.
func (q *Pairing) joinXRay(s *stream, p *record.Platform) bool {
	if p.Kind != record.KindOther || p.XRayTraceID == "" || p.RequestID != "" || len(q.queue) == 0 {
		return false
	}
	last := q.queue[len(q.queue)-1]
	if last.stream != s || last.p.Kind != record.KindReport || last.p.XRayTraceID != "" {
		return false
	}
	last.p.XRayTraceID, last.p.XRaySegmentID, last.p.XRaySampled = p.XRayTraceID, p.XRaySegmentID, p.XRaySampled
	last.p.Raw += "\n" + p.Raw
	return true
}

// init takes a line about an init or a restore. An init that is redone within
// an invocation belongs to the one that is open.
func (s *stream) init(p *record.Platform, initType string) {
	s.inits++
	if p.Phase == "invoke" && s.named() && len(s.order) > 0 {
		if inv := s.open[s.order[len(s.order)-1]]; inv != nil && inv.started && !inv.ended {
			inv.evidence.add(p, initType)
			return
		}
	}
	s.pending.add(p, initType)
}

func (s *stream) start(p *record.Platform) {
	s.starts++
	inv := s.open[p.RequestID]
	if inv == nil || inv.started {
		inv = s.opened(p.RequestID)
	}
	inv.started, inv.startAt = true, p.Timestamp
	if s.named() || s.alone(inv) {
		inv.evidence = s.pending
	}
	s.pending = evidence{}
}

// alone says whether no other invocation is between START and END: in a log
// that may mix environments, an init line then belongs to the next START.
func (s *stream) alone(inv *invocation) bool {
	for _, other := range s.open {
		if other != inv && other.started && !other.ended {
			return false
		}
	}
	return true
}

// opened makes the invocation of an id, in place of one of the same id that
// never ended.
func (s *stream) opened(id string) *invocation {
	inv := &invocation{first: s.starts == 0}
	if s.open[id] == nil {
		s.order = append(s.order, id)
	}
	s.open[id] = inv
	for len(s.order) > maxOpen {
		s.forget(s.order[0])
	}
	return inv
}

func (s *stream) forget(id string) {
	delete(s.open, id)
	for i, other := range s.order {
		if other == id {
			s.order = append(s.order[:i], s.order[i+1:]...)
			return
		}
	}
}

func (s *stream) end(p *record.Platform) {
	s.ends++
	inv := s.open[p.RequestID]
	if inv == nil {
		inv = s.opened(p.RequestID)
	}
	if !inv.ended {
		inv.ended, inv.endAt = true, p.Timestamp
	}
}

// other takes the lines of faults: the environment loses its state.
func (s *stream) other(p *record.Platform) {
	if p.RequestID == "" || p.Status != "timeout" && p.Status != "error" {
		return
	}
	if inv := s.open[p.RequestID]; inv != nil {
		inv.crashed = true
	} else {
		s.crashed = true // the line came behind the REPORT
	}
}

// Scanned yields the records that s finds, paired like those of Platforms. A
// broken line is yielded as a *SyntaxError, and what ended s last; neither
// ends the sequence. It may be iterated once.
func (q *Pairing) Scanned(s *Scanner) iter.Seq2[record.Platform, error] {
	return func(yield func(record.Platform, error) bool) {
		for s.Scan() {
			if err := s.SyntaxError(); err != nil {
				if !yield(record.Platform{}, err) {
					return
				}
				continue
			}
			p := s.Platform()
			q.add(p, p.LogStream, string(s.View().InitializationType), "")
			if !q.flush(maxWaiting, yield) {
				return
			}
		}
		q.settleAll()
		if q.flush(0, yield) && s.Err() != nil {
			yield(record.Platform{}, s.Err())
		}
	}
}
