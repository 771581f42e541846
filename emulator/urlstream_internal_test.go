package emulator

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestURLStream: what the client sees of an answer in parts, by its type.
func TestURLStream(t *testing.T) {
	zeros := strings.Repeat("\x00", 8)
	prelude := answerHeader{true, preludeType}
	for _, c := range []struct {
		what   string
		answer answerHeader
		parts  []string
		reply  reply
		want   string // status, type, body
	}{
		{"plain", answerHeader{true, "text/html"}, []string{"a", "b"}, reply{}, "200 text/html ab"},
		{"no type", answerHeader{true, ""}, []string{"a"}, reply{}, "200 application/octet-stream a"},
		{"prelude in pieces", prelude, []string{`{"statusCode":2`, `01,"headers":{"content-type":"x/y"}}` + zeros[:3], zeros[3:] + "bo", "dy"}, reply{}, "201 x/y body"},
		{"prelude alone", prelude, []string{`{"statusCode":204}` + zeros}, reply{}, "204 application/octet-stream "},
		{"prelude without end", prelude, []string{`{"statusCode":201}`}, reply{}, "502 text/plain; charset=utf-8 Internal Server Error\n"},
		{"prelude that is none", prelude, []string{"x" + zeros, "y"}, reply{}, "502 text/plain; charset=utf-8 Internal Server Error\n"},
		{"endless prelude", prelude, []string{strings.Repeat("x", maxPrelude), "y", "z"}, reply{}, "502 text/plain; charset=utf-8 Internal Server Error\n"},
		{"error before", answerHeader{}, nil, reply{failed: true}, "502 text/plain; charset=utf-8 Internal Server Error\n"},
		{"error behind", answerHeader{true, "text/html"}, []string{"a"}, reply{failed: true}, "200 text/html a"},
		{"not streamed", answerHeader{false, "application/json"}, []string{`{"statusCode":`, `299,"body":"b"}`}, reply{}, "299 application/json b"},
	} {
		w := httptest.NewRecorder()
		s := &stream{form: &urlStream{w: w}}
		for _, p := range c.parts {
			s.start(c.answer)
			s.chunk([]byte(p))
		}
		s.complete(c.reply)
		got := strings.Join([]string{w.Result().Status[:3], w.Header().Get("Content-Type"), w.Body.String()}, " ")
		if got != c.want {
			t.Errorf("%s: %q, want %q", c.what, got, c.want)
		}
	}
}

func TestSigner(t *testing.T) {
	const signature = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
	for header, want := range map[string]string{
		"": "",
		"AWS4-HMAC-SHA256 Credential=AK/20261123/us-east-1/lambda/aws4_request, SignedHeaders=host;x-amz-date, Signature=" + signature: "AK",
		"AWS4-HMAC-SHA256 Credential=AK/20261123/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=" + signature:                "",
		"AWS4-HMAC-SHA256 Credential=AK/20261123/us-east-1/lambda/aws4_request, SignedHeaders=host, Signature=":                        "",
	} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Header.Set("Authorization", header)
		if got, ok := signer(r); got != want || ok != (want != "") {
			t.Errorf("%q: %q, %v", header, got, ok)
		}
	}
	r := httptest.NewRequest(http.MethodGet, "/?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AK%2F20261123%2Fus-east-1%2Flambda%2Faws4_request&X-Amz-Signature="+signature, nil)
	if got, ok := signer(r); got != "AK" || !ok {
		t.Errorf("presigned: %q, %v", got, ok)
	}
}

// FuzzURLPrelude: a prelude reads alike in whatever pieces it arrives, and
// nothing that a function sends breaks the stream.
func FuzzURLPrelude(f *testing.F) {
	f.Add([]byte(`{"statusCode":201,"headers":{"a":"b"},"cookies":["c"]}`+"\x00\x00\x00\x00\x00\x00\x00\x00body"), uint8(3))
	f.Add([]byte("\x00\x00\x00\x00\x00\x00\x00\x00"), uint8(1))
	f.Add([]byte(`{"headers":{"a":{"b":[1]}}}`), uint8(200))
	f.Fuzz(func(t *testing.T, sent []byte, piece uint8) {
		read := func(size int) string {
			w := httptest.NewRecorder()
			s := &stream{form: &urlStream{w: w}}
			for rest := sent; len(rest) > 0; {
				n := min(size, len(rest))
				s.start(answerHeader{true, preludeType})
				s.chunk(rest[:n])
				rest = rest[n:]
			}
			s.complete(reply{})
			return w.Result().Status + w.Body.String()
		}
		if whole, parts := read(len(sent)+1), read(int(piece)+1); whole != parts && len(sent) <= maxPrelude {
			t.Errorf("%q whole, %q in pieces of %d", whole, parts, int(piece)+1)
		}
	})
}
