package accesslog

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestLines(t *testing.T) {
	for _, c := range []struct {
		method, url, target string
		want                entry
	}{
		{"POST", "/2015-03-31/functions/fn/invocations?Qualifier=secret", "", entry{Path: "/2015-03-31/functions/fn/invocations", Operation: "Invoke", Function: "fn"}},
		{"POST", "/2015-03-31/functions/arn%3Aaws%3Alambda%3Aus-east-1%3A123456789012%3Afunction%3Afn/invocations", "", entry{
			Path:      "/2015-03-31/functions/arn%3Aaws%3Alambda%3Aus-east-1%3A123456789012%3Afunction%3Afn/invocations",
			Operation: "Invoke", Function: "arn:aws:lambda:us-east-1:123456789012:function:fn",
		}},
		{"POST", "/2015-03-31/functions", "", entry{Path: "/2015-03-31/functions", Operation: "CreateFunction"}},
		{"GET", "/2015-03-31/functions/", "", entry{Path: "/2015-03-31/functions/", Operation: "ListFunctions"}},
		{"PUT", "/2015-03-31/functions/fn/aliases/live", "", entry{Path: "/2015-03-31/functions/fn/aliases/live", Operation: "UpdateAlias", Function: "fn"}},
		{"GET", "/2019-09-25/functions/fn/event-invoke-config/list", "", entry{Path: "/2019-09-25/functions/fn/event-invoke-config/list", Operation: "ListFunctionEventInvokeConfigs", Function: "fn"}},
		{"GET", "/lambda-url/0123/private/path?token=secret", "", entry{Path: "/lambda-url/0123/", Operation: "FunctionUrl"}},
		{"POST", "/", "Logs_20140328.FilterLogEvents", entry{Path: "/", Operation: "FilterLogEvents"}},
		{"GET", "/2017-03-31/tags/arn", "", entry{Path: "/2017-03-31/tags/arn", Operation: "ListTags"}},
		{"GET", "/2018-10-31/layers/l/versions", "", entry{Path: "/2018-10-31/layers/l/versions"}},
		{"GET", "/healthz", "", entry{Path: "/healthz"}},
	} {
		var log bytes.Buffer
		h := Handler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X-Amzn-Requestid", "id")
			w.Header().Set("X-Amzn-Errortype", "SomeException")
			w.WriteHeader(http.StatusTeapot)
			w.(http.Flusher).Flush()
		}), &log)
		r := httptest.NewRequest(c.method, c.url, strings.NewReader("secret"))
		r.Header.Set("Authorization", "secret")
		if c.target != "" {
			r.Header.Set("X-Amz-Target", c.target)
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		var got entry
		if err := json.Unmarshal(log.Bytes(), &got); err != nil || strings.Count(log.String(), "\n") != 1 {
			t.Fatalf("%q: %v", log.String(), err)
		}
		if got.Time == "" || !w.Flushed || strings.Contains(log.String(), "secret") || strings.Contains(log.String(), "private") {
			t.Errorf("%s", log.String())
		}
		got.Time, got.DurationMS = "", 0
		c.want.Method, c.want.Status, c.want.Error, c.want.RequestID = c.method, http.StatusTeapot, "SomeException", "id"
		if got != c.want {
			t.Errorf("got  %+v\nwant %+v", got, c.want)
		}
	}
}

// TestStatusOfASilentHandler: an answer without WriteHeader is a 200.
func TestStatusOfASilentHandler(t *testing.T) {
	var log bytes.Buffer
	Handler(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}), &log).ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", nil))
	if !strings.Contains(log.String(), `"status":200,`) {
		t.Error(log.String())
	}
}
