//go:build darwin || freebsd || netbsd || openbsd || dragonfly

package sandbox

import (
	"errors"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

func detect(Options, *spawner) (hierarchy, []string) {
	return nil, []string{"memory, CPU and the number of processes are not limited on " + runtime.GOOS +
		": init and duration are those of this machine's full CPU at every memory size; use Linux for times in proportion"}
}

func prepareThread() {}

func closeOnExec() {}

func processAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true}
}

func outliveThread(*syscall.SysProcAttr) {}

// waitExit returns when the process has ended, and leaves it to be reaped. It
// holds one thread for each environment.
func waitExit(pid int) {
	queue, err := unix.Kqueue()
	if err != nil {
		return
	}
	defer func() { _ = unix.Close(queue) }()
	var event unix.Kevent_t
	unix.SetKevent(&event, pid, unix.EVFILT_PROC, unix.EV_ADD|unix.EV_ONESHOT)
	event.Fflags = unix.NOTE_EXIT
	got := make([]unix.Kevent_t, 1)
	for {
		// ESRCH: it has ended already.
		if _, err := unix.Kevent(queue, []unix.Kevent_t{event}, got, nil); !errors.Is(err, unix.EINTR) {
			return
		}
	}
}

func killTree(int) {}

func treePeakMemory(int) int64 { return 0 }

func peakResident(*gauge, int) int64 { return 0 }

// maxRSS: Darwin counts in bytes, the others in units of 1024.
func maxRSS(u *syscall.Rusage) int64 {
	if runtime.GOOS == "darwin" {
		return u.Maxrss
	}
	return u.Maxrss * 1024
}

// UserNamespace gives nil: there are none on this system.
func UserNamespace() *syscall.SysProcAttr { return nil }

// EnterUserNamespace does nothing: there are none on this system.
func EnterUserNamespace() error { return nil }
