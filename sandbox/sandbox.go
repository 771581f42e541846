package sandbox

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"time"
)

// DefaultMaxProcesses is the number of processes and threads that one
// execution environment may hold.
// Source: AWS Lambda quotas, "Processes and threads per execution environment:
// 1,024" (docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html).
const DefaultMaxProcesses = 1024

// Options say what a Host may use. The zero value is the right one outside of
// tests.
type Options struct {
	// NoCgroups makes the Host ignore cgroups even where they are writable.
	NoCgroups bool
	// MaxProcesses bounds the processes and threads of each environment; 0
	// means DefaultMaxProcesses.
	MaxProcesses int
	// NoNamespaces makes the Host start processes in the namespaces of this
	// program even where they could have their own.
	NoNamespaces bool
	// Runtime is an OCI runtime that environments are started with, by its name
	// in PATH or its path: "runc" or "crun". It needs root and cgroups, and
	// New fails without them. A start takes tens of milliseconds, and the
	// function has no capabilities. Empty means the sandbox of this package.
	Runtime string
}

// Spec describes one environment. Only Command is required.
type Spec struct {
	// ID names the environment in errors and in the name of its cgroup.
	ID string
	// Command is the program and its arguments. A program without a slash is
	// looked up in the PATH of this process; one with a slash is taken as it
	// is, relative to Dir.
	Command []string
	// Dir is the working directory; empty means that of this process, or "/"
	// where the environment sees a file system of its own.
	Dir string
	// Env is the whole environment of the process, as KEY=value. Nothing is
	// added to it and nothing is inherited.
	Env []string
	// MemoryMB limits the memory of the whole environment, page cache
	// included, in units of 2^20 bytes. 0 means no limit.
	MemoryMB int
	// CPUShare limits the CPU time per second of wall time, in vCPUs: 0.5 is
	// half of one CPU, 2 is two. 0 means no limit.
	CPUShare float64
	// Tmp is the folder that serves the environment as /tmp, and is seen there
	// where Host.Private is true. It is created where it does not exist and is
	// kept when the environment ends, until RemoveTmp: it outlives a reset.
	// Empty means a /tmp in memory that goes with the environment, or that of
	// this machine.
	Tmp string
	// TmpMB bounds what fits into /tmp, in units of 2^20 bytes: a write beyond
	// it fails with ENOSPC. It is in force where Host.Private is true and no
	// warning says that it can't be; with a Tmp, what is written is then on a
	// disk of its own rather than in that folder. 0 means no bound.
	TmpMB int
	// Mounts are what the processes see at places of their own choice: a folder
	// of code at /var/task, say. They are in force where Host.Private is true,
	// and ignored elsewhere, which Host.Warnings has said.
	Mounts []Mount
	// Root is the absolute path of the folder that becomes "/", read-only, for
	// a container image. It gets a /proc, /dev, /sys and /tmp of its own, and
	// this machine's /etc/hosts and /etc/resolv.conf where it has such files.
	// Empty means a view of this machine's own file system. Like Mounts it
	// needs Host.Private; without it Start refuses it.
	Root string
	// Before are processes that are started before Command, in their order:
	// Env.Children returns them.
	Before []Extra
	// Stdout and Stderr receive what the processes print, each from one
	// goroutine. If both are the same writer there is one goroutine and one
	// pipe, and the order of the lines is kept. Nil discards. A writer that
	// blocks makes the function block; its errors are ignored. Both are
	// quiet once Done is closed. An *os.File is given to the process as it is,
	// without a goroutine in between, and stays the caller's to close.
	Stdout, Stderr io.Writer
}

// Mount is a folder or a file of this machine, seen at another place.
type Mount struct {
	// Source is the absolute path of a folder or a file on this machine.
	Source string
	// Target is the absolute path at which the processes see it. It need not
	// exist on this machine. What is below /tmp is made in Spec.Tmp.
	Target string
	// ReadOnly refuses every write below Target.
	ReadOnly bool
}

// Extra is one more process of an environment, such as an extension: in the
// same cgroup and namespaces, in a process group of its own. Its fields mean
// what those of Spec do.
type Extra struct {
	Command        []string
	Dir            string
	Env            []string
	Stdout, Stderr io.Writer
}

// ErrEnded is returned by Spawn once the environment has ended.
var ErrEnded = errors.New("environment has ended")

// ErrClosed is returned by Start after Close.
var ErrClosed = errors.New("sandbox is closed")

// StartError says why an environment could not be started. Unwrap gives the
// system's error (fs.ErrNotExist, fs.ErrPermission, syscall.EAGAIN, ...).
type StartError struct {
	ID      string // Spec.ID
	Program string // what was to be executed
	Reason  string // one clause for the reader
	Err     error
}

func (e *StartError) Error() string {
	return fmt.Sprintf("start environment %s: %s: %s", e.ID, e.Program, e.Reason)
}

func (e *StartError) Unwrap() error { return e.Err }

// Host starts environments on this machine. Its methods may be called from
// many goroutines.
type Host struct {
	options  Options
	cgroups  hierarchy // nil: plain process groups
	private  *private  // nil: the namespaces of this program
	oci      *oci      // nil: no OCI runtime
	disks    *disks    // nil: Spec.Tmp is a folder, whatever Spec.TmpMB says
	warnings []string
	spawn    *spawner

	mu       sync.Mutex
	closed   bool
	envs     map[*Env]struct{}
	serial   int
	leftover []error        // what ended environments could not clear up, at most maxLeftover
	starting sync.WaitGroup // grows only while closed is false
}

// New looks at the machine, removes the cgroups that dead programs of this
// kind left behind, and returns a Host. Missing privileges are warnings, not
// errors.
func New(o Options) (*Host, error) {
	if o.MaxProcesses < 0 {
		return nil, fmt.Errorf("new sandbox: limit of processes %d: negative", o.MaxProcesses)
	}
	if o.MaxProcesses == 0 {
		o.MaxProcesses = DefaultMaxProcesses
	}
	h := &Host{options: o, envs: make(map[*Env]struct{})}
	h.spawn = newSpawner()
	h.cgroups, h.warnings = detect(o, h.spawn)
	if o.Runtime == "" {
		h.detectPrivate()
	} else if err := h.useRuntime(); err != nil {
		return nil, err
	}
	h.limitTmp()
	return h, nil
}

// useRuntime has an OCI runtime start the environments.
func (h *Host) useRuntime() (err error) {
	if h.oci, err = newOCI(h.options.Runtime, h.cgroups); err == nil {
		return nil
	}
	h.spawn.close()
	if h.cgroups != nil {
		h.cgroups.close()
	}
	return err
}

// limitTmp looks whether /tmp can have a size.
func (h *Host) limitTmp() {
	if !h.Private() {
		return
	}
	d, err := newDisks()
	switch {
	case err != nil:
		h.warnings = append(h.warnings, "the size of /tmp is not limited ("+err.Error()+"): a function can write more than its EphemeralStorage")
		return
	case h.oci != nil:
		h.oci.disks = d
	default:
		h.private.disks = d
	}
	h.disks = d
}

// Limits says in one line what is enforced, for the record of a run.
func (h *Host) Limits() string {
	limits := "process groups, no limits"
	if h.cgroups != nil {
		limits = h.cgroups.String()
	}
	switch {
	case h.oci != nil:
		limits += "; containers of " + h.oci.String()
	case h.private != nil:
		limits += "; namespaces of their own"
	}
	return limits
}

// escapes is what neither cgroups nor a PID namespace prevent where there are
// none.
const escapes = "a process that leaves both its process group and its parent survives the environment"

// detectPrivate looks whether environments can have namespaces.
func (h *Host) detectPrivate() {
	why := "switched off"
	if !h.options.NoNamespaces {
		p, err := newPrivate(h.spawn)
		if err == nil {
			h.private = p
			h.warnings = slices.DeleteFunc(h.warnings, func(w string) bool { return strings.Contains(w, escapes) })
			return
		}
		// Who knows where the thread is now.
		h.spawn.close()
		h.spawn = newSpawner()
		why = err.Error()
	}
	h.warnings = append(h.warnings, "no namespaces ("+why+"): functions see the files and processes of this machine, "+
		"their /tmp, whose size is not limited, code and layers lie in other folders than on Lambda, and container images can't run (run as root, or as root of a user namespace: unshare --user --map-root-user --mount --pid --ipc --uts --fork --mount-proc)")
}

// Warnings name what is not enforced on this machine and what that does to the
// numbers, one sentence each. Empty where everything is.
func (h *Host) Warnings() []string { return append([]string(nil), h.warnings...) }

// Private reports whether environments have namespaces and a view of the file
// system of their own, so that Spec.Mounts and Spec.Root are in force.
func (h *Host) Private() bool { return h.private != nil || h.oci != nil }

// Start runs one environment and returns as soon as its process exists and has
// begun to execute its program. The ctx bounds the start only: the environment
// lives until it exits or is killed. The error is a *StartError, ErrClosed, or
// that of ctx.
func (h *Host) Start(ctx context.Context, s Spec) (*Env, error) {
	called := time.Now()
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("start environment %s: %w", s.ID, err)
	}
	name, err := h.admit(s.ID)
	if err != nil {
		return nil, fmt.Errorf("start environment %s: %w", s.ID, err)
	}
	defer h.starting.Done()
	all := append(slices.Clone(s.Before), Extra{Command: s.Command, Dir: s.Dir, Env: s.Env, Stdout: s.Stdout, Stderr: s.Stderr})
	for i := range all {
		if err := h.check(s.ID, &all[i]); err != nil {
			return nil, err
		}
	}
	if !h.Private() && s.Root != "" {
		return nil, &StartError{ID: s.ID, Program: s.Command[0], Reason: "a root of its own needs namespaces, which can't be had here", Err: errors.ErrUnsupported}
	}
	if err := h.makeTmp(&s); err != nil {
		return nil, &StartError{ID: s.ID, Program: s.Command[0], Reason: "make its /tmp: " + err.Error(), Err: err}
	}
	return h.launch(s, all, name, called)
}

// makeTmp makes the folder, or the disk, that serves as /tmp.
func (h *Host) makeTmp(s *Spec) error {
	if s.Tmp == "" {
		return nil
	}
	if err := os.MkdirAll(s.Tmp, 0o700); err != nil {
		return err
	}
	if h.disks == nil || s.TmpMB <= 0 {
		return nil
	}
	return h.disks.make(s.Tmp, s.TmpMB)
}

// RemoveTmp removes what has served as Spec.Tmp, folder or disk, with all that
// was written to it. No environment with it may be alive.
func (h *Host) RemoveTmp(tmp string) error {
	if h.disks != nil {
		h.disks.remove(tmp)
	}
	return os.RemoveAll(tmp)
}

// Close kills every environment, waits until all of their processes are gone,
// removes their cgroups and ends the starting thread. The error names
// processes and cgroups, of these and of environments that ended before, that
// could not be got rid of. A second call returns nil.
func (h *Host) Close() error {
	h.mu.Lock()
	if h.closed {
		h.mu.Unlock()
		return nil
	}
	h.closed = true
	h.mu.Unlock()
	h.starting.Wait()

	h.mu.Lock()
	left := make([]*Env, 0, len(h.envs))
	for e := range h.envs {
		left = append(left, e)
	}
	h.mu.Unlock()
	var each sync.WaitGroup
	for _, e := range left {
		each.Go(e.Kill)
	}
	each.Wait()
	if h.private != nil {
		h.spawn.do(h.private.close)
	}
	h.spawn.close()
	if h.cgroups != nil {
		h.cgroups.close()
	}
	if h.disks != nil {
		h.disks.close()
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.oci != nil {
		h.leftover = append(h.leftover, h.oci.close())
	}
	return errors.Join(h.leftover...)
}

// maxLeftover bounds the errors that Close reports.
const maxLeftover = 8

// admit counts a start and names its environment.
func (h *Host) admit(id string) (string, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return "", ErrClosed
	}
	h.serial++
	h.starting.Add(1)
	return fmt.Sprintf("%d-%s", h.serial, safeName(id)), nil
}

func (h *Host) keep(e *Env) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.envs[e] = struct{}{}
}

func (h *Host) forget(e *Env) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.envs, e)
	if e.leftover != nil && len(h.leftover) < maxLeftover {
		h.leftover = append(h.leftover, e.leftover)
	}
}

// safeName reduces an identifier to what a directory name may hold.
func safeName(id string) string {
	clean := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '-', r == '_':
			return r
		}
		return '_'
	}, id)
	if len(clean) > 64 {
		clean = clean[:64]
	}
	return clean
}
