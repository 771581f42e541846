package sandbox

import (
	"os"
	"os/exec"
	"syscall"
)

// A guard is a shell that waits for the end of this program and then kills
// what is left in its cgroups and removes them. The parent-death signal alone
// would reach the first process of each environment, but not what that has
// started. The guard holds nothing but the reading end of a pipe, whose other
// end the kernel closes however this program ends.
type guard struct {
	shell *exec.Cmd
	pipe  *os.File
}

// guardScript gets the beginning of the groups' names and then the folders
// that they are in. First no group may grow and none is frozen any more.
const guardScript = `read -r never
mark=$1
shift
for dir in "$@"; do for group in "$dir/$mark"*; do
	[ -d "$group" ] || continue
	[ -e "$group/pids.max" ] && echo 0 >"$group/pids.max"
	[ -e "$group/freezer.state" ] && echo THAWED >"$group/freezer.state"
	[ -e "$group/cgroup.kill" ] && echo 1 >"$group/cgroup.kill"
done; done
for dir in "$@"; do for group in "$dir/$mark"*; do
	[ -d "$group" ] || continue
	tries=0
	while pids=$(cat "$group/cgroup.procs") && [ -n "$pids" ] && [ $tries -lt 500 ]; do
		kill -9 $pids
		tries=$((tries + 1))
		sleep 0.01
	done
	until rmdir "$group" || [ $tries -ge 500 ]; do
		tries=$((tries + 1))
		sleep 0.01
	done
done; done`

// startGuard returns nil where there is no shell; what would be left then is
// removed by the next program of this kind.
func startGuard(mark string, parents []string) *guard {
	read, write, err := os.Pipe()
	if err != nil {
		return nil
	}
	defer func() { _ = read.Close() }()
	// Nothing but the pipe is inherited: the guard must not keep a terminal or
	// the output of this program open.
	shell := exec.Command("/bin/sh", append([]string{"-c", guardScript, "coldbench-guard", mark}, parents...)...)
	shell.Stdin, shell.Dir = read, "/"
	shell.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := shell.Start(); err != nil {
		_ = write.Close()
		return nil
	}
	return &guard{shell: shell, pipe: write}
}

// dismiss ends the guard before it can act, and waits for it.
func (g *guard) dismiss() {
	if g != nil {
		_ = g.shell.Process.Kill()
		_ = g.shell.Wait()
		_ = g.pipe.Close()
	}
}
