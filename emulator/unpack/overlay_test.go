package unpack

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestOverlay(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "opt")
	one := mustPack(t, item{"bin/a", 0o644, "one"}, item{"bin/b", 0o644, "one"}, item{"x", 0o644, "a file"}, item{"lib", fs.ModeSymlink | 0o777, "bin"})
	two := mustPack(t, item{"bin/b", 0o644, "two"}, item{"x/y", 0o644, "now a folder"}, item{"lib/c", 0o644, "not in bin"})
	n, err := Overlay([][]byte{one, two}, dir, Limits{})
	if err != nil {
		t.Fatal(err)
	}
	if want := int64(len("oneonea filetwonow a foldernot in bin")); n != want {
		t.Errorf("%d bytes, want %d", n, want)
	}
	var got []string
	_ = filepath.WalkDir(dir, func(p string, d fs.DirEntry, _ error) error {
		if d.Type().IsRegular() {
			b, _ := os.ReadFile(p)
			got = append(got, strings.TrimPrefix(p, dir+"/")+"="+string(b))
		}
		return nil
	})
	if want := "bin/a=one bin/b=two lib/c=not in bin x/y=now a folder"; strings.Join(got, " ") != want {
		t.Errorf("got  %v\nwant %s", got, want)
	}
	if _, err := os.Lstat(dir + ".next"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the folder for one archive is left: %v", err)
	}
}

// The archives share the limit, the last byte included.
func TestOverlayLimit(t *testing.T) {
	a := mustPack(t, item{"a", 0o644, "123456"})
	for _, c := range []struct {
		archives [][]byte
		limit    int64
		ok       bool
	}{{[][]byte{a, a}, 12, true}, {[][]byte{a, a}, 11, false}, {[][]byte{a, a}, 6, false}} {
		_, err := Overlay(c.archives, filepath.Join(t.TempDir(), "opt"), Limits{MaxBytes: c.limit})
		var refused *Error
		if (err == nil) != c.ok || err != nil && (!errors.As(err, &refused) || refused.Kind != TooLarge) {
			t.Errorf("limit %d: %v", c.limit, err)
		}
	}
}

// FuzzOverlay: whatever two archives hold, nothing is written beside their
// folder, and what is not refused can be walked.
func FuzzOverlay(f *testing.F) {
	f.Add(mustPack(f, item{"a", 0o644, "1"}), mustPack(f, item{"a/b", 0o644, "2"}))
	f.Add(mustPack(f, item{"d/l", fs.ModeSymlink | 0o777, "../x"}), mustPack(f, item{"d", fs.ModeSymlink | 0o777, "e"}))
	f.Fuzz(func(t *testing.T, one, two []byte) {
		outside := t.TempDir()
		_, err := Overlay([][]byte{one, two}, filepath.Join(outside, "opt"), Limits{MaxBytes: 1 << 16, MaxEntries: 100})
		if err == nil {
			err = filepath.WalkDir(filepath.Join(outside, "opt"), func(_ string, _ fs.DirEntry, err error) error { return err })
			if err != nil {
				t.Error(err)
			}
		}
		if left, _ := os.ReadDir(outside); len(left) > 1 {
			t.Errorf("beside the folder: %v", left)
		}
	})
}
