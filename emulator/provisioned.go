package emulator

import (
	"errors"
	"net/http"
	"strconv"
	"time"

	"coldbench/fleet"
)

// provisioned is the provisioned concurrency of one version.
type provisioned struct {
	qualifier string // the version's number or the alias that asked for it
	requested int
	failures  int
	failed    bool
	modified  time.Time
}

// An init ahead of requests that fails is tried so often in all, each time in a
// new environment (observed on AWS, February 2026).
const provisionedAttempts = 6

type provisionedJSON struct {
	Allocated    int    `json:"AllocatedProvisionedConcurrentExecutions"`
	Available    int    `json:"AvailableProvisionedConcurrentExecutions"`
	FunctionArn  string `json:"FunctionArn,omitempty"`
	LastModified string
	Requested    int `json:"RequestedProvisionedConcurrentExecutions"`
	Status       string
	StatusReason string `json:"StatusReason,omitempty"`
}

func (v *version) describeProvisioned() provisionedJSON {
	p := v.provisioned
	d := provisionedJSON{
		Allocated: v.pool.Available(), Available: v.pool.Available(), Requested: p.requested,
		LastModified: p.modified.UTC().Format("2006-01-02T15:04:05+0000"), Status: "IN_PROGRESS",
	}
	switch {
	case p.failed:
		d.Status, d.StatusReason = "FAILED", "FUNCTION_ERROR_INIT_FAILURE"
	case v.pool.Available() == p.requested:
		d.Status = "READY"
	}
	return d
}

func noAlias(s *Server, t target) *apiError {
	return notFound("Cannot find alias arn: %s:%s", s.functionARN(t.name), t.qualifier)
}

// provisionable finds the version that provisioned concurrency can be set on.
// The lock is held.
func (s *Server) provisionable(r *http.Request, onLatest string) (target, *version, *apiError) {
	t, err := s.named(r)
	if err != nil {
		return t, nil, err
	}
	if t.qualifier == "" || t.qualifier == latestVersion {
		return t, nil, invalidParameter("%s", onLatest)
	}
	_, v, err := s.find(t, "")
	if err != nil && !numberForm.MatchString(t.qualifier) {
		err = noAlias(s, t)
	}
	return t, v, err
}

type provisionRequest struct{ ProvisionedConcurrentExecutions int }

func (s *Server) putProvisioned(r *http.Request, req *provisionRequest) (answer, *apiError) {
	n := req.ProvisionedConcurrentExecutions
	if n < 1 {
		return answer{}, violated(strconv.Itoa(n), "provisionedConcurrentExecutions", "Member must have value greater than or equal to 1")
	}
	t, v, err := s.provisionable(r, "Provisioned Concurrency Configs cannot be applied to unpublished function versions.")
	switch {
	case err != nil:
		return answer{}, err
	case v.provisioned != nil && v.provisioned.qualifier != t.qualifier && t.qualifier == v.number:
		return answer{}, conflict("Version is pointed by a Provisioned Concurrency alias")
	case v.provisioned != nil && v.provisioned.qualifier != t.qualifier:
		return answer{}, conflict("Alias can't be used for Provisioned Concurrency configuration on an already Provisioned version")
	}
	if err := v.config.excludesTenancy("Provisioned Concurrency"); err != nil {
		return answer{}, err
	}
	if err := s.provision(v, t.qualifier, n); err != nil {
		return answer{}, s.provisionError(err, n)
	}
	d := v.describeProvisioned()
	d.Allocated, d.Available, d.Status = 0, 0, "IN_PROGRESS"
	return answer{http.StatusAccepted, d}, nil
}

func (s *Server) provisionError(err error, n int) *apiError {
	var under *fleet.UnreservedError
	switch {
	case errors.Is(err, fleet.ErrAboveReserved):
		return invalidParameter("Requested Provisioned Concurrency should not be greater than the reservedConcurrentExecution for function")
	case errors.As(err, &under):
		e := invalidParameter("Specified ConcurrentExecutions for function decreases account's UnreservedConcurrentExecution below its minimum value of [%d].", under.Minimum)
		if all := s.account.Unreserved(); n > all {
			e = invalidParameter("Specified ConcurrentExecutions for function is greater than account's unreserved concurrency [%d].", all)
		}
		e.User = false
		return e
	}
	return serviceError("%v", err)
}

// provision sets the number of environments that are started ahead, and starts
// them. The lock is held.
func (s *Server) provision(v *version, qualifier string, n int) error {
	if s.closing {
		return errClosed
	}
	list, err := v.pool.Provision(n, s.now(), nil)
	if err != nil {
		return err
	}
	s.settleLocked(v)
	v.provisioned = &provisioned{qualifier: qualifier, requested: n, modified: time.Now()}
	for _, slot := range list {
		s.startAhead(v, slot)
	}
	return nil
}

func (s *Server) startAhead(v *version, slot fleet.Env) {
	e := s.newEnvironment(v, slot, "provisioned-concurrency")
	s.place(v, e)
	s.work.Add(1)
	go s.prepare(e)
}

// prepare runs the init of an environment ahead of any request. It has the CPU
// of the function, not that of an on-demand init, and the longer of 130 s and
// the function's time-out; INIT_REPORT is always written.
func (s *Server) prepare(e *environment) {
	defer s.work.Done()
	v := e.version
	e.begun = true
	e.placed()
	e.logInitStart(phaseInit)
	limit := v.longLimit()
	_, f := e.initialise(limit, v.config.cpuShare())
	e.freeze()
	s.mu.Lock()
	wanted := v.envs[e.slot] == e && !s.closing
	if wanted && f == nil {
		wanted = v.pool.Ready(e.slot, s.now())
	} else if wanted {
		s.retryAhead(e)
		wanted = false
	}
	s.mu.Unlock()
	if !wanted {
		e.end()
	}
}

// retryAhead replaces an environment whose init has failed, or gives up. The
// lock is held.
func (s *Server) retryAhead(e *environment) {
	v := e.version
	v.pool.Drop(e.slot, s.now())
	v.envs[e.slot] = nil
	p := v.provisioned
	if p == nil {
		return
	}
	if p.failures++; p.failures < provisionedAttempts {
		if slot, ok := v.pool.Replace(s.now()); ok {
			s.startAhead(v, slot)
		}
		return
	}
	p.failed = true
	// Giving back never fails.
	_, _ = v.pool.Provision(0, s.now(), nil)
	s.settleLocked(v)
}

func (s *Server) getProvisioned(r *http.Request) (answer, *apiError) {
	if r.URL.Query().Get("List") == "ALL" {
		return s.listProvisioned(r)
	}
	t, v, err := s.provisionable(r, "The function resource provided must be an alias or a published version.")
	switch {
	case err != nil && s.functions[t.name] == nil && t.qualifier != "" && t.qualifier != latestVersion:
		return answer{}, noAlias(s, t)
	case err != nil:
		return answer{}, err
	case v.provisioned == nil || v.provisioned.qualifier != t.qualifier:
		e := notFound("No Provisioned Concurrency Config found for this function")
		e.Kind, e.Capital = "ProvisionedConcurrencyConfigNotFoundException", false
		return answer{}, e
	}
	return answer{http.StatusOK, v.describeProvisioned()}, nil
}

func (s *Server) listProvisioned(r *http.Request) (answer, *apiError) {
	fn, err := s.functionOf(r)
	if err != nil {
		return answer{}, err
	}
	list := []provisionedJSON{}
	for _, v := range fn.published {
		if v.provisioned != nil {
			d := v.describeProvisioned()
			d.FunctionArn = s.functionARN(fn.name) + ":" + v.provisioned.qualifier
			list = append(list, d)
		}
	}
	page, next, err := pageOf(list, r)
	return answer{http.StatusOK, struct {
		NextMarker                    string `json:"NextMarker,omitempty"`
		ProvisionedConcurrencyConfigs []provisionedJSON
	}{next, page}}, err
}

func (s *Server) deleteProvisioned(r *http.Request) (answer, *apiError) {
	t, v, err := s.provisionable(r, "The function resource provided must be an alias or a published version.")
	if err != nil {
		return answer{}, err
	}
	if v.provisioned != nil && v.provisioned.qualifier == t.qualifier {
		s.unprovision(v)
	}
	return answer{status: http.StatusNoContent}, nil
}

func (s *Server) unprovision(v *version) {
	// Giving back never fails.
	_, _ = v.pool.Provision(0, s.now(), nil)
	v.provisioned = nil
	s.settleLocked(v)
}

// moveProvisioned follows an alias to its new version, or to none.
func (s *Server) moveProvisioned(alias string, from, to *version) {
	p := from.provisioned
	if from == to || p == nil || p.qualifier != alias {
		return
	}
	s.unprovision(from)
	if to != nil && to.number != latestVersion && to.provisioned == nil {
		if err := s.provision(to, alias, p.requested); err != nil {
			s.set.Logger.Warn("move provisioned concurrency with its alias", "alias", alias, "error", err)
		}
	}
}
