package emulator

import (
	"net/http"
	"time"
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
)

// invokeEvent takes an event into the queue and answers 202.
func (s *Server) invokeEvent(w http.ResponseWriter, inv *invocation) *apiError {
	s.mu.Lock()
	if s.closing || s.waiting >= maxWaitingEvents {
		s.mu.Unlock()
		return serviceError("The emulator takes no more events: it is stopping, or %d are waiting.", maxWaitingEvents)
	}
	s.waiting++
	s.work.Add(1)
	s.mu.Unlock()
	go func() {
		defer s.work.Done()
		s.runEvent(inv.target, inv)
		s.mu.Lock()
		s.waiting--
		s.mu.Unlock()
	}()
	w.WriteHeader(http.StatusAccepted)
	return nil
}

// runEvent tries an event until the function has taken it, its retries are used
// up, it is too old, or the server stops. The request id stays the same.
func (s *Server) runEvent(t target, inv *invocation) {
	deadline := time.Now().Add(s.minutes(maxEventAge))
	errors, backOff := 0, firstBackOff
	for {
		var pause time.Duration
		failed, bad := s.tryEvent(t, *inv)
		switch {
		case bad == nil && !failed:
			return
		case bad == nil:
			if errors++; errors > functionRetries {
				s.set.Logger.Info("event dropped: retries used up", "function", t.name, "request", inv.id)
				return
			}
			pause = s.minutes(float64(errors))
		case bad.Status == http.StatusNotFound:
			return
		default:
			pause = s.minutes(backOff)
			backOff = min(2*backOff, lastBackOff)
		}
		if time.Now().Add(pause).After(deadline) || !s.sleep(pause) {
			return
		}
	}
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
func (s *Server) tryEvent(t target, inv invocation) (failed bool, bad *apiError) {
	v, bad := s.invocable(t, time.Now())
	if bad != nil {
		return false, bad
	}
	e, bad := s.acquire(v)
	if bad != nil {
		return false, bad
	}
	inv.answer = func(r reply) { failed = r.failed }
	if fault := e.run(&inv); fault != nil {
		s.discard(e)
		return false, fault
	}
	s.release(e)
	return failed, nil
}
