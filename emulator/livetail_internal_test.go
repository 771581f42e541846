package emulator

import (
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// testLiveTailLimits: an update each second with at most 500 events, sampled if
// there were more; ten groups; three hours.
func TestLiveTailLimits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &Server{logs: newLogStore(1<<30, 0, LogFaults{}), stopping: make(chan struct{})}
		s.logs.append("g", "s", time.Now(), "before")
		tail, bad := s.newLiveTail(liveTailRequest{LogGroupIdentifiers: []string{"g"}})
		if bad != nil {
			t.Fatal(bad)
		}
		for i := range 501 {
			s.logs.append("g", "s", time.Now(), fmt.Sprint(i))
		}
		first, rest := tail.update(), tail.update()
		if len(first.SessionResults) != 500 || !first.SessionMetadata.Sampled || first.SessionResults[0].Message != "0" {
			t.Errorf("%d events, sampled %v", len(first.SessionResults), first.SessionMetadata.Sampled)
		}
		if len(rest.SessionResults) > 1 || rest.SessionMetadata.Sampled {
			t.Errorf("then %d events, sampled %v", len(rest.SessionResults), rest.SessionMetadata.Sampled)
		}
		for _, n := range []int{0, 11} {
			if _, bad := s.newLiveTail(liveTailRequest{LogGroupIdentifiers: make([]string, n)}); bad == nil || bad.kind != "InvalidParameterException" {
				t.Errorf("%d groups: %v", n, bad)
			}
		}
		w, begin := httptest.NewRecorder(), time.Now()
		tail.serve(t.Context(), w, liveTailRequest{LogGroupIdentifiers: []string{"g"}})
		// The lead of 25 ms is no part of the session.
		if took := time.Since(begin) - liveTailLead; took != 3*time.Hour {
			t.Errorf("the session lasted %v", took)
		}
		if n := strings.Count(w.Body.String(), "sessionUpdate"); n < 3*3600-1 || n > 3*3600 {
			t.Errorf("%d updates in three hours", n)
		}
	})
}
