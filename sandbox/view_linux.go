//go:build amd64 || arm64

package sandbox

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// A view is a mount namespace with a file system that is ready for
// environments: a read-only tree, with a place for each mount that differs
// between them. It is built once; an environment starts in a copy of it, which
// costs tens of microseconds however many folders it shows.
//
// Its root is a small tmpfs, with each top-level folder of this machine, or of
// the image, bound into it. A folder in which a place for a mount is missing
// (/var for /var/task) becomes a folder of the tmpfs too, with each of its
// entries bound.
//
// Note: overlayfs would give missing places too, but it can't cross the mounts
// of this machine, costs more with each file that is opened, and is not to be
// had on every file system.
type view struct {
	ns int // file descriptor of the namespace
}

// viewOf says what a view shows.
type viewOf struct {
	root     string // an image, or "/" for this machine
	places   []place
	lendProc bool // see private
}

// place is where a mount goes.
type place struct {
	path string
	file bool // not a folder
}

func (o viewOf) key() string {
	return fmt.Sprintf("%q %v %v", o.root, o.places, o.lendProc)
}

// staging is where a tree stands until it becomes the root. Every machine has
// it, and pivot_root uncovers it again.
const staging = "/proc"

// ownFolders are made afresh in each view, so those of this machine or image
// are not shown.
var ownFolders = map[string]bool{"proc": true, "dev": true, "sys": true, "tmp": true}

// devices are the device files of a view. There is no shm among them: Lambda
// has no /dev/shm either, and programs that can't do without it fail there.
var devices = []string{"null", "zero", "full", "random", "urandom", "tty"}

// buildView makes a view. It runs on the starting thread, at home, and leaves
// it in the new namespace.
func buildView(of viewOf) (v *view, err error) {
	bound, err := of.openBound()
	if err != nil {
		return nil, err
	}
	defer bound.close()
	entries, err := openEntries(of.root, ownFolders)
	if err != nil {
		return nil, err
	}
	defer entries.close()
	if err := unix.Unshare(unix.CLONE_NEWNS); err != nil {
		return nil, fmt.Errorf("make a mount namespace: %w", err)
	}
	ns, err := unix.Open("/proc/thread-self/ns/mnt", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("open the mount namespace: %w", err)
	}
	defer func() {
		if err != nil {
			_ = unix.Close(ns)
		}
	}()
	if err := unix.Mount("", "/", "", unix.MS_PRIVATE|unix.MS_REC, ""); err != nil {
		return nil, fmt.Errorf("make mounts private: %w", err)
	}
	if err := mountAt("tmpfs", staging, map[string]string{"mode": "0755"}, 0); err != nil {
		return nil, err
	}
	if err := skeleton(staging); err != nil {
		return nil, err
	}
	if err := pivot(staging); err != nil {
		return nil, err
	}
	if err := errors.Join(entries.attach("/"), makePlaces(of.places), bound.attach("/")); err != nil {
		return nil, err
	}
	return &view{ns: ns}, setReadOnly("/")
}

// skeleton makes the folders that every view has below base, and the program
// of the first process, which the new /proc will cover.
func skeleton(base string) error {
	var errs []error
	for name := range ownFolders {
		errs = append(errs, os.Mkdir(filepath.Join(base, name), 0o755))
	}
	for _, name := range devices {
		errs = append(errs, os.WriteFile(filepath.Join(base, "dev", name), nil, 0o644))
	}
	for name, to := range map[string]string{"fd": "/proc/self/fd", "stdin": "/proc/self/fd/0", "stdout": "/proc/self/fd/1", "stderr": "/proc/self/fd/2"} {
		errs = append(errs, os.Symlink(to, filepath.Join(base, "dev", name)))
	}
	errs = append(errs, os.WriteFile(base+initPath, initImage(), 0o755), os.Chmod(base+initPath, 0o755))
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("fill the root of a view: %w", err)
	}
	return nil
}

// pivot makes the mount at dir the root and lets go of everything else.
func pivot(dir string) error {
	old, err := unix.Open("/", unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer func() { _ = unix.Close(old) }()
	if err := unix.Chdir(dir); err != nil {
		return err
	}
	if err := unix.PivotRoot(".", "."); err != nil {
		return fmt.Errorf("change the root: %w", err)
	}
	if err := errors.Join(unix.Fchdir(old), unix.Unmount(".", unix.MNT_DETACH), unix.Chdir("/")); err != nil {
		return fmt.Errorf("let go of the old root: %w", err)
	}
	return nil
}

// mountAt mounts a new file system of a type.
func mountAt(fsType, target string, options map[string]string, attributes int) error {
	fd, err := newMount(fsType, options, attributes)
	if err != nil {
		return err
	}
	defer func() { _ = unix.Close(fd) }()
	return attach(fd, target)
}

// newMount makes a file system that is mounted nowhere yet.
func newMount(fsType string, options map[string]string, attributes int) (int, error) {
	fs, err := unix.Fsopen(fsType, unix.FSOPEN_CLOEXEC)
	if err != nil {
		return -1, fmt.Errorf("mount a %s: %w", fsType, err)
	}
	defer func() { _ = unix.Close(fs) }()
	for key, value := range options {
		var err error
		if value == "" {
			err = unix.FsconfigSetFlag(fs, key)
		} else {
			err = unix.FsconfigSetString(fs, key, value)
		}
		if err != nil {
			return -1, fmt.Errorf("mount a %s with %s=%s: %w", fsType, key, value, err)
		}
	}
	if err := unix.FsconfigCreate(fs); err != nil {
		return -1, fmt.Errorf("mount a %s: %w", fsType, err)
	}
	fd, err := unix.Fsmount(fs, unix.FSMOUNT_CLOEXEC, attributes)
	if err != nil {
		return -1, fmt.Errorf("mount a %s: %w", fsType, err)
	}
	return fd, nil
}

// attach puts a detached mount at its place.
func attach(fd int, target string) error {
	if err := unix.MoveMount(fd, "", unix.AT_FDCWD, target, unix.MOVE_MOUNT_F_EMPTY_PATH|unix.MOVE_MOUNT_T_SYMLINKS); err != nil {
		return fmt.Errorf("mount at %s: %w", target, err)
	}
	return nil
}

// openTree takes a copy of the mounts at path, mounted nowhere yet.
func openTree(path string, readOnly bool) (int, error) {
	fd, err := unix.OpenTree(unix.AT_FDCWD, path, unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC|unix.AT_RECURSIVE)
	if err != nil {
		return -1, err
	}
	attr := unix.MountAttr{Propagation: unix.MS_PRIVATE}
	if readOnly {
		attr.Attr_set = unix.MOUNT_ATTR_RDONLY
	}
	if err := unix.MountSetattr(fd, "", unix.AT_EMPTY_PATH|unix.AT_RECURSIVE, &attr); err != nil {
		_ = unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

func setReadOnly(path string) error {
	return unix.MountSetattr(unix.AT_FDCWD, path, 0, &unix.MountAttr{Attr_set: unix.MOUNT_ATTR_RDONLY})
}
