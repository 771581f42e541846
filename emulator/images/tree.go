package images

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
	"time"
)

// Names by which a layer takes away what lower ones have.
// Source: OCI image specification, layer.md, "Whiteouts".
const (
	whiteoutPrefix = ".wh."
	opaqueMarker   = ".wh..wh..opq"
	unionPrefix    = ".wh..wh." // bookkeeping of a union file system
)

// tree writes the entries of one layer under a folder. os.Root holds even if
// the reasoning about links here should be wrong.
type tree struct {
	root   *os.Root
	budget *budget
	links  map[string]bool // paths at which a link was made
	last   string          // a folder that is known to be there
	found  contents
}

func newTree(dir string, b *budget) (*tree, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	return &tree{root: root, budget: b, links: map[string]bool{}}, nil
}

func (t *tree) extract(r *tar.Reader) error {
	for {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil && !errors.Is(err, tar.ErrInsecurePath) {
			return err
		}
		t.found.Files++
		if e := t.budget.spend(0, 1); e != nil {
			return e
		}
		if err := t.entry(h, r); err != nil {
			var refused *Error
			if errors.As(err, &refused) && refused.Entry == "" && refused.Kind != TooLarge {
				refused.Entry = h.Name
			}
			return err
		}
	}
}

// readLink asks the disk only where a link has been.
func (t *tree) readLink(name string) (string, bool) {
	if !t.links[name] {
		return "", false
	}
	target, err := t.root.Readlink(name)
	return target, err == nil
}

// entry writes one entry, or notes what it takes away.
func (t *tree) entry(h *tar.Header, r io.Reader) error {
	clean, reason := entryPath(h.Name)
	if reason != "" {
		return &Error{Kind: Unsafe, Reason: reason}
	}
	name, ok := resolve(clean, false, t.readLink)
	if !ok {
		return &Error{Kind: Unsafe, Reason: fmt.Sprintf("its path passes through more than %d links", maxLinks)}
	}
	if name == "" {
		return nil // the layer's own folder
	}
	switch {
	case isBookkeeping(name):
		return nil
	case strings.HasPrefix(path.Base(name), whiteoutPrefix):
		return t.whiteout(name)
	}
	if dir := path.Dir(name); dir != "." {
		if err := t.folder(dir); err != nil {
			return err
		}
	}
	switch h.Typeflag {
	case tar.TypeDir:
		return t.directory(name, h)
	case tar.TypeReg, tar.TypeGNUSparse, tar.TypeCont:
		return t.file(name, h, r)
	case tar.TypeSymlink:
		return t.symlink(name, h.Linkname)
	case tar.TypeLink:
		return t.hardLink(name, h.Linkname)
	}
	t.found.Skipped++
	return nil
}

// isBookkeeping says whether a path is, or lies below, a name that a union file
// system keeps for itself.
func isBookkeeping(name string) bool {
	if path.Base(name) == opaqueMarker {
		name = path.Dir(name)
	}
	return strings.HasPrefix(name, unionPrefix) || strings.Contains(name, "/"+unionPrefix)
}

func (t *tree) whiteout(name string) error {
	dir, base := path.Split(name)
	dir = strings.TrimSuffix(dir, "/")
	hidden := strings.TrimPrefix(base, whiteoutPrefix)
	switch {
	case base == opaqueMarker:
		t.found.Opaque = append(t.found.Opaque, dir)
	case hidden == "" || hidden == "." || hidden == "..":
		return &Error{Kind: Unsafe, Reason: "it takes away no file"}
	default:
		t.found.Whiteouts = append(t.found.Whiteouts, path.Join(dir, hidden))
	}
	return nil
}

// folder makes a folder that an entry lies in and that the archive has not
// named, or not yet. A file in its place has to go.
func (t *tree) folder(name string) error {
	if name == t.last {
		return nil
	}
	t.last = name
	if info, err := t.root.Lstat(name); err == nil && info.IsDir() {
		return nil
	}
	if err := t.root.MkdirAll(name, 0o755); err == nil {
		return nil
	}
	for at := name; at != "."; at = path.Dir(at) {
		if info, err := t.root.Lstat(at); err == nil && !info.IsDir() {
			if err := t.remove(at); err != nil {
				return err
			}
		}
	}
	return onDisk(t.root.MkdirAll(name, 0o755))
}

// remove makes place for an entry that comes again: the last one counts.
func (t *tree) remove(name string) error {
	t.last = ""
	return onDisk(t.root.RemoveAll(name))
}

// clear removes what stands at name, if anything does.
func (t *tree) clear(name string) error {
	if _, err := t.root.Lstat(name); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return t.remove(name)
}

func (t *tree) directory(name string, h *tar.Header) error {
	if info, err := t.root.Lstat(name); err == nil && !info.IsDir() {
		if err := t.remove(name); err != nil {
			return err
		}
	}
	if err := t.root.Mkdir(name, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return onDisk(err)
	}
	// Its owner, which is this program, has to be able to work in it.
	return onDisk(t.root.Chmod(name, h.FileInfo().Mode().Perm()|0o700))
}

func (t *tree) file(name string, h *tar.Header, r io.Reader) error {
	if err := t.clear(name); err != nil {
		return err
	}
	f, err := t.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return onDisk(err)
	}
	err = t.write(f, r)
	if e := f.Close(); err == nil {
		err = onDisk(e)
	}
	if err == nil {
		err = onDisk(t.root.Chmod(name, h.FileInfo().Mode().Perm()|0o400))
	}
	if err == nil && !h.ModTime.IsZero() {
		err = onDisk(t.root.Chtimes(name, time.Time{}, h.ModTime))
	}
	return err
}

// write copies a file. The holes of a sparse one are bytes on disk that the
// archive does not have, so they are counted here.
func (t *tree) write(f *os.File, r io.Reader) error {
	buffer := make([]byte, 64<<10)
	for {
		n, err := r.Read(buffer)
		if n > 0 {
			if t.budget.disk.Add(int64(n)) > t.budget.limits.MaxBytes {
				return t.budget.tooManyBytes()
			}
			if _, err := f.Write(buffer[:n]); err != nil {
				return onDisk(err)
			}
		}
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
	}
}

func (t *tree) symlink(name, target string) error {
	switch {
	case target == "" || len(target) > 4095 || strings.ContainsRune(target, 0):
		return &Error{Kind: Unsafe, Reason: "it is a link to nowhere"}
	case climbs(path.Dir(name), target):
		return &Error{Kind: Unsafe, Reason: fmt.Sprintf("it is a link to %q, which leads above the image", target)}
	}
	if err := t.clear(name); err != nil {
		return err
	}
	if err := t.root.Symlink(target, name); err != nil {
		return onDisk(err)
	}
	t.links[name] = true
	return nil
}

func (t *tree) hardLink(name, target string) error {
	clean, reason := entryPath(target)
	if reason != "" {
		return &Error{Kind: Unsafe, Reason: fmt.Sprintf("it is a hard link to %q: %s", target, reason)}
	}
	source, ok := resolve(clean, false, t.readLink)
	info, err := t.root.Lstat(source)
	switch {
	case !ok || source == "" || err != nil || info.IsDir():
		return &Error{Kind: Corrupt, Reason: fmt.Sprintf("it is a hard link to %q, which is no file of this layer", target)}
	case source == name:
		return nil
	}
	if err := t.clear(name); err != nil {
		return err
	}
	if err := t.root.Link(source, name); err != nil {
		return onDisk(err)
	}
	if t.links[source] {
		t.links[name] = true
	}
	return nil
}
