package emulator

import (
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// eventRules are the EventInvokeConfig of a version or alias. The zero value
// has Lambda's defaults.
type eventRules struct {
	OnSuccess, OnFailure string // ARN of a function, "" = none
	Retries              *int
	MaxAge               *int // seconds
	modified             time.Time
}

func (r eventRules) retries() int {
	if r.Retries != nil {
		return *r.Retries
	}
	return functionRetries
}

func (r eventRules) maxAge() time.Duration {
	if r.MaxAge != nil {
		return time.Duration(*r.MaxAge) * time.Second
	}
	return maxEventAge * time.Minute
}

func (t target) qualifierOrLatest() string {
	if t.qualifier == "" {
		return latestVersion
	}
	return t.qualifier
}

func (s *Server) qualifiedARN(t target) string {
	return s.functionARN(t.name) + ":" + t.qualifierOrLatest()
}

// rulesOf gives the rules for a request's target. The lock is held.
func (s *Server) rulesOf(t target) eventRules {
	if fn := s.functions[t.name]; fn != nil {
		return fn.events[t.qualifierOrLatest()]
	}
	return eventRules{}
}

type destinationJSON struct {
	Destination string `json:"Destination,omitempty"`
}

type destinationsJSON struct {
	OnFailure *destinationJSON
	OnSuccess *destinationJSON
}

type eventConfigRequest struct {
	DestinationConfig        *destinationsJSON
	MaximumEventAgeInSeconds *int
	MaximumRetryAttempts     *int
}

type eventConfigJSON struct {
	DestinationConfig        destinationsJSON
	FunctionArn              string
	LastModified             float64
	MaximumEventAgeInSeconds *int `json:"MaximumEventAgeInSeconds,omitempty"`
	MaximumRetryAttempts     *int `json:"MaximumRetryAttempts,omitempty"`
}

func (s *Server) describeEvents(t target, r eventRules) eventConfigJSON {
	return eventConfigJSON{
		DestinationConfig: destinationsJSON{&destinationJSON{r.OnFailure}, &destinationJSON{r.OnSuccess}},
		FunctionArn:       s.qualifiedARN(t), LastModified: float64(r.modified.UnixMilli()) / 1000,
		MaximumEventAgeInSeconds: r.MaxAge, MaximumRetryAttempts: r.Retries,
	}
}

func (s *Server) putEventConfig(w http.ResponseWriter, r *http.Request) (answer, *apiError) {
	return s.setEventConfig(w, r, false)
}

func (s *Server) updateEventConfig(w http.ResponseWriter, r *http.Request) (answer, *apiError) {
	return s.setEventConfig(w, r, true)
}

func (s *Server) setEventConfig(w http.ResponseWriter, r *http.Request, keep bool) (answer, *apiError) {
	var req eventConfigRequest
	if err := decode(w, r, maxOtherBody, "PutFunctionEventInvokeConfig", &req); err != nil {
		return answer{}, err
	}
	if req == (eventConfigRequest{}) {
		return answer{}, invalidParameter("You must specify at least one of error handling or destination setting.")
	}
	if err := req.check(); err != nil {
		return answer{}, err
	}
	t, err := s.named(r)
	if err != nil {
		return answer{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	fn, _, err := s.find(t, "")
	if err != nil {
		return answer{}, notFound("The function doesn't exist.")
	}
	var rules eventRules
	if keep {
		rules = fn.events[t.qualifierOrLatest()]
	}
	if err := s.direct(&rules, t, req.DestinationConfig); err != nil {
		return answer{}, err
	}
	if req.MaximumRetryAttempts != nil {
		rules.Retries = req.MaximumRetryAttempts
	}
	if req.MaximumEventAgeInSeconds != nil {
		rules.MaxAge = req.MaximumEventAgeInSeconds
	}
	rules.modified = time.Now()
	fn.events[t.qualifierOrLatest()] = rules
	return answer{http.StatusOK, s.describeEvents(t, rules)}, nil
}

func (req *eventConfigRequest) check() *apiError {
	if n := req.MaximumRetryAttempts; n != nil && (*n < 0 || *n > 2) {
		return violated(strconv.Itoa(*n), "maximumRetryAttempts", "Member must have value less than or equal to 2")
	}
	if n := req.MaximumEventAgeInSeconds; n != nil && (*n < 60 || *n > 21600) {
		return violated(strconv.Itoa(*n), "maximumEventAgeInSeconds", "Member must have value between 60 and 21600")
	}
	return nil
}

// direct sets the destinations. Only functions of this emulator can be one.
func (s *Server) direct(rules *eventRules, t target, d *destinationsJSON) *apiError {
	if d == nil {
		return nil
	}
	for _, x := range []struct {
		given *destinationJSON
		set   *string
	}{{d.OnSuccess, &rules.OnSuccess}, {d.OnFailure, &rules.OnFailure}} {
		if x.given == nil {
			continue
		}
		if arn := x.given.Destination; arn != "" {
			to, bad := s.parseName(arn)
			switch {
			case bad != nil || !strings.HasPrefix(arn, "arn:") || s.functions[to.name] == nil:
				return invalidParameter("The destination ARN %s is invalid.", arn)
			case to.name == t.name:
				return invalidParameter("You can't specify the function as a destination for itself.")
			}
		}
		*x.set = x.given.Destination
	}
	return nil
}

// eventConfigOf finds the rules that a request is about. The lock is held.
func (s *Server) eventConfigOf(r *http.Request) (*function, target, eventRules, *apiError) {
	t, err := s.named(r)
	if err != nil {
		return nil, t, eventRules{}, err
	}
	if fn := s.functions[t.name]; fn != nil {
		if rules, ok := fn.events[t.qualifierOrLatest()]; ok {
			return fn, t, rules, nil
		}
	}
	return nil, t, eventRules{}, notFound("The function %s doesn't have an EventInvokeConfig", s.qualifiedARN(t))
}

func (s *Server) getEventConfig(_ http.ResponseWriter, r *http.Request) (answer, *apiError) {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, t, rules, err := s.eventConfigOf(r)
	if err != nil {
		return answer{}, err
	}
	return answer{http.StatusOK, s.describeEvents(t, rules)}, nil
}

func (s *Server) deleteEventConfig(_ http.ResponseWriter, r *http.Request) (answer, *apiError) {
	s.mu.Lock()
	defer s.mu.Unlock()
	fn, t, _, err := s.eventConfigOf(r)
	if err != nil {
		return answer{}, err
	}
	delete(fn.events, t.qualifierOrLatest())
	return answer{status: http.StatusNoContent}, nil
}

func (s *Server) listEventConfigs(_ http.ResponseWriter, r *http.Request) (answer, *apiError) {
	t, err := s.named(r)
	if err != nil {
		return answer{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	fn, _, err := s.find(target{name: t.name}, "")
	if err != nil {
		return answer{}, notFound("The function doesn't exist.")
	}
	list := []eventConfigJSON{}
	for _, q := range slices.Sorted(maps.Keys(fn.events)) {
		list = append(list, s.describeEvents(target{fn.name, q}, fn.events[q]))
	}
	page, next, err := pageOf(list, r)
	return answer{http.StatusOK, struct {
		FunctionEventInvokeConfigs []eventConfigJSON
		NextMarker                 string `json:"NextMarker,omitempty"`
	}{page, next}}, err
}
