package accesslog

import (
	"cmp"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

// entry is one line.
type entry struct {
	Time       string  `json:"time"`
	Method     string  `json:"method"`
	Path       string  `json:"path"`
	Operation  string  `json:"operation,omitempty"`
	Function   string  `json:"function,omitempty"`
	Status     int     `json:"status"`
	Error      string  `json:"error,omitempty"`
	DurationMS float64 `json:"duration_ms"`
	RequestID  string  `json:"request_id,omitempty"`
}

// Handler passes requests on to next and writes a line to out for each, when it
// has been answered. Lines of concurrent requests do not mix. What out refuses is
// lost: a full disk does not stop the service.
func Handler(next http.Handler, out io.Writer) http.Handler {
	var mu sync.Mutex
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		begin := time.Now()
		a := &answer{ResponseWriter: w}
		next.ServeHTTP(a, r)
		line := describe(r, a, begin)
		mu.Lock()
		defer mu.Unlock()
		_, _ = out.Write(line)
	})
}

func describe(r *http.Request, a *answer, begin time.Time) []byte {
	h := a.Header()
	path, operation, function := operationOf(r)
	line, err := json.Marshal(entry{
		Time: begin.UTC().Format("2006-01-02T15:04:05.000000Z"), Method: r.Method, Path: path, Operation: operation, Function: function,
		Status: cmp.Or(a.status, http.StatusOK), Error: cmp.Or(h.Get("X-Amzn-Errortype"), h.Get("X-Amz-Function-Error")),
		DurationMS: float64(time.Since(begin).Microseconds()) / 1000, RequestID: h.Get("X-Amzn-Requestid"),
	})
	if err != nil {
		panic("accesslog: encode a line: " + err.Error()) // strings and numbers always encode
	}
	return append(line, '\n')
}

// operations of the Lambda API by method and by what follows the function's name
// in the path. Source: the Lambda service model, 2015-03-31.
var operations = map[string]string{
	"GET ":    "GetFunction",
	"DELETE ": "DeleteFunction",

	"GET configuration": "GetFunctionConfiguration", "PUT configuration": "UpdateFunctionConfiguration", "PUT code": "UpdateFunctionCode",
	"POST invocations": "Invoke", "POST response-streaming-invocations": "InvokeWithResponseStream",
	"PUT concurrency": "PutFunctionConcurrency", "GET concurrency": "GetFunctionConcurrency", "DELETE concurrency": "DeleteFunctionConcurrency",
	"POST versions": "PublishVersion", "GET versions": "ListVersionsByFunction",
	"POST aliases": "CreateAlias", "GET aliases": "ListAliases", "GET aliases/": "GetAlias", "PUT aliases/": "UpdateAlias", "DELETE aliases/": "DeleteAlias",
	"PUT provisioned-concurrency": "PutProvisionedConcurrencyConfig", "GET provisioned-concurrency": "GetProvisionedConcurrencyConfig",
	"DELETE provisioned-concurrency": "DeleteProvisionedConcurrencyConfig",
	"PUT event-invoke-config":        "PutFunctionEventInvokeConfig", "POST event-invoke-config": "UpdateFunctionEventInvokeConfig",
	"GET event-invoke-config": "GetFunctionEventInvokeConfig", "DELETE event-invoke-config": "DeleteFunctionEventInvokeConfig",
	"GET event-invoke-config/": "ListFunctionEventInvokeConfigs",
	"POST url":                 "CreateFunctionUrlConfig", "GET url": "GetFunctionUrlConfig", "PUT url": "UpdateFunctionUrlConfig", "DELETE url": "DeleteFunctionUrlConfig",
	"GET code-signing-config": "GetFunctionCodeSigningConfig", "DELETE code-signing-config": "DeleteFunctionCodeSigningConfig",
	"GET recursion-config": "GetFunctionRecursionConfig", "PUT recursion-config": "PutFunctionRecursionConfig",
	"GET runtime-management-config": "GetRuntimeManagementConfig", "PUT runtime-management-config": "PutRuntimeManagementConfig",
	"GET urls":   "ListFunctionUrlConfigs",
	"GET policy": "GetPolicy", "POST policy": "AddPermission", "DELETE policy/": "RemovePermission",
}

// others are the operations of the Lambda API that are not about a function, by
// method and second part of the path; those of layers have too many shapes.
var others = map[string]string{
	"GET account-settings": "GetAccountSettings",
	"GET tags":             "ListTags", "POST tags": "TagResource", "DELETE tags": "UntagResource",
}

// operationOf names the operation and the function of a request, and its path
// as the log may show it.
func operationOf(r *http.Request) (path, operation, function string) {
	path = r.URL.EscapedPath()
	if target := r.Header.Get("X-Amz-Target"); target != "" {
		_, operation, _ = strings.Cut(target, ".")
		return path, operation, ""
	}
	part := strings.SplitN(strings.Trim(path, "/"), "/", 5)
	switch {
	case part[0] == "lambda-url" && len(part) > 1:
		return "/lambda-url/" + part[1] + "/", "FunctionUrl", ""
	case len(part) < 2:
		return path, "", ""
	case part[1] != "functions":
		return path, others[r.Method+" "+part[1]], ""
	case len(part) == 2:
		return path, map[string]string{http.MethodPost: "CreateFunction", http.MethodGet: "ListFunctions"}[r.Method], ""
	}
	function = part[2]
	if name, err := url.PathUnescape(function); err == nil {
		function = name
	}
	rest := ""
	if len(part) > 3 {
		rest = part[3]
	}
	if len(part) > 4 {
		rest += "/"
	}
	return path, operations[r.Method+" "+rest], function
}

// answer notes the status of an answer. It passes Flush on, as streamed answers
// need it.
type answer struct {
	http.ResponseWriter
	status int
}

// WriteHeader implements http.ResponseWriter.
func (a *answer) WriteHeader(status int) {
	if a.status == 0 && status >= 200 { // not for 100 Continue
		a.status = status
	}
	a.ResponseWriter.WriteHeader(status)
}

// Flush implements http.Flusher.
func (a *answer) Flush() {
	if f, ok := a.ResponseWriter.(http.Flusher); ok {
		f.Flush()
	}
}

// Unwrap serves http.ResponseController.
func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }
