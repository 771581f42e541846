package emulator_test

import (
	"os"
	"syscall"
)

// fill takes all the room of the function's /tmp, without writing it: half a
// gigabyte would take its time.
func fill() string {
	f, err := os.Create(os.TempDir() + "/fill")
	if err != nil {
		return err.Error()
	}
	defer f.Close()
	const step = 1 << 20
	for at := int64(0); ; at += step {
		if err := syscall.Fallocate(int(f.Fd()), 0, at, step); err != nil {
			return err.Error()
		}
	}
}
