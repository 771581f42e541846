package runtimes

import (
	"reflect"
	"strings"
	"testing"
)

// Each handler of streaming is what awslambda.streamifyResponse is given. The
// second event asks for a plain answer: the process is still of use. What is
// wanted was seen of aws-lambda-ric 3.3.0.
func TestNodeResponseStream(t *testing.T) {
	r := must(t, "nodejs20.x")
	const octets, prelude = "application/octet-stream", "application/vnd.awslambda.http-integration-response"
	tests := []struct {
		name, body string
		want       post
		fault      string // in the error behind the body
	}{
		{"parts", `s.setContentType('text/plain'); s.write('a'); s.write({x: 1}); s.write(new Uint8Array([98])); s.end()`, post{Stream: "text/plain", Body: `a{"x":1}b`}, ""},
		{
			"prelude", `s = awslambda.HttpResponseStream.from(s, {statusCode: 201, headers: {'x-a': 'b'}}); s.write('a'); s.end()`,
			post{Stream: prelude, Body: `{"statusCode":201,"headers":{"x-a":"b"}}` + "\x00\x00\x00\x00\x00\x00\x00\x00a"},
			"",
		},
		{"pipeline", `await pipeline(Readable.from(['a', 'b', 'c']), s)`, post{Stream: octets, Body: "abc"}, ""},
		{"only ended", `s.end()`, post{Stream: octets}, ""},
		{"value", `s.end('x'); return 5`, post{Stream: octets, Body: "x"}, ""},
		{"error first", `throw new TypeError('boom')`, post{Stream: octets, Type: "TypeError"}, `"errorMessage":"boom","trace":["TypeError: boom"`},
		{"error on the way", `s.write('part'); throw new TypeError('boom')`, post{Stream: octets, Body: "part", Type: "TypeError"}, `"errorMessage":"boom"`},
		{"too late", `s.write('x'); s.setContentType('a/b')`, post{Stream: octets, Body: "x", Type: "Runtime.InvalidStreamingOperation"}, "Cannot set content-type, too late."},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, r, "index.handler", map[string]string{"index.mjs": `
				import { pipeline } from 'node:stream/promises'; import { Readable } from 'node:stream'
				export const handler = awslambda.streamifyResponse(async (e, s, c) => {
					if (e.ok) { s.write('ok'); s.end(); return }
					` + test.body + ` })`}, `{}`, `{"ok":1}`)
			if len(s.Posts) != 2 || s.Posts[1].Body != "ok" {
				t.Fatalf("posts %+v, exit %d, log\n%s", s.Posts, s.Exit, s.Log)
			}
			got := s.Posts[0]
			if !strings.Contains(got.Error, test.fault) || (test.fault == "") != (got.Error == "") {
				t.Errorf("error %q, want one with %q", got.Error, test.fault)
			}
			got.Error, test.want.Path = "", "/invocation/id-1/response"
			if !reflect.DeepEqual(got, test.want) {
				t.Errorf("%+v, want %+v", got, test.want)
			}
			if test.name == "value" != strings.Contains(s.Log, "\tWARN\tStreaming handlers ignore return values.\n") {
				t.Errorf("log %q", s.Log)
			}
		})
	}
}

func TestNodeResponseStreamCorners(t *testing.T) {
	r := must(t, "nodejs20.x")
	one := func(code string) session {
		return serve(t, r, "index.handler", map[string]string{"index.js": code}, `{}`)
	}
	if p := one(`exports.handler = awslambda.streamifyResponse((e, s) => { s.write('x') })`).only(t); p.Type != "string" || !strings.Contains(p.Error, "Streaming does not support non-async handlers.") {
		t.Errorf("not async: %+v", p)
	}
	// The loop has to be empty before the next invocation, unless told otherwise.
	s := one(`exports.handler = awslambda.streamifyResponse(async (e, s) => { setTimeout(() => console.log('later'), 20); s.end() })`)
	if s.only(t); !strings.Contains(s.Log, "later") {
		t.Errorf("log %q, want that of the timer", s.Log)
	}
	s = one(`exports.handler = awslambda.streamifyResponse(async (e, s, c) => { c.callbackWaitsForEmptyEventLoop = false; setTimeout(() => {}, 60000); s.end() })`)
	s.only(t)
	// What nobody catches while an answer is open ends the process.
	s = one(`exports.handler = awslambda.streamifyResponse(async (e, s) => { setTimeout(() => { throw new Error('late') }); await new Promise(() => {}) })`)
	if p := s.only(t); s.Exit != 129 || p.Path != "/invocation/id-1/error" || p.Type != "Error" {
		t.Errorf("uncaught: %+v, exit %d", p, s.Exit)
	}
	// The handler is told to wait for what the kernel has not taken yet.
	s = one(`exports.handler = awslambda.streamifyResponse(async (e, s) => {
		let full = false
		for (let i = 0; i < 16; i++) if (!s.write(Buffer.alloc(1 << 20, 'x'))) { full = true; await new Promise((r) => s.once('drain', r)) }
		console.log('full', full); s.end() }, {highWaterMark: 1000})`)
	if p := s.only(t); len(p.Body) != 16<<20 || !strings.Contains(s.Log, "full true") {
		t.Errorf("%d bytes, log %q", len(p.Body), s.Log)
	}
	s = serve(t, r, "index.handler", map[string]string{"index.js": `const f = async () => 1; f[Symbol.for('aws.lambda.runtime.handler.streaming')] = 'request'; exports.handler = f`})
	check(t, s, "/init/error", "Runtime.MalformedStreamingHandler", "Only response streaming is supported.")
}
