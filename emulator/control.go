package emulator

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"coldbench/fleet"
)

// The emulator drives the fleet by the wall clock, under Server.mu.

// now is the fleet's time.
func (s *Server) now() time.Duration { return time.Since(s.started) }

// acquire finds an environment for a request, or says why there is none.
func (s *Server) acquire(v *version, tenant string) (*environment, *apiError) {
	if bad := v.checkTenant(tenant); bad != nil {
		return nil, bad
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing || s.draining {
		return nil, serviceError("The emulator is stopping.")
	}
	v = s.of(v, tenant)
	d := v.pool.Arrive(s.now())
	switch d.Kind {
	case fleet.Throttled:
		return nil, &apiError{
			Status: 429, Kind: "TooManyRequestsException", Text: "Rate Exceeded.", User: true,
			Reason: d.Throttle.Reason(), RetryAfter: d.RetryAfter,
		}
	case fleet.Cold:
		s.settleLocked(v) // expired slots are reported before their numbers come again
		e := s.newEnvironment(v, d.Env, v.startKind())
		if s.set.pool.Borrow {
			e.moved = make(chan *environment, 1)
		}
		s.place(v, e)
		s.startProactive(v)
	}
	s.work.Add(1)
	s.running++
	return v.envs[d.Env], nil
}

// place makes a new environment known. The lock is held.
func (s *Server) place(v *version, e *environment) {
	for int(e.slot) >= len(v.envs) {
		v.envs = append(v.envs, nil)
	}
	v.retain()
	v.envs[e.slot] = e
	s.versions[v] = struct{}{}
}

// perform runs an invocation in the environment that was acquired for it, gives
// that back, and only then sends a reply that has not been sent on the way.
func (s *Server) perform(e *environment, inv *invocation) {
	if e.moved != nil && !e.begun {
		e = s.await(e)
	}
	r := e.run(inv)
	if r.fault != nil {
		s.discard(e)
	} else {
		s.release(e)
	}
	inv.reply(r)
}

// release makes an environment available again, or ends it where the fleet
// lets it go.
func (s *Server) release(e *environment) {
	defer s.work.Done()
	v := e.version
	s.mu.Lock()
	s.finished()
	kept := v.pool.Done(e.slot, s.now())
	if !kept {
		v.envs[e.slot] = nil
	}
	s.reassign(v)
	s.arm(v)
	s.mu.Unlock()
	if !kept {
		s.finish(e)
	}
}

// finish ends an environment that its last invocation has left. Where it has
// extensions that takes its time, for which the caller doesn't wait.
func (s *Server) finish(e *environment) {
	if !e.extended {
		e.end()
		return
	}
	s.work.Add(1)
	go func() {
		defer s.work.Done()
		e.end()
	}()
}

// discard ends an environment that is of no more use.
func (s *Server) discard(e *environment) {
	defer s.work.Done()
	s.mu.Lock()
	s.finished()
	e.version.pool.Drop(e.slot, s.now())
	e.version.envs[e.slot] = nil
	s.mu.Unlock()
	s.finish(e)
}

// settleLocked ends the environments of a version that the fleet has dropped.
func (s *Server) settleLocked(v *version) {
	if s.closing {
		return // Close ends them all
	}
	s.expiries = v.pool.Expire(s.now(), s.expiries[:0])
	for _, x := range s.expiries {
		e := v.envs[x.Env]
		v.envs[x.Env] = nil
		s.work.Add(1)
		go func() {
			defer s.work.Done()
			e.end()
		}()
	}
	if v.pool.Size() > 0 {
		return
	}
	switch {
	case v.retired:
		delete(s.versions, v)
	case v.whole != nil:
		s.forget(v)
	}
}

// arm makes sure that the timer fires when the version's next environment may
// expire. The lock is held.
func (s *Server) arm(v *version) {
	at, ok := v.pool.NextExpiry()
	if !ok || s.closing || (s.alarm != 0 && s.alarm <= at) {
		return
	}
	s.alarm = at
	s.timer.Reset(max(0, at-s.now()))
}

// expire is what the timer does.
func (s *Server) expire() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.alarm = 0
	if s.closing {
		return
	}
	for v := range s.versions {
		s.settleLocked(v)
		s.arm(v)
	}
}

// retire ends a version: idle environments now, busy ones with their request.
// The lock is held.
func (s *Server) retire(v *version) {
	v.retired = true
	s.retireParts(v)
	v.pool.Retire(s.now())
	s.settleLocked(v)
	v.release()
}

// environmentListener finds its way back to the environment.
type environmentListener struct {
	net.Listener
	environment *environment
}

type environmentKey struct{}

// newRuntimeServer serves the Runtime API of every environment.
//
// Note: a loop of our own over each connection, with the parser of fasthttp, was
// tried: it spares the goroutine with which net/http watches for a client that
// goes away, and 50 allocations for each invocation. A warm invocation became at
// most 9 % faster, with answers that could do less than these; that is not worth
// a second HTTP server. That of fasthttp keeps a buffer for the largest head, 2 MB,
// on each connection.
func newRuntimeServer() *http.Server {
	return &http.Server{
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			r.Context().Value(environmentKey{}).(*environment).serveRuntime(w, r)
		}),
		BaseContext: func(l net.Listener) context.Context {
			return context.WithValue(context.Background(), environmentKey{}, l.(*environmentListener).environment)
		},
		ReadHeaderTimeout: 10 * time.Second,
		MaxHeaderBytes:    2 << 20, // an X-Ray error cause may be 1 MB
		ErrorLog:          silent,
	}
}

func (s *Server) serveRuntimeOn(l net.Listener) {
	s.listeners.Go(func() {
		// It ends when the environment closes its listener.
		if err := s.runtime.Serve(l); err != nil && !errors.Is(err, net.ErrClosed) && !errors.Is(err, http.ErrServerClosed) {
			s.set.Logger.Error("serve a Runtime API", "error", err)
		}
	})
}

// finished counts an invocation out. The lock is held.
func (s *Server) finished() {
	if s.running--; s.running == 0 && s.drained != nil {
		close(s.drained)
		s.drained = nil
	}
}

// Drain refuses new invocations and waits until those that run have ended;
// asynchronous events are tried no more. When ctx ends first, the error says how
// many still run. Close must follow.
func (s *Server) Drain(ctx context.Context) error {
	s.mu.Lock()
	if s.draining || s.closing {
		s.mu.Unlock()
		return nil
	}
	s.draining = true
	close(s.stopping)
	over := make(chan struct{})
	if s.running == 0 {
		close(over)
	} else {
		s.drained = over
	}
	s.mu.Unlock()
	select {
	case <-over:
		return nil
	case <-ctx.Done():
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return fmt.Errorf("drain the emulator: %d invocations still run: %w", s.running, ctx.Err())
}

// Close ends every environment and waits until nothing is left: no process, no
// goroutine, no socket, no file. Invocations that run then see their process
// killed. When ctx ends first, what is left is named in the error.
func (s *Server) Close(ctx context.Context) error {
	var envs []*environment
	s.mu.Lock()
	if s.closing {
		s.mu.Unlock()
		return nil
	}
	s.closing = true
	s.timer.Stop()
	for v := range s.versions {
		for _, e := range v.envs {
			if e != nil {
				envs = append(envs, e)
			}
		}
	}
	if !s.draining {
		close(s.stopping)
	}
	for e := range s.loose {
		envs = append(envs, e)
	}
	s.mu.Unlock()
	for _, e := range envs {
		s.listeners.Go(e.end)
	}
	idle := make(chan struct{})
	var err error
	go func() {
		defer close(idle)
		err = s.closeImages()
		s.work.Wait()
		_ = s.runtime.Close()
		s.listeners.Wait()
	}()
	select {
	case <-idle:
	case <-ctx.Done():
		return fmt.Errorf("close the emulator: invocations are still running: %w", ctx.Err())
	}
	if s.host != nil {
		err = errors.Join(err, s.host.Close())
	}
	return errors.Join(err, s.removeFiles(), s.data.close())
}

func (s *Server) removeFiles() error {
	if s.set.temp {
		return os.RemoveAll(s.set.WorkDir)
	}
	var err error
	for _, dir := range []string{"tmp", "code", "layers", "images", runtimesDir, emptyDir} {
		err = errors.Join(err, os.RemoveAll(filepath.Join(s.set.WorkDir, dir)))
	}
	return err
}
