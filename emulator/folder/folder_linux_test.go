package folder_test

import (
	"errors"
	"syscall"
	"testing"
)

// TestFullDiskKeepsWhatWasThere: on a file system of 64 kB a document that does
// not fit is refused, and the one in its place stays.
func TestFullDiskKeepsWhatWasThere(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=64k"); err != nil {
		t.Skipf("a small file system needs root: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
	f := open(t, dir)
	if err := f.Write("letters", "a", []byte("small")); err != nil {
		t.Fatal(err)
	}
	if err := f.Write("letters", "a", make([]byte, 1<<20)); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("1 MB on 64 kB: %v", err)
	}
	if b, err := f.Read("letters", "a"); string(b) != "small" || err != nil {
		t.Errorf("read %q, %v", b, err)
	}
	if names, err := f.Names("letters"); len(names) != 1 || err != nil {
		t.Errorf("left %v, %v", names, err)
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
}
