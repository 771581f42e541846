package emulator

import (
	"cmp"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// publish makes a version of $LATEST as it is; where nothing has changed since
// the last one, that is it. The lock is held.
func (s *Server) publish(fn *function, description string) *version {
	latest := fn.latest
	if latest.publishedAs != nil {
		return latest.publishedAs
	}
	c := latest.config
	c.Description = cmp.Or(description, c.Description)
	fn.count++
	v := s.newVersion(fn, c, latest.code)
	v.number, v.modified, v.activeAt = strconv.Itoa(fn.count), latest.modified, time.Time{}
	v.revision = v.settled
	latest.publishedAs, latest.settled = v, newUUID()
	fn.published = append(fn.published, v)
	if v.snapStarts() {
		s.takeSnapshot(v)
	}
	return v
}

const latestCall = "GetFunction/GetAlias" // gives the current RevisionId

type publishRequest struct {
	CodeSha256, Description string
	RevisionID              string `json:"RevisionId"`
}

func (s *Server) publishVersion(r *http.Request, req *publishRequest) (answer, *apiError) {
	fn, err := s.functionOf(r)
	switch {
	case err != nil:
		return answer{}, err
	case req.RevisionID != "" && req.RevisionID != fn.latest.settled:
		return answer{}, stale(latestCall)
	case req.CodeSha256 != "" && req.CodeSha256 != fn.latest.code.sha256:
		return answer{}, invalidParameter("CodeSHA256 (%s) is different from current CodeSHA256 in $LATEST (%s). Please try again with the CodeSHA256 in $LATEST.", req.CodeSha256, fn.latest.code.sha256)
	}
	return answer{http.StatusCreated, s.describe(s.publish(fn, req.Description), "")}, nil
}

func (s *Server) listVersions(r *http.Request) (answer, *apiError) {
	fn, err := s.functionOf(r)
	if err != nil {
		return answer{}, err
	}
	page, next, err := pageOf(s.listed(fn), r)
	return answer{http.StatusOK, struct {
		NextMarker string `json:"NextMarker,omitempty"`
		Versions   []functionConfiguration
	}{next, page}}, err
}

// listed are all versions of a function, $LATEST first.
func (s *Server) listed(fn *function) []functionConfiguration {
	list := []functionConfiguration{s.asListed(fn.latest, latestVersion)}
	for _, v := range fn.published {
		list = append(list, s.asListed(v, v.number))
	}
	return list
}

// pageOf takes the page that Marker and MaxItems ask for. The marker is the
// number of items that are behind.
func pageOf[T any](list []T, r *http.Request) (page []T, next string, err *apiError) {
	q := r.URL.Query()
	limit, start := 50, 0
	if m := q.Get("MaxItems"); m != "" {
		n, bad := strconv.Atoi(m)
		if bad != nil || n < 1 {
			return nil, "", violated(m, "maxItems", "Member must have value greater than or equal to 1")
		}
		limit = min(n, limit)
	}
	if m := q.Get("Marker"); m != "" {
		n, bad := strconv.Atoi(m)
		if bad != nil || n < 0 || n > len(list) {
			return nil, "", invalidParameter("Invalid marker: %s", m)
		}
		start = n
	}
	end := min(start+limit, len(list))
	if end < len(list) {
		next = strconv.Itoa(end)
	}
	return list[start:end], next, nil
}

// deleteVersion deletes one published version. One that does not exist is as
// good as deleted. The lock is held.
func (s *Server) deleteVersion(fn *function, number string) (answer, *apiError) {
	for name, a := range fn.aliases {
		if a.version.number == number || a.weights[number] > 0 {
			return answer{}, conflict("Unable to delete version because the following aliases reference it: [%s]", name)
		}
	}
	if v := fn.number(number); v != nil {
		fn.published = slices.DeleteFunc(fn.published, func(o *version) bool { return o == v })
		s.retire(v)
		if fn.latest.publishedAs == v {
			fn.latest.publishedAs = nil
		}
	}
	return answer{status: http.StatusNoContent}, nil
}

// alias is a name for a version, or for two with weights.
type alias struct {
	name        string
	description string
	version     *version
	weights     map[string]float64 // of other versions
	others      map[string]*version
	revision    string
}

// route picks the version that serves one request.
func (a *alias) route() *version {
	if len(a.weights) == 0 {
		return a.version
	}
	x := rand.Float64()
	for n, w := range a.weights {
		if x < w {
			return a.others[n]
		}
		x -= w
	}
	return a.version
}

type aliasJSON struct {
	AliasArn        string
	Description     string
	FunctionVersion string
	Name            string
	RevisionID      string       `json:"RevisionId"`
	RoutingConfig   *routingJSON `json:"RoutingConfig,omitempty"`
}

type routingJSON struct {
	AdditionalVersionWeights map[string]float64
}

type aliasRequest struct {
	Name            string
	FunctionVersion *string
	Description     *string
	RoutingConfig   *routingJSON
	RevisionID      string `json:"RevisionId"`
}

func (s *Server) describeAlias(fn *function, a *alias) aliasJSON {
	d := aliasJSON{
		AliasArn: s.functionARN(fn.name) + ":" + a.name, Description: a.description,
		FunctionVersion: a.version.number, Name: a.name, RevisionID: a.revision,
	}
	if len(a.weights) > 0 {
		d.RoutingConfig = &routingJSON{maps.Clone(a.weights)}
	}
	return d
}

const aliasPattern = `(?!^[0-9]+$)([a-zA-Z0-9-_]+)`

var numberForm = regexp.MustCompile(`^[0-9]+$`)

func (s *Server) createAlias(r *http.Request, req *aliasRequest) (answer, *apiError) {
	if !isAliasName(req.Name) {
		return answer{}, violated(req.Name, "name", "Member must satisfy regular expression pattern: "+aliasPattern)
	}
	t, err := s.named(r)
	if err != nil {
		return answer{}, err
	}
	a := &alias{name: req.Name}
	fn := s.functions[t.name]
	if err := s.point(fn, t.name, a, req); err != nil {
		return answer{}, err
	}
	if fn.aliases[a.name] != nil {
		return answer{}, conflict("Alias already exists: %s:%s", s.functionARN(fn.name), a.name)
	}
	fn.aliases[a.name] = a
	return answer{http.StatusCreated, s.describeAlias(fn, a)}, nil
}

// point changes an alias as a request asks.
func (s *Server) point(fn *function, name string, a *alias, req *aliasRequest) *apiError {
	if req.FunctionVersion != nil {
		_, v, err := s.find(target{name, *req.FunctionVersion}, "")
		if err != nil {
			return err
		}
		a.version = v
	}
	if fn == nil || a.version == nil {
		return s.missing(target{name: name}, "")
	}
	if req.Description != nil {
		a.description = *req.Description
	}
	if req.RoutingConfig != nil {
		if err := a.balance(s, fn, req.RoutingConfig.AdditionalVersionWeights); err != nil {
			return err
		}
	}
	a.revision = newUUID()
	return nil
}

// balance sets the weights of the other version.
func (a *alias) balance(s *Server, fn *function, weights map[string]float64) *apiError {
	others := map[string]*version{}
	for n, w := range weights {
		switch {
		case !numberForm.MatchString(n):
			return violated(fmt.Sprintf("{%s=%v}", n, w), "routingConfig.additionalVersionWeights", "Map keys must satisfy constraint: [Member must have length less than or equal to 1024, Member must have length greater than or equal to 1, Member must satisfy regular expression pattern: [0-9]+]")
		case w < 0 || w > 1:
			return violated(fmt.Sprintf("{%s=%.1f}", n, w), "routingConfig.additionalVersionWeights", "Map value must satisfy constraint: [Member must have value less than or equal to 1.0, Member must have value greater than or equal to 0.0, Member must not be null]")
		case len(weights) > 1:
			return invalidParameter("Number of items in AdditionalVersionWeights cannot be greater than 1")
		case n == a.version.number:
			return invalidParameter("Invalid function version %s. Function version %s is already included in routing configuration.", n, n)
		case a.version.number == latestVersion:
			e := invalidParameter("$LATEST is not supported for an alias pointing to more than 1 version")
			e.User = false
			return e
		}
		if others[n] = fn.number(n); others[n] == nil {
			return s.missing(target{fn.name, n}, "")
		}
	}
	a.weights, a.others = weights, others
	return nil
}

func (s *Server) listAliases(r *http.Request) (answer, *apiError) {
	fn, err := s.functionOf(r)
	if err != nil {
		return answer{}, err
	}
	only, list := r.URL.Query().Get("FunctionVersion"), []aliasJSON{}
	for _, name := range slices.SortedFunc(maps.Keys(fn.aliases), strings.Compare) {
		if a := fn.aliases[name]; only == "" || a.version.number == only {
			list = append(list, s.describeAlias(fn, a))
		}
	}
	page, next, err := pageOf(list, r)
	return answer{http.StatusOK, struct {
		Aliases    []aliasJSON
		NextMarker string `json:"NextMarker,omitempty"`
	}{page, next}}, err
}

// aliasOf finds the alias that the path names. The lock is held.
func (s *Server) aliasOf(r *http.Request, text string) (*function, *alias, *apiError) {
	fn, err := s.functionOf(r)
	if err != nil {
		return nil, nil, err
	}
	a := fn.aliases[r.PathValue("alias")]
	if a == nil {
		return fn, nil, notFound("%s: %s:%s", text, s.functionARN(fn.name), r.PathValue("alias"))
	}
	return fn, a, nil
}

func (s *Server) getAlias(r *http.Request) (answer, *apiError) {
	fn, a, err := s.aliasOf(r, "Cannot find alias arn")
	if err != nil {
		return answer{}, err
	}
	return answer{http.StatusOK, s.describeAlias(fn, a)}, nil
}

func (s *Server) updateAlias(r *http.Request, req *aliasRequest) (answer, *apiError) {
	fn, a, err := s.aliasOf(r, "Alias not found")
	switch {
	case err != nil:
		return answer{}, err
	case req.RevisionID != "" && req.RevisionID != a.revision:
		return answer{}, stale(latestCall)
	}
	changed, from := *a, a.version
	if err := s.point(fn, fn.name, &changed, req); err != nil {
		return answer{}, err
	}
	*a = changed
	s.moveProvisioned(a.name, from, a.version)
	return answer{http.StatusOK, s.describeAlias(fn, a)}, nil
}

// deleteAlias answers alike whether the alias was there or not.
func (s *Server) deleteAlias(r *http.Request) (answer, *apiError) {
	fn, a, err := s.aliasOf(r, "Alias not found")
	if fn == nil {
		return answer{}, err
	}
	if a != nil {
		s.moveProvisioned(a.name, a.version, nil)
		delete(fn.aliases, a.name)
	}
	return answer{status: http.StatusNoContent}, nil
}
