package emulator

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// FuzzFrontEnd sends arbitrary requests to the API of a server without
// functions. Whatever comes, the answer is one of the API: a status below 500
// (but for what the server itself says of itself) and JSON, or nothing.
func FuzzFrontEnd(f *testing.F) {
	f.Add("POST", "/2015-03-31/functions", "", `{"FunctionName":"f","Runtime":"provided.al2023","Handler":"h","Role":"arn:aws:iam::123456789012:role/r","Code":{"ZipFile":"UEsFBgAAAAAAAAAAAAAAAAAAAAAAAA=="}}`)
	f.Add("POST", "/2015-03-31/functions/f:1/invocations?Qualifier=2", "", `{}`)
	f.Add("GET", "/2015-03-31/functions/?Marker=!&MaxItems=0", "", ``)
	f.Add("PUT", "/2019-09-30/functions/f/provisioned-concurrency?Qualifier=1", "", `{"ProvisionedConcurrentExecutions":-1}`)
	f.Add("POST", "/", "Logs_20140328.FilterLogEvents", `{"logGroupName":"g","nextToken":"e/1/2","filterPattern":"\"","limit":-1}`)
	f.Add("POST", "/", "Logs_20140328.PutLogEvents", `{"logEvents":[{"timestamp":-1}]}`)
	f.Add("POST", "/", "Logs_20140328.StartQuery", `{"logGroupName":"g","queryString":"limit","startTime":0,"endTime":1,"limit":-1}`)
	f.Add("POST", "/", "Logs_20140328.CreateLogGroup", `{"logGroupName":"g","tags":{"a":"b"}}`)
	f.Add("POST", "/", "Logs_20140328.TagResource", `{"resourceArn":"arn:aws:logs:us-east-1:1:log-group:g:*","tags":{"a":"b"}}`)
	f.Add("POST", "/", "Logs_20140328.UntagLogGroup", `{"logGroupName":"g","tags":["a"]}`)
	f.Add("POST", "/", "Logs_20140328.ListLogGroups", `{"logGroupNamePattern":"(","limit":1}`)
	f.Add("POST", "/", "Logs_20140328.GetQueryResults", `{"queryId":"x","nextToken":"q","maxItems":0}`)
	f.Add("DELETE", "/2017-03-31/tags/arn:aws:lambda:us-east-1:123456789012:function:f?tagKeys=a", "", ``)
	f.Add("POST", "/2018-10-31/layers/l/versions", "", `{"Content":{"ZipFile":"UEsFBgAAAAAAAAAAAAAAAAAAAAAAAA=="},"CompatibleRuntimes":["x"]}`)
	f.Add("GET", "/2018-10-31/layers?find=LayerVersion&Arn=arn:aws:lambda:us-east-1:123456789012:layer:l:1", "", ``)
	f.Add("POST", "/2018-10-31/layers/l/versions/1/policy?RevisionId=x", "", `{"StatementId":"s","Action":"lambda:GetLayerVersion","Principal":"*"}`)
	f.Add("POST", "/2015-03-31/functions/f/policy?Qualifier=1", "", `{"StatementId":"s","Action":"lambda:InvokeFunction","Principal":"s3.amazonaws.com"}`)
	f.Add("PUT", "/2015-03-31/functions/f/code", "", `{"S3Bucket":"..","S3Key":"../x"}`)
	f.Add("GET", "/lambda-code/x", "", ``)
	f.Add("PUT", "/2024-08-31/functions/f/recursion-config", "", `{"RecursiveLoop":"Allow"}`)
	f.Add("PUT", "/2021-07-20/functions/f/runtime-management-config?Qualifier=1", "", `{"UpdateRuntimeOn":"Manual","RuntimeVersionArn":"x"}`)
	f.Add("DELETE", "/2020-06-30/functions/f/code-signing-config", "", ``)
	f.Add("GET", "/2021-10-31/functions/f/urls?Marker=1&MaxItems=2", "", ``)
	f.Add("PUT", "/2019-09-25/functions/f/event-invoke-config", "", `{"DestinationConfig":{"OnFailure":{"Destination":"arn:aws:iam"}}}`)
	s, err := New(Options{WorkDir: f.TempDir(), S3Dir: f.TempDir()})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = s.Close(f.Context()) })
	f.Fuzz(func(t *testing.T, method, url, target, body string) {
		if !strings.HasPrefix(url, "/") {
			return
		}
		r, err := http.NewRequest(method, "http://localhost"+url, strings.NewReader(body))
		if err != nil {
			return
		}
		if target != "" {
			r.Header.Set("X-Amz-Target", target)
		}
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		if w.Code >= 500 {
			t.Errorf("%s %s: %d %s", method, url, w.Code, w.Body)
		}
		isJSON := strings.Contains(w.Header().Get("Content-Type"), "json")
		if w.Body.Len() > 0 && isJSON && !json.Valid(w.Body.Bytes()) {
			t.Errorf("%s %s: not JSON: %q", method, url, w.Body)
		}
		if w.Code >= 400 && isJSON && w.Header().Get("X-Amzn-Errortype") == "" {
			t.Errorf("%s %s: an error without a type: %q", method, url, w.Body)
		}
	})
}

// FuzzName: parsing a name never panics, and a name that is accepted is found
// again by its ARN.
func FuzzName(f *testing.F) {
	for _, s := range []string{"fn", "fn:$LATEST", "123456789012:function:fn:1", "arn:aws:lambda:us-east-1:123456789012:function:fn", "us-east-1:fn", ":", "arn:::"} {
		f.Add(s)
	}
	set, err := Options{}.parse()
	if err != nil {
		f.Fatal(err)
	}
	s := &Server{set: set}
	f.Fuzz(func(t *testing.T, name string) {
		a, bad := s.parseName(name)
		if bad != nil {
			return
		}
		arn := s.functionARN(a.name)
		if a.qualifier != "" {
			arn += ":" + a.qualifier
		}
		if b, bad := s.parseName(arn); bad != nil || a != b {
			t.Errorf("%q is %+v, but its ARN %q is %+v, %v", name, a, arn, b, bad)
		}
	})
}

// FuzzOutput: whatever a function prints, in whatever pieces, comes out whole
// and in order, in events that are not too long.
func FuzzOutput(f *testing.F) {
	f.Add([]byte("a\nb\n"), uint8(1))
	f.Add([]byte("\n\n\x00no end"), uint8(3))
	f.Add(bytes.Repeat([]byte("x"), maxEventBytes+1), uint8(200))
	f.Fuzz(func(t *testing.T, text []byte, piece uint8) {
		var got []byte
		o := &output{line: func(_ time.Time, line string) {
			if len(line) > maxEventBytes+int(piece) || line == "" {
				t.Errorf("an event of %d bytes", len(line))
			}
			got = append(got, line...)
		}}
		for rest := text; len(rest) > 0; {
			n := min(int(piece)+1, len(rest))
			o.feed(rest[:n])
			rest = rest[n:]
		}
		o.flush(time.Time{})
		if !bytes.Equal(got, text) {
			t.Errorf("printed %q, logged %q", text, got)
		}
	})
}

// FuzzEnvironmentAPI sends arbitrary requests to the APIs that the processes of
// an environment call: Runtime, Extensions, Telemetry and Logs. Nothing hangs or
// panics, and what is refused says why in JSON.
func FuzzEnvironmentAPI(f *testing.F) {
	f.Add("POST", "/2018-06-01/runtime/init/error", "", "", `{}`)
	f.Add("POST", "/2018-06-01/runtime/invocation/id/response", "", "", `{}`)
	f.Add("GET", "/2018-06-01/runtime/invocation/next", "", "", ``)
	f.Add("POST", "/2020-01-01/extension/register", "x", "", `{"events":["INVOKE","INVOKE"]}`)
	f.Add("GET", "/2020-01-01/extension/event/next", "x", "known", ``)
	f.Add("POST", "/2020-01-01/extension/init/error", "x", "known", `{}`)
	f.Add("PUT", "/2022-07-01/telemetry", "", "known", `{"schemaVersion":"2022-07-01","types":["platform"],"destination":{"protocol":"TCP","port":1}}`)
	f.Add("PUT", "/2020-08-15/logs/", "", "known", `{"types":["function"],"destination":{"protocol":"HTTP","URI":"http://sandbox:1"}}`)
	s, err := New(Options{WorkDir: f.TempDir()})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = s.Close(f.Context()) })
	fn := s.newFunction("fn")
	v := s.newVersion(fn, defaultConfig("fn"), &code{})
	f.Fuzz(func(t *testing.T, method, path, name, id, body string) {
		if !strings.HasPrefix(path, "/") {
			return
		}
		r, err := http.NewRequest(method, "http://localhost"+path, strings.NewReader(body))
		if err != nil {
			return
		}
		e := &environment{server: s, version: v, over: make(chan struct{})}
		defer e.closeTelemetry()
		session := newSession(e.over)
		e.session.Store(session)
		known, refused := session.ext.register("known", []string{eventInvoke})
		if refused != nil {
			t.Fatal(refused.message)
		}
		e.openTelemetry()
		if id == "known" {
			id = known
		}
		r.Header.Set("Lambda-Extension-Name", name)
		r.Header.Set("Lambda-Extension-Identifier", id)
		r.Header.Set("Lambda-Extension-Function-Error-Type", name)
		close(e.over) // so that a call of next comes back
		w := httptest.NewRecorder()
		e.serveRuntime(w, r)
		isNext := strings.HasSuffix(r.URL.Path, "/next")
		if w.Code >= 500 && !isNext {
			t.Errorf("%s %s: %d %s", method, path, w.Code, w.Body)
		}
		if strings.Contains(w.Header().Get("Content-Type"), "json") && !json.Valid(w.Body.Bytes()) {
			t.Errorf("%s %s: not JSON: %q", method, path, w.Body)
		}
	})
}
