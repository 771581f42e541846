package emulator

import (
	"encoding/json"
	"time"
)

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

// told gives the event that tells a destination how another has ended; nil where
// nobody is to be told.
func (s *Server) told(a *asyncEvent, condition string) *asyncEvent {
	if condition != conditionSuccess {
		s.set.Logger.Info("event given up", "function", a.inv.target.name, "request", a.inv.id, "condition", condition)
	}
	to := a.rules.OnFailure
	switch condition {
	case conditionGone:
		return nil
	case conditionSuccess:
		to = a.rules.OnSuccess
	}
	t, bad := s.parseName(to)
	if to == "" || bad != nil { // PutFunctionEventInvokeConfig has checked it
		return nil
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
	s.mu.Lock()
	defer s.mu.Unlock()
	return newEvent(&invocation{target: t, id: newUUID(), payload: encodeJSON(record), arn: to, trace: a.inv.trace}, s.rulesOf(t))
}
