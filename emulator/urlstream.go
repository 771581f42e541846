package emulator

import (
	"bytes"
	"encoding/json"
	"net/http"
)

// urlStream is the answer of a function URL in the invoke mode RESPONSE_STREAM.
// A function that does not stream is answered for as in the mode BUFFERED.
type urlStream struct {
	w       http.ResponseWriter
	answer  answerHeader
	waiting []byte // of a prelude, or of an answer that is not streamed
	sent    bool   // the status is out
	failed  bool   // what comes is thrown away
}

// Of this type is an answer that begins with status, headers and cookies as
// JSON, eight bytes of zero, and then the body. Source: AWS Lambda developer
// guide, "Writing response streaming-enabled functions"; aws-lambda-go sends it.
const preludeType = "application/vnd.awslambda.http-integration-response"

// maxPrelude bounds what is kept while the end of a prelude is awaited.
const maxPrelude = 64 << 10

var preludeEnd = make([]byte, 8)

func (u *urlStream) begin(h answerHeader) { u.answer = h }

func (u *urlStream) chunk(p []byte) {
	switch {
	case u.failed:
	case u.sent:
		u.write(p)
	case !u.answer.streaming:
		u.waiting = append(u.waiting, p...)
	case u.answer.contentType != preludeType:
		if u.answer.contentType == "" {
			u.answer.contentType = "application/octet-stream"
		}
		u.w.Header().Set("Content-Type", u.answer.contentType)
		u.status(http.StatusOK)
		u.write(p)
	default:
		u.waiting = append(u.waiting, p...)
		u.prelude()
	}
}

// prelude sends the status once the prelude is whole. One that never ends, or
// that can't be read, is a fault of the function.
func (u *urlStream) prelude() {
	head, body, whole := bytes.Cut(u.waiting, preludeEnd)
	if !whole && len(u.waiting) <= maxPrelude {
		return
	}
	var said urlReply
	if !whole || json.Unmarshal(head, &said) != nil {
		u.fail()
		return
	}
	status := http.StatusOK
	if n := said.StatusCode; n != nil && *n >= 200 && *n < 600 {
		status = *n
	}
	u.w.Header().Set("Content-Type", "application/octet-stream")
	said.write(u.w.Header())
	u.status(status)
	u.write(body)
	u.waiting = nil
}

func (u *urlStream) status(code int) {
	u.sent = true
	u.w.WriteHeader(code)
}

func (u *urlStream) write(p []byte) {
	// A client that has gone away is no concern of the invocation.
	_, _ = u.w.Write(p)
	if f, ok := u.w.(http.Flusher); ok {
		f.Flush()
	}
}

func (u *urlStream) fail() {
	u.sent, u.failed = true, true
	http.Error(u.w, "Internal Server Error", http.StatusBadGateway)
}

// complete: an error behind the first byte can no longer be told; the body ends.
func (u *urlStream) complete(r reply, _ bool) {
	switch {
	case u.sent:
	case r.fault != nil || r.failed:
		u.fail()
	case u.answer.streaming && u.answer.contentType == preludeType && len(u.waiting) > 0:
		u.fail() // its end never came
	case u.answer.streaming:
		u.status(http.StatusOK)
	default:
		r.body = u.waiting
		writeURLReply(u.w, r)
	}
}
