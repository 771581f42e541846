package runtimes

import (
	"regexp"
	"strings"
	"testing"
)

func TestNodeHandlerForms(t *testing.T) {
	r := must(t, "nodejs20.x")
	const answer = `{"got":{"a":1}}`
	tests := []struct {
		name, handler string
		files         map[string]string
	}{
		{"CommonJS", "index.handler", map[string]string{"index.js": `exports.handler = async (e) => ({got: e})`}},
		{"cjs", "index.handler", map[string]string{"index.cjs": `exports.handler = async (e) => ({got: e})`}},
		{"mjs", "index.handler", map[string]string{"index.mjs": `export const handler = async (e) => ({got: e})`}},
		{"type module", "index.handler", map[string]string{"index.js": `export const handler = async (e) => ({got: e})`, "package.json": `{"type":"module"}`}},
		{"top-level await", "index.handler", map[string]string{"index.mjs": `const x = await Promise.resolve(1); export const handler = async (e) => ({got: e})`}},
		{"nested path", "src/app.handler", map[string]string{"src/app.js": `exports.handler = async (e) => ({got: e})`}},
		{"nested exports", "index.a.b.c", map[string]string{"index.js": `exports.a = {b: {c: async (e) => ({got: e})}}`}},
		{"folder", "lib.handler", map[string]string{"lib/index.js": `exports.handler = async (e) => ({got: e})`}},
		{"package", "mod.handler", map[string]string{"node_modules/mod/index.js": `exports.handler = async (e) => ({got: e})`}},
		{"callback", "index.handler", map[string]string{"index.js": `exports.handler = (e, c, cb) => setTimeout(() => cb(null, {got: e}), 5)`}},
		{"callback, not waiting", "index.handler", map[string]string{"index.js": `exports.handler = (e, c, cb) => { c.callbackWaitsForEmptyEventLoop = false; setInterval(() => {}, 1000); cb(null, {got: e}) }`}},
		{"succeed", "index.handler", map[string]string{"index.js": `exports.handler = (e, c) => c.succeed({got: e})`}},
		{"thenable", "index.handler", map[string]string{"index.js": `exports.handler = (e) => ({then: (f) => f({got: e})})`}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := serve(t, r, test.handler, test.files, `{"a":1}`)
			if p := s.only(t); p.Path != "/invocation/id-1/response" || p.Body != answer {
				t.Errorf("%+v, want %s; log:\n%s", p, answer, s.Log)
			}
		})
	}
}

func TestNodeNullAnswers(t *testing.T) {
	r := must(t, "nodejs20.x")
	for _, body := range []string{
		`async () => {}`,
		`async () => undefined`,
		`() => 5`,                     // no promise, no callback: the loop runs empty
		`() => new Promise(() => {})`, // never settled: the same
	} {
		s := serve(t, r, "index.handler", map[string]string{"index.js": "exports.handler = " + body}, `{}`, `{}`)
		if len(s.Posts) != 2 || s.Posts[1].Path != "/invocation/id-2/response" || s.Posts[1].Body != "null" {
			t.Errorf("%s: %+v, want two answers null; log:\n%s", body, s.Posts, s.Log)
		}
	}
}

// The callback's answer waits until the event loop is empty.
func TestNodeCallbackWaitsForTheEventLoop(t *testing.T) {
	r := must(t, "nodejs20.x")
	s := serve(t, r, "index.handler", map[string]string{"index.js": `
		exports.handler = (e, c, cb) => { setTimeout(() => console.log('later'), 20); cb(null, 'ok') }`}, `{}`)
	if p := s.only(t); p.Body != `"ok"` || !strings.Contains(s.Log, "later") {
		t.Errorf("%+v; log:\n%s", p, s.Log)
	}
	// The context's own methods do not wait.
	s = serve(t, r, "index.handler", map[string]string{"index.js": `
		exports.handler = (e, c) => { setTimeout(() => console.log('later'), 60000); c.succeed('ok') }`}, `{}`)
	if p := s.only(t); p.Body != `"ok"` || strings.Contains(s.Log, "later") {
		t.Errorf("%+v; log:\n%s", p, s.Log)
	}
}

func TestNodeContext(t *testing.T) {
	r := must(t, "nodejs20.x")
	s := serve(t, r, "index.handler", map[string]string{"index.js": `
		exports.handler = async (e, c) => [c.functionName, c.functionVersion, c.invokedFunctionArn, c.memoryLimitInMB,
			c.awsRequestId, c.logGroupName, c.logStreamName, c.identity.cognitoIdentityId, c.clientContext.custom.k,
			process.env._X_AMZN_TRACE_ID, c.getRemainingTimeInMillis() > 50000 && c.getRemainingTimeInMillis() <= 60000,
			c.callbackWaitsForEmptyEventLoop, c.tenantId]`}, `{}`)
	const want = `["f","$LATEST","arn:aws:lambda:us-east-1:123456789012:function:f","128","id-1","/aws/lambda/f",` +
		`"2026/01/01/[$LATEST]0","me","v","Root=1-1",true,true,"t"]`
	if p := s.only(t); p.Body != want {
		t.Errorf("context\n%s, want\n%s", p.Body, want)
	}
}

func TestNodeErrorsLeaveTheProcessAlive(t *testing.T) {
	r := must(t, "nodejs20.x")
	tests := []struct{ body, kind, message string }{
		{`async () => { throw new TypeError('boom') }`, "TypeError", "boom"},
		{`() => { throw new Error('boom') }`, "Error", "boom"},
		{`(e, c, cb) => cb(new RangeError('boom'))`, "RangeError", "boom"},
		{`(e, c, cb) => cb('boom')`, "string", "boom"},
		{`(e, c) => c.fail(new Error('boom'))`, "Error", "boom"},
		{`async () => { throw 'boom' }`, "string", "boom"},
		{`async () => { throw null }`, "string", "handled"},
		{`async () => () => 1`, "TypeError", "Wrong arguments"},
		{`async () => { const e = new Error('boom'); e.name = 'Custom'; throw e }`, "Custom", "boom"},
		{`async () => { const a = {}; a.a = a; return a }`, "Error", "Unable to stringify response body"},
	}
	for _, test := range tests {
		s := serve(t, r, "index.handler", map[string]string{"index.js": "const f = " + test.body + "\nexports.handler = (e, c, cb) => e.ok ? Promise.resolve(1) : f(e, c, cb)"}, `{}`, `{"ok":1}`)
		if len(s.Posts) != 2 || s.Posts[1].Body != "1" || s.Exit != -1 {
			t.Errorf("%s: %+v, exit %d: want an error and then an answer", test.body, s.Posts, s.Exit)
			continue
		}
		s.Posts = s.Posts[:1]
		m := check(t, s, "/invocation/id-1/error", test.kind, test.message)
		if _, ok := m["trace"].([]any); !ok {
			t.Errorf("%s: trace %v, want an array", test.body, m["trace"])
		}
		if !strings.Contains(s.Log, "\tid-1\tERROR\tInvoke Error \t{\"errorType\":\""+strings.Replace(test.kind, "string", "Error", 1)+`"`) {
			t.Errorf("%s: log\n%s", test.body, s.Log)
		}
	}
}

func TestNodeFatalErrors(t *testing.T) {
	r := must(t, "nodejs20.x")
	tests := []struct {
		name, body, kind, message string
		exit                      int
	}{
		{"uncaught", `() => new Promise(() => setTimeout(() => { throw new Error('late') }, 1))`, "Error", "late", 129},
		{"rejection", `() => new Promise(() => { Promise.reject(new Error('lost')); setTimeout(() => {}, 1000) })`, "Runtime.UnhandledPromiseRejection", "Error: lost", 128},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := serve(t, r, "index.handler", map[string]string{"index.js": "exports.handler = " + test.body}, `{}`)
			check(t, s, "/invocation/id-1/error", test.kind, test.message)
			if s.Exit != test.exit {
				t.Errorf("exit %d, want %d", s.Exit, test.exit)
			}
		})
	}
	s := serve(t, r, "index.handler", map[string]string{"index.js": "exports.handler = async () => process.exit(3)"}, `{}`)
	if len(s.Posts) != 0 || s.Exit != 3 {
		t.Errorf("process.exit(3): posts %+v, exit %d", s.Posts, s.Exit)
	}
}

func TestNodeInitErrors(t *testing.T) {
	r := must(t, "nodejs20.x")
	tests := []struct{ name, handler, file, text, kind, message string }{
		{"missing module", "other.handler", "index.js", ``, "Runtime.ImportModuleError", "Cannot find module"},
		{"missing dependency", "index.handler", "index.js", `require('no-such')`, "Runtime.ImportModuleError", "Cannot find module 'no-such'"},
		{"missing ESM dependency", "index.handler", "index.mjs", `import x from 'no-such'`, "Runtime.ImportModuleError", "no-such"},
		{"missing export", "index.nope", "index.js", `exports.handler = 1`, "Runtime.HandlerNotFound", "index.nope is undefined or not exported"},
		{"no function", "index.handler", "index.js", `exports.handler = 1`, "Runtime.HandlerNotFound", "index.handler is not a function"},
		{"syntax", "index.handler", "index.js", `exports.handler = (`, "Runtime.UserCodeSyntaxError", "SyntaxError: "},
		{"malformed", "index", "index.js", ``, "Runtime.MalformedHandlerName", "Bad handler"},
		{"climbing", "../index.handler", "index.js", ``, "Runtime.MalformedHandlerName", "not a valid handler name"},
		{"thrown", "index.handler", "index.js", `throw new RangeError('at init')`, "RangeError", "at init"},
		{"rejected", "index.handler", "index.mjs", `await Promise.reject(new Error('at init'))`, "Error", "at init"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := serve(t, r, test.handler, map[string]string{test.file: test.text})
			check(t, s, "/init/error", test.kind, test.message)
			if s.Exit != 129 {
				t.Errorf("exit %d, want 129", s.Exit)
			}
		})
	}
}

func TestNodeLog(t *testing.T) {
	r := must(t, "nodejs20.x")
	s := serve(t, r, "index.handler", map[string]string{"index.js": `
		console.log('at init')
		exports.handler = async () => { console.log('a %d', 1, {b: 2}); console.error('two\nlines'); console.warn('w'); console.info('i'); console.debug('d'); process.stdout.write('raw\n') }`}, `{}`)
	for _, want := range []string{
		`\tundefined\tINFO\tat init\n`, `\tid-1\tINFO\ta 1 { b: 2 }\n`, `\tid-1\tERROR\ttwo\rlines\n`,
		`\tid-1\tWARN\tw\n`, `\tid-1\tINFO\ti\n`, `\tid-1\tDEBUG\td\n`,
	} {
		pattern := `(?m)^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z` + strings.NewReplacer("{", `\{`, "}", `\}`).Replace(want)
		if !regexp.MustCompile(pattern).MatchString(s.Log) {
			t.Errorf("no line %q in\n%q", want, s.Log)
		}
	}
	if !strings.Contains(s.Log, "\nraw\n") {
		t.Errorf("no raw line in %q", s.Log)
	}
}

func TestNodeKeepsOneConnection(t *testing.T) {
	r := must(t, "nodejs20.x")
	s := serve(t, r, "index.handler", map[string]string{"index.js": `let n = 0; exports.handler = async () => ++n`}, `{}`, `{}`, `{}`)
	if len(s.Posts) != 3 || s.Posts[2].Body != "3" || s.Conns != 1 {
		t.Errorf("%+v over %d connections, want 1, 2, 3 over one", s.Posts, s.Conns)
	}
}

// A log larger than a pipe's buffer and a large event and answer pass whole.
func TestNodeBulk(t *testing.T) {
	r := must(t, "nodejs20.x")
	event := `"` + strings.Repeat("x", 5<<20) + `"`
	s := serve(t, r, "index.handler", map[string]string{"index.js": `exports.handler = async (e) => { console.log('y'.repeat(1 << 20)); return e }`}, event)
	if p := s.only(t); p.Body != event {
		t.Errorf("%d bytes answered, want %d", len(p.Body), len(event))
	}
	if !strings.Contains(s.Log, strings.Repeat("y", 1<<20)+"\n") {
		t.Errorf("%d bytes of log", len(s.Log))
	}
}

// nodejs24.x knows no callbacks: the answer is what the handler returns, and
// nothing waits for the event loop. Source: aws-lambda-nodejs-runtime-interface-client 4.
func TestNode24(t *testing.T) {
	r := must(t, "nodejs24.x")
	one := func(body string, events ...string) session {
		return serve(t, r, "index.handler", map[string]string{"index.js": "exports.handler = " + body}, events...)
	}
	const members = `"awsRequestId,clientContext,functionName,functionVersion,getRemainingTimeInMillis,identity,invokedFunctionArn,logGroupName,logStreamName,memoryLimitInMB,tenantId,xRayTraceId"`
	if p := one(`(e, c) => Object.keys(c).sort().join()`, `{}`).only(t); p.Body != members {
		t.Errorf("context %+v", p)
	}
	for body, want := range map[string]string{`() => 5`: "5", `() => {}`: "null", `async () => { setTimeout(() => {}, 60000); return 1 }`: "1"} {
		if p := one(body, `{}`).only(t); p.Body != want {
			t.Errorf("%s: %+v", body, p)
		}
	}
	check(t, one(`async () => { throw null }`, `{}`), "/invocation/id-1/error", "object", "null")
	check(t, one(`async () => { const a = {}; a.a = a; return a }`, `{}`), "/invocation/id-1/error", "Runtime.JSONStringifyError", "Unable to stringify response body")
	check(t, one(`(e, c, cb) => cb(null, 1)`), "/init/error", "Runtime.CallbackHandlerDeprecated", "removed support for callback-based function handlers")
	s := one(`awslambda.streamifyResponse(async (e, s, c) => { setTimeout(() => {}, 60000); s.end('x') })`, `{}`)
	if p := s.only(t); p.Body != "x" {
		t.Errorf("%+v", p)
	}
	if s := one(`() => new Promise(() => {})`, `{}`); len(s.Posts) != 0 || s.Exit < 0 {
		t.Errorf("never settled: %+v, exit %d", s.Posts, s.Exit)
	}
}
