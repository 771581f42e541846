package emulator

import (
	"net/http"
	"sync/atomic"
	"time"
)

// health is what GET /healthz answers.
type health struct {
	Status       string `json:"status"` // "ok", or "stopping"
	Version      string `json:"version,omitempty"`
	Functions    int    `json:"functions"`
	Environments int    `json:"environments"` // idle and busy ones
	Busy         int    `json:"busy"`         // those that run an invocation
	Events       int    `json:"events"`       // asynchronous ones that have not ended
	// What starting sandboxes has cost so far, which is in no Init Duration: how
	// many, and the mean time of one: waiting for other starts, cgroup, mounts,
	// namespaces, fork and exec.
	SandboxStarts  int64   `json:"sandbox_starts"`
	SandboxStartMS float64 `json:"sandbox_start_ms"`
}

// sandboxStarts adds up what starting sandboxes has cost.
type sandboxStarts struct{ count, nanoseconds atomic.Int64 }

// noteStart counts one start and writes it to the server's own log.
func (s *Server) noteStart(function string, took time.Duration) {
	s.starts.count.Add(1)
	s.starts.nanoseconds.Add(int64(took))
	s.set.Logger.Debug("sandbox started", "function", function, "took", took)
}

// serveHealth answers 200 while invocations are taken, 503 once they are not.
func (s *Server) serveHealth(w http.ResponseWriter, _ *http.Request) {
	s.mu.Lock()
	h := health{Status: "ok", Version: s.set.Version, Functions: len(s.functions), Events: s.queue.events}
	status := http.StatusOK
	if s.closing || s.draining {
		h.Status, status = "stopping", http.StatusServiceUnavailable
	}
	for v := range s.versions {
		h.Environments += v.pool.Size()
		h.Busy += v.pool.Busy()
	}
	s.mu.Unlock()
	if h.SandboxStarts = s.starts.count.Load(); h.SandboxStarts > 0 {
		h.SandboxStartMS = float64(s.starts.nanoseconds.Load()) / float64(h.SandboxStarts) / float64(time.Millisecond)
	}
	writeJSON(w, status, h)
}
