package emulator

import (
	"maps"
	"net/http"
	"regexp"
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

// putEventConfig sets all rules, updateEventConfig those that it is given.
func (s *Server) putEventConfig(r *http.Request, req *eventConfigRequest) (answer, *apiError) {
	return s.setEventConfig(r, req, false)
}

func (s *Server) updateEventConfig(r *http.Request, req *eventConfigRequest) (answer, *apiError) {
	return s.setEventConfig(r, req, true)
}

func (s *Server) setEventConfig(r *http.Request, req *eventConfigRequest, keep bool) (answer, *apiError) {
	if *req == (eventConfigRequest{}) {
		return answer{}, invalidParameter("You must specify at least one of error handling or destination setting.")
	}
	if err := req.check(); err != nil {
		return answer{}, err
	}
	fn, _, t, err := s.found(r)
	switch {
	case err != nil && err.Status == http.StatusNotFound:
		return answer{}, notFound("The function doesn't exist.")
	case err != nil:
		return answer{}, err
	}
	var rules eventRules
	if keep {
		if _, _, rules, err = s.eventConfigOf(r); err != nil {
			return answer{}, err
		}
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
	return req.DestinationConfig.check()
}

// destinationPattern is the service's own (recorded November 2025).
const destinationPattern = `$|kafka://([^.]([a-zA-Z0-9\-_.]{0,248}))|arn:(aws[a-zA-Z0-9-]*):([a-zA-Z0-9\-])+:((eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1})?:(\d{12})?:(.*)`

var destinationForm = regexp.MustCompile("^(?:" + destinationPattern + ")$")

func (d *destinationsJSON) check() *apiError {
	if d == nil {
		return nil
	}
	for member, given := range map[string]*destinationJSON{"onSuccess": d.OnSuccess, "onFailure": d.OnFailure} {
		if given != nil && !destinationForm.MatchString(given.Destination) {
			return violated(given.Destination, "destinationConfig."+member+".destination", "Member must satisfy regular expression pattern: "+destinationPattern)
		}
	}
	return nil
}

// String is how the service names it in an error.
func (d *destinationsJSON) String() string {
	one := func(kind string, given *destinationJSON) string {
		if given == nil {
			return "null"
		}
		return kind + "(destination=" + given.Destination + ")"
	}
	return "DestinationConfig(onSuccess=" + one("OnSuccess", d.OnSuccess) + ", onFailure=" + one("OnFailure", d.OnFailure) + ")"
}

// destinationServices can be destinations on AWS. Here only lambda is one.
var destinationServices = []string{"lambda", "sqs", "sns", "events", "s3"}

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
			if service := strings.Split(arn+":::", ":")[2]; !slices.Contains(destinationServices, service) {
				return invalidParameter("The provided destination config %s is invalid.", d)
			}
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

func (s *Server) getEventConfig(r *http.Request) (answer, *apiError) {
	_, t, rules, err := s.eventConfigOf(r)
	if err != nil {
		return answer{}, err
	}
	return answer{http.StatusOK, s.describeEvents(t, rules)}, nil
}

func (s *Server) deleteEventConfig(r *http.Request) (answer, *apiError) {
	fn, t, _, err := s.eventConfigOf(r)
	if err != nil {
		return answer{}, err
	}
	delete(fn.events, t.qualifierOrLatest())
	return answer{status: http.StatusNoContent}, nil
}

func (s *Server) listEventConfigs(r *http.Request) (answer, *apiError) {
	fn, err := s.functionOf(r)
	if fn == nil && err.Status == http.StatusNotFound {
		err = notFound("The function doesn't exist.")
	}
	if err != nil {
		return answer{}, err
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

type deadLetterJSON struct{ TargetArn string }

// check refuses a dead-letter queue, as events that were sent to it would be lost:
// it can be one of SQS or a topic of SNS only, and neither is here. An empty target
// is none.
func (d *deadLetterJSON) check() *apiError {
	if d == nil || d.TargetArn == "" {
		return nil
	}
	return invalidParameter("The dead-letter target %s can't be reached: this emulator has no SQS and no SNS. An on-failure destination can be a function.", d.TargetArn)
}
