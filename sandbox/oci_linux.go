//go:build amd64 || arm64

package sandbox

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// oci starts environments as containers of an OCI runtime, runc or crun. The
// cgroup with its limits is ours, as without it; the runtime makes the
// namespaces and the mounts, drops every capability, and forks.
//
// A container's first process is the one that every environment has
// (init_linux.go). The processes of Spec and Spawn are "exec"ed beside it, so
// that none of them is process 1. Both are started detached: the runtime has
// ended when they run, and this program, as the subreaper of what it has
// started, becomes their parent. So their ends, signals and output are those of
// any other environment.
type oci struct {
	program string
	dir     string // of this Host: state and bundles
	disks   *disks
}

// newOCI tries everything once. The error says what is missing.
func newOCI(program string, g hierarchy) (*oci, error) {
	path, err := exec.LookPath(program)
	if err != nil {
		return nil, fmt.Errorf("sandbox %s: there is no program %s in PATH: install it (apt-get install %s), or use the sandbox of bench itself", program, program, filepath.Base(program))
	}
	if g == nil {
		return nil, fmt.Errorf("sandbox %s: it needs writable cgroups: run as root", program)
	}
	m := newMark()
	removeStaleFolders(m)
	o := &oci{program: path}
	if o.dir, err = os.MkdirTemp("", m.String()); err != nil {
		return nil, fmt.Errorf("sandbox %s: %w", program, err)
	}
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return nil, fmt.Errorf("sandbox %s: become a subreaper: %w", program, err)
	}
	if err := o.try(g); err != nil {
		return nil, errors.Join(fmt.Errorf("sandbox %s can't start a container here: %w", program, err), o.close())
	}
	return o, nil
}

func (o *oci) try(g hierarchy) error {
	group, err := g.create("probe", 0, DefaultMaxProcesses)
	if err != nil {
		return err
	}
	b, err := o.run("probe", &Spec{}, group)
	if err == nil {
		b.end()
	}
	group.kill()
	return errors.Join(err, group.drain(), group.remove())
}

// String names the runtime with its version, as in "runc version 1.1.5".
func (o *oci) String() string {
	text, _ := exec.Command(o.program, "--version").Output()
	first, _, _ := strings.Cut(string(text), "\n")
	return first
}

func (o *oci) close() error { return os.RemoveAll(o.dir) }

// removeStaleFolders removes what dead programs of this kind left behind.
func removeStaleFolders(self mark) {
	left, _ := filepath.Glob(filepath.Join(os.TempDir(), prefix+"*"))
	for _, dir := range left {
		if m, ok := parseMark(filepath.Base(dir)); ok && m.stale(self) {
			_ = os.RemoveAll(dir)
		}
	}
}

// box is one container.
type box struct {
	oci  *oci
	id   string
	dir  string // its bundle
	init *firstProcess

	mu     sync.Mutex
	serial int // of its processes
}

// run makes a container of nothing but its first process.
func (o *oci) run(id string, s *Spec, g group) (*box, error) {
	b := &box{oci: o, id: id, dir: filepath.Join(o.dir, "bundles", id)}
	if err := writeBundle(b.dir, s, g, o.disks); err != nil {
		return nil, errors.Join(err, os.RemoveAll(b.dir))
	}
	pid, err := o.detached(nil, b.dir, "run", "--bundle", b.dir)
	if err == nil {
		b.init, err = adopt(pid)
	}
	if err != nil {
		_ = o.command("delete", "--force", id).Run()
		return nil, errors.Join(err, os.RemoveAll(b.dir))
	}
	return b, nil
}

// command is the runtime with what every call of it has.
func (o *oci) command(args ...string) *exec.Cmd {
	return exec.Command(o.program, append([]string{"--root", filepath.Join(o.dir, "state")}, args...)...)
}

// detached has the runtime start a process, with the streams of out if there
// are any, and gives its id. The folder dir is for the process's files, and its
// name, up to a dot, is that of the container.
func (o *oci) detached(out *output, dir, verb string, args ...string) (int, error) {
	id, _, _ := strings.Cut(filepath.Base(dir), ".")
	pidFile, log := dir+".pid", dir+".log"
	defer func() { _ = errors.Join(os.Remove(pidFile), os.Remove(log)) }()
	c := exec.Command(o.program, "--root", filepath.Join(o.dir, "state"), "--log", log, verb, "--detach", "--pid-file", pidFile)
	c.Args = append(append(c.Args, args...), id)
	if out != nil {
		c.Stdin, c.Stdout, c.Stderr = out.null, out.writes[0], out.writes[1]
	}
	if err := c.Run(); err != nil {
		return 0, runtimeError(log, err)
	}
	text, err := os.ReadFile(pidFile)
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(strings.TrimSpace(string(text)))
}

// runtimeError is what the runtime has written to its log, as the error of the
// system that it names where it names one.
func runtimeError(log string, err error) error {
	text, _ := os.ReadFile(log)
	said := string(text)
	if i := strings.LastIndex(said, "msg="); i >= 0 {
		if m, unquoted := strconv.Unquote(strings.TrimSpace(said[i+len("msg="):])); unquoted == nil {
			said = m
		}
	}
	said = strings.TrimSpace(said)
	for _, known := range []syscall.Errno{syscall.ENOENT, syscall.EACCES, syscall.ENOEXEC, syscall.EAGAIN, syscall.ENOMEM, syscall.E2BIG} {
		if strings.HasSuffix(strings.ToLower(said), known.Error()) {
			return fmt.Errorf("%s: %w", strings.TrimSuffix(said[:len(said)-len(known.Error())], ": "), known)
		}
	}
	if errors.Is(err, exec.ErrNotFound) || said == "" {
		return err
	}
	return errors.New(said)
}

// adopt takes a process that has become a child of this program.
func adopt(pid int) (*firstProcess, error) {
	fd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return nil, fmt.Errorf("adopt the first process of a container: %w", err)
	}
	return &firstProcess{pid: pid, pidfd: fd}, nil
}

// end kills and reaps what is left and has the runtime forget the container,
// with the groups that it has made besides ours.
func (b *box) end() {
	b.init.end()
	_ = b.oci.command("delete", "--force", b.id).Run()
	_ = os.RemoveAll(b.dir)
}

// exec starts one process in the container.
func (b *box) exec(e *Env, x Extra) (*Child, error) {
	path, err := program(e.id, x.Command)
	if err != nil {
		return nil, err
	}
	fail := func(err error) (*Child, error) {
		return nil, &StartError{ID: e.id, Program: path, Reason: err.Error(), Err: err}
	}
	b.mu.Lock()
	b.serial++
	dir := fmt.Sprintf("%s.%d", b.dir, b.serial)
	b.mu.Unlock()
	if err := writeJSON(dir+".json", newProcess(path, x)); err != nil {
		return fail(err)
	}
	defer func() { _ = os.Remove(dir + ".json") }()
	out, err := openOutput(x.Stdout, x.Stderr)
	if err != nil {
		return fail(fmt.Errorf("open its pipes: %w", err))
	}
	c := &Child{env: e, out: out, done: make(chan struct{})}
	c.pid, err = b.oci.detached(out, dir, "exec", "--process", dir+".json")
	// As late as this, or the start of the runtime would count as the
	// function's init.
	c.started = time.Now()
	out.closeChildEnds()
	if err != nil {
		out.abandon()
		return fail(err)
	}
	return c, nil
}

// startBox starts the processes of an environment in a container.
func (e *Env) startBox(s *Spec, all []Extra, name string) error {
	var err error
	if e.box, err = e.host.oci.run(name, s, e.group); err != nil {
		return &StartError{ID: e.id, Program: s.Command[0], Reason: err.Error(), Err: err}
	}
	e.first = e.box.init
	return e.startEach(all, func(x Extra) (*Child, error) { return e.box.exec(e, x) })
}
