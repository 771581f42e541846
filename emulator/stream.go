package emulator

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"net/http"
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

// stream writes the frames of one invocation. Chunks come from the goroutine
// that reads the runtime's answer, the end from the one that runs the
// invocation, which may be sooner.
type stream struct {
	w       http.ResponseWriter
	version string
	trace   string
	over    <-chan struct{} // the environment has ended

	mu    sync.Mutex
	begun bool
	ended bool
	sent  int64
	freed time.Time // when the capped part may go on
}

// begin sends the headers. The lock is held.
func (s *stream) begin() {
	if s.begun {
		return
	}
	s.begun = true
	h := s.w.Header()
	h.Set("Content-Type", "application/vnd.amazon.eventstream")
	h.Set("X-Amzn-Remapped-Content-Type", "application/octet-stream")
	h.Set("X-Amz-Executed-Version", s.version)
	h.Set("X-Amzn-Trace-Id", s.trace)
	s.w.WriteHeader(http.StatusOK)
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
	s.begin()
	s.sent += int64(len(p))
	writeFrame(s.w, "PayloadChunk", "application/octet-stream", p)
	return true
}

// produced is how much has been sent.
func (s *stream) produced() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sent
}

// copy passes a runtime's answer on, part by part, as it arrives. The rest of one
// that is too large is read and thrown away.
func (s *stream) copy(body io.Reader) (whole bool, err error) {
	buf := make([]byte, 64<<10)
	whole = true
	for {
		n, err := body.Read(buf)
		if n > 0 && whole {
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

// complete ends the stream. A nil body means that all is well.
func (s *stream) complete(r reply) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended = true
	if r.fault != nil {
		if !s.begun {
			writeError(s.w, r.fault)
		}
		return
	}
	s.begin()
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
	writeFrame(s.w, "InvokeComplete", "application/json", encodeJSON(end))
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
	e, bad := s.acquire(v)
	if bad != nil {
		return bad
	}
	inv.wantTail = r.Header.Get("X-Amz-Log-Type") == "Tail"
	inv.stream = &stream{w: w, version: v.number, trace: inv.trace, over: e.over}
	inv.answer = inv.stream.complete
	s.perform(e, inv)
	return nil
}
