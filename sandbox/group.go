package sandbox

import "syscall"

// A hierarchy makes cgroups; there is one for each version.
type hierarchy interface {
	// create makes a group with its limits in force; memoryMB 0 is unlimited.
	create(name string, memoryMB, maxProcesses int) (group, error)
	// String is Host.Limits.
	String() string
	// close lets go of what the hierarchy holds open.
	close()
}

// A group is the cgroup of one environment, in however many directories.
type group interface {
	// enter arranges that the next fork of the calling thread, with attr, is
	// born in the group; leave undoes it.
	enter(attr *syscall.SysProcAttr) (leave func(), err error)
	setCPU(vcpus float64) error
	canFreeze() bool
	freeze() error
	thaw() error
	// kill sends SIGKILL to every member, frozen or not.
	kill()
	// drain kills until no member is left.
	drain() error
	peakMemory() (bytes int64, ok bool)
	outOfMemory() bool
	remove() error
	// path is how an OCI runtime names the group (linux.cgroupsPath).
	path() string
}

// enterGroup is group.enter, where there is a group.
func enterGroup(g group, attr *syscall.SysProcAttr) (func(), error) {
	if g == nil {
		return func() {}, nil
	}
	return g.enter(attr)
}
