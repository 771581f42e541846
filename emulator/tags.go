package emulator

import (
	"maps"
	"net/http"
	"regexp"
	"strings"
)

// resourcePattern is the service's own, as its validation errors print it
// (recorded November 2025).
const resourcePattern = `arn:(aws[a-zA-Z-]*):lambda:(eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1}:\d{12}:(function:[a-zA-Z0-9-_]+(:(\$LATEST|[a-zA-Z0-9-_]+))?|layer:([a-zA-Z0-9-_]+)|code-signing-config:csc-[a-z0-9]{17}|event-source-mapping:[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}|capacity-provider:[a-zA-Z0-9-_]+)`

var resourceForm = regexp.MustCompile("^" + resourcePattern + "$")

// maxTags is how many tags a resource can have.
const maxTags = 50

// checkTags refuses tags that would be too many together.
func checkTags(have, more map[string]string) *apiError {
	n := len(have)
	for k := range more {
		if _, replaced := have[k]; !replaced {
			n++
		}
	}
	if n > maxTags {
		return invalidParameter("Number of tags exceeds resource tag limit.")
	}
	return nil
}

// tagged finds the function whose ARN the path names. The lock is held.
func (s *Server) tagged(r *http.Request) (*function, *apiError) {
	arn := r.PathValue("arn")
	if !resourceForm.MatchString(arn) {
		return nil, violated(arn, "resource", "Member must satisfy regular expression pattern: "+resourcePattern)
	}
	name, ok := strings.CutPrefix(arn, s.functionARN(""))
	switch {
	case !ok:
		return nil, notFound("The emulator has tags of its own functions only: %s", arn)
	case strings.Contains(name, ":"):
		return nil, invalidParameter("Tags on function aliases and versions are not supported. Please specify a function ARN.")
	case s.functions[name] == nil:
		return nil, s.missing(target{name: name}, "")
	}
	return s.functions[name], nil
}

func (s *Server) listTags(r *http.Request) (answer, *apiError) {
	fn, err := s.tagged(r)
	if err != nil {
		return answer{}, err
	}
	return answer{http.StatusOK, struct{ Tags map[string]string }{maps.Clone(fn.tags)}}, nil
}

type tagRequest struct{ Tags map[string]string }

// tagResource and untagResource make a new revision of $LATEST, as recorded.
func (s *Server) tagResource(r *http.Request, req *tagRequest) (answer, *apiError) {
	fn, err := s.tagged(r)
	switch {
	case err != nil:
		return answer{}, err
	case len(req.Tags) == 0:
		return answer{}, invalidParameter("An error occurred and the request cannot be processed.")
	}
	if err := checkTags(fn.tags, req.Tags); err != nil {
		return answer{}, err
	}
	maps.Copy(fn.tags, req.Tags)
	fn.latest.settled = newUUID()
	return answer{status: http.StatusNoContent}, nil
}

func (s *Server) untagResource(r *http.Request) (answer, *apiError) {
	keys := r.URL.Query()["tagKeys"]
	if len(keys) == 0 {
		return answer{}, violatedAll(violation{isNull, "tagKeys", "Member must not be null"})
	}
	fn, err := s.tagged(r)
	if err != nil {
		return answer{}, err
	}
	for _, key := range keys {
		delete(fn.tags, key)
	}
	fn.latest.settled = newUUID()
	return answer{status: http.StatusNoContent}, nil
}
