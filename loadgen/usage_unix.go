//go:build unix

package loadgen

import (
	"os"
	"syscall"
	"time"
)

// processCPU is the user and system time of this process so far.
func processCPU() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// freeFiles is how many more files this process may open, or -1 where that is
// not known.
func freeFiles() int64 {
	var limit syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit) != nil {
		return -1
	}
	if limit.Cur > 1<<40 {
		return 1 << 40
	}
	dir, err := os.Open("/dev/fd")
	if err != nil {
		return int64(limit.Cur)
	}
	defer func() { _ = dir.Close() }()
	names, err := dir.Readdirnames(-1)
	if err != nil {
		return int64(limit.Cur)
	}
	return max(0, int64(limit.Cur)-int64(len(names)))
}
