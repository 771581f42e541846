package emulator_test

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// traces says what is there of this process's environments: child processes,
// control groups, mounts below dir, open files. newBed compares it with what was
// there before: no test may leave any of it. The goroutines are goleak's matter.
func traces(t *testing.T, dir string) []string {
	t.Helper()
	var found []string
	self := strconv.Itoa(os.Getpid())
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range stats {
		stat, _ := os.ReadFile(file) // it may have ended
		_, rest, _ := strings.Cut(string(stat), ") ")
		if f := strings.Fields(rest); len(f) > 1 && f[1] == self {
			found = append(found, "process "+strings.TrimSpace(string(stat[:min(len(stat), 40)])))
		}
	}
	for _, pattern := range []string{"/sys/fs/cgroup/coldbench-", "/sys/fs/cgroup/*/coldbench-", "/sys/fs/cgroup/*/*/coldbench-"} {
		groups, err := filepath.Glob(pattern + self + "-*")
		if err != nil {
			t.Fatal(err)
		}
		found = append(found, groups...)
	}
	mounts, _ := os.ReadFile("/proc/self/mountinfo") // only Linux has it
	for line := range strings.Lines(string(mounts)) {
		if strings.Contains(line, dir) {
			found = append(found, "mount "+line)
		}
	}
	files, _ := filepath.Glob("/proc/self/fd/*")
	for _, file := range files {
		// Connections belong to clients too, and what serves them is a goroutine.
		to, err := os.Readlink(file)
		if err == nil && !strings.HasPrefix(to, "socket:") && !strings.HasPrefix(to, "anon_inode:[event") && !strings.HasPrefix(to, "/proc/") {
			found = append(found, "open "+to)
		}
	}
	return found
}

// leftovers are the traces that were not there before.
func leftovers(t *testing.T, dir string, before []string) string {
	t.Helper()
	return strings.Join(slices.DeleteFunc(traces(t, dir), func(trace string) bool { return slices.Contains(before, trace) }), "\n")
}
