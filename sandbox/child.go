package sandbox

import (
	"sync"
	"syscall"
	"time"
)

// Child is one process of an environment that was started by name: that of
// Spec.Command, one of Spec.Before, or one of Spawn. Its methods may be called
// from many goroutines and at any time.
type Child struct {
	env     *Env
	pid     int
	started time.Time
	out     *output
	pumps   sync.WaitGroup // the copies of its output
	done    chan struct{}

	reaped bool // guarded by env.mu; its pid may be reused

	exit *ExitError // written before done is closed
}

// Pid is the id of the process on this machine, which is also that of its
// process group.
func (c *Child) Pid() int { return c.pid }

// Done is closed when the process has ended. What it has printed may still be
// on its way, and what it has started may still run.
func (c *Child) Done() <-chan struct{} { return c.done }

// ExitError says how the process ended; nil before Done is closed.
func (c *Child) ExitError() *ExitError {
	select {
	case <-c.done:
		return c.exit
	default:
		return nil
	}
}

// Terminate sends SIGTERM to this one process, which may ignore it.
func (c *Child) Terminate() {
	c.env.mu.Lock()
	defer c.env.mu.Unlock()
	if !c.reaped {
		_ = syscall.Kill(c.pid, syscall.SIGTERM)
	}
}

// Kill ends this one process and its process group. It doesn't wait: Done says
// when the process has ended. What else there is in the environment goes on.
func (c *Child) Kill() {
	c.env.mu.Lock()
	defer c.env.mu.Unlock()
	if !c.reaped {
		_ = syscall.Kill(-c.pid, syscall.SIGKILL)
	}
}

// fork runs on the starting thread, inside the group and the namespaces.
func (c *Child) fork(x *Extra, path string, sys syscall.SysProcAttr) (err error) {
	attr := &syscall.ProcAttr{
		Dir:   x.Dir,
		Env:   append([]string{}, x.Env...),
		Files: c.out.files(),
		Sys:   &sys,
	}
	closeOnExec()
	c.started = time.Now()
	c.pid, err = syscall.ForkExec(path, x.Command, attr)
	return err
}

// follow copies the output of the started process and waits for its end.
func (c *Child) follow() {
	c.out.pump(&c.pumps)
	go c.watch()
}

// watch waits for the end of the process and reaps it.
func (c *Child) watch() {
	defer close(c.done)
	waitExit(c.pid)
	e := c.env
	e.mu.Lock()
	defer e.mu.Unlock()
	peak := e.peakNow()
	_ = syscall.Kill(-c.pid, syscall.SIGKILL) // what it leaves in its group, while its id is its own
	status, usage := reap(c.pid)
	c.reaped = true
	if e.peak = max(e.peak, peak); e.group == nil {
		e.peak = max(e.peak, maxRSS(usage))
	}
	c.exit = exitOf(status, usage)
	c.exit.Killed = e.asked.Load()
	c.exit.OOM = e.group != nil && e.group.outOfMemory()
}

// finishOutput returns when the output of the ended process has been copied.
func (c *Child) finishOutput() {
	if c.env.group == nil && c.env.first == nil {
		// Whoever escaped may hold the pipes open for ever.
		c.out.expire(time.Now().Add(escapedOutput))
	}
	c.pumps.Wait()
}
