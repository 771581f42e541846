package sandbox

import (
	"bytes"
	"errors"
	"os"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// prepareThread gives up, for the starting thread and all that it forks, the
// ability to gain privileges by executing a set-user-ID program, and some
// priority: see cpuWeight, which says the same where cgroups are writable.
func prepareThread() {
	_ = unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
	_ = unix.Setpriority(unix.PRIO_PROCESS, 0, niceness) // 0: this thread alone
}

// niceness of function processes.
const niceness = 5

// closeOnExec marks every open file of this program, those included that it
// has inherited, so that a function starts with its three standard streams
// alone. Kernels before 5.11 refuse; what Go opens is marked anyway.
func closeOnExec() {
	_ = unix.CloseRange(3, 1<<32-1, unix.CLOSE_RANGE_CLOEXEC)
}

func processAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// outliveThread takes back that the process dies with its starting thread.
func outliveThread(sys *syscall.SysProcAttr) { sys.Pdeathsig = 0 }

// waitExit returns when the process has ended, and leaves it to be reaped: as
// a zombie it keeps its pid and its process group from being reused while the
// rest of the group is killed. It waits in Go's poller, so a thousand idle
// environments need no thousand threads.
func waitExit(pid int) {
	fd, err := unix.PidfdOpen(pid, unix.PIDFD_NONBLOCK)
	if err != nil {
		blockUntilExit(pid)
		return
	}
	file := os.NewFile(uintptr(fd), "pidfd")
	defer func() { _ = file.Close() }()
	conn, err := file.SyscallConn()
	if err == nil {
		err = conn.Read(func(uintptr) bool { return hasExited(pid) })
	}
	if err != nil {
		blockUntilExit(pid)
	}
}

func hasExited(pid int) bool {
	var info unix.Siginfo
	err := unix.Waitid(unix.P_PID, pid, &info, unix.WEXITED|unix.WNOWAIT|unix.WNOHANG, nil)
	return info.Signo != 0 || (err != nil && !errors.Is(err, unix.EINTR))
}

func blockUntilExit(pid int) {
	for {
		err := unix.Waitid(unix.P_PID, pid, nil, unix.WEXITED|unix.WNOWAIT, nil)
		if !errors.Is(err, unix.EINTR) {
			return
		}
	}
}

// killTree kills the descendants of pid, wherever they moved, as long as their
// line of parents leads to it. It is the fallback for a missing cgroup.
func killTree(pid int) {
	for _, p := range descendants(pid) {
		_ = unix.Kill(p, unix.SIGKILL)
	}
}

// treePeakMemory sums the peaks of the resident memory of pid and its
// descendants, in bytes; see proc(5), VmHWM in /proc/PID/status.
func treePeakMemory(pid int) int64 {
	sum := peakResidentOnce(pid)
	for _, p := range descendants(pid) {
		sum += peakResidentOnce(p)
	}
	return sum
}

func peakResidentOnce(pid int) int64 {
	var g gauge
	defer g.close()
	return peakResident(&g, pid)
}

// peakResident reads the mark of a process with a gauge of its status.
func peakResident(g *gauge, pid int) int64 {
	var buf [4096]byte // the mark stands in the first kilobyte, behind the groups
	status := g.read("/proc/"+strconv.Itoa(pid)+"/status", buf[:])
	_, after, found := bytes.Cut(status, []byte("\nVmHWM:"))
	if !found {
		return 0 // a zombie
	}
	mark, _, _ := bytes.Cut(bytes.TrimLeft(after, "\t "), []byte(" kB"))
	kb, _ := strconv.ParseInt(string(mark), 10, 64)
	return kb * 1024
}

// descendants lists the children of pid and theirs, from the kernel's own
// lists (/proc/PID/task/TID/children, CONFIG_PROC_CHILDREN).
func descendants(pid int) []int {
	var all []int
	tasks, _ := os.ReadDir("/proc/" + strconv.Itoa(pid) + "/task")
	for _, task := range tasks {
		list, _ := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/task/" + task.Name() + "/children")
		for _, field := range bytes.Fields(list) {
			if child, err := strconv.Atoi(string(field)); err == nil {
				all = append(append(all, child), descendants(child)...)
			}
		}
	}
	return all
}

// maxRSS is the peak resident memory of an ended process in bytes, or 0 where
// it is not known. Subtle: the kernel carries the peak of the forking program
// over into the forked one (the old memory's mark is merged at exec), so a
// value that does not exceed our own peak says nothing about the function.
func maxRSS(u *syscall.Rusage) int64 {
	if peak := u.Maxrss * 1024; peak > peakResidentOnce(os.Getpid()) {
		return peak
	}
	return 0
}
