package emulator

import (
	"encoding/json"
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
)

// The conditions under which an event ends, as destinations are told.
const (
	conditionSuccess   = "Success"
	conditionExhausted = "RetriesExhausted"
	conditionAge       = "EventAgeExceeded"
	conditionZero      = "ZeroReservedConcurrency"
)

// event is one asynchronous invocation on its way through the queue.
type asyncEvent struct {
	inv     *invocation
	rules   eventRules
	tries   int
	last    reply
	version string // that ran last
}

// invokeEvent takes an event into the queue and answers 202.
func (s *Server) invokeEvent(w http.ResponseWriter, inv *invocation) *apiError {
	if err := s.enqueue(inv); err != nil {
		return err
	}
	w.WriteHeader(http.StatusAccepted)
	return nil
}

func (s *Server) enqueue(inv *invocation) *apiError {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing || s.draining || s.waiting >= maxWaitingEvents {
		return serviceError("The emulator takes no more events: it is stopping, or %d are waiting.", maxWaitingEvents)
	}
	a := &asyncEvent{inv: inv, rules: s.rulesOf(inv.target)}
	s.waiting++
	s.work.Add(1)
	go func() {
		defer s.work.Done()
		if condition := s.runEvent(a); condition != "" {
			s.tell(a, condition)
		}
		s.mu.Lock()
		s.waiting--
		s.mu.Unlock()
	}()
	return nil
}

// runEvent tries an event until the function has taken it, its retries are used
// up, it is too old, or the server stops. The request id stays the same. It
// says how the event ended; "" where nobody is to be told.
func (s *Server) runEvent(a *asyncEvent) (condition string) {
	deadline := time.Now().Add(s.minutes(a.rules.maxAge().Minutes()))
	errors, backOff := 0, firstBackOff
	for {
		var pause time.Duration
		bad := s.tryEvent(a)
		switch {
		case bad == nil && !a.last.failed:
			return conditionSuccess
		case bad == nil:
			if errors++; errors > a.rules.retries() {
				return conditionExhausted
			}
			pause = s.minutes(float64(errors))
		case bad.Status == http.StatusNotFound:
			return ""
		case bad.Reason == fleet.ReservedConcurrency.Reason() && s.reservedIsZero(a.inv.target):
			return conditionZero
		default:
			pause = s.minutes(backOff)
			backOff = min(2*backOff, lastBackOff)
		}
		if time.Now().Add(pause).After(deadline) {
			return conditionAge
		}
		if !s.sleep(pause) {
			return ""
		}
	}
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
	e, bad := s.acquire(v)
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

// invocationRecord is what a destination function receives.
type invocationRecord struct {
	Version         string           `json:"version"`
	Timestamp       string           `json:"timestamp"`
	RequestContext  requestContext   `json:"requestContext"`
	RequestPayload  json.RawMessage  `json:"requestPayload"`
	ResponseContext *responseContext `json:"responseContext,omitempty"`
	ResponsePayload json.RawMessage  `json:"responsePayload,omitempty"`
}

type requestContext struct {
	RequestID   string `json:"requestId"`
	FunctionArn string `json:"functionArn"`
	Condition   string `json:"condition"`
	Count       int    `json:"approximateInvokeCount"`
}

type responseContext struct {
	StatusCode      int    `json:"statusCode"`
	ExecutedVersion string `json:"executedVersion"`
	FunctionError   string `json:"functionError,omitempty"`
}

// tell sends an event's end to the destination for it, if there is one.
func (s *Server) tell(a *asyncEvent, condition string) {
	to := a.rules.OnFailure
	if condition == conditionSuccess {
		to = a.rules.OnSuccess
	}
	if condition == conditionExhausted || condition == conditionAge {
		s.set.Logger.Info("event given up", "function", a.inv.target.name, "request", a.inv.id, "condition", condition)
	}
	if to == "" {
		return
	}
	t, bad := s.parseName(to)
	if bad != nil {
		return // PutFunctionEventInvokeConfig has checked it
	}
	record := invocationRecord{
		Version: "1.0", Timestamp: time.Now().UTC().Format("2006-01-02T15:04:05.000Z"),
		RequestContext: requestContext{a.inv.id, s.qualifiedARN(a.inv.target), condition, a.tries}, RequestPayload: a.inv.payload,
	}
	if a.tries > 0 {
		record.ResponseContext = &responseContext{StatusCode: 200, ExecutedVersion: a.version}
		if a.last.failed {
			record.ResponseContext.FunctionError = handledFailure
		}
		if json.Valid(a.last.body) {
			record.ResponsePayload = a.last.body
		}
	}
	err := s.enqueue(&invocation{target: t, id: newUUID(), payload: encodeJSON(record), arn: to, trace: a.inv.trace})
	if err != nil {
		s.set.Logger.Warn("send an event to its destination", "destination", to, "error", err)
	}
}
