package emulator

import (
	"net/http"
	"regexp"
	"strings"
)

// The constraints are the service's own, as its validation errors print them
// (recorded November 2025).
const (
	namePattern      = `(arn:(aws[a-zA-Z-]*)?:lambda:)?((eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1}:)?(\d{12}:)?(function:)?([a-zA-Z0-9-_\.]+)(:(\$LATEST(\.PUBLISHED)?|[a-zA-Z0-9-_]+))?`
	newNamePattern   = `(arn:(aws[a-zA-Z-]*)?:lambda:)?((eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1}:)?(\d{12}:)?(function:)?([a-zA-Z0-9-_]+)(:(\$LATEST|[a-zA-Z0-9-_]+))?`
	qualifierPattern = `\$(LATEST(\.PUBLISHED)?)|[a-zA-Z0-9-_$]+`
)

var (
	// nameForm is namePattern with names for the parts that matter.
	nameForm      = regexp.MustCompile(`^(?:arn:(?:aws[a-zA-Z-]*)?:lambda:)?(?P<region>(?:(?:eusc-)?[a-z]{2}(?:(?:-gov)|(?:-iso(?:[a-z]?)))?-[a-z]+-\d{1}:)?)(?P<account>(?:\d{12}:)?)(?:function:)?(?P<name>[a-zA-Z0-9-_\.]+)(?::(?P<qualifier>\$LATEST(?:\.PUBLISHED)?|[a-zA-Z0-9-_]+))?$`)
	newNameForm   = regexp.MustCompile("^" + newNamePattern + "$")
	qualifierForm = regexp.MustCompile("^(" + qualifierPattern + ")$")
	plainName     = regexp.MustCompile(`^[a-zA-Z0-9-_]+$`)
)

// target is a function as a request names it.
type target struct {
	name      string
	qualifier string // "" = not given
}

// named reads the function that a request is about, from its path and its
// Qualifier parameter. The name may be a plain name, a partial or a whole ARN,
// each with a qualifier.
func (s *Server) named(r *http.Request) (target, *apiError) {
	name, given := r.PathValue("name"), r.URL.Query().Get("Qualifier")
	// The usual request, without the price of the regular expressions.
	if given == "" && len(name) <= 64 && isPlain(name) {
		return target{name: name}, nil
	}
	var all []violation
	switch {
	case len(given) > 128:
		all = append(all, violation{given, "qualifier", "Member must have length less than or equal to 128"})
	case given != "" && !qualifierForm.MatchString(given):
		all = append(all, violation{given, "qualifier", "Member must satisfy regular expression pattern: " + qualifierPattern})
	}
	if !nameForm.MatchString(name) {
		all = append(all, badName(name, namePattern))
	}
	if len(all) > 0 {
		return target{}, violatedAll(all...)
	}
	t, err := s.parseName(name)
	if err != nil {
		return t, err
	}
	if given != "" && t.qualifier != "" && given != t.qualifier {
		return t, invalidParameter("The derived qualifier from the function name does not match the specified qualifier.")
	}
	if given != "" {
		t.qualifier = given
	}
	return t, nil
}

func isPlain(name string) bool {
	for i := range len(name) {
		switch c := name[i]; {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '-', c == '_':
		default:
			return false
		}
	}
	return name != ""
}

func (s *Server) parseName(name string) (target, *apiError) {
	m := nameForm.FindStringSubmatch(name)
	if m == nil {
		return target{}, violatedAll(badName(name, namePattern))
	}
	part := func(name string) string { return strings.TrimSuffix(m[nameForm.SubexpIndex(name)], ":") }
	region, account := part("region"), part("account")
	if region != "" && region != s.set.Region {
		return target{}, notFound("Functions from '%s' are not reachable in this region ('%s')", region, s.set.Region)
	}
	if account != "" && account != s.set.AccountID {
		// Recorded so, without a text.
		return target{}, &apiError{Status: http.StatusForbidden, Kind: "AccessDeniedException", Capital: true}
	}
	return target{name: part("name"), qualifier: part("qualifier")}, nil
}

func badName(name, pattern string) violation {
	return violation{name, "functionName", "Member must satisfy regular expression pattern: " + pattern}
}

// checkName refuses a name that CreateFunction refuses.
func checkName(name string) *apiError {
	var all []violation
	if len(name) > 140 {
		all = append(all, violation{name, "functionName", "Member must have length less than or equal to 140"})
	}
	if !newNameForm.MatchString(name) {
		all = append(all, badName(name, newNamePattern))
	}
	if len(all) > 0 {
		return violatedAll(all...)
	}
	if plainName.MatchString(name) && len(name) > 64 {
		return invalidParameter("1 validation error detected: Value '%s' at 'functionName' failed to satisfy constraint: Member must have length less than or equal to 64", name)
	}
	return nil
}

// missing is the answer for a function or version that does not exist. Invoke
// and the like name $LATEST where the request named no qualifier.
func (s *Server) missing(t target, defaultQualifier string) *apiError {
	q := t.qualifier
	if q == "" {
		q = defaultQualifier
	}
	if q != "" {
		q = ":" + q
	}
	return notFound("Function not found: %s%s", s.functionARN(t.name), q)
}

// find gives the version that a request means, and the alias where it names
// one. The lock is held.
func (s *Server) find(t target, defaultQualifier string) (*function, *version, *apiError) {
	fn := s.functions[t.name]
	if fn == nil {
		return nil, nil, s.missing(t, defaultQualifier)
	}
	switch q := t.qualifier; {
	case q == "" || q == latestVersion:
		return fn, fn.latest, nil
	case fn.aliases[q] != nil:
		return fn, fn.aliases[q].version, nil
	default:
		if v := fn.number(q); v != nil {
			return fn, v, nil
		}
	}
	return nil, nil, s.missing(t, defaultQualifier)
}

// found finds the function and version that a request is about. The lock is
// held.
func (s *Server) found(r *http.Request) (*function, *version, target, *apiError) {
	t, err := s.named(r)
	if err != nil {
		return nil, nil, t, err
	}
	fn, v, err := s.find(t, "")
	return fn, v, t, err
}

// functionOf finds the function that a request is about, whatever version it
// names. The lock is held.
func (s *Server) functionOf(r *http.Request) (*function, *apiError) {
	t, err := s.named(r)
	if err != nil {
		return nil, err
	}
	fn := s.functions[t.name]
	if fn == nil {
		return nil, s.missing(target{name: t.name}, "")
	}
	return fn, nil
}

// number gives a published version, or nil.
func (f *function) number(n string) *version {
	for _, v := range f.published {
		if v.number == n {
			return v
		}
	}
	return nil
}
