package emulator

import (
	"net/http"
	"time"

	"coldbench/fleet"
)

// Asynchronous invocations: the reply is 202, the function runs later.
// Source of the retries: AWS Lambda developer guide, "How Lambda handles errors
// and retries with asynchronous invocation".
const (
	functionRetries  = 2       // after an error of the function: 1 minute, then 2
	maxEventAge      = 6 * 60  // minutes that an event is kept trying
	firstBackOff     = 1. / 60 // minutes; after a throttle or a fault, doubled each time
	lastBackOff      = 5.      // minutes
	maxWaitingEvents = 100_000 // of all functions; more are refused
	maxWaitingBytes  = 1 << 30 // of their payloads
)

// The conditions under which an event ends, as destinations are told.
const (
	conditionSuccess   = "Success"
	conditionExhausted = "RetriesExhausted"
	conditionAge       = "EventAgeExceeded"
	conditionZero      = "ZeroReservedConcurrency"
	conditionGone      = "" // the function is no more: nobody is told
)

// asyncEvent is one asynchronous invocation on its way through the queue. With a
// data folder it has a document there from before its 202 until it has ended
// (stored_events.go).
type asyncEvent struct {
	inv      *invocation
	rules    eventRules
	accepted time.Time
	due      time.Time // of the next try; zero = at once
	tries    int
	errors   int     // tries that the function answered with an error
	backOff  float64 // the last one, in minutes; 0 = there was none
	last     reply
	version  string // that ran last
	resumed  bool   // it is from the data folder
}

func newEvent(inv *invocation, rules eventRules) *asyncEvent {
	return &asyncEvent{inv: inv, rules: rules, accepted: time.Now()}
}

// eventQueue counts what is in the queue, running events included. Guarded by
// Server.mu.
type eventQueue struct {
	events int
	bytes  int64 // of payloads
}

func (q *eventQueue) add(a *asyncEvent) {
	q.events++
	q.bytes += int64(len(a.inv.payload))
}

func (q *eventQueue) remove(a *asyncEvent) {
	q.events--
	q.bytes -= int64(len(a.inv.payload))
}

// full says whether there is no room for one more payload.
func (q *eventQueue) full(payload []byte) bool {
	return q.events >= maxWaitingEvents || q.bytes+int64(len(payload)) > maxWaitingBytes
}

// invokeEvent takes an event into the queue and answers 202. With a data folder
// it is on the disk before that.
func (s *Server) invokeEvent(w http.ResponseWriter, inv *invocation) *apiError {
	a, bad := s.enqueue(inv)
	if bad != nil {
		return bad
	}
	if err := s.keepEvent(a); err != nil {
		s.leave(a)
		return serviceError("The event is not accepted, as it could not be saved: %v", err)
	}
	go s.serveEvent(a)
	w.WriteHeader(http.StatusAccepted)
	return nil
}

// enqueue makes room for an event, which has to be served, or to leave.
func (s *Server) enqueue(inv *invocation) (*asyncEvent, *apiError) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.closing || s.draining:
		return nil, serviceError("The emulator is stopping.")
	case s.queue.full(inv.payload):
		return nil, serviceError("The emulator takes no more events: %d with %d bytes are waiting, of at most %d with %d.", s.queue.events, s.queue.bytes, maxWaitingEvents, maxWaitingBytes)
	}
	a := newEvent(inv, s.rulesOf(inv.target))
	s.enter(a)
	return a, nil
}

// enter counts an event in, leave out. For enter the lock is held.
func (s *Server) enter(a *asyncEvent) {
	s.queue.add(a)
	s.work.Add(1)
}

func (s *Server) leave(a *asyncEvent) {
	s.mu.Lock()
	s.queue.remove(a)
	s.mu.Unlock()
	s.work.Done()
}

// serveEvent brings an event to its end, and then what its destination is told
// of that, which takes its place. When the server stops first, both are left as
// they are on the disk.
func (s *Server) serveEvent(a *asyncEvent) {
	for a != nil {
		condition, ended := s.runEvent(a)
		if !ended {
			break
		}
		next := s.told(a, condition)
		if next != nil && !s.keepUntilDone(next) {
			break
		}
		s.forgetEvent(a)
		if next == nil {
			break
		}
		s.mu.Lock()
		s.queue.remove(a)
		s.queue.add(next)
		s.mu.Unlock()
		a = next
	}
	s.leave(a)
}

// runEvent tries an event until the function has taken it, its retries are used
// up, it is too old, or the server stops: then it has not ended. The request id
// stays the same.
func (s *Server) runEvent(a *asyncEvent) (condition string, ended bool) {
	if a.resumed && a.tooOld(time.Now(), s.minutes) {
		return conditionAge, true
	}
	for {
		if !s.sleep(time.Until(a.due)) {
			return "", false
		}
		bad := s.tryEvent(a)
		if s.interrupted(a, bad) {
			return "", false
		}
		if condition, ended := a.after(bad, s.reservedIsZero(a.inv.target), time.Now(), s.minutes); ended {
			return condition, true
		}
		if err := s.keepEvent(a); err != nil {
			// The older document is still there: at worst it is tried once more.
			s.set.Logger.Warn("save the state of an event", "function", a.inv.target.name, "request", a.inv.id, "error", err)
		}
	}
}

// interrupted says whether a try has come to nothing because the server stops.
// A killed function looks like one that has failed.
func (s *Server) interrupted(a *asyncEvent, bad *apiError) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if bad != nil {
		return s.closing || s.draining
	}
	return s.closing && a.last.failed
}

// after says what a try comes to: the event has ended, with a condition, or it is
// due again.
func (a *asyncEvent) after(bad *apiError, zero bool, now time.Time, minutes func(float64) time.Duration) (condition string, ended bool) {
	var pause time.Duration
	switch {
	case bad == nil && !a.last.failed:
		return conditionSuccess, true
	case bad == nil:
		if a.errors++; a.errors > a.rules.retries() {
			return conditionExhausted, true
		}
		pause = minutes(float64(a.errors))
	case bad.Status == http.StatusNotFound:
		return conditionGone, true
	case zero && bad.Reason == fleet.ReservedConcurrency.Reason():
		return conditionZero, true
	default:
		a.backOff = min(max(2*a.backOff, firstBackOff), lastBackOff)
		pause = minutes(a.backOff)
	}
	if a.due = now.Add(pause); a.tooOld(a.due, minutes) {
		return conditionAge, true
	}
	return "", false
}

// tooOld says whether the event may not live until then.
func (a *asyncEvent) tooOld(then time.Time, minutes func(float64) time.Duration) bool {
	return then.After(a.accepted.Add(minutes(a.rules.maxAge().Minutes())))
}

func (s *Server) reservedIsZero(t target) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	fn := s.functions[t.name]
	if fn == nil {
		return false
	}
	n, reserved := fn.fleet.Reserved()
	return reserved && n == 0
}

func (s *Server) minutes(n float64) time.Duration {
	return time.Duration(n * float64(s.set.RetryUnit))
}

// sleep waits, and says false when the server stops first.
func (s *Server) sleep(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-s.stopping:
		return false
	}
}

// tryEvent runs an event once.
func (s *Server) tryEvent(a *asyncEvent) *apiError {
	v, bad := s.invocable(a.inv.target, time.Now())
	if bad != nil {
		return bad
	}
	e, bad := s.acquire(v, a.inv.tenant)
	if bad != nil {
		return bad
	}
	inv := *a.inv
	inv.answer = func(r reply) { a.last = r }
	a.version = v.number
	a.tries++
	s.perform(e, &inv)
	return a.last.fault
}
