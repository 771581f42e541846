//go:build amd64 || arm64

package sandbox

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// private gives environments namespaces of their own: mounts, processes, IPC
// and host name, but not the network, for the Runtime API is on 127.0.0.1. It
// belongs to the starting thread, which moves into the namespaces, forks there
// and comes back.
//
// Note: everything is done by system calls of that one thread, without a helper
// program between. It needs Linux 5.12 (open_tree, move_mount and
// mount_setattr), and the right to mount: root, or root of a user namespace.
type private struct {
	home  []namespace // of the starting thread
	root  int         // file descriptor of its "/"
	views map[string]*view
	lost  error  // why the starting thread did not come back
	disks *disks // nil: Spec.Tmp is a folder, whatever Spec.TmpMB says

	// In a user namespace a new /proc may be mounted only where another one
	// can be seen.
	lendProc bool
}

type namespace struct{ fd, kind int }

// maxViews bounds the views that are kept: one for each set of folders that is
// mounted, and one for each image.
const maxViews = 16

// newPrivate tries everything once, with a first process, and says what does
// not work here.
func newPrivate(on *spawner) (p *private, err error) {
	p = &private{root: -1, views: make(map[string]*view)}
	on.do(func() {
		if err = p.open(); err == nil {
			err = p.try()
		}
		if errors.Is(err, unix.EPERM) && p.lost == nil {
			p.lendProc = true
			err = p.try()
		}
		if err != nil {
			p.close()
		}
	})
	if err != nil {
		return nil, err
	}
	return p, nil
}

// try starts a first process and ends it.
func (p *private) try() error {
	first, err := p.enter(&Spec{}, processAttributes())
	if err == nil {
		first.end()
	}
	if back := p.goHome(); err == nil {
		err = back
	}
	return err
}

// open prepares the starting thread.
func (p *private) open() error {
	// Other threads share the working directory and the root; the kernel lets
	// only a thread with its own change its mount namespace.
	if err := unix.Unshare(unix.CLONE_FS); err != nil {
		return fmt.Errorf("part the starting thread from the others: %w", err)
	}
	var err error
	if p.root, err = unix.Open("/", unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0); err != nil {
		return err
	}
	for _, n := range []struct {
		name string
		kind int
	}{{"mnt", unix.CLONE_NEWNS}, {"pid", unix.CLONE_NEWPID}, {"ipc", unix.CLONE_NEWIPC}, {"uts", unix.CLONE_NEWUTS}} {
		fd, err := unix.Open("/proc/thread-self/ns/"+n.name, unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err != nil {
			return fmt.Errorf("open the %s namespace: %w", n.name, err)
		}
		p.home = append(p.home, namespace{fd, n.kind})
	}
	return nil
}

func (p *private) close() {
	for _, n := range p.home {
		_ = unix.Close(n.fd)
	}
	for _, v := range p.views {
		_ = unix.Close(v.ns)
	}
	if p.root >= 0 {
		_ = unix.Close(p.root)
	}
	p.home, p.views, p.root = nil, nil, -1
}

// goHome brings the starting thread back. Where it can't, no process can be
// started any more.
func (p *private) goHome() error {
	for _, n := range p.home {
		if err := unix.Setns(n.fd, n.kind); err != nil {
			p.lost = fmt.Errorf("come back from the namespaces of an environment: %w", err)
			return p.lost
		}
	}
	if err := errors.Join(unix.Fchdir(p.root), unix.Chroot(".")); err != nil {
		p.lost = fmt.Errorf("come back from the root of an environment: %w", err)
	}
	return p.lost
}

// enter makes the namespaces of one environment, with a first process of these
// attributes, and moves the starting thread into them. It must goHome
// afterwards, whatever the error.
func (p *private) enter(s *Spec, sys *syscall.SysProcAttr) (*firstProcess, error) {
	if p.lost != nil {
		return nil, p.lost
	}
	mounts, err := p.openMounts(s)
	if err != nil {
		return nil, err
	}
	defer mounts.close()
	v, err := p.view(s, mounts)
	if err != nil {
		return nil, err
	}
	if err := unix.Setns(v.ns, unix.CLONE_NEWNS); err != nil {
		return nil, fmt.Errorf("enter a view: %w", err)
	}
	if err := unix.Unshare(unix.CLONE_NEWNS); err != nil {
		return nil, fmt.Errorf("copy a view: %w", err)
	}
	if err := mounts.mount(); err != nil {
		return nil, err
	}
	first, err := startFirst(*sys)
	if err != nil {
		return nil, err
	}
	if err := first.join(); err != nil {
		first.end()
		return nil, fmt.Errorf("join the namespaces: %w", err)
	}
	return first, nil
}

// mount puts each at its place, which is there, unless it is below /tmp.
func (t detachedTree) mount() error {
	for _, d := range t {
		if belowTmp(d.name) {
			if err := makePlace(d.name, d.file); err != nil {
				return err
			}
		}
		if err := attach(d.fd, d.name); err != nil {
			return err
		}
	}
	return nil
}

func belowTmp(path string) bool { return strings.HasPrefix(path, "/tmp/") }

// openMounts opens what differs between environments, /tmp first: a mount may
// lie below another's target if it is listed after it.
func (p *private) openMounts(s *Spec) (detachedTree, error) {
	tmp, err := p.openTmp(s)
	if err != nil {
		return nil, err
	}
	t := detachedTree{tmp}
	for _, m := range s.Mounts {
		d, err := m.open()
		if err != nil {
			t.close()
			return nil, fmt.Errorf("show %s at %s: %w", m.Source, m.Target, err)
		}
		t = append(t, d)
	}
	return t, nil
}

// openTmp opens what serves as /tmp: a disk, a folder, or memory.
func (p *private) openTmp(s *Spec) (detached, error) {
	if disk := p.disks.of(s.Tmp); disk != nil {
		fd, err := disk.mount()
		return detached{name: "/tmp", fd: fd}, err
	}
	if s.Tmp != "" {
		return Mount{Source: s.Tmp, Target: "/tmp"}.open()
	}
	options := map[string]string{"mode": "1777"}
	if s.TmpMB > 0 {
		options["size"] = strconv.Itoa(s.TmpMB) + "m"
	}
	fd, err := newMount("tmpfs", options, unix.MOUNT_ATTR_NOSUID|unix.MOUNT_ATTR_NODEV)
	return detached{name: "/tmp", fd: fd}, err
}

// check gives what is at the source.
func (m Mount) check() (os.FileInfo, error) {
	if !strings.HasPrefix(m.Target, "/") || m.Target == "/" || strings.Contains(m.Target+"/", "/../") {
		return nil, errors.New("the target is not an absolute path below /")
	}
	return os.Stat(m.Source)
}

func (m Mount) open() (detached, error) {
	info, err := m.check()
	if err != nil {
		return detached{}, err
	}
	fd, err := openTree(m.Source, m.ReadOnly)
	return detached{name: m.Target, fd: fd, file: !info.IsDir()}, err
}

// view finds or builds the view that has a place for each of the mounts.
func (p *private) view(s *Spec, mounts detachedTree) (*view, error) {
	of := viewOf{root: filepath.Join("/", s.Root), lendProc: p.lendProc}
	for _, m := range mounts {
		if m.name != "/tmp" && !belowTmp(m.name) {
			of.places = append(of.places, place{path: m.name, file: m.file})
		}
	}
	if v := p.views[of.key()]; v != nil {
		return v, nil
	}
	for key, v := range p.views {
		if len(p.views) < maxViews {
			break
		}
		_ = unix.Close(v.ns)
		delete(p.views, key)
	}
	v, err := buildView(of)
	if err = errors.Join(err, p.goHome()); err != nil {
		return nil, err
	}
	p.views[of.key()] = v
	return v, nil
}
