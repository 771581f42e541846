//go:build unix

package loadgen_test

import "syscall"

// peakMB is the largest resident size of this process so far, in MB where the
// system counts in KB (Linux).
func peakMB() float64 {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return float64(u.Maxrss) / 1024
}
