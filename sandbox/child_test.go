package sandbox

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"syscall"
	"testing"
)

// spawn starts an Extra, or fails.
func spawn(t *testing.T, e *Env, x Extra) *Child {
	t.Helper()
	c, err := e.Spawn(x)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// The end of each process shows by itself, and the environment outlives its
// first process until the last has ended.
func TestProcessesEndOneByOne(t *testing.T) {
	each(t, func(t *testing.T, h *Host) {
		out := newLines()
		e := start(t, h, Spec{
			Env:    helper("block:0"),
			Before: []Extra{{Command: []string{"sh", "-c", "trap 'echo term; exit 4' TERM; echo up; while :; do sleep 0.01; done"}, Env: []string{"PATH=/usr/bin:/bin"}, Stdout: out}},
		})
		late := spawn(t, e, Extra{Command: []string{"sleep", "1000"}})
		all := e.Children()
		if len(all) != 2 || all[1] != late || all[0].Pid() == e.Pid() || all[0].ExitError() != nil {
			t.Fatalf("children %v", all)
		}
		out.next(t, e)
		e.Terminate()
		<-e.Exited()
		if x := e.ExitError(); x.Signal != syscall.SIGTERM || x.Killed {
			t.Errorf("first process: %+v, want ended by SIGTERM", x)
		}
		all[0].Terminate()
		<-all[0].Done()
		if x := all[0].ExitError(); x.Code != 4 {
			t.Errorf("extension: %+v, want exit status 4", x)
		}
		select {
		case <-e.Done():
			t.Error("the environment ended before its last process")
		default:
		}
		late.Terminate()
		<-e.Done()
		if line := out.next(t, e); line != "term" {
			t.Errorf("the extension printed %q, want term", line)
		}
		if _, err := e.Spawn(Extra{Command: []string{"true"}}); !errors.Is(err, ErrEnded) {
			t.Errorf("after the end: %v", err)
		}
	})
}

// One process can be killed, and the others go on.
func TestKillOneProcess(t *testing.T) {
	each(t, func(t *testing.T, h *Host) {
		out := newLines()
		e := start(t, h, Spec{Env: helper("block:0")})
		deaf := spawn(t, e, Extra{
			Command: []string{"sh", "-c", "trap '' TERM; echo up; while :; do sleep 0.01; done"},
			Env:     []string{"PATH=/usr/bin:/bin"}, Stdout: out,
		})
		out.next(t, e)
		deaf.Terminate()
		deaf.Kill()
		<-deaf.Done()
		if x := deaf.ExitError(); x.Signal != syscall.SIGKILL {
			t.Errorf("%+v, want killed", x)
		}
		select {
		case <-e.Exited():
			t.Error("the environment's first process ended with it")
		default:
		}
		e.Kill()
		deaf.Kill() // after the end it does nothing
	})
}

// Kill ends processes that ignore SIGTERM, all of them.
func TestKillEndsAllProcesses(t *testing.T) {
	each(t, func(t *testing.T, h *Host) {
		out := newLines()
		deaf := []string{"sh", "-c", "trap '' TERM; echo up; while :; do sleep 0.01; done"}
		x := Extra{Command: deaf, Env: []string{"PATH=/usr/bin:/bin"}, Stdout: out}
		e := start(t, h, Spec{Command: x.Command, Env: x.Env, Stdout: out, Before: []Extra{x}})
		out.next(t, e)
		out.next(t, e)
		e.Terminate()
		e.Children()[0].Terminate()
		e.Kill()
		for _, x := range []*ExitError{e.ExitError(), e.Children()[0].ExitError()} {
			if x == nil || !x.Killed { // a shell that may not fork any more may be the first to end
				t.Errorf("%+v, want killed", x)
			}
		}
		gone(t, e.Pid())
		gone(t, e.Children()[0].Pid())
	})
}

// A start that fails ends what it had started before.
func TestFailedStartLeavesNothing(t *testing.T) {
	each(t, func(t *testing.T, h *Host) {
		var printed bytes.Buffer
		_, err := h.Start(context.Background(), Spec{
			ID: "x", Command: []string{"/no/such/program"},
			Before: []Extra{{Command: []string{"sleep", "1000"}, Stdout: &printed}},
		})
		var failed *StartError
		if !errors.As(err, &failed) || !strings.Contains(err.Error(), "/no/such/program: no such file") {
			t.Errorf("error %v", err)
		}
		_, err = h.Start(context.Background(), Spec{ID: "x", Command: []string{"true"}, Before: []Extra{{}}})
		if err == nil || !strings.Contains(err.Error(), "command is empty") {
			t.Errorf("error %v", err)
		}
	})
}
