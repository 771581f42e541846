package logsource_test

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"coldbench/logsource"
)

// TestWithoutPermission reads a folder and a file that the reader may not
// read. Root may read everything, so its thread gives that right up meanwhile.
func TestWithoutPermission(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "a/log"), "a\n")
	shut := filepath.Dir(write(t, filepath.Join(dir, "b/log"), "b\n"))
	secret := write(t, filepath.Join(dir, "c/log"), "c\n")
	write(t, filepath.Join(dir, "d/log"), "d\n")
	for _, path := range []string{shut, secret} {
		if err := os.Chmod(path, 0); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() { _ = os.Chmod(shut, 0o755) })
	if os.Geteuid() == 0 {
		for p := dir; len(p) > len(os.TempDir()); p = filepath.Dir(p) {
			if err := os.Chmod(p, 0o755); err != nil {
				t.Fatal(err)
			}
		}
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		if err := unix.Setfsuid(65534); err != nil {
			t.Skipf("this root can't give up its right to read everything: %v", err)
		}
		defer func() { _ = unix.Setfsuid(0) }()
		if _, err := os.ReadDir(shut); err == nil {
			t.Skip("this root can read everything even so")
		}
	}
	events, err := readAll(logsource.NewFiles(nil, dir), logsource.Window{})
	if messages(events) != "a\nd\n" {
		t.Errorf("read %q", messages(events))
	}
	want := "read logs: open " + shut + ": permission denied\nread logs: open " + secret + ": permission denied"
	if err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %v", err, want)
	}
	if _, err := readAll(logsource.NewFiles(nil, shut), logsource.Window{}); err == nil || !strings.Contains(err.Error(), "permission denied") || strings.Contains(err.Error(), "holds no file") {
		t.Errorf("the folder alone: %v", err)
	}
}
