//go:build !linux || !(amd64 || arm64)

package sandbox

import (
	"errors"
	"runtime"
	"syscall"
)

// private does not exist on this system.
type private struct{ disks *disks }

func newPrivate(*spawner) (*private, error) {
	return nil, errors.New("they need Linux on amd64 or arm64, not " + runtime.GOOS + " on " + runtime.GOARCH)
}

func (*private) close() {}

func (*private) goHome() error { return nil }

func (*private) enter(*Spec, *syscall.SysProcAttr) (*firstProcess, error) {
	return nil, errors.ErrUnsupported
}

// disks do not exist on this system.
type disks struct{}

func newDisks() (*disks, error) { return nil, errors.ErrUnsupported }

func (*disks) make(string, int) error { return errors.ErrUnsupported }

func (*disks) remove(string) {}

func (*disks) close() {}

// oci does not exist on this system.
type oci struct{ disks *disks }

func newOCI(program string, _ hierarchy) (*oci, error) {
	return nil, errors.New("sandbox " + program + ": it needs Linux on amd64 or arm64, not " + runtime.GOOS + " on " + runtime.GOARCH)
}

func (*oci) close() error { return nil }

func (*oci) String() string { return "" }

func (e *Env) startBox(*Spec, []Extra, string) error { return errors.ErrUnsupported }

// box does not exist on this system.
type box struct{}

func (*box) exec(*Env, Extra) (*Child, error) { return nil, errors.ErrUnsupported }

func (*box) end() {}

// firstProcess does not exist on this system.
type firstProcess struct{ pid int }

func (*firstProcess) join() error { return errors.ErrUnsupported }

func (*firstProcess) kill() {}

func (*firstProcess) end() {}
