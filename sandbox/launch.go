package sandbox

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// program finds what Spec.Command names.
func program(s *Spec) (string, error) {
	if len(s.Command) == 0 || s.Command[0] == "" {
		return "", &StartError{ID: s.ID, Program: "(none)", Reason: "the command is empty", Err: os.ErrInvalid}
	}
	name := s.Command[0]
	if strings.ContainsRune(name, '/') {
		return name, nil
	}
	path, err := exec.LookPath(name)
	if err != nil {
		return "", &StartError{ID: s.ID, Program: name, Reason: "not found in PATH", Err: err}
	}
	return filepath.Abs(path)
}

// launch makes the cgroup and the pipes, forks, and hands the process over to
// its Env.
func (h *Host) launch(s Spec, path, name string) (*Env, error) {
	fail := func(what string, err error) (*Env, error) {
		return nil, &StartError{ID: s.ID, Program: path, Reason: what + ": " + err.Error(), Err: err}
	}
	e := &Env{host: h, id: s.ID, limit: int64(s.MemoryMB) << 20, done: make(chan struct{})}
	if h.cgroups != nil {
		g, err := h.cgroups.create(name, s.MemoryMB, h.options.MaxProcesses)
		if err != nil {
			return fail("make its cgroup", err)
		}
		e.group = g
	}
	out, err := openOutput(s.Stdout, s.Stderr)
	if err != nil {
		e.discardGroup()
		return fail("open its pipes", err)
	}
	var forkErr error
	h.spawn.do(func() { forkErr = e.fork(&s, path, out) })
	out.closeChildEnds()
	if forkErr != nil {
		out.abandon()
		e.discardGroup()
		return nil, &StartError{ID: s.ID, Program: path, Reason: startReason(&s, path, forkErr), Err: forkErr}
	}
	e.out = out
	out.pump(&e.pumps)
	h.keep(e)
	if s.CPUShare > 0 {
		// After the fork on purpose: on cgroup v1 the starting thread is in
		// the group while it forks, and a quota would stall every other
		// start. The process runs unlimited for less than a millisecond.
		if err := e.SetCPU(s.CPUShare); err != nil {
			go e.watch()
			e.Kill()
			return fail("limit its CPU", err)
		}
	}
	go e.watch()
	return e, nil
}

// fork runs on the starting thread.
func (e *Env) fork(s *Spec, path string, out *output) error {
	attr := &syscall.ProcAttr{
		Dir:   s.Dir,
		Env:   append([]string{}, s.Env...),
		Files: out.files(),
		Sys:   processAttributes(),
	}
	closeOnExec()
	leave, err := enterGroup(e.group, attr.Sys)
	if err != nil {
		return err
	}
	defer leave()
	e.started = time.Now()
	e.pid, err = syscall.ForkExec(path, s.Command, attr)
	return err
}

// startReason puts the system's error into words that say what to do.
func startReason(s *Spec, path string, err error) string {
	full := path
	if !filepath.IsAbs(full) {
		full = filepath.Join(s.Dir, full)
	}
	switch {
	case s.Dir != "" && !isDir(s.Dir):
		return fmt.Sprintf("its working directory %s does not exist", s.Dir)
	case errors.Is(err, syscall.ENOENT) && exists(full):
		return "the file exists, but the interpreter or loader that it names does not"
	case errors.Is(err, syscall.ENOENT):
		return "no such file"
	case errors.Is(err, syscall.EACCES):
		return "not executable by this user"
	case errors.Is(err, syscall.ENOEXEC):
		return "not a program for this system and architecture, or a script without a #! line"
	case errors.Is(err, syscall.EAGAIN):
		return "no more processes allowed here: raise the limit of processes (ulimit -u, pids.max) or lower the concurrency"
	case errors.Is(err, syscall.EMFILE), errors.Is(err, syscall.ENFILE):
		return "no more open files allowed here: raise ulimit -n or lower the concurrency"
	case errors.Is(err, syscall.ENOMEM):
		return "no memory left for a new process"
	case errors.Is(err, syscall.E2BIG):
		return "its arguments and environment variables are too large"
	}
	return err.Error()
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}
