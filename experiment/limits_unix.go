//go:build unix

package experiment

import "golang.org/x/sys/unix"

// resourceLimits returns the soft limits of open files and processes; 0 means
// not known or none.
func resourceLimits() (files, processes int64) {
	return softLimit(unix.RLIMIT_NOFILE), softLimit(unix.RLIMIT_NPROC)
}

func softLimit(which int) int64 {
	var l unix.Rlimit
	if unix.Getrlimit(which, &l) != nil || l.Cur > 1<<40 {
		return 0
	}
	return int64(l.Cur)
}
