package images

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// treeName names a merged tree by the contents of its layers in their order.
func treeName(diffIDs []string) string {
	sum := sha256.Sum256([]byte(strings.Join(diffIDs, "\n")))
	return hex.EncodeToString(sum[:])
}

// merger lays layers over each other in one folder of the store.
type merger struct {
	store *os.Root
	to    string   // the folder, relative to the store
	tree  *os.Root // that folder
}

func newMerger(store *os.Root, to string) (*merger, error) {
	tree, err := store.OpenRoot(to)
	if err != nil {
		return nil, err
	}
	return &merger{store: store, to: to, tree: tree}, nil
}

// add lays a layer, unpacked in from, over what is there.
func (m *merger) add(from string, c contents) error {
	for _, dir := range c.Opaque {
		if err := m.empty(dir); err != nil {
			return err
		}
	}
	for _, name := range c.Whiteouts {
		if err := m.takeAway(name); err != nil {
			return err
		}
	}
	layer, err := m.store.OpenRoot(from)
	if err != nil {
		return err
	}
	defer func() { _ = layer.Close() }()
	return fs.WalkDir(layer.FS(), ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil || name == ".":
			return err
		case d.IsDir():
			return m.folder(name, d)
		}
		return m.link(from, name)
	})
}

// real says whether every folder on the way to name is one, and no link: what a
// whiteout names behind a link is not what its layer saw.
func (m *merger) real(name string) bool {
	for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
		if info, err := m.tree.Lstat(dir); err != nil || !info.IsDir() {
			return false
		}
	}
	return true
}

func (m *merger) takeAway(name string) error {
	if !m.real(name) {
		return nil
	}
	return m.tree.RemoveAll(name)
}

// empty removes what lower layers have in a folder; "" is the image itself.
func (m *merger) empty(dir string) error {
	if dir == "" {
		dir = "."
	} else if info, err := m.tree.Lstat(dir); !m.real(dir) || err != nil || !info.IsDir() {
		return nil
	}
	entries, err := fs.ReadDir(m.tree.FS(), dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if err := m.tree.RemoveAll(path.Join(dir, e.Name())); err != nil {
			return err
		}
	}
	return nil
}

func (m *merger) folder(name string, d fs.DirEntry) error {
	info, err := d.Info()
	if err != nil {
		return err
	}
	if old, err := m.tree.Lstat(name); err == nil && !old.IsDir() {
		if err := m.tree.Remove(name); err != nil {
			return err
		}
	}
	if err := m.tree.Mkdir(name, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return m.tree.Chmod(name, info.Mode().Perm())
}

// link gives a file or link of a layer a second name in the tree.
func (m *merger) link(from, name string) error {
	source, target := path.Join(from, name), path.Join(m.to, name)
	err := m.store.Link(source, target)
	if errors.Is(err, fs.ErrExist) {
		if err := m.tree.RemoveAll(name); err != nil {
			return err
		}
		err = m.store.Link(source, target)
	}
	if err != nil {
		return fmt.Errorf("merge layers: %w (the cache must lie on a file system with hard links)", err)
	}
	return nil
}

func (m *merger) close() { _ = m.tree.Close() }

// Find gives the path inside the image that a program's name leads to: as it is
// where it holds a slash, else looked up in searchPath (as PATH). The error is
// fs.ErrNotExist or fs.ErrPermission.
func (i *Image) Find(program, dir, searchPath string) (string, error) {
	if strings.Contains(program, "/") {
		full := program
		if !path.IsAbs(full) {
			full = path.Join("/", dir, full)
		}
		return full, i.executable(full)
	}
	err := fs.ErrNotExist
	for at := range strings.SplitSeq(searchPath, ":") {
		full := path.Join("/", at, program)
		e := i.executable(full)
		if e == nil {
			return full, nil
		}
		if errors.Is(e, fs.ErrPermission) {
			err = e
		}
	}
	return "", err
}

// Dir says whether the image has a folder of that name, links followed.
func (i *Image) Dir(name string) bool {
	info, err := i.stat(name)
	return err == nil && info.IsDir()
}

// Entries lists a folder of the image, links followed; nil where it has none.
func (i *Image) Entries(name string) []fs.DirEntry {
	found, ok := i.resolve(name)
	if !ok {
		return nil
	}
	list, err := os.ReadDir(found)
	if err != nil {
		return nil
	}
	return list
}

func (i *Image) executable(name string) error {
	info, err := i.stat(name)
	switch {
	case err != nil:
		return err
	case !info.Mode().IsRegular(), info.Mode().Perm()&0o111 == 0:
		return fs.ErrPermission
	}
	return nil
}

func (i *Image) stat(name string) (fs.FileInfo, error) {
	found, ok := i.resolve(name)
	if !ok {
		return nil, fs.ErrNotExist
	}
	return os.Lstat(found)
}

// resolve gives the path on this machine to which a path inside the image
// leads, links followed as inside of it.
func (i *Image) resolve(name string) (string, bool) {
	found, ok := resolve(name, true, func(p string) (string, bool) {
		target, err := os.Readlink(filepath.Join(i.Root, p))
		return target, err == nil
	})
	return filepath.Join(i.Root, found), ok
}
