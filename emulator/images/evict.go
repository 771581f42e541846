package images

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"syscall"
	"time"
)

// What stands in the cache is kept until it is too much, and what somebody uses
// is kept then too. A file beside each layer and tree, its record, says when it was
// used last, by its time, and whether it is in use, by a lock on it: a lock
// holds among programs that share the folder, and ends with the one that had it.

// DefaultCacheBytes is what a cache keeps where nothing else is said.
const DefaultCacheBytes = 20 << 30

const recordSuffix = ".json" // of a tree's record, which names its layers

// hold locks a record for use and notes the time. A record that is missing is
// made if make is true; else nil says that there is none.
func (s *Store) hold(record string, make bool) (*os.File, error) {
	flags := os.O_RDWR
	if make {
		flags |= os.O_CREATE
	}
	for {
		f, err := s.root.OpenFile(record, flags, 0o600)
		if errors.Is(err, fs.ErrNotExist) && !make {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		err = syscall.Flock(int(f.Fd()), syscall.LOCK_SH)
		if err == nil && s.stands(f, record) {
			now := time.Now()
			s.mu.Lock()
			s.held[f] = struct{}{}
			s.mu.Unlock()
			return f, s.root.Chtimes(record, now, now)
		}
		if closeErr := f.Close(); err != nil {
			return nil, errors.Join(err, closeErr)
		}
	}
}

// stands says whether a file that was opened is still the one of its name: it
// may have been evicted before the lock was there.
func (s *Store) stands(f *os.File, name string) bool {
	opened, err := f.Stat()
	if err != nil {
		return false
	}
	named, err := s.root.Lstat(name)
	return err == nil && os.SameFile(opened, named)
}

// letGo ends the use of records.
func (s *Store) letGo(held ...*os.File) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range held {
		delete(s.held, f)
		_ = f.Close()
	}
}

// entry is a layer or a tree in the cache.
type entry struct {
	at, record string
	used       time.Time
	bytes      int64    // of a layer
	layers     []string // of a tree: where they stand
}

// evict makes room: layers go that nobody uses, those first that were used
// least lately, with the trees that link to their files.
func (s *Store) evict() error {
	s.evicting.Lock()
	defer s.evicting.Unlock()
	layers, total, err := s.layers()
	if err != nil || total <= s.options.CacheBytes {
		return err
	}
	trees, err := s.trees()
	if err != nil {
		return err
	}
	slices.SortFunc(layers, func(a, b entry) int { return a.used.Compare(b.used) })
	for _, l := range layers {
		if total <= s.options.CacheBytes {
			break
		}
		gone, err := s.evictLayer(l, trees)
		if err != nil {
			return err
		}
		if gone {
			total -= l.bytes
		}
	}
	return nil
}

func (s *Store) evictLayer(l entry, trees []entry) (gone bool, err error) {
	for _, t := range trees {
		// A tree whose record names none may be of any layers.
		if len(t.layers) > 0 && !slices.Contains(t.layers, l.at) {
			continue
		}
		if gone, err := s.remove(t); err != nil || !gone {
			return false, err
		}
	}
	return s.remove(l)
}

// remove takes an entry out of the cache, unless somebody uses it.
func (s *Store) remove(e entry) (gone bool, err error) {
	f, err := s.root.OpenFile(e.record, os.O_RDWR|os.O_CREATE, 0o600)
	if errors.Is(err, fs.ErrNotExist) {
		return true, nil // by another program
	}
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return false, nil
	}
	if err != nil || !s.stands(f, e.record) {
		return err == nil, err
	}
	dir, err := s.scratch()
	if err != nil {
		return false, err
	}
	// Renamed first, so that nobody finds half of it.
	err = s.root.Rename(e.at, path.Join(dir, "evicted"))
	if errors.Is(err, fs.ErrNotExist) {
		err = nil // a record whose tree was never finished
	}
	if err == nil && path.Dir(e.record) != e.at {
		err = s.root.Remove(e.record)
	}
	return err == nil, errors.Join(err, s.root.RemoveAll(dir))
}

// layers lists those in the cache and the bytes of their files.
func (s *Store) layers() (list []entry, total int64, err error) {
	found, err := fs.ReadDir(s.root.FS(), "layers")
	if err != nil {
		return nil, 0, fmt.Errorf("look through the image cache: %w", err)
	}
	for _, f := range found {
		e := entry{at: path.Join("layers", f.Name())}
		e.record = path.Join(e.at, contentsFile)
		l, ok := s.cached(e.at)
		if info, err := s.root.Stat(e.record); err == nil && ok {
			e.used, e.bytes = info.ModTime(), l.Bytes
			total += l.Bytes
			list = append(list, e)
		}
	}
	return list, total, nil
}

func (s *Store) trees() (list []entry, err error) {
	found, err := fs.ReadDir(s.root.FS(), "trees")
	if err != nil {
		return nil, fmt.Errorf("look through the image cache: %w", err)
	}
	for _, f := range found {
		at := strings.TrimSuffix(path.Join("trees", f.Name()), recordSuffix)
		if n := len(list); n > 0 && list[n-1].at == at {
			continue // the record of the tree before it
		}
		e := entry{at: at, record: at + recordSuffix}
		b, err := s.root.ReadFile(e.record)
		if err == nil && json.Unmarshal(b, &e.layers) != nil {
			e.layers = nil // as of a tree without a record, it may be any
		}
		list = append(list, e)
	}
	return list, nil
}
