package emulator

import (
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"
)

// silentForm is a client that takes everything at once.
type silentForm struct{}

func (silentForm) begin(answerHeader)   {}
func (silentForm) chunk([]byte)         {}
func (silentForm) complete(reply, bool) {}

// TestStreamLimits: the first 6 MB of a streamed response go out at once, what
// follows at 2 MB/s, and 200 MB are the end. 194 MB at 2 MB/s are 97 s, of
// which the last part waits for those before it: 96.5 s.
func TestStreamLimits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &stream{form: silentForm{}, over: make(chan struct{})}
		begin, part := time.Now(), make([]byte, 1<<20)
		send := func(n int) {
			for range n {
				if !s.chunk(part) {
					t.Fatalf("refused after %d bytes", s.sent)
				}
			}
		}
		if send(6); time.Since(begin) != 0 {
			t.Errorf("the first 6 MB took %v", time.Since(begin))
		}
		if send(194); time.Since(begin) != 96500*time.Millisecond {
			t.Errorf("200 MB took %v", time.Since(begin))
		}
		if s.chunk(part[:1]) {
			t.Error("a byte beyond 200 MB went out")
		}
	})
}

// TestInitsThatNobodyWaitsFor have 130 s, or the function's time-out where that
// is longer.
func TestInitsThatNobodyWaitsFor(t *testing.T) {
	for timeout, want := range map[time.Duration]time.Duration{3 * time.Second: 130 * time.Second, 900 * time.Second: 900 * time.Second} {
		if got := (&version{config: config{Timeout: timeout}}).longLimit(); got != want {
			t.Errorf("time-out %v: %v, want %v", timeout, got, want)
		}
	}
}

// TestRetryAfter: the header is in whole seconds, never too early.
func TestRetryAfter(t *testing.T) {
	for d, want := range map[time.Duration]string{0: "", 10 * time.Millisecond: "1", time.Second: "1", 1001 * time.Millisecond: "2"} {
		w := httptest.NewRecorder()
		writeError(w, &apiError{Status: 429, Kind: "TooManyRequestsException", RetryAfter: d})
		if got := w.Header().Get("Retry-After"); got != want {
			t.Errorf("%v: %q, want %q", d, got, want)
		}
	}
}
