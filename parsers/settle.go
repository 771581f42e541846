package parsers

// pendingInvocation marks a REPORT that is held without an invocation.
var pendingInvocation invocation

// report takes a REPORT. After its END it is accepted at once. Before, it is
// held: user code may have printed it, or the lines came out of order.
func (q *Pairing) report(s *stream, w *waiting) {
	w.key = q.key(w.v.RequestID)
	if s.starts == 0 && s.ends == 0 {
		if s.only != nil {
			q.acceptOnly(s.only)
		}
		s.only, w.inv = w, &pendingInvocation
		return
	}
	inv := s.open[w.key]
	if inv == nil {
		inv = s.opened(q, w.key)
	}
	if inv.held != nil {
		q.refuse(inv.held)
		inv.held = nil
	}
	w.inv = inv
	if inv.ended && (inv.started || inv.first) {
		q.accept(w)
		return
	}
	inv.held = w
}

// acceptOnly accepts the held REPORT of a stream in which nothing but REPORTs
// was seen.
func (q *Pairing) acceptOnly(w *waiting) {
	s := w.stream
	s.only = nil
	w.inv = nil
	inv := invocation{evidence: s.pending}
	s.pending = evidence{}
	w.v.Start, w.v.StartRule = s.classify(&w.v, &inv)
	s.served++
	s.crashed = resets(w.v.Status, w.v.ErrorType)
	q.counts.Reports++
}

// accept decides that a REPORT is the platform's.
func (q *Pairing) accept(w *waiting) {
	s, inv := w.stream, w.inv
	w.inv = nil
	if !inv.started {
		inv.evidence, s.pending = s.pending, evidence{}
	}
	start, rule := s.classify(&w.v, inv)
	if !inv.started {
		rule += "; " + NoteNoStart
	}
	if !inv.ended {
		rule += "; " + NoteNoEnd
	}
	w.v.Start, w.v.StartRule = start, rule
	s.served++
	s.crashed = inv.crashed || resets(w.v.Status, w.v.ErrorType)
	q.counts.Reports++
	inv.held = nil
	s.closed(q, w.key, inv)
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
	if inv == &pendingInvocation {
		q.acceptOnly(w)
		return
	}
	genuine := false
	switch {
	case inv.ended:
		late := !w.v.Timestamp.IsZero() && !w.v.Timestamp.Before(inv.endAt) && !w.v.Timestamp.Before(inv.startAt)
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
