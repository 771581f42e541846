package sandbox

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// Env is one living or ended execution environment. Its methods may be called
// from many goroutines and at any time; after the end they do nothing.
type Env struct {
	host  *Host
	id    string
	group group         // nil without cgroups
	first *firstProcess // nil without namespaces
	box   *box          // nil without an OCI runtime
	took  time.Duration
	limit int64 // of memory, in bytes; 0 for none
	main  *Child
	done  chan struct{}

	asked atomic.Bool   // Kill was called
	kill  chan struct{} // closed when asked becomes true

	mu     sync.Mutex // orders signals, limits and starts with the end
	ended  bool       // nothing may be started any more
	extras []*Child   // all but main
	share  float64    // what SetCPU has set
	status gauge      // of main

	// Written before done is closed, read after.
	peak     int64
	leftover error
}

// ID is Spec.ID.
func (e *Env) ID() string { return e.id }

// Pid is the id of the process of Spec.Command, which is also that of its
// process group.
func (e *Env) Pid() int { return e.main.pid }

// StartedAt is the instant immediately before the process of Spec.Command was
// forked, with Go's monotonic reading: after everything was mounted and after
// Spec.Before was started. An init duration without extensions is counted from
// here.
func (e *Env) StartedAt() time.Time { return e.main.started }

// StartTook is the time from the call of Host.Start until the process of
// Spec.Command had begun to execute its program: the wait for other starts, the
// cgroup, mounts and namespaces, and Spec.Before. Most of it is before
// StartedAt, so it is no part of an init duration.
func (e *Env) StartTook() time.Duration { return e.took }

// Exited is closed when the process of Spec.Command has ended. Without other
// processes of Spec.Before or Spawn that is also the end of the environment,
// and Done follows at once; with them the environment lives until each of them
// has ended or Kill is called.
func (e *Env) Exited() <-chan struct{} { return e.main.done }

// Done is closed when every process of the environment is gone, all output has
// been delivered and the cgroup is removed.
func (e *Env) Done() <-chan struct{} { return e.done }

// ExitError says how the process of Spec.Command ended; nil before Exited is
// closed.
func (e *Env) ExitError() *ExitError { return e.main.ExitError() }

// Children are the processes of Spec.Before and Spawn, living or ended, in the
// order of their start.
func (e *Env) Children() []*Child {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.extras)
}

// Terminate sends SIGTERM to the process of Spec.Command, which may ignore it.
func (e *Env) Terminate() { e.main.Terminate() }

// Spawn starts one more process in the environment. The error is a *StartError
// or ErrEnded.
func (e *Env) Spawn(x Extra) (*Child, error) {
	if err := e.host.check(e.id, &x); err != nil {
		return nil, err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.ended || e.asked.Load() {
		return nil, fmt.Errorf("start %s in environment %s: %w", x.Command[0], e.id, ErrEnded)
	}
	if e.group != nil && e.share > 0 {
		// The starting thread may be in the group while it forks, as in
		// launch. The processes run unlimited for less than a millisecond.
		if err := e.group.setCPU(0); err == nil {
			defer func() { _ = e.group.setCPU(e.share) }()
		}
	}
	c, err := e.startBeside(x)
	if err != nil {
		return nil, err
	}
	e.extras = append(e.extras, c)
	c.follow()
	return c, nil
}

// startBeside starts one more process. The lock is held.
func (e *Env) startBeside(x Extra) (c *Child, err error) {
	if e.box != nil {
		return e.box.exec(e, x)
	}
	e.host.spawn.do(func() {
		err = e.inside(func(sys *syscall.SysProcAttr) (err error) {
			c, err = e.startInside(x, sys)
			return err
		})
	})
	return c, err
}

// Kill ends every process of the environment and returns when Done is closed.
// Killing an ended environment does nothing.
func (e *Env) Kill() {
	e.signal(func() {
		if !e.asked.Swap(true) {
			close(e.kill)
		}
		e.killAll()
	})
	<-e.done
}

// SetCPU limits the environment to so many vCPUs of CPU time per second of
// wall time, from now on; 0 lifts the limit. Without a writable CPU controller
// it does nothing, which Host.Warnings has said.
func (e *Env) SetCPU(vcpus float64) error {
	if vcpus < 0 {
		return fmt.Errorf("limit CPU of environment %s: %v vCPUs: negative", e.id, vcpus)
	}
	return e.act("limit CPU", func() error {
		e.share = vcpus
		if e.group == nil {
			return nil
		}
		return e.group.setCPU(vcpus)
	})
}

// Freeze stops every process of the environment until Thaw: no instruction is
// executed. With a freezer the processes cannot notice; without one it is
// SIGSTOP to the process groups.
func (e *Env) Freeze() error {
	return e.act("freeze", func() error {
		if e.group != nil && e.group.canFreeze() {
			return e.group.freeze()
		}
		return e.signalGroups(syscall.SIGSTOP)
	})
}

// Thaw undoes Freeze.
func (e *Env) Thaw() error {
	return e.act("thaw", func() error {
		if e.group != nil && e.group.canFreeze() {
			return e.group.thaw()
		}
		return e.signalGroups(syscall.SIGCONT)
	})
}

// PeakMemoryMB is the most memory that the environment has used since its
// start, in units of 2^20 bytes, rounded up; 0 means not known.
//
// With a memory controller it is the larger of two marks that the kernel
// keeps: that of the group, which holds page cache but charges the pages of a
// program file to the first environment that touches them, and the peak
// resident memory of the process of Spec.Command, which counts those pages, as
// a machine of its own would; at most the limit. Without a controller it is the sum of the peaks of
// the living processes, which counts pages that they share more than once; for
// what ended unobserved it is not known, on Linux unless it exceeded the peak
// of this program. On macOS it is known after the end only.
func (e *Env) PeakMemoryMB() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.ended {
		e.peak = max(e.peak, e.peakNow())
	}
	const mb = 1 << 20
	return int((e.peak + mb - 1) / mb)
}

func (e *Env) peakNow() int64 {
	if e.group != nil && e.main != nil {
		if n, ok := e.group.peakMemory(); ok {
			return e.bounded(max(n, peakResident(&e.status, e.main.pid)))
		}
	}
	var sum int64
	for _, c := range e.living() {
		sum += treePeakMemory(c.pid)
	}
	if e.first != nil {
		sum += treePeakMemory(e.first.pid) // of orphans
	}
	return sum
}

// bounded is n, or the memory limit where that is less.
func (e *Env) bounded(n int64) int64 {
	if e.limit > 0 {
		return min(n, e.limit)
	}
	return n
}

// act runs f on a living environment; on an ended one it does nothing.
func (e *Env) act(what string, f func() error) (err error) {
	e.signal(func() { err = f() })
	if errors.Is(err, syscall.ESRCH) {
		err = nil
	}
	if err != nil {
		err = fmt.Errorf("%s environment %s: %w", what, e.id, err)
	}
	return err
}

// signal runs f unless the environment has ended.
func (e *Env) signal(f func()) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.ended {
		f()
	}
}

// living are the processes that have not been reaped, so that their ids are
// theirs. The lock is held.
func (e *Env) living() []*Child {
	var all []*Child
	for _, c := range append(slices.Clone(e.extras), e.main) {
		if c != nil && !c.reaped {
			all = append(all, c)
		}
	}
	return all
}

// signalGroups sends a signal to the process group of each living process. The
// lock is held.
func (e *Env) signalGroups(s syscall.Signal) error {
	var errs []error
	for _, c := range e.living() {
		if err := syscall.Kill(-c.pid, s); !errors.Is(err, syscall.ESRCH) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// killAll sends SIGKILL to the process groups, to the descendants that left
// them, and to the cgroup. What is not reaped is at worst a zombie, so its pid
// cannot have been given to another. The lock is held.
func (e *Env) killAll() {
	switch {
	case e.group != nil:
		e.group.kill()
	case e.first == nil:
		for _, c := range e.living() {
			killTree(c.pid)
		}
	}
	if e.first != nil {
		e.first.kill() // and with it the whole pid namespace
	}
	_ = e.signalGroups(syscall.SIGKILL)
}

// watch waits for the end of the environment and then clears up.
func (e *Env) watch() {
	defer close(e.done)
	defer e.host.forget(e)
	<-e.main.done
	for c := e.anyExtra(); c != nil; c = e.anyExtra() {
		select {
		case <-c.done:
		case <-e.kill:
		}
	}
	e.finish()
}

// anyExtra is a living process that keeps the environment alive; nil where
// there is none, or where Kill was called.
func (e *Env) anyExtra() *Child {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, c := range e.extras {
		if !c.reaped && !e.asked.Load() {
			return c
		}
	}
	e.ended = true
	return nil
}

// finish ends what is left and gives up what the environment holds.
func (e *Env) finish() {
	e.mu.Lock()
	e.ended = true
	e.peak = max(e.peak, e.peakNow())
	e.killAll()
	all := append(slices.Clone(e.extras), e.main)
	e.mu.Unlock()
	for _, c := range all {
		if c != nil {
			<-c.done
		}
	}
	e.mu.Lock()
	e.status.close()
	e.mu.Unlock()
	switch {
	case e.box != nil:
		e.box.end()
	case e.first != nil:
		e.first.end()
	}
	e.finishGroup()
	for _, c := range all {
		if c != nil {
			c.finishOutput()
		}
	}
}

// escapedOutput is how long the output of an ended environment is still read
// where some process of it may have escaped.
const escapedOutput = 500 * time.Millisecond

// finishGroup waits until the cgroup is empty, reads its last words and
// removes it.
func (e *Env) finishGroup() {
	if e.group == nil {
		return
	}
	e.leftover = e.group.drain()
	if n, ok := e.group.peakMemory(); ok {
		e.mu.Lock()
		e.peak = max(e.peak, e.bounded(n))
		e.mu.Unlock()
	}
	e.leftover = errors.Join(e.leftover, e.group.remove())
}

// reap collects the ended process.
func reap(pid int) (syscall.WaitStatus, *syscall.Rusage) {
	var status syscall.WaitStatus
	var usage syscall.Rusage
	for {
		_, err := syscall.Wait4(pid, &status, 0, &usage)
		if err == nil || !errors.Is(err, syscall.EINTR) {
			return status, &usage
		}
	}
}
