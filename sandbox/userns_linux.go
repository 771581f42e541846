package sandbox

import (
	"fmt"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// UserNamespace gives the attributes with which a program without root starts a
// copy of itself that is root of a user namespace, and so may make namespaces
// for functions. The copy calls EnterUserNamespace before it does anything
// else. Nil means that there is no need: this program is root. Whether the
// kernel permits it shows when the copy is started.
func UserNamespace() *syscall.SysProcAttr {
	uid, gid := os.Geteuid(), os.Getegid()
	if uid == 0 {
		return nil
	}
	return &syscall.SysProcAttr{
		// PID, IPC and UTS too: only who owns a namespace may come back to it.
		Cloneflags:  unix.CLONE_NEWUSER | unix.CLONE_NEWNS | unix.CLONE_NEWPID | unix.CLONE_NEWIPC | unix.CLONE_NEWUTS,
		UidMappings: []syscall.SysProcIDMap{{HostID: uid, Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{HostID: gid, Size: 1}},
	}
}

// EnterUserNamespace gives this program, which was started with the attributes
// of UserNamespace, the /proc of its own PID namespace. The error says that the
// system grants user namespaces without the right to mount in them.
func EnterUserNamespace() error {
	if err := unix.Mount("", "/", "", unix.MS_PRIVATE|unix.MS_REC, ""); err != nil {
		return fmt.Errorf("enter a user namespace: make mounts private: %w", err)
	}
	if err := unix.Mount("proc", "/proc", "proc", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, ""); err != nil {
		return fmt.Errorf("enter a user namespace: mount /proc: %w", err)
	}
	return nil
}
