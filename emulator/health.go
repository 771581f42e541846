package emulator

import "net/http"

// health is what GET /healthz answers.
type health struct {
	Status       string `json:"status"` // "ok", or "stopping"
	Version      string `json:"version,omitempty"`
	Functions    int    `json:"functions"`
	Environments int    `json:"environments"` // idle and busy ones
	Busy         int    `json:"busy"`         // those that run an invocation
}

// serveHealth answers 200 while invocations are taken, 503 once they are not.
func (s *Server) serveHealth(w http.ResponseWriter, _ *http.Request) {
	s.mu.Lock()
	h := health{Status: "ok", Version: s.set.Version, Functions: len(s.functions)}
	status := http.StatusOK
	if s.closing || s.draining {
		h.Status, status = "stopping", http.StatusServiceUnavailable
	}
	for v := range s.versions {
		h.Environments += v.pool.Size()
		h.Busy += v.pool.Busy()
	}
	s.mu.Unlock()
	writeJSON(w, status, h)
}
