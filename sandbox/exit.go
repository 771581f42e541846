package sandbox

import (
	"fmt"
	"syscall"
	"time"
)

// ExitError says how the first process of an environment ended. A clean exit
// is one too: Lambda regards every exit of a runtime as a fault.
type ExitError struct {
	// Code is the exit status, or -1 where a signal ended the process.
	Code int
	// Signal is the signal that ended the process, or 0.
	Signal syscall.Signal
	// OOM is true where the kernel killed a process of this environment
	// because the environment had used up its memory. Always false without a
	// memory limit in force.
	OOM bool
	// Killed is true where Kill or Close asked for the end.
	Killed bool
	// User and System are the CPU time of the first process and of those of
	// its children that it has waited for.
	User, System time.Duration
}

// Error is worded as the tail of Lambda's own message: "exit status 3" or
// "signal: killed".
func (e *ExitError) Error() string {
	if e.Signal != 0 {
		return "signal: " + e.Signal.String()
	}
	return fmt.Sprintf("exit status %d", e.Code)
}

func exitOf(status syscall.WaitStatus, usage *syscall.Rusage) *ExitError {
	e := &ExitError{
		Code:   status.ExitStatus(),
		User:   time.Duration(usage.Utime.Nano()),
		System: time.Duration(usage.Stime.Nano()),
	}
	if status.Signaled() {
		e.Code, e.Signal = -1, status.Signal()
	}
	return e
}
