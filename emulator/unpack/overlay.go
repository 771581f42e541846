package unpack

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
)

// Overlay extracts archives one over another into dir, which it makes and which
// should be empty: where two have the same path, the later one's file stands,
// and folders of both are one. It gives the bytes of all archives' contents,
// which together stay under the limits. Each is first extracted on its own,
// next to dir, so that no entry of one can pass through a link of another. The
// error is as Zip's.
//
// Lambda unpacks a function's layers into /opt in this way. Source: AWS Lambda
// developer guide, "Adding layers to functions".
func Overlay(archives [][]byte, dir string, l Limits) (int64, error) {
	l = l.orDefaults()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return 0, fmt.Errorf("unpack layers: %w", err)
	}
	next := filepath.Clean(dir) + ".next"
	var sum int64
	for _, a := range archives {
		n, err := extract(bytes.NewReader(a), int64(len(a)), next, l)
		if err == nil {
			err = lay(next, dir)
		}
		err = errors.Join(err, os.RemoveAll(next))
		if err != nil {
			return sum, err
		}
		sum += n
		l.MaxBytes -= n
	}
	return sum, nil
}

// lay moves what is in from into to.
func lay(from, to string) error {
	src, err := os.OpenRoot(from)
	if err != nil {
		return fmt.Errorf("unpack layers: %w", err)
	}
	defer func() { _ = src.Close() }()
	dst, err := os.OpenRoot(to)
	if err != nil {
		return fmt.Errorf("unpack layers: %w", err)
	}
	defer func() { _ = dst.Close() }()
	if err := layFolder(src, dst, "."); err != nil {
		return fmt.Errorf("unpack layers: %w", err)
	}
	return nil
}

// layFolder moves one folder's entries. Both sides have it as a folder, no link.
func layFolder(src, dst *os.Root, folder string) error {
	entries, err := fs.ReadDir(src.FS(), folder)
	if err != nil {
		return err
	}
	for _, e := range entries {
		name := path.Join(folder, e.Name())
		old, err := dst.Lstat(name)
		switch {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			return err
		case old.IsDir() && e.IsDir():
			if err := layFolder(src, dst, name); err != nil {
				return err
			}
			continue
		default:
			if err := dst.RemoveAll(name); err != nil {
				return err
			}
		}
		if err := os.Rename(filepath.Join(src.Name(), name), filepath.Join(dst.Name(), name)); err != nil {
			return err
		}
	}
	return nil
}
