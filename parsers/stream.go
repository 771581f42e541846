package parsers

import (
	"bytes"
	"hash/maphash"
	"slices"
	"time"
)

// waiting is a record on its way out, in order. It owns the bytes of its
// View.
type waiting struct {
	v      View
	buf    []byte
	stream *stream
	key    uint64
	inv    *invocation // of a REPORT that is not decided
	gone   bool        // refused
}

// wait puts a copy of v at the end of the queue.
func (q *Pairing) wait(v *View, s *stream) *waiting {
	var w *waiting
	if n := len(q.spare); n > 0 {
		w, q.spare = q.spare[n-1], q.spare[:n-1]
	} else {
		w = new(waiting)
	}
	w.v, w.stream, w.inv, w.gone = *v, s, nil, false
	if !q.KeepKinds {
		w.v.Kind = TextKind(v.Kind)
	}
	w.buf = w.buf[:0]
	// Subtle: room for all is made first, so that no append moves the bytes
	// that earlier fields point to.
	w.buf = slices.Grow(w.buf, len(v.RequestID)+len(v.Status)+len(v.ErrorType)+len(v.XRayTraceID)+len(v.XRaySegmentID)+
		len(v.Phase)+len(v.RuntimeVersion)+len(v.RuntimeVersionARN)+len(v.InitializationType)+len(v.LogStream)+len(v.Raw))
	for _, field := range [...]*[]byte{
		&w.v.RequestID, &w.v.Status, &w.v.ErrorType, &w.v.XRayTraceID, &w.v.XRaySegmentID, &w.v.Phase,
		&w.v.RuntimeVersion, &w.v.RuntimeVersionARN, &w.v.InitializationType, &w.v.LogStream, &w.v.Raw,
	} {
		if *field != nil {
			*field = w.own(*field)
		}
	}
	q.queue = append(q.queue, w)
	return w
}

// own copies b into the bytes of w.
func (w *waiting) own(b []byte) []byte {
	from := len(w.buf)
	w.buf = append(w.buf, b...)
	return w.buf[from:len(w.buf):len(w.buf)]
}

// stream is what is known of one log stream.
type stream struct {
	name    string
	one     bool  // it is one environment's; events without a stream may come from many
	starts  int64 // START lines seen
	ends    int64
	served  int64 // REPORTs accepted
	inits   int64 // init lines seen
	crashed bool  // the last invocation cost the environment its state
	pending evidence
	only    *waiting // the last REPORT, while nothing but REPORTs was seen
	open    map[uint64]*invocation
	order   []uint64 // of open, oldest first
	running int      // of open, those between START and END
	recent  [maxRecent]uint64
	next    int
}

// invocation is one request between START and REPORT.
type invocation struct {
	started, ended bool
	startAt, endAt time.Time
	first          bool // no START was seen before its first line
	crashed        bool // a line of its own says that it failed
	evidence       evidence
	held           *waiting // a REPORT that came before its END
}

// duplicate says whether the line is among the last of its stream, and notes
// it.
func (s *stream) duplicate(print uint64) bool {
	if print == 0 {
		return false
	}
	if slices.Contains(s.recent[:], print) {
		return true
	}
	s.recent[s.next%maxRecent] = print
	s.next++
	return false
}

// init takes a line about an init or a restore. An init that is redone within
// an invocation belongs to the one that is open.
func (s *stream) init(v *View) {
	s.inits++
	if string(v.Phase) == "invoke" && s.one && len(s.order) > 0 {
		if inv := s.open[s.order[len(s.order)-1]]; inv.started && !inv.ended {
			inv.evidence.add(v)
			return
		}
	}
	s.pending.add(v)
}

func (s *stream) start(q *Pairing, v *View) {
	s.spread(q)
	s.starts++
	key := q.key(v.RequestID)
	inv := s.open[key]
	if inv == nil || inv.started {
		inv = s.opened(q, key)
	}
	// In a log that may mix environments, an init line belongs to the next
	// START only while no other invocation runs.
	if s.one || s.running == 0 {
		inv.evidence = s.pending
	}
	s.pending = evidence{}
	inv.started, inv.startAt = true, v.Timestamp
	if !inv.ended {
		s.running++
	}
}

func (s *stream) end(q *Pairing, v *View) {
	s.spread(q)
	s.ends++
	key := q.key(v.RequestID)
	inv := s.open[key]
	if inv == nil {
		inv = s.opened(q, key)
	}
	if !inv.ended {
		s.stopped(inv)
		inv.ended, inv.endAt = true, v.Timestamp
	}
}

// stopped takes an invocation out of those that run.
func (s *stream) stopped(inv *invocation) {
	if inv.started && !inv.ended {
		s.running--
	}
}

// other takes the lines of faults: the environment loses its state.
func (s *stream) other(q *Pairing, v *View) {
	if v.RequestID == nil || !bytes.Equal(v.Status, statusTimeout) && !bytes.Equal(v.Status, statusError) {
		return
	}
	if inv := s.open[q.key(v.RequestID)]; inv != nil {
		inv.crashed = true
	} else {
		s.crashed = true // the line came behind the REPORT
	}
}

// key stands for a request id. The seed is random, so that no input can be
// made to collide.
func (q *Pairing) key(id []byte) uint64 { return maphash.Bytes(q.seed, id) }

// opened makes the invocation of an id, in place of one of the same id that
// never ended.
func (s *stream) opened(q *Pairing, key uint64) *invocation {
	var inv *invocation
	if n := len(q.unused); n > 0 {
		inv, q.unused = q.unused[n-1], q.unused[:n-1]
		*inv = invocation{}
	} else {
		inv = new(invocation)
	}
	inv.first = s.starts == 0
	if old := s.open[key]; old == nil {
		s.order = append(s.order, key)
	} else {
		s.stopped(old)
	}
	s.open[key] = inv
	for len(s.order) > maxOpen {
		s.stopped(s.open[s.order[0]])
		delete(s.open, s.order[0])
		s.order = slices.Delete(s.order, 0, 1)
	}
	return inv
}

// closed forgets an invocation.
func (s *stream) closed(q *Pairing, key uint64, inv *invocation) {
	if s.open[key] != inv {
		return
	}
	s.stopped(inv)
	delete(s.open, key)
	if i := slices.Index(s.order, key); i >= 0 {
		s.order = slices.Delete(s.order, i, i+1)
	}
	q.unused = append(q.unused, inv)
}

// spread turns the REPORT that is held in a stream of REPORTs alone into one
// of an invocation, when the first other line comes.
func (s *stream) spread(q *Pairing) {
	w := s.only
	if w == nil {
		return
	}
	s.only = nil
	inv := s.opened(q, w.key)
	inv.held, w.inv = w, inv
}
