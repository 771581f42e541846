package emulator

import (
	"maps"
	"net/http"
	"slices"
	"time"
)

// functionURL is the HTTP address of a function or alias. On AWS it is a host
// name of its own; here it is a path on the host that the client used, since a
// loopback address has no names under it.
type functionURL struct {
	id      string
	target  target
	base    string // scheme and host of the client that made it
	auth    string
	mode    string // InvokeMode, "" = not given
	created time.Time
	changed time.Time
}

const urlPrefix = "/lambda-url/"

func (u *functionURL) url() string { return u.base + urlPrefix + u.id + "/" }

type functionURLJSON struct {
	AuthType         string
	CreationTime     string
	FunctionArn      string
	FunctionURL      string `json:"FunctionUrl"`
	InvokeMode       string `json:"InvokeMode,omitempty"`
	LastModifiedTime string `json:"LastModifiedTime,omitempty"`
}

const urlTime = "2006-01-02T15:04:05.000000000Z"

// describeURL leaves out, for the call that made it, what that leaves out.
func (s *Server) describeURL(u *functionURL, made bool) functionURLJSON {
	d := functionURLJSON{
		AuthType: u.auth, CreationTime: u.created.UTC().Format(urlTime), FunctionArn: s.functionARN(u.target.name),
		FunctionURL: u.url(), InvokeMode: u.mode, LastModifiedTime: u.changed.UTC().Format(urlTime),
	}
	if u.target.qualifier != "" {
		d.FunctionArn += ":" + u.target.qualifier
	}
	if made {
		d.LastModifiedTime = ""
	} else {
		setDefault(&d.InvokeMode, "BUFFERED")
	}
	return d
}

type urlRequest struct {
	AuthType   string
	InvokeMode string
}

func (req *urlRequest) check() *apiError {
	switch {
	case req.InvokeMode != "" && req.InvokeMode != "BUFFERED" && req.InvokeMode != "RESPONSE_STREAM":
		return violated(req.InvokeMode, "invokeMode", "Member must satisfy enum value set: [RESPONSE_STREAM, BUFFERED]")
	case req.AuthType != "" && req.AuthType != "NONE" && req.AuthType != "AWS_IAM":
		return violated(req.AuthType, "authType", "Member must satisfy enum value set: [NONE, AWS_IAM]")
	}
	return nil
}

// urlQualifierPattern is the service's own (recorded November 2025): aliases
// have URLs, versions have none.
const urlQualifierPattern = `((?!^\d+$)^[0-9a-zA-Z-_]+$)`

// urlTarget reads what a request about a URL names.
func (s *Server) urlTarget(r *http.Request) (target, *apiError) {
	if q := r.URL.Query().Get("Qualifier"); q != "" && !isAliasName(q) {
		return target{}, violated(q, "qualifier", "Member must satisfy regular expression pattern: "+urlQualifierPattern)
	}
	return s.named(r)
}

func noFunctionForURL() *apiError { return notFound("Function does not exist") }

func (s *Server) createURL(r *http.Request, req *urlRequest) (answer, *apiError) {
	if err := req.check(); err != nil {
		return answer{}, err
	}
	t, err := s.urlTarget(r)
	if err != nil {
		return answer{}, err
	}
	fn, _, err := s.find(t, "")
	if err != nil {
		return answer{}, noFunctionForURL()
	}
	if err := fn.latest.config.excludesTenancy("Function URL"); err != nil {
		return answer{}, err
	}
	if fn.urls[t.qualifier] != nil {
		return answer{}, conflict("Failed to create function url config for [functionArn = %s]. Error message:  FunctionUrlConfig exists for this Lambda function", s.functionARN(fn.name))
	}
	now := time.Now()
	u := &functionURL{id: randomHex(16), target: t, base: "http://" + r.Host, auth: req.AuthType, mode: req.InvokeMode, created: now, changed: now}
	setDefault(&u.auth, "NONE")
	fn.urls[t.qualifier] = u
	s.urls[u.id] = u
	return answer{http.StatusCreated, s.describeURL(u, true)}, nil
}

// urlOf finds the URL that a request is about. The lock is held.
func (s *Server) urlOf(r *http.Request) (*functionURL, *apiError) {
	t, err := s.urlTarget(r)
	if err != nil {
		return nil, err
	}
	if fn := s.functions[t.name]; fn != nil && fn.urls[t.qualifier] != nil {
		return fn.urls[t.qualifier], nil
	}
	return nil, noResource()
}

func (s *Server) getURL(r *http.Request) (answer, *apiError) {
	u, err := s.urlOf(r)
	if err != nil {
		return answer{}, err
	}
	return answer{http.StatusOK, s.describeURL(u, false)}, nil
}

// updateURL answers, as recorded, without the invoke mode where it never was
// given.
func (s *Server) updateURL(r *http.Request, req *urlRequest) (answer, *apiError) {
	if err := req.check(); err != nil {
		return answer{}, err
	}
	t, err := s.urlTarget(r)
	if err != nil {
		return answer{}, err
	}
	if _, _, err := s.find(t, ""); err != nil {
		return answer{}, noFunctionForURL()
	}
	u, err := s.urlOf(r)
	if err != nil {
		return answer{}, err
	}
	changed := *u
	if req.AuthType != "" {
		changed.auth = req.AuthType
	}
	if req.InvokeMode != "" {
		changed.mode = req.InvokeMode
	}
	changed.changed = time.Now()
	// Requests that are under way keep what they have found.
	s.urls[u.id], s.functions[t.name].urls[t.qualifier] = &changed, &changed
	d := s.describeURL(&changed, false)
	d.InvokeMode = changed.mode
	return answer{http.StatusOK, d}, nil
}

func (s *Server) deleteURL(r *http.Request) (answer, *apiError) {
	u, err := s.urlOf(r)
	if err != nil {
		return answer{}, err
	}
	delete(s.urls, u.id)
	delete(s.functions[u.target.name].urls, u.target.qualifier)
	return answer{status: http.StatusNoContent}, nil
}

func (s *Server) listURLs(r *http.Request) (answer, *apiError) {
	fn, err := s.functionOf(r)
	if fn == nil && err.Status == http.StatusNotFound {
		err = noFunctionForURL()
	}
	if err != nil {
		return answer{}, err
	}
	list := []functionURLJSON{}
	for _, q := range slices.Sorted(maps.Keys(fn.urls)) {
		list = append(list, s.describeURL(fn.urls[q], false))
	}
	page, next, err := pageOf(list, r)
	return answer{http.StatusOK, struct {
		FunctionURLConfigs []functionURLJSON `json:"FunctionUrlConfigs"`
		NextMarker         string            `json:"NextMarker,omitempty"`
	}{page, next}}, err
}
