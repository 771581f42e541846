package emulator

import "time"

// Inits that no request waits for: proactive ones, and those whose request has
// left for an environment that fell idle. Provisioned concurrency has its own
// (provisioned.go).

// initAhead is the init phase of an environment. Its duration is shown by the
// REPORT of the first invocation.
func (e *environment) initAhead() {
	e.begun = true
	e.placed()
	if e.kind == snapStart {
		e.restore()
		return
	}
	e.firstInitDuration, e.unable = e.firstInit()
}

// takeInit gives the init that the first invocation's REPORT shows: 0 for every
// other.
func (e *environment) takeInit() (d time.Duration) {
	d, e.firstInitDuration = e.firstInitDuration, 0
	return d
}

// startProactive starts the environments that the fleet wants ahead of requests.
// The lock is held.
func (s *Server) startProactive(v *version) {
	for _, slot := range v.pool.Ahead(s.now(), nil) {
		e := s.newEnvironment(v, slot, v.startKind())
		s.place(v, e)
		s.work.Go(func() {
			e.initAhead()
			s.joined(e)
		})
	}
}

// joined makes an environment idle that has ended its init with no request.
func (s *Server) joined(e *environment) {
	e.freeze()
	v := e.version
	s.mu.Lock()
	wanted := !s.closing && v.envs[e.slot] == e && v.pool.Ready(e.slot, s.now())
	if wanted {
		s.reassign(v)
		s.arm(v)
	}
	s.mu.Unlock()
	if !wanted {
		e.end()
	}
}

// reassign moves requests that wait for an init to environments that are idle
// now. The lock is held.
func (s *Server) reassign(v *version) {
	for {
		from, to, ok := v.pool.Reassign(s.now())
		if !ok {
			return
		}
		v.envs[from].moved <- v.envs[to]
	}
}

// await runs the init of a cold start whose request may leave, and gives the
// environment that the request runs in.
func (s *Server) await(e *environment) *environment {
	stays := make(chan struct{})
	s.work.Go(func() {
		e.initAhead()
		s.mu.Lock()
		kept := e.version.envs[e.slot] == e && e.version.pool.Initialised(e.slot)
		s.mu.Unlock()
		if kept {
			close(stays)
			return
		}
		s.joined(e)
	})
	select {
	case <-stays:
		return e
	case other := <-e.moved:
		return other
	}
}
