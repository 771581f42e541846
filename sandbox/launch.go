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

// check completes the command of a process that is to be started.
func (h *Host) check(id string, x *Extra) error {
	if len(x.Command) == 0 || x.Command[0] == "" {
		return &StartError{ID: id, Program: "(none)", Reason: "the command is empty", Err: os.ErrInvalid}
	}
	return nil
}

// program finds what the command of a process names.
func program(id string, command []string) (string, error) {
	name := command[0]
	if strings.ContainsRune(name, '/') {
		return name, nil
	}
	path, err := exec.LookPath(name)
	if err != nil {
		return "", &StartError{ID: id, Program: name, Reason: "not found in PATH", Err: err}
	}
	return filepath.Abs(path)
}

// launch makes the cgroup, starts the processes, the last of which is that of
// Spec.Command, and hands them over to their Env.
func (h *Host) launch(s Spec, all []Extra, name string, called time.Time) (*Env, error) {
	fail := func(what string, err error) (*Env, error) {
		return nil, &StartError{ID: s.ID, Program: s.Command[0], Reason: what + ": " + err.Error(), Err: err}
	}
	e := &Env{host: h, id: s.ID, limit: int64(s.MemoryMB) << 20, done: make(chan struct{}), kill: make(chan struct{})}
	if h.cgroups != nil {
		g, err := h.cgroups.create(name, s.MemoryMB, h.maxProcesses())
		if err != nil {
			return fail("make its cgroup", err)
		}
		e.group = g
	}
	var err error
	if h.oci != nil {
		err = e.startBox(&s, all, name)
	} else {
		h.spawn.do(func() { err = e.startAll(&s, all) })
	}
	e.took = time.Since(called)
	for _, c := range e.living() {
		c.follow()
	}
	if err != nil {
		e.finish()
		return nil, err
	}
	h.keep(e)
	go e.watch()
	if s.CPUShare > 0 {
		// After the fork on purpose: on cgroup v1 the starting thread is in
		// the group while it forks, and a quota would stall every other
		// start. The process runs unlimited for less than a millisecond.
		if err := e.SetCPU(s.CPUShare); err != nil {
			e.Kill()
			return fail("limit its CPU", err)
		}
	}
	return e, nil
}

// maxProcesses is the limit of a group, which the first process of a pid
// namespace must not use up.
func (h *Host) maxProcesses() int {
	if h.Private() {
		return h.options.MaxProcesses + 1
	}
	return h.options.MaxProcesses
}

// startAll runs on the starting thread.
func (e *Env) startAll(s *Spec, all []Extra) error {
	return e.inside(func(sys *syscall.SysProcAttr) error {
		if p := e.host.private; p != nil {
			var err error
			e.first, err = p.enter(s, sys)
			defer func() { _ = p.goHome() }() // the next start says why not
			if err != nil {
				return &StartError{ID: e.id, Program: s.Command[0], Reason: err.Error(), Err: err}
			}
			outliveThread(sys)
		}
		return e.startEach(all, func(x Extra) (*Child, error) { return e.startInside(x, sys) })
	})
}

// startEach starts the processes of an environment, of which the last is its
// main one.
func (e *Env) startEach(all []Extra, start func(Extra) (*Child, error)) error {
	for i, x := range all {
		c, err := start(x)
		switch {
		case err != nil:
			return err
		case i < len(all)-1:
			e.extras = append(e.extras, c)
		default:
			e.main = c
		}
	}
	return nil
}

// inside runs f on the starting thread, where that forks into the group, and
// into the namespaces if they exist already.
//
// Subtle: the death of the starting thread ends what it has forked, but not a
// process of another pid namespace, which would find itself without a parent
// and end at once: the first process of the namespace ends that.
func (e *Env) inside(f func(*syscall.SysProcAttr) error) error {
	sys := processAttributes()
	leave, err := enterGroup(e.group, sys)
	if err != nil {
		return fmt.Errorf("start a process in environment %s: %w", e.id, err)
	}
	defer leave()
	if e.first != nil {
		defer func() { _ = e.host.private.goHome() }()
		if err := e.first.join(); err != nil {
			return fmt.Errorf("join the namespaces of environment %s: %w", e.id, err)
		}
		outliveThread(sys)
	}
	return f(sys)
}

// startInside starts one process in the group and the namespaces of the
// environment. It runs on the starting thread.
func (e *Env) startInside(x Extra, sys *syscall.SysProcAttr) (*Child, error) {
	path, err := program(e.id, x.Command)
	if err != nil {
		return nil, err
	}
	fail := func(reason string, err error) (*Child, error) {
		return nil, &StartError{ID: e.id, Program: path, Reason: reason, Err: err}
	}
	out, err := openOutput(x.Stdout, x.Stderr)
	if err != nil {
		return fail("open its pipes: "+err.Error(), err)
	}
	c := &Child{env: e, out: out, done: make(chan struct{})}
	err = c.fork(&x, path, *sys)
	out.closeChildEnds()
	if err != nil {
		out.abandon()
		return fail(startReason(x.Dir, path, err), err)
	}
	return c, nil
}

// startReason puts the system's error into words that say what to do.
func startReason(dir, path string, err error) string {
	full := path
	if !filepath.IsAbs(full) {
		full = filepath.Join(dir, full)
	}
	switch {
	case dir != "" && !isDir(dir):
		return fmt.Sprintf("its working directory %s does not exist", dir)
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
