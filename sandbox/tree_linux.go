//go:build amd64 || arm64

package sandbox

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// detached is one entry of a folder, on its way into a view.
type detached struct {
	name string
	fd   int    // the mount; -1 for a symbolic link
	link string // where that leads
	file bool
}

type detachedTree []detached

func (t detachedTree) close() {
	for _, d := range t {
		if d.fd >= 0 {
			_ = unix.Close(d.fd)
		}
	}
}

// attach makes the entries below dir.
func (t detachedTree) attach(dir string) error {
	for _, d := range t {
		path := filepath.Join(dir, d.name)
		if d.fd < 0 {
			if err := os.Symlink(d.link, path); err != nil {
				return fmt.Errorf("show %s: %w", path, err)
			}
			continue
		}
		if err := makePlace(path, d.file); err != nil {
			return err
		}
		if err := attach(d.fd, path); err != nil {
			return err
		}
	}
	return nil
}

// openBound opens what is bound into every view: devices, /sys, and for an image
// what this machine knows of names and addresses.
func (o viewOf) openBound() (detachedTree, error) {
	paths := []string{"/sys"}
	for _, name := range devices {
		paths = append(paths, "/dev/"+name)
	}
	if o.root != "/" {
		for _, path := range []string{"/etc/resolv.conf", "/etc/hosts"} {
			_, here := os.Stat(path)
			if _, there := os.Stat(o.root + path); here == nil && there == nil {
				paths = append(paths, path)
			}
		}
	}
	var t detachedTree
	for _, path := range paths {
		fd, err := openTree(path, true)
		if err != nil {
			t.close()
			return nil, fmt.Errorf("bind %s: %w", path, err)
		}
		t = append(t, detached{name: path[1:], fd: fd, file: path != "/sys"})
	}
	if o.lendProc { // the environment's own /tmp will cover it
		fd, err := openTree("/proc", false)
		if err != nil {
			t.close()
			return nil, fmt.Errorf("bind /proc: %w", err)
		}
		t = append(t, detached{name: "tmp", fd: fd})
	}
	return t, nil
}

// maxMirrored bounds the entries of a folder that are bound one by one.
const maxMirrored = 512

// openEntries opens each entry of a folder, but for those to be left out and
// those that can't be bound, such as a folder that this user may not see.
func openEntries(dir string, without map[string]bool) (detachedTree, error) {
	list, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	if len(list) > maxMirrored {
		return nil, fmt.Errorf("show %s: it has %d entries, more than %d", dir, len(list), maxMirrored)
	}
	var t detachedTree
	for _, entry := range list {
		path := filepath.Join(dir, entry.Name())
		switch mode := entry.Type(); {
		case without[entry.Name()]:
		case mode&os.ModeSymlink != 0:
			if to, err := os.Readlink(path); err == nil {
				t = append(t, detached{name: entry.Name(), fd: -1, link: to})
			}
		default:
			if fd, err := openTree(path, true); err == nil {
				t = append(t, detached{name: entry.Name(), fd: fd, file: !mode.IsDir()})
			}
		}
	}
	return t, nil
}

// makePlaces makes what a mount needs below it. It runs inside the view.
func makePlaces(places []place) error {
	var root unix.Stat_t
	if err := unix.Stat("/", &root); err != nil {
		return err
	}
	for _, p := range places {
		if _, err := os.Stat(p.path); err == nil {
			continue
		}
		if err := mirrorParents(p.path, root.Dev); err != nil {
			return fmt.Errorf("make a place for %s: %w", p.path, err)
		}
		if err := makePlace(p.path, p.file); err != nil {
			return err
		}
	}
	return nil
}

// mirrorParents makes the existing folders above path ones of the view's own
// tmpfs, device dev, where something can be added.
func mirrorParents(path string, dev uint64) error {
	dir := ""
	for name := range strings.SplitSeq(strings.TrimPrefix(filepath.Dir(path), "/"), "/") {
		dir += "/" + name
		var st unix.Stat_t
		if err := unix.Stat(dir, &st); err != nil {
			return nil //nolint:nilerr // from here on nothing exists
		}
		if st.Dev == dev {
			continue
		}
		entries, err := openEntries(dir, nil)
		if err != nil {
			return err
		}
		err = unix.Unmount(dir, unix.MNT_DETACH)
		if err == nil {
			err = entries.attach(dir)
		}
		entries.close()
		if err != nil {
			return err
		}
	}
	return nil
}

// makePlace makes a folder, or an empty file, with all that is above it.
func makePlace(path string, file bool) error {
	if !file {
		return os.MkdirAll(path, 0o755)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDONLY, 0o644)
	if err != nil {
		return err
	}
	return f.Close()
}
