package runtimes

import (
	"regexp"
	"strings"
	"testing"
)

func TestPythonHandlerForms(t *testing.T) {
	r := must(t, "python3.12")
	const body = "def handler(event, context):\n    return {'got': event}\n"
	for handler, file := range map[string]string{
		"app.handler": "app.py", "pkg/mod.handler": "pkg/mod.py", "pkg.mod.handler": "pkg/mod.py", "lib.handler": "lib/__init__.py",
	} {
		s := serve(t, r, handler, map[string]string{file: body}, `{"a": 1}`)
		if p := s.only(t); p.Path != "/invocation/id-1/response" || p.Body != `{"got": {"a": 1}}` {
			t.Errorf("%s: %+v; log:\n%s", handler, p, s.Log)
		}
	}
}

func TestPythonContext(t *testing.T) {
	r := must(t, "python3.12")
	s := serve(t, r, "app.handler", map[string]string{"app.py": `
import os
def handler(event, c):
    left = c.get_remaining_time_in_millis()
    return [c.function_name, c.function_version, c.invoked_function_arn, c.memory_limit_in_mb, c.aws_request_id,
            c.log_group_name, c.log_stream_name, c.identity.cognito_identity_id, c.client_context.custom["k"],
            os.environ["_X_AMZN_TRACE_ID"], 50000 < left <= 60000]
`}, `{}`)
	const want = `["f", "$LATEST", "arn:aws:lambda:us-east-1:123456789012:function:f", "128", "id-1", "/aws/lambda/f", ` +
		`"2026/01/01/[$LATEST]0", "me", "v", "Root=1-1", true]`
	if p := s.only(t); p.Body != want {
		t.Errorf("context\n%s, want\n%s", p.Body, want)
	}
}

func TestPythonErrorsLeaveTheProcessAlive(t *testing.T) {
	r := must(t, "python3.12")
	tests := []struct{ body, kind, message string }{
		{"raise ValueError('boom')", "ValueError", "boom"},
		{"raise type('Custom', (Exception,), {})('boom')", "Custom", "boom"},
		{"return object()", "Runtime.MarshalError", "Unable to marshal response: Object of type object is not JSON serializable"},
	}
	for _, test := range tests {
		s := serve(t, r, "app.handler", map[string]string{"app.py": "def handler(e, c):\n    if e: return 1\n    " + test.body + "\n"}, `{}`, `{"ok":1}`)
		if len(s.Posts) != 2 || s.Posts[1].Body != "1" || s.Exit != -1 {
			t.Errorf("%s: %+v, exit %d, log\n%s", test.body, s.Posts, s.Exit, s.Log)
			continue
		}
		s.Posts = s.Posts[:1]
		m := check(t, s, "/invocation/id-1/error", test.kind, test.message)
		if m["requestId"] != "id-1" {
			t.Errorf("requestId %v", m["requestId"])
		}
		if _, ok := m["stackTrace"].([]any); !ok {
			t.Errorf("stackTrace %v", m["stackTrace"])
		}
		if !strings.Contains(s.Log, "[ERROR] "+test.kind+": "+test.message) || !strings.Contains(s.Log, "\rTraceback (most recent call last):") {
			t.Errorf("log %q", s.Log)
		}
	}
}

func TestPythonStackTrace(t *testing.T) {
	r := must(t, "python3.12")
	s := serve(t, r, "app.handler", map[string]string{"app.py": "def deep():\n    raise KeyError('k')\ndef handler(e, c):\n    deep()\n"}, `{}`)
	trace, _ := s.only(t).fields(t)["stackTrace"].([]any)
	if len(trace) != 2 || !strings.Contains(trace[0].(string), "app.py\", line 4, in handler\n    deep()\n") || !strings.Contains(trace[1].(string), "in deep") {
		t.Errorf("stack %q, want handler and deep alone", trace)
	}
	if !strings.Contains(s.Log, "\r\u00a0\u00a0File \"") || !strings.Contains(s.Log, "\r\u00a0\u00a0\u00a0\u00a0raise KeyError('k')") {
		t.Errorf("log %q, want no-break spaces as indentation", s.Log)
	}
}

func TestPythonInitErrors(t *testing.T) {
	r := must(t, "python3.12")
	tests := []struct{ name, handler, text, kind, message string }{
		{"missing module", "other.handler", "", "Runtime.ImportModuleError", "Unable to import module 'other': No module named 'other'"},
		{"missing dependency", "app.handler", "import no_such", "Runtime.ImportModuleError", "Unable to import module 'app': No module named 'no_such'"},
		{"missing function", "app.nope", "", "Runtime.HandlerNotFound", "Handler 'nope' missing on module 'app'"},
		{"malformed", "app", "", "Runtime.MalformedHandlerName", "Bad handler 'app'"},
		{"syntax", "app.handler", "def handler(:", "Runtime.UserCodeSyntaxError", "Syntax error in module 'app': "},
		{"raised", "app.handler", "raise RuntimeError('at init')", "RuntimeError", "at init"},
		{"built-in", "sys.exit", "", "Runtime.BuiltInModuleConflict", "built-in module sys"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := serve(t, r, test.handler, map[string]string{"app.py": test.text})
			m := check(t, s, "/init/error", test.kind, test.message)
			if s.Exit != 1 || m["requestId"] != "" {
				t.Errorf("exit %d, requestId %q", s.Exit, m["requestId"])
			}
		})
	}
}

func TestPythonExits(t *testing.T) {
	r := must(t, "python3.12")
	s := serve(t, r, "app.handler", map[string]string{"app.py": "import sys\ndef handler(e, c):\n    sys.exit(3)\n"}, `{}`)
	if len(s.Posts) != 0 || s.Exit != 3 {
		t.Errorf("sys.exit(3) in the handler: posts %+v, exit %d", s.Posts, s.Exit)
	}
	s = serve(t, r, "app.handler", map[string]string{"app.py": "import sys\nsys.exit(4)\n"})
	if len(s.Posts) != 0 || s.Exit != 4 {
		t.Errorf("sys.exit(4) in init: posts %+v, exit %d", s.Posts, s.Exit)
	}
}

func TestPythonLog(t *testing.T) {
	r := must(t, "python3.12")
	s := serve(t, r, "app.handler", map[string]string{"app.py": `
import logging
logging.warning("at init")
logging.getLogger().setLevel("INFO")
def handler(e, c):
    print("printed")
    logging.info("hello %s", "you")
    logging.getLogger("x").debug("not shown")
`}, `{}`)
	for _, pattern := range []string{
		`(?m)^\[WARNING\]\t\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{1,3}Z\t\tat init$`, `(?m)^printed$`,
		`(?m)^\[INFO\]\t\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{1,3}Z\tid-1\thello you$`,
	} {
		if !regexp.MustCompile(pattern).MatchString(s.Log) {
			t.Errorf("no line %s in\n%s", pattern, s.Log)
		}
	}
	if strings.Contains(s.Log, "not shown") {
		t.Errorf("log\n%s", s.Log)
	}
}

func TestPythonKeepsOneConnection(t *testing.T) {
	r := must(t, "python3.12")
	s := serve(t, r, "app.handler", map[string]string{"app.py": "n = 0\ndef handler(e, c):\n    global n\n    n += 1\n    return n\n"}, `{}`, `{}`, `{}`)
	if len(s.Posts) != 3 || s.Posts[2].Body != "3" || s.Conns != 1 {
		t.Errorf("%+v over %d connections, want 1, 2, 3 over one", s.Posts, s.Conns)
	}
}

// A log larger than a pipe's buffer and a large event, which arrives in
// chunks, pass whole.
func TestPythonBulk(t *testing.T) {
	r := must(t, "python3.12")
	event := `"` + strings.Repeat("x", 5<<20) + `"`
	s := serve(t, r, "app.handler", map[string]string{"app.py": "def handler(e, c):\n    print('y' * (1 << 20))\n    return e\n"}, event)
	if p := s.only(t); p.Body != event {
		t.Errorf("%d bytes answered, want %d", len(p.Body), len(event))
	}
	if !strings.Contains(s.Log, strings.Repeat("y", 1<<20)+"\n") {
		t.Errorf("%d bytes of log", len(s.Log))
	}
}

// Before a snapshot the hooks run backwards, after a restore in their order.
func TestPythonSnapStartHooks(t *testing.T) {
	r := must(t, "python3.12")
	snap := []string{"AWS_LAMBDA_INITIALIZATION_TYPE=snap-start"}
	hooks := func(more string) map[string]string {
		return map[string]string{"app.py": `
from snapshot_restore_py import register_before_snapshot, register_after_restore
said = []
@register_before_snapshot
def one(): said.append("b1")
@register_before_snapshot
def two(): said.append("b2")
register_after_restore(lambda text, end="": said.append(text + end), "a1", end="!")
register_after_restore(lambda: said.append("a2"))
` + more + `
def handler(e, c): return said
`}
	}
	s := serveWith(t, r, snap, "app.handler", hooks(""), `{}`)
	if len(s.Posts) != 2 || s.Posts[0].Path != "/restore/next" || s.Posts[1].Body != `["b2", "b1", "a1!", "a2"]` {
		t.Errorf("%+v, log\n%s", s.Posts, s.Log)
	}
	s = serve(t, r, "app.handler", hooks(""), `{}`)
	if p := s.only(t); p.Body != `[]` {
		t.Errorf("without a snapshot: %+v", p)
	}
	s = serveWith(t, r, snap, "app.handler", hooks("register_before_snapshot(lambda: 1 / 0)"))
	if p := s.only(t); p.Path != "/init/error" || p.Type != "Runtime.BeforeSnapshotError" || s.Exit != 64 || !strings.Contains(p.Body, `"errorType": "ZeroDivisionError"`) {
		t.Errorf("before: %+v, exit %d", p, s.Exit)
	}
	s = serveWith(t, r, snap, "app.handler", hooks("register_after_restore(lambda: 1 / 0)"))
	if n := len(s.Posts); n != 2 || s.Posts[1].Path != "/restore/error" || s.Posts[1].Type != "Runtime.AfterRestoreError" || s.Exit != 65 {
		t.Errorf("after: %+v, exit %d", s.Posts, s.Exit)
	}
}
