package record

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

const (
	fanOut   = 32 // files of one partition; 5 bits of the hash
	maxLevel = 4  // 32^5 partitions; what is still too large then is one id many times
)

// spill is the folder of a Join that did not fit in memory.
type spill struct {
	dir           string
	reports, rows *partition
}

func newSpill(tempDir string) (*spill, error) {
	dir, err := os.MkdirTemp(tempDir, "coldbench-join-")
	if err != nil {
		return nil, fmt.Errorf("make room for what exceeds memory: %w", err)
	}
	return &spill{
		dir:     dir,
		reports: &partition{prefix: filepath.Join(dir, "reports")},
		rows:    &partition{prefix: filepath.Join(dir, "rows")},
	}, nil
}

// close removes the folder with all that is in it, open files included.
func (s *spill) close() error {
	return errors.Join(s.reports.abandon(), s.rows.abandon(), os.RemoveAll(s.dir))
}

// partition divides values by a hash of their request id over fanOut files. A
// file exists only when something was written to it.
type partition struct {
	prefix string
	level  int
	files  [fanOut]*os.File
	codecs [fanOut]*codec
	finest *partition // the finer one that is in use, so that abandon finds it
}

// finer is the partition of file i by the next bits of the hash.
func (p *partition) finer(i int) *partition {
	p.finest = &partition{prefix: fmt.Sprintf("%s-%d", p.prefix, i), level: p.level + 1}
	return p.finest
}

func (p *partition) path(i int) string { return fmt.Sprintf("%s-%d.spill", p.prefix, i) }

// write appends v to the file of id.
func (p *partition) write(id string, v interface{ code(*codec) }) error {
	i := int(hashID(id) >> (5 * p.level) % fanOut)
	c := p.codecs[i]
	if c == nil {
		f, err := os.OpenFile(p.path(i), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if err != nil {
			return err
		}
		c = &codec{w: bufio.NewWriterSize(f, 32<<10)}
		p.files[i], p.codecs[i] = f, c
	}
	v.code(c)
	if c.err != nil {
		return fmt.Errorf("write spill file: %w", c.err)
	}
	return nil
}

// flush ends the writing: every file is complete and closed.
func (p *partition) flush() error {
	var err error
	for i, c := range p.codecs {
		if c != nil {
			err = errors.Join(err, c.w.Flush(), p.files[i].Close())
			p.codecs[i], p.files[i] = nil, nil
		}
	}
	if err != nil {
		return fmt.Errorf("write spill file: %w", err)
	}
	return nil
}

// remove deletes file i, which may not exist.
func (p *partition) remove(i int) error {
	if err := os.Remove(p.path(i)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

// abandon closes what is still open, here and in the finer partitions.
func (p *partition) abandon() error {
	var err error
	for ; p != nil; p = p.finest {
		for i, f := range p.files {
			if f != nil {
				err = errors.Join(err, f.Close())
				p.codecs[i], p.files[i] = nil, nil
			}
		}
	}
	return err
}

// readPartition calls do for every value of file i, in the order in which they
// were written.
func readPartition[T any, P coder[T]](p *partition, i int, do func(T) error) error {
	f, err := os.Open(p.path(i))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }() // only read
	return decodeAll[T, P](io.Reader(f), do)
}

// hashID is 64-bit FNV-1a with a finalizer, so that every group of its bits
// may choose a file. It is the same in every process: the order of a spilled
// join, and with it the last digits of a mean, do not change from one reading
// to the next.
func hashID(id string) uint64 {
	h := uint64(14695981039346656037)
	for i := range len(id) {
		h = (h ^ uint64(id[i])) * 1099511628211
	}
	return mix(h)
}
