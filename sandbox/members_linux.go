package sandbox

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// members lists the processes of a group, without this one, which is seen in
// a group while its starting thread is.
func members(dir string) []int {
	text, err := os.ReadFile(filepath.Join(dir, "cgroup.procs"))
	if err != nil {
		return nil
	}
	var pids []int
	for _, field := range bytes.Fields(text) {
		// 0 stands for a process of another pid namespace.
		if pid, err := strconv.Atoi(string(field)); err == nil && pid > 1 && pid != os.Getpid() {
			pids = append(pids, pid)
		}
	}
	return pids
}

func killMembers(dir string) {
	for _, pid := range members(dir) {
		_ = unix.Kill(pid, unix.SIGKILL)
	}
}

// drainLimit is how long killed processes may take to vanish. Only a process
// that is stuck in the kernel (a dead network disk) takes that long.
const drainLimit = 10 * time.Second

// drainGroup calls kill until the group has no member.
func drainGroup(dir string, kill func()) error {
	pause, deadline := 50*time.Microsecond, time.Now().Add(drainLimit)
	for {
		left := members(dir)
		if len(left) == 0 {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("drain %s: processes %v survive SIGKILL", dir, left)
		}
		kill()
		time.Sleep(pause)
		pause = min(2*pause, 20*time.Millisecond)
	}
}

// removeGroup removes the empty group. The kernel answers EBUSY for an instant
// after the last member has gone.
func removeGroup(dir string) error {
	pause := 50 * time.Microsecond
	for {
		err := unix.Rmdir(dir)
		if err == nil || errors.Is(err, unix.ENOENT) {
			return nil
		}
		if !errors.Is(err, unix.EBUSY) || pause > time.Second {
			return fmt.Errorf("remove cgroup %s: %w", dir, err)
		}
		time.Sleep(pause)
		pause *= 2
	}
}

// put writes one control file.
func put(dir, file, value string) error {
	f, err := os.OpenFile(filepath.Join(dir, file), os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteString(value)
	if err != nil {
		err = fmt.Errorf("%w (value %q)", err, value)
	}
	return errors.Join(err, f.Close())
}

// number reads the gauge of a control file that holds one number.
func (g *gauge) number(dir, file string) (int64, bool) {
	var buf [32]byte
	n, err := strconv.ParseInt(strings.TrimSpace(string(g.read(filepath.Join(dir, file), buf[:]))), 10, 64)
	return n, err == nil
}

// counter reads one line "key number" of a control file; 0 where there is none.
func counter(dir, file, key string) int64 {
	text, err := os.ReadFile(filepath.Join(dir, file))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		if fields := strings.Fields(line); len(fields) == 2 && fields[0] == key {
			n, _ := strconv.ParseInt(fields[1], 10, 64)
			return n
		}
	}
	return 0
}

// cpuPeriod is the accounting period of the CPU limit, in microseconds, as on
// Lambda: there a function at 128 MB runs for 1.45 ms of each 20 ms (measured in
// functions by github.com/pwrdrvr/lambda-throttling, 2025). The kernel's default
// is 100 ms. A handler that needs less than the quota of one period is not
// slowed at all, so the length of the period is seen in short durations.
const cpuPeriod = 20_000

// cpuQuota is the CPU time per period for so many vCPUs, in microseconds. The
// kernel takes no quota below 1 ms.
func cpuQuota(vcpus float64) int64 {
	return max(1000, int64(vcpus*cpuPeriod+0.5))
}

// awaitFrozen polls done until it is true.
func awaitFrozen(dir string, done func() bool) error {
	pause, deadline := 20*time.Microsecond, time.Now().Add(drainLimit)
	for !done() {
		if time.Now().After(deadline) {
			return fmt.Errorf("freeze %s: not frozen after %v", dir, drainLimit)
		}
		time.Sleep(pause)
		pause = min(2*pause, 5*time.Millisecond)
	}
	return nil
}
