package emulator

import (
	"maps"
	"net/http"
	"strings"
)

// tagged finds the function whose ARN the path names. The lock is held.
func (s *Server) tagged(r *http.Request) (*function, *apiError) {
	arn := r.PathValue("arn")
	name, ok := strings.CutPrefix(arn, s.functionARN(""))
	switch {
	case !ok:
		return nil, violated(arn, "resource", "Member must satisfy regular expression pattern: "+namePattern)
	case strings.Contains(name, ":"):
		return nil, invalidParameter("Tags on function aliases and versions are not supported. Please specify a function ARN.")
	case s.functions[name] == nil:
		return nil, s.missing(target{name: name}, "")
	}
	return s.functions[name], nil
}

func (s *Server) listTags(_ http.ResponseWriter, r *http.Request) (answer, *apiError) {
	s.mu.Lock()
	defer s.mu.Unlock()
	fn, err := s.tagged(r)
	if err != nil {
		return answer{}, err
	}
	return answer{http.StatusOK, struct{ Tags map[string]string }{maps.Clone(fn.tags)}}, nil
}

func (s *Server) tagResource(w http.ResponseWriter, r *http.Request) (answer, *apiError) {
	var req struct{ Tags map[string]string }
	if err := decode(w, r, maxOtherBody, "TagResource", &req); err != nil {
		return answer{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	fn, err := s.tagged(r)
	if err != nil {
		return answer{}, err
	}
	maps.Copy(fn.tags, req.Tags)
	return answer{status: http.StatusNoContent}, nil
}

func (s *Server) untagResource(_ http.ResponseWriter, r *http.Request) (answer, *apiError) {
	s.mu.Lock()
	defer s.mu.Unlock()
	fn, err := s.tagged(r)
	if err != nil {
		return answer{}, err
	}
	for _, key := range r.URL.Query()["tagKeys"] {
		delete(fn.tags, key)
	}
	return answer{status: http.StatusNoContent}, nil
}
