package sandbox

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// sized is a Host that can bound /tmp, or skips.
func sized(t testing.TB) *Host {
	t.Helper()
	h := isolated(t, Options{})
	if h.disks == nil {
		t.Skip(h.Warnings())
	}
	return h
}

// What goes beyond the size of /tmp does not fit; what fits is kept for the next
// process, is no memory of the function, and is gone when it is removed.
func TestTmpHasASize(t *testing.T) {
	h := sized(t)
	tmp := filepath.Join(t.TempDir(), "tmp")
	s := Spec{Tmp: tmp, TmpMB: 48, MemoryMB: 24}
	const fill = "dd if=/dev/zero of=/tmp/f bs=1M count=%d 2>&1 | grep -o 'No space left on device'; stat -c %s /tmp/f; ls /tmp"
	write := func(mb string) string { return shell(t, h, s, strings.Replace(fill, "%d", mb, 1)) }
	if got := write("40"); got != "41943040\nf" {
		t.Errorf("40 MB into 48, with 24 MB of memory: %q", got)
	}
	if got := write("60"); !strings.HasPrefix(got, "No space left on device\n4") {
		t.Errorf("60 MB into 48: %q", got)
	}
	if got := shell(t, h, s, "rm /tmp/f; echo kept >/tmp/g; stat -c %A /tmp; grep -c ' /tmp ext4 ' /proc/mounts"); got != "drwx------\n1" {
		t.Errorf("the folder itself: %q", got)
	}
	if got := shell(t, h, s, "cat /tmp/g"); got != "kept" {
		t.Errorf("the next process finds %q", got)
	}
	if entries, err := os.ReadDir(filepath.Dir(tmp)); err != nil || len(entries) != 1 {
		t.Errorf("beside the folder: %v, %v", entries, err)
	}
	if err := h.RemoveTmp(tmp); err != nil {
		t.Error(err)
	}
	if got := shell(t, h, s, "ls /tmp"); got != "" {
		t.Errorf("a removed /tmp has %q", got)
	}
	if got := shell(t, h, Spec{TmpMB: 2}, "dd if=/dev/zero of=/tmp/f bs=1M count=3 2>&1 | grep -o 'No space left on device'"); got == "" {
		t.Error("3 MB fit into 2 in memory")
	}
}

// No loop device stays in use, nor a file.
func TestNoDiskIsLeft(t *testing.T) {
	h := sized(t)
	tmp := filepath.Join(t.TempDir(), "tmp")
	shell(t, h, Spec{Tmp: tmp, TmpMB: 16}, "echo x >/tmp/f")
	device := filepath.Base(h.disks.of(tmp).device)
	backing := filepath.Join("/sys/block", device, "loop/backing_file")
	mine, err := os.ReadFile(backing)
	if err != nil || !strings.HasPrefix(string(mine), filepath.Dir(tmp)) {
		t.Fatalf("the disk is on %s, %v", mine, err)
	}
	if err := h.Close(); err != nil {
		t.Error(err)
	}
	// The kernel unmounts the copy of the ended process when it comes to it.
	for range 2000 {
		if now, err := os.ReadFile(backing); err != nil || string(now) != string(mine) {
			return
		}
		time.Sleep(time.Millisecond)
	}
	t.Errorf("%s is still in use", device)
}
