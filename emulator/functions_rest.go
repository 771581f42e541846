package emulator

import (
	"errors"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"coldbench/emulator/runtimes"
)

var roleForm = regexp.MustCompile("^" + rolePattern + "$")

func isFunctionError(err error) bool {
	var f *runtimes.FunctionError
	return errors.As(err, &f)
}

func (s *Server) getFunction(r *http.Request) (answer, *apiError) {
	fn, v, t, err := s.found(r)
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

func (s *Server) getConfiguration(r *http.Request) (answer, *apiError) {
	_, v, t, err := s.found(r)
	if err != nil {
		return answer{}, err
	}
	return answer{http.StatusOK, s.describe(v, t.qualifier)}, nil
}

func (s *Server) listFunctions(r *http.Request) (answer, *apiError) {
	all := r.URL.Query().Get("FunctionVersion")
	if all != "" {
		if err := oneOf(all, "functionVersion", "ALL"); err != nil {
			return answer{}, err
		}
	}
	list := []functionConfiguration{}
	for _, fn := range s.sortedFunctions() {
		if all != "" {
			list = append(list, s.listed(fn)...)
		} else {
			list = append(list, s.asListed(fn.latest, ""))
		}
	}
	page, next, err := pageOf(list, r)
	return answer{http.StatusOK, struct {
		Functions  []functionConfiguration
		NextMarker string `json:"NextMarker,omitempty"`
	}{page, next}}, err
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
	return s.update(r, updateKind{revision: req.RevisionID}, func(old *version) (config, *code, *apiError) {
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
	return s.update(r, updateKind{req.RevisionID, req.Publish, req.DryRun}, func(old *version) (config, *code, *apiError) {
		c := old.config
		c.Command, c.Local = nil, false
		if req.Architectures != nil {
			c.Arch = req.Architectures[0]
		}
		if err := c.applyLayers(nil, fresh); err != nil {
			return c, nil, err
		}
		return c, fresh, s.checkRuns(&c, fresh)
	})
}

// updateKind is what a request asks of an update beside the change.
type updateKind struct {
	revision string // that $LATEST has to have, "" = any
	publish  bool
	dry      bool // nothing is changed
}

// update puts a new $LATEST in the place of the old one, or only says what that
// would be.
func (s *Server) update(r *http.Request, kind updateKind, change func(*version) (config, *code, *apiError)) (answer, *apiError) {
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
	case kind.revision != "" && kind.revision != old.settled:
		return answer{}, stale(latestCall)
	}
	c, code, err := change(old)
	if err != nil {
		return answer{}, err
	}
	if kind.dry {
		would := &version{function: fn, number: latestVersion, config: c, code: code.asTried(), settled: old.settled, modified: old.modified, runtime: old.runtime}
		return answer{http.StatusOK, s.describe(would, "")}, nil
	}
	v := s.newVersion(fn, c, code)
	if code.ready() {
		s.replaceLatest(fn, v)
	} else {
		s.replaceLater(fn, v)
	}
	if kind.publish {
		v = s.publish(fn, c.Description)
		v.created, v.activeAt = true, fn.latest.activeAt
	}
	return answer{http.StatusOK, s.asAnswered(v)}, nil
}

func (s *Server) deleteFunction(r *http.Request) (answer, *apiError) {
	t, err := s.named(r)
	switch {
	case err != nil:
		return answer{}, err
	case t.qualifier == latestVersion:
		return answer{}, invalidParameter("$LATEST version cannot be deleted without deleting the function.")
	case t.qualifier != "" && isAliasName(t.qualifier):
		return answer{}, invalidParameter("Deletion of aliases is not currently supported.")
	}
	fn := s.functions[t.name]
	switch {
	case fn == nil:
		return answer{}, s.missing(target{name: t.name}, "")
	case t.qualifier != "":
		return s.deleteVersion(fn, t.qualifier)
	}
	delete(s.functions, fn.name)
	for _, u := range fn.urls {
		delete(s.urls, u.id)
	}
	s.retireLatest(fn)
	for _, v := range fn.published {
		s.retire(v)
	}
	fn.fleet.Unreserve()
	return answer{status: http.StatusNoContent}, nil
}
