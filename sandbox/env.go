package sandbox

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// Env is one living or ended execution environment. Its methods may be called
// from many goroutines and at any time; after the end they do nothing.
type Env struct {
	host    *Host
	id      string
	pid     int
	started time.Time
	group   group // nil without cgroups
	limit   int64 // of memory, in bytes; 0 for none
	out     *output
	pumps   sync.WaitGroup // the copies of its output
	done    chan struct{}

	asked atomic.Bool // Kill was called

	mu    sync.Mutex // orders signals and limits with the end of the process
	ended bool       // no signal may be sent any more: the pid may be reused

	// Written before done is closed, read after.
	exit     *ExitError
	peak     int64
	leftover error
}

// ID is Spec.ID.
func (e *Env) ID() string { return e.id }

// Pid is the id of the first process, which is also that of its process group.
func (e *Env) Pid() int { return e.pid }

// StartedAt is the instant immediately before the process was forked, with
// Go's monotonic reading. An init duration is counted from here.
func (e *Env) StartedAt() time.Time { return e.started }

// Done is closed when the first process has ended, every other process of the
// environment is gone, all output has been delivered and the cgroup is
// removed.
func (e *Env) Done() <-chan struct{} { return e.done }

// ExitError says how the environment ended; nil before Done is closed.
func (e *Env) ExitError() *ExitError {
	select {
	case <-e.done:
		return e.exit
	default:
		return nil
	}
}

// Kill ends every process of the environment and returns when Done is closed.
// Killing an ended environment does nothing.
func (e *Env) Kill() {
	e.signal(func() {
		e.asked.Store(true)
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
		if e.group == nil {
			return nil
		}
		return e.group.setCPU(vcpus)
	})
}

// Freeze stops every process of the environment until Thaw: no instruction is
// executed. With a freezer the processes cannot notice; without one it is
// SIGSTOP to the process group.
func (e *Env) Freeze() error {
	return e.act("freeze", func() error {
		if e.group != nil && e.group.canFreeze() {
			return e.group.freeze()
		}
		return syscall.Kill(-e.pid, syscall.SIGSTOP)
	})
}

// Thaw undoes Freeze.
func (e *Env) Thaw() error {
	return e.act("thaw", func() error {
		if e.group != nil && e.group.canFreeze() {
			return e.group.thaw()
		}
		return syscall.Kill(-e.pid, syscall.SIGCONT)
	})
}

// PeakMemoryMB is the most memory that the environment has used since its
// start, in units of 2^20 bytes, rounded up; 0 means not known.
//
// With a memory controller it is the larger of two marks that the kernel
// keeps: that of the group, which holds page cache but charges the pages of a
// program file to the first environment that touches them, and the peak
// resident memory of the first process, which counts those pages, as a
// machine of its own would; at most the limit. Without a controller it is the sum of the peaks of
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
	if e.group != nil {
		if n, ok := e.group.peakMemory(); ok {
			return e.bounded(max(n, peakResident(e.pid)))
		}
	}
	return treePeakMemory(e.pid)
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

// killAll sends SIGKILL to the process group, to the descendants that left it,
// and to the cgroup. The first process is at worst a zombie here, so its pid
// cannot have been given to another.
func (e *Env) killAll() {
	if e.group != nil {
		e.group.kill()
	} else {
		killTree(e.pid)
	}
	_ = syscall.Kill(-e.pid, syscall.SIGKILL)
}

// watch waits for the end of the first process and then clears up.
func (e *Env) watch() {
	defer close(e.done)
	defer e.host.forget(e)
	waitExit(e.pid)

	e.mu.Lock()
	peak := e.peakNow()
	e.killAll()
	status, usage := reap(e.pid)
	e.ended = true
	if e.peak = max(e.peak, peak); e.group == nil {
		e.peak = max(e.peak, maxRSS(usage))
	}
	e.mu.Unlock()

	e.exit = exitOf(status, usage)
	e.exit.Killed = e.asked.Load()
	e.finishGroup()
	if e.group == nil {
		// Whoever escaped may hold the pipes open for ever.
		e.out.expire(time.Now().Add(escapedOutput))
	}
	e.pumps.Wait()
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
	e.exit.OOM = e.group.outOfMemory()
	if n, ok := e.group.peakMemory(); ok {
		e.mu.Lock()
		e.peak = max(e.peak, e.bounded(n))
		e.mu.Unlock()
	}
	e.leftover = errors.Join(e.leftover, e.group.remove())
}

// discardGroup removes the cgroup of a start that came to nothing.
func (e *Env) discardGroup() {
	if e.group != nil {
		_ = e.group.remove()
	}
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
