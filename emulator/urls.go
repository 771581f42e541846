package emulator

import (
	"net/http"
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
	case req.InvokeMode == "RESPONSE_STREAM":
		return invalidParameter("The emulator serves function URLs in the invoke mode BUFFERED only.")
	}
	return nil
}

func (s *Server) createURL(w http.ResponseWriter, r *http.Request) (answer, *apiError) {
	var req urlRequest
	if err := decode(w, r, maxOtherBody, "CreateFunctionUrlConfig", &req); err != nil {
		return answer{}, err
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
		return answer{}, notFound("Function does not exist")
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
	t, err := s.named(r)
	if err != nil {
		return nil, err
	}
	if fn := s.functions[t.name]; fn != nil && fn.urls[t.qualifier] != nil {
		return fn.urls[t.qualifier], nil
	}
	return nil, notFound("The resource you requested does not exist.")
}

func (s *Server) getURL(_ http.ResponseWriter, r *http.Request) (answer, *apiError) {
	s.mu.Lock()
	defer s.mu.Unlock()
	u, err := s.urlOf(r)
	if err != nil {
		return answer{}, err
	}
	return answer{http.StatusOK, s.describeURL(u, false)}, nil
}

func (s *Server) updateURL(w http.ResponseWriter, r *http.Request) (answer, *apiError) {
	var req urlRequest
	if err := decode(w, r, maxOtherBody, "UpdateFunctionUrlConfig", &req); err != nil {
		return answer{}, err
	}
	if err := req.check(); err != nil {
		return answer{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	u, err := s.urlOf(r)
	if err != nil {
		return answer{}, err
	}
	if req.AuthType != "" {
		u.auth = req.AuthType
	}
	if req.InvokeMode != "" {
		u.mode = req.InvokeMode
	}
	u.changed = time.Now()
	return answer{http.StatusOK, s.describeURL(u, false)}, nil
}

func (s *Server) deleteURL(_ http.ResponseWriter, r *http.Request) (answer, *apiError) {
	s.mu.Lock()
	defer s.mu.Unlock()
	u, err := s.urlOf(r)
	if err != nil {
		return answer{}, err
	}
	delete(s.urls, u.id)
	delete(s.functions[u.target.name].urls, u.target.qualifier)
	return answer{status: http.StatusNoContent}, nil
}
