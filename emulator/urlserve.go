package emulator

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// urlEvent is an HTTP request as a function sees it: payload format 2.0.
// Source: AWS Lambda developer guide, "Invoking Lambda function URLs".
type urlEvent struct {
	Version         string            `json:"version"`
	RouteKey        string            `json:"routeKey"`
	RawPath         string            `json:"rawPath"`
	RawQueryString  string            `json:"rawQueryString"`
	Cookies         []string          `json:"cookies,omitempty"`
	Headers         map[string]string `json:"headers"`
	Query           map[string]string `json:"queryStringParameters,omitempty"`
	RequestContext  urlContext        `json:"requestContext"`
	Body            string            `json:"body,omitempty"`
	IsBase64Encoded bool              `json:"isBase64Encoded"`
}

type urlContext struct {
	AccountID    string         `json:"accountId"`
	APIID        string         `json:"apiId"`
	Authorizer   *urlAuthorizer `json:"authorizer,omitempty"`
	DomainName   string         `json:"domainName"`
	DomainPrefix string         `json:"domainPrefix"`
	HTTP         urlHTTP        `json:"http"`
	RequestID    string         `json:"requestId"`
	RouteKey     string         `json:"routeKey"`
	Stage        string         `json:"stage"`
	Time         string         `json:"time"`
	TimeEpoch    int64          `json:"timeEpoch"`
}

type urlHTTP struct {
	Method    string `json:"method"`
	Path      string `json:"path"`
	Protocol  string `json:"protocol"`
	SourceIP  string `json:"sourceIp"`
	UserAgent string `json:"userAgent"`
}

// newURLEvent makes the event of a request. The path of its HTTP part is decoded
// (recorded November 2025), the raw one is as it came.
func newURLEvent(u *functionURL, r *http.Request, id, trace string, body []byte) urlEvent {
	now := time.Now().UTC()
	source, _, _ := net.SplitHostPort(r.RemoteAddr)
	e := urlEvent{
		Version: "2.0", RouteKey: "$default", RawPath: u.path(r.URL.EscapedPath()), RawQueryString: r.URL.RawQuery,
		Headers: map[string]string{},
		RequestContext: urlContext{
			AccountID: "anonymous", APIID: u.id, DomainName: r.Host, DomainPrefix: u.id, RequestID: id, RouteKey: "$default", Stage: "$default",
			HTTP: urlHTTP{r.Method, u.path(r.URL.Path), r.Proto, source, r.UserAgent()}, Time: now.Format("02/Jan/2006:15:04:05 +0000"), TimeEpoch: now.UnixMilli(),
		},
	}
	for k, v := range r.Header {
		if k == "Cookie" {
			e.Cookies = strings.Split(strings.Join(v, "; "), "; ")
			continue
		}
		e.Headers[strings.ToLower(k)] = strings.Join(v, ",")
	}
	e.Headers["host"] = r.Host
	e.Headers["x-amzn-trace-id"], _, _ = strings.Cut(trace, ";")
	e.Headers["x-forwarded-for"], e.Headers["x-forwarded-port"], e.Headers["x-forwarded-proto"] = source, portOf(r.Host), "http"
	if q := r.URL.Query(); len(q) > 0 {
		e.Query = map[string]string{}
		for k, v := range q {
			e.Query[k] = strings.Join(v, ",")
		}
	}
	text := utf8.Valid(body) && isText(r.Header.Get("Content-Type"))
	if e.Body = string(body); !text && len(body) > 0 {
		e.Body, e.IsBase64Encoded = base64.StdEncoding.EncodeToString(body), true
	}
	return e
}

// path is that of a request below the URL.
func (u *functionURL) path(whole string) string {
	return "/" + strings.TrimPrefix(strings.TrimPrefix(whole, urlPrefix+u.id), "/")
}

func portOf(host string) string {
	if _, port, err := net.SplitHostPort(host); err == nil {
		return port
	}
	return "80"
}

// isText: bodies of these types reach the function as they are, others in
// base64.
func isText(contentType string) bool {
	return contentType == "" || strings.HasPrefix(contentType, "text/") || strings.Contains(contentType, "json") ||
		strings.Contains(contentType, "xml") || strings.Contains(contentType, "javascript")
}

// serveURL runs a function for a plain HTTP request.
func (s *Server) serveURL(w http.ResponseWriter, r *http.Request) *apiError {
	s.mu.Lock()
	u := s.urls[r.PathValue("id")]
	s.mu.Unlock()
	if u == nil {
		return &apiError{Status: http.StatusNotFound, Kind: "ResourceNotFoundException", Text: "null", Capital: true}
	}
	caller, signed := signer(r)
	if u.auth != "NONE" && !signed {
		return urlForbidden()
	}
	body, err := readAll(http.MaxBytesReader(w, r.Body, maxRequest), r.ContentLength)
	var large *http.MaxBytesError
	if errors.As(err, &large) {
		return tooLarge("Request must be smaller than %d bytes for the InvokeFunction operation", int64(maxRequest))
	} else if err != nil {
		return badContent("Could not read request body: %v", err)
	}
	now := time.Now()
	v, bad := s.invocable(u.target, now)
	switch {
	case bad != nil && bad.Status == http.StatusNotFound:
		return urlForbidden() // the alias is gone; recorded so
	case bad != nil:
		return bad
	}
	e, bad := s.acquire(v, "")
	if bad != nil {
		return bad
	}
	id := w.Header().Get("X-Amzn-Requestid")
	trace := r.Header.Get("X-Amzn-Trace-Id")
	if trace == "" {
		trace = v.newTrace(now)
	}
	ev := newURLEvent(u, r, id, trace, body)
	if u.auth != "NONE" {
		ev.RequestContext.authorize(caller, s.set.AccountID)
	}
	inv := &invocation{target: u.target, id: id, payload: encodeJSON(ev), arn: s.functionARN(u.target.name), trace: trace}
	if u.target.qualifier != "" {
		inv.arn += ":" + u.target.qualifier
	}
	inv.answer = func(p reply) { writeURLReply(w, p) }
	if u.mode == "RESPONSE_STREAM" {
		inv.stream = &stream{form: &urlStream{w: w}, over: e.over}
		inv.answer = inv.stream.complete
	}
	s.perform(e, inv)
	return nil
}

// urlReply is a function's answer where it says what the HTTP reply shall be.
type urlReply struct {
	StatusCode      *int
	Headers         map[string]any
	Cookies         []string
	Body            *string
	IsBase64Encoded bool
}

// writeURLReply turns a function's answer into HTTP: an object with a statusCode
// is taken at its word, anything else is a body of type JSON, a string without
// its quotes.
func writeURLReply(w http.ResponseWriter, p reply) {
	if p.fault != nil || p.failed {
		http.Error(w, "Internal Server Error", http.StatusBadGateway)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "application/json")
	status := http.StatusOK
	var body []byte
	var said urlReply
	var text string
	switch {
	case json.Unmarshal(p.body, &said) == nil && said.StatusCode != nil && *said.StatusCode >= 200 && *said.StatusCode < 600:
		status, body = *said.StatusCode, said.write(h)
	case json.Unmarshal(p.body, &text) == nil:
		body = []byte(text)
	default:
		body = compacted(p.body)
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body)
	if f, ok := w.(http.Flusher); ok {
		f.Flush()
	}
}

// compacted takes the blanks out of JSON, as the service does with an answer
// that it makes a body of (recorded November 2025).
func compacted(body []byte) []byte {
	var b bytes.Buffer
	if json.Compact(&b, body) != nil {
		return body
	}
	return b.Bytes()
}

// write sets the headers and gives the body.
func (u *urlReply) write(h http.Header) (body []byte) {
	for k, v := range u.Headers {
		if text, ok := v.(string); ok {
			h.Set(k, text)
		} else {
			h.Set(k, string(encodeJSON(v)))
		}
	}
	for _, c := range u.Cookies {
		h.Add("Set-Cookie", c)
	}
	if u.Body == nil {
		return nil
	}
	if u.IsBase64Encoded {
		if b, err := base64.StdEncoding.DecodeString(*u.Body); err == nil {
			return b
		}
	}
	return []byte(*u.Body)
}
