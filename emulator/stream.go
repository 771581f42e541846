package emulator

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"
)

// Response streaming: InvokeWithResponseStream, whose answer is a sequence of
// frames of the AWS event stream encoding.

// Limits of a streamed response (AWS Lambda developer guide, "Response
// streaming for Lambda functions"): the first 6 MB are not capped, what follows
// runs at 2 MB/s, and 200 MB is the end.
const (
	streamBurst = 6 << 20
	streamRate  = 2 << 20 // bytes a second
	maxStream   = 200 << 20
)

// newAnswerHeader reads a runtime's answer. aws-lambda-go names no response
// mode: what is not JSON streams all the same.
func newAnswerHeader(r *http.Request) answerHeader {
	h := answerHeader{contentType: r.Header.Get("Content-Type")}
	h.streaming = r.Header.Get("Lambda-Runtime-Function-Response-Mode") == "streaming" || !strings.HasPrefix(h.contentType, "application/json")
	return h
}

// stream takes the response of one invocation in parts. Chunks come from the
// goroutine that reads the runtime's answer, the end from the one that runs the
// invocation, which may be sooner.
type stream struct {
	form streamForm
	over <-chan struct{} // the environment has ended

	mu    sync.Mutex
	begun bool
	ended bool
	sent  int64
	freed time.Time // when the capped part may go on
}

// streamForm is how a streamed response looks to the client. Its methods are
// called one at a time.
type streamForm interface {
	// begin is called once, before the first chunk or, without one, the end.
	begin(h answerHeader)
	chunk(p []byte)
	// complete ends the response; begun says whether begin has been called.
	complete(r reply, begun bool)
}

// answerHeader is what the runtime says of its answer ahead of it.
type answerHeader struct {
	streaming   bool // it answers in parts
	contentType string
}

// chunk sends a part of the response; whole is false when the response has
// become too large or the invocation is over.
func (s *stream) chunk(p []byte) (whole bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended || s.sent+int64(len(p)) > maxStream {
		return false
	}
	s.throttle(len(p))
	s.sent += int64(len(p))
	s.form.chunk(p)
	return true
}

// start gives the client what comes before the first chunk.
func (s *stream) start(h answerHeader) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.begun && !s.ended {
		s.begun = true
		s.form.begin(h)
	}
}

// produced is how much has been sent.
func (s *stream) produced() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sent
}

// copy passes a runtime's answer on, part by part, as it arrives. The rest of one
// that is too large is read and thrown away.
func (s *stream) copy(body io.Reader, h answerHeader) (whole bool, err error) {
	buf := make([]byte, 64<<10)
	whole = true
	for {
		n, err := body.Read(buf)
		if n > 0 && whole {
			s.start(h)
			whole = s.chunk(buf[:n])
		}
		switch {
		case errors.Is(err, io.EOF):
			return whole, nil
		case err != nil:
			return whole, err
		}
	}
}

// throttle waits as long as the cap asks for.
func (s *stream) throttle(n int) {
	if s.sent+int64(n) <= streamBurst {
		return
	}
	now := time.Now()
	if wait := s.freed.Sub(now); wait > 0 {
		timer := time.NewTimer(wait)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-s.over:
		}
		now = time.Now()
	}
	s.freed = now.Add(time.Duration(n) * time.Second / streamRate)
}

// complete ends the stream.
func (s *stream) complete(r reply) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended = true
	s.form.complete(r, s.begun)
}

// eventFrames are the answer of InvokeWithResponseStream.
type eventFrames struct {
	w       http.ResponseWriter
	version string
	trace   string
}

func (f *eventFrames) begin(answerHeader) {
	h := f.w.Header()
	h.Set("Content-Type", "application/vnd.amazon.eventstream")
	h.Set("X-Amzn-Remapped-Content-Type", "application/octet-stream")
	h.Set("X-Amz-Executed-Version", f.version)
	h.Set("X-Amzn-Trace-Id", f.trace)
	f.w.WriteHeader(http.StatusOK)
}

func (f *eventFrames) chunk(p []byte) {
	writeFrame(f.w, "PayloadChunk", "application/octet-stream", p)
}

func (f *eventFrames) complete(r reply, begun bool) {
	switch {
	case r.fault != nil && begun:
		return
	case r.fault != nil:
		writeError(f.w, r.fault)
		return
	case !begun:
		f.begin(answerHeader{})
	}
	var end struct {
		ErrorCode    string `json:"ErrorCode,omitempty"`
		ErrorDetails string `json:"ErrorDetails,omitempty"`
		LogResult    string `json:"LogResult,omitempty"`
	}
	if r.failed {
		end.ErrorCode, end.ErrorDetails = handledFailure, string(r.body)
	}
	if len(r.tail) > 0 {
		end.LogResult = base64.StdEncoding.EncodeToString(r.tail)
	}
	writeFrame(f.w, "InvokeComplete", "application/json", encodeJSON(end))
}

// writeFrame writes one message of the event stream encoding: lengths, a checksum of
// them, headers, payload, a checksum of all. (Smithy specification, "Amazon
// Event Stream".)
func writeFrame(w http.ResponseWriter, event, contentType string, payload []byte) {
	var headers []byte
	for _, h := range [...][2]string{{":message-type", "event"}, {":event-type", event}, {":content-type", contentType}} {
		const stringValue = 7
		headers = append(headers, byte(len(h[0])))
		headers = append(headers, h[0]...)
		headers = append(headers, stringValue)
		headers = binary.BigEndian.AppendUint16(headers, uint16(len(h[1])))
		headers = append(headers, h[1]...)
	}
	total := 12 + len(headers) + len(payload) + 4
	b := make([]byte, 0, total)
	b = binary.BigEndian.AppendUint32(b, uint32(total))
	b = binary.BigEndian.AppendUint32(b, uint32(len(headers)))
	b = binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b))
	b = append(append(b, headers...), payload...)
	b = binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b))
	// A client that has gone away is no concern of the invocation.
	_, _ = w.Write(b)
	if f, ok := w.(http.Flusher); ok {
		f.Flush()
	}
}

// invokeStream is the InvokeWithResponseStream operation.
func (s *Server) invokeStream(w http.ResponseWriter, r *http.Request) *apiError {
	v, inv, bad := s.prepareInvocation(w, r, "")
	if bad != nil {
		return bad
	}
	switch kind := r.Header.Get("X-Amz-Invocation-Type"); kind {
	case "", "RequestResponse":
	case "DryRun":
		w.WriteHeader(http.StatusNoContent)
		return nil
	default:
		return violated(kind, "invocationType", "Member must satisfy enum value set: [RequestResponse, DryRun]")
	}
	e, bad := s.acquire(v, inv.tenant)
	if bad != nil {
		return bad
	}
	inv.wantTail = r.Header.Get("X-Amz-Log-Type") == "Tail"
	inv.stream = &stream{form: &eventFrames{w, v.number, inv.trace}, over: e.over}
	inv.answer = inv.stream.complete
	s.perform(e, inv)
	return nil
}
