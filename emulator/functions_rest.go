package emulator

import (
	"cmp"
	"encoding/base64"
	"errors"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"coldbench/emulator/runtimes"
)

var roleForm = regexp.MustCompile("^" + rolePattern + "$")

func isFunctionError(err error) bool {
	var f *runtimes.FunctionError
	return errors.As(err, &f)
}

func (s *Server) getFunction(w http.ResponseWriter, r *http.Request) (answer, *apiError) {
	t, err := s.named(r)
	if err != nil {
		return answer{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	fn, v, err := s.find(t, "")
	if err != nil {
		return answer{}, err
	}
	body := struct {
		Code          codeJSON
		Concurrency   *concurrencyJSON `json:"Concurrency,omitempty"`
		Configuration functionConfiguration
		Tags          map[string]string `json:"Tags,omitempty"`
	}{Tags: maps.Clone(fn.tags), Code: describeCode(r, v.code), Configuration: s.describe(v, t.qualifier)}
	if n, ok := fn.fleet.Reserved(); ok {
		body.Concurrency = &concurrencyJSON{&n}
	}
	return answer{http.StatusOK, body}, nil
}

func (s *Server) getConfiguration(w http.ResponseWriter, r *http.Request) (answer, *apiError) {
	t, err := s.named(r)
	if err != nil {
		return answer{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	_, v, err := s.find(t, "")
	if err != nil {
		return answer{}, err
	}
	return answer{http.StatusOK, s.describe(v, t.qualifier)}, nil
}

// listFunctions pages by name: the marker is the last name given.
func (s *Server) listFunctions(w http.ResponseWriter, r *http.Request) (answer, *apiError) {
	q := r.URL.Query()
	all := q.Get("FunctionVersion")
	if all != "" && all != "ALL" {
		return answer{}, violated(all, "functionVersion", "Member must satisfy enum value set: [ALL]")
	}
	limit, err := strconv.Atoi(cmp.Or(q.Get("MaxItems"), "50"))
	if err != nil || limit < 1 {
		return answer{}, violated(q.Get("MaxItems"), "maxItems", "Member must have value greater than or equal to 1")
	}
	after, _ := base64.RawURLEncoding.DecodeString(q.Get("Marker"))
	body := struct {
		Functions  []functionConfiguration
		NextMarker string `json:"NextMarker,omitempty"`
	}{Functions: []functionConfiguration{}}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, fn := range s.sortedFunctions() {
		if fn.name <= string(after) && len(after) > 0 {
			continue
		}
		if len(body.Functions) >= min(limit, 50) {
			body.NextMarker = base64.RawURLEncoding.EncodeToString([]byte(body.Functions[len(body.Functions)-1].FunctionName))
			break
		}
		if all == "" {
			body.Functions = append(body.Functions, s.asListed(fn.latest, ""))
			continue
		}
		body.Functions = append(body.Functions, s.asListed(fn.latest, latestVersion))
		for _, v := range fn.published {
			body.Functions = append(body.Functions, s.asListed(v, v.number))
		}
	}
	return answer{http.StatusOK, body}, nil
}

func (s *Server) sortedFunctions() []*function {
	list := make([]*function, 0, len(s.functions))
	for _, fn := range s.functions {
		list = append(list, fn)
	}
	slices.SortFunc(list, func(a, b *function) int { return strings.Compare(a.name, b.name) })
	return list
}

func (s *Server) updateConfiguration(w http.ResponseWriter, r *http.Request) (answer, *apiError) {
	var req configRequest
	if err := decode(w, r, maxOtherBody, "UpdateFunctionConfiguration", &req); err != nil {
		return answer{}, err
	}
	// Once without the lock: this may run an interpreter to learn its version.
	if err := s.apply(&config{}, &req); err != nil {
		return answer{}, err
	}
	given, err := s.layersFor(req.Layers)
	if err != nil {
		return answer{}, err
	}
	defer given.release()
	return s.update(r, req.RevisionID, false, func(old *version) (config, *code, *apiError) {
		c := old.config
		if old.code.image != nil && req.forZips() {
			return c, nil, invalidParameter(notForImages)
		}
		if err := s.apply(&c, &req); err != nil {
			return c, nil, err
		}
		return c, old.code, c.applyLayers(given, old.code)
	})
}

func (s *Server) updateCode(w http.ResponseWriter, r *http.Request) (answer, *apiError) {
	var req struct {
		codeRequest
		Architectures []string
		RevisionID    string `json:"RevisionId"`
		DryRun        bool
		Publish       bool
	}
	if err := decode(w, r, maxCreateBody, "UpdateFunctionCode", &req); err != nil {
		return answer{}, err
	}
	if req.Architectures != nil {
		if err := checkArchitectures(req.Architectures); err != nil {
			return answer{}, err
		}
	}
	fresh, err := s.updatedCode(r, &req.codeRequest)
	if err != nil {
		return answer{}, err
	}
	// The reference of this request: when the update is refused, or was a dry
	// run, the code goes with it.
	fresh.retain()
	defer fresh.release()
	return s.update(r, req.RevisionID, req.Publish, func(old *version) (config, *code, *apiError) {
		c := old.config
		c.Command, c.Local = nil, false
		if req.Architectures != nil {
			c.Arch = req.Architectures[0]
		}
		return c, fresh, c.applyLayers(nil, fresh)
	})
}

// update puts a new $LATEST in the place of the old one.
func (s *Server) update(r *http.Request, revision string, publish bool, change func(*version) (config, *code, *apiError)) (answer, *apiError) {
	t, err := s.named(r)
	if err != nil {
		return answer{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	fn, old, err := s.find(t, "")
	switch {
	case err != nil:
		return answer{}, err
	case !old.active(time.Now()):
		return answer{}, conflict("The operation cannot be performed at this time. An update is in progress for resource: %s", s.functionARN(fn.name))
	case revision != "" && revision != old.settled:
		return answer{}, stale(latestCall)
	}
	c, code, err := change(old)
	if err != nil {
		return answer{}, err
	}
	v := s.newVersion(fn, c, code)
	s.replaceLatest(fn, v)
	if publish {
		v = s.publish(fn, c.Description)
	}
	return answer{http.StatusOK, s.asAnswered(v)}, nil
}

func (s *Server) deleteFunction(w http.ResponseWriter, r *http.Request) (answer, *apiError) {
	t, err := s.named(r)
	if err != nil {
		return answer{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	fn := s.functions[t.name]
	switch {
	case fn == nil:
		return answer{}, s.missing(t, "")
	case t.qualifier == latestVersion:
		return answer{}, invalidParameter("$LATEST version cannot be deleted without deleting the function.")
	case t.qualifier != "":
		return s.deleteVersion(fn, t.qualifier)
	}
	delete(s.functions, fn.name)
	for _, u := range fn.urls {
		delete(s.urls, u.id)
	}
	s.retire(fn.latest)
	for _, v := range fn.published {
		s.retire(v)
	}
	fn.fleet.Unreserve()
	return answer{status: http.StatusNoContent}, nil
}
