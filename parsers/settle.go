package parsers

import (
	"coldbench/record"
)

// report takes a REPORT. After its END it is accepted at once. Before, it is
// held: user code may have printed it, or the lines came out of order.
func (q *Pairing) report(s *stream, w *waiting) {
	id := w.p.RequestID
	inv := s.open[id]
	if inv == nil {
		inv = s.opened(id)
	}
	if held := inv.held; held != nil {
		if s.starts == 0 && s.ends == 0 {
			q.accept(held) // nothing but REPORTs: two invocations of one id
			inv = s.opened(id)
		} else {
			q.refuse(held)
		}
		inv.held = nil
	}
	w.inv = inv
	if inv.ended && (inv.started || inv.first) {
		q.accept(w)
		return
	}
	inv.held = w
	if s.starts == 0 && s.ends == 0 {
		q.acceptOlder(s, id)
	}
}

// acceptOlder accepts the REPORTs that are held in a stream in which nothing
// but REPORTs was seen, the last excepted: its END may be the next line.
func (q *Pairing) acceptOlder(s *stream, last string) {
	for len(s.order) > 1 && s.order[0] != last {
		inv := s.open[s.order[0]]
		if inv.held == nil {
			return
		}
		q.accept(inv.held)
	}
}

// accept decides that a REPORT is the platform's.
func (q *Pairing) accept(w *waiting) {
	s, inv := w.stream, w.inv
	w.inv = nil
	if !inv.started {
		inv.evidence, s.pending = s.pending, evidence{}
	}
	start, rule := s.classify(&w.p, inv)
	if !inv.started && s.starts+s.ends > 0 {
		rule += "; " + NoteNoStart
	}
	if !inv.ended && s.starts+s.ends > 0 {
		rule += "; " + NoteNoEnd
	}
	w.p.Start, w.p.StartRule = start, rule
	if s.open[w.p.RequestID] == inv {
		s.forget(w.p.RequestID)
	}
	inv.held = nil
	s.served++
	s.crashed = inv.crashed || resets(w.p.Status, w.p.ErrorType)
	q.counts.Reports++
}

// refuse drops a REPORT that is not the platform's.
func (q *Pairing) refuse(w *waiting) {
	w.gone, w.inv = true, nil
	q.counts.Refused++
}

// decide settles a held REPORT with the evidence at hand. After its END was
// seen it can only be one that was delivered out of order: the instants tell.
// Without an END it is accepted where the stream has no END lines at all, if
// it was STARTed or no START had been seen.
func (q *Pairing) decide(w *waiting) {
	s, inv := w.stream, w.inv
	genuine := false
	switch {
	case inv.ended:
		late := !w.p.Timestamp.IsZero() && !w.p.Timestamp.Before(inv.endAt) && !w.p.Timestamp.Before(inv.startAt)
		genuine = late && (inv.started || inv.first)
	case s.ends == 0:
		genuine = inv.started || inv.first
	}
	if genuine {
		q.accept(w)
		return
	}
	if inv.held == w {
		inv.held = nil
	}
	q.refuse(w)
}

// settle decides all that is held in a stream.
func (q *Pairing) settle(s *stream) {
	for _, w := range q.queue {
		if w.stream == s && w.inv != nil && !w.gone {
			q.decide(w)
		}
	}
}

func (q *Pairing) settleAll() {
	for _, w := range q.queue {
		if w.inv != nil && !w.gone {
			q.decide(w)
		}
	}
}

// flush yields what is decided, up to the first record that is not. While more
// than limit records wait, that first one is decided. The last record stays,
// for an X-Ray line may follow it, unless limit is 0.
func (q *Pairing) flush(limit int, yield func(record.Platform, error) bool) bool {
	n := 0
	defer func() {
		if n == 0 {
			return
		}
		kept := copy(q.queue, q.queue[n:])
		clear(q.queue[kept:])
		q.queue = q.queue[:kept]
	}()
	for n < len(q.queue) && (limit == 0 || n+1 < len(q.queue)) {
		w := q.queue[n]
		if w.inv != nil && !w.gone {
			if limit != 0 && len(q.queue)-n <= limit {
				return true
			}
			q.decide(w)
		}
		n++
		if !w.gone && !yield(w.p, nil) {
			return false
		}
	}
	return true
}
