package sandbox

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
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
	e := &Env{host: h, id: s.ID, done: make(chan struct{})}
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

// output is the plumbing from the process to Spec.Stdout and Spec.Stderr.
type output struct {
	null   *os.File    // stdin, and any stream that is discarded
	reads  []*os.File  // our ends
	to     []io.Writer // where each of reads goes
	writes [2]*os.File // the process's ends of stdout and stderr
}

func openOutput(stdout, stderr io.Writer) (*output, error) {
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	o := &output{null: null}
	if o.writes[0], err = o.open(stdout); err != nil {
		o.abandon()
		return nil, err
	}
	if sameWriter(stdout, stderr) {
		o.writes[1] = o.writes[0]
		return o, nil
	}
	if o.writes[1], err = o.open(stderr); err != nil {
		o.closeChildEnds()
		o.abandon()
		return nil, err
	}
	return o, nil
}

func (o *output) open(w io.Writer) (*os.File, error) {
	if w == nil {
		return o.null, nil
	}
	r, pw, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	o.reads, o.to = append(o.reads, r), append(o.to, w)
	return pw, nil
}

func (o *output) files() []uintptr {
	return []uintptr{o.null.Fd(), o.writes[0].Fd(), o.writes[1].Fd()}
}

// closeChildEnds closes what only the process needs.
func (o *output) closeChildEnds() {
	for i, w := range o.writes {
		if w != nil && w != o.null && (i == 0 || w != o.writes[0]) {
			w.Close()
		}
	}
	o.null.Close()
}

// abandon closes our ends of a start that came to nothing.
func (o *output) abandon() {
	o.null.Close()
	for _, r := range o.reads {
		r.Close()
	}
}

// pump copies until every process of the environment has closed its end.
func (o *output) pump(running *sync.WaitGroup) {
	for i, r := range o.reads {
		to := o.to[i]
		running.Go(func() {
			defer r.Close()
			copyOutput(to, r)
		})
	}
}

// copyOutput is io.Copy with a small buffer, which counts with a thousand idle
// environments, and without an end at the first error of w: a function must
// not block because nobody reads its log.
func copyOutput(w io.Writer, r io.Reader) {
	buf := make([]byte, 4096)
	for {
		n, err := r.Read(buf)
		if n > 0 {
			_, _ = w.Write(buf[:n])
		}
		if err != nil {
			return
		}
	}
}

// sameWriter reports whether both are one comparable writer.
func sameWriter(a, b io.Writer) (same bool) {
	defer func() {
		if recover() != nil {
			same = false // a writer of a type that cannot be compared
		}
	}()
	return a != nil && a == b
}
