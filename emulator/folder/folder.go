package folder

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

const (
	markFile  = "coldbench.json" // says what the folder is
	lockFile  = "lock"
	temporary = ".new-" // prefix of files that are being written
)

// Folder is an open folder. Its methods may be called from any goroutine, but of
// two Writes of one document at once either may be the one that stays.
type Folder struct {
	dir  string
	lock *os.File
}

type mark struct {
	Schema string `json:"schema"`
}

// Open opens the folder, or makes it. The schema names what is kept there, with
// its version: a folder of another schema is refused, and one that has files and
// no schema. others are names that belong to the folder besides the shelves.
func Open(dir, schema string, shelves []string, others ...string) (*Folder, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the data folder: %w", err)
	}
	f := &Folder{dir: dir}
	ours := append(slices.Concat(shelves, others), markFile, lockFile)
	marked, err := f.identify(schema, ours)
	if err != nil {
		return nil, err
	}
	if err := f.acquire(); err != nil {
		return nil, err
	}
	if err := f.prepare(schema, marked, shelves); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// identify says whether the folder has been marked before, and refuses one that
// is something else. It changes nothing.
func (f *Folder) identify(schema string, ours []string) (marked bool, err error) {
	b, err := os.ReadFile(f.Path(markFile))
	if err == nil {
		var m mark
		if err := json.Unmarshal(b, &m); err != nil {
			return false, fmt.Errorf("read %s: %w", f.Path(markFile), err)
		}
		if m.Schema != schema {
			return false, fmt.Errorf("read %s: schema %q, want %q", f.Path(markFile), m.Schema, schema)
		}
		return true, nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return false, fmt.Errorf("look for the schema of the data folder: %w", err)
	}
	list, err := os.ReadDir(f.dir)
	if err != nil {
		return false, fmt.Errorf("look into the data folder: %w", err)
	}
	for _, e := range list {
		if !slices.Contains(ours, e.Name()) && !strings.HasPrefix(e.Name(), temporary) {
			return false, fmt.Errorf("open the data folder %s: it holds %s and no %s, so it is something else; give an empty folder", f.dir, e.Name(), markFile)
		}
	}
	return false, nil
}

// acquire takes the lock, which ends with the process.
func (f *Folder) acquire() error {
	name := f.Path(lockFile)
	l, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE|syscall.O_CLOEXEC, 0o600)
	if err != nil {
		return fmt.Errorf("lock the data folder: %w", err)
	}
	if err := syscall.Flock(int(l.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		pid, _ := io.ReadAll(io.LimitReader(l, 20)) // for the message alone
		_ = l.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return fmt.Errorf("lock the data folder %s: another process works on it (%s)", f.dir, strings.TrimSpace("pid "+string(pid)))
		}
		return fmt.Errorf("lock %s: %w", name, err)
	}
	f.lock = l
	// Best effort: the number helps who reads the message above.
	_ = l.Truncate(0)
	_, _ = l.WriteAt(fmt.Append(nil, os.Getpid()), 0)
	return nil
}

// prepare makes the shelves and removes what was half written.
func (f *Folder) prepare(schema string, marked bool, shelves []string) error {
	for _, dir := range append([]string{""}, shelves...) {
		if err := os.MkdirAll(f.Path(dir), 0o700); err != nil {
			return fmt.Errorf("make a shelf of the data folder: %w", err)
		}
		left, err := filepath.Glob(f.Path(dir, temporary+"*"))
		if err != nil {
			return fmt.Errorf("look for half-written files: %w", err)
		}
		for _, name := range left {
			if err := os.Remove(name); err != nil {
				return fmt.Errorf("remove a half-written file: %w", err)
			}
		}
	}
	if marked {
		return nil
	}
	b, err := json.Marshal(mark{schema})
	if err != nil {
		return err
	}
	return f.Write("", markFile, append(b, '\n'))
}

// Path is the path of something in the folder.
func (f *Folder) Path(elem ...string) string {
	return filepath.Join(append([]string{f.dir}, elem...)...)
}

// Names are those of the documents on a shelf, sorted.
func (f *Folder) Names(shelf string) ([]string, error) {
	list, err := os.ReadDir(f.Path(shelf))
	if err != nil {
		return nil, fmt.Errorf("list documents: %w", err)
	}
	names := make([]string, len(list))
	for i, e := range list {
		names[i] = e.Name()
	}
	return names, nil
}

// Read gives a document.
func (f *Folder) Read(shelf, name string) ([]byte, error) { return os.ReadFile(f.Path(shelf, name)) }

// Write puts a document in the place of an older one of that name. When it
// returns nil the document is on the disk; when it returns an error the older
// one still is.
func (f *Folder) Write(shelf, name string, data []byte) error {
	t, err := os.CreateTemp(f.Path(shelf), temporary+"*")
	if err != nil {
		return fmt.Errorf("write %s: %w", f.Path(shelf, name), err)
	}
	_, err = t.Write(data)
	err = errors.Join(err, t.Sync())
	err = errors.Join(err, t.Close())
	if err == nil {
		err = os.Rename(t.Name(), f.Path(shelf, name))
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", f.Path(shelf, name), errors.Join(err, os.Remove(t.Name())))
	}
	return f.sync(shelf)
}

// Remove takes a document away. One that is not there is as good as removed.
func (f *Folder) Remove(shelf, name string) error {
	err := os.Remove(f.Path(shelf, name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("remove a document: %w", err)
	}
	return f.sync(shelf)
}

// sync makes a rename or a removal last.
func (f *Folder) sync(shelf string) error {
	d, err := os.Open(f.Path(shelf))
	if err != nil {
		return fmt.Errorf("sync a shelf: %w", err)
	}
	err = d.Sync()
	if errors.Is(err, syscall.EINVAL) { // a file system that can't; it has done what it can
		err = nil
	}
	if err = errors.Join(err, d.Close()); err != nil {
		return fmt.Errorf("sync a shelf: %w", err)
	}
	return nil
}

// Close gives the lock back. The Folder is of no more use.
func (f *Folder) Close() error { return f.lock.Close() }
