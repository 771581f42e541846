//go:build !linux || !(amd64 || arm64)

package sandbox

import (
	"errors"
	"runtime"
	"syscall"
)

// private does not exist on this system.
type private struct{}

func newPrivate(*spawner) (*private, error) {
	return nil, errors.New("they need Linux on amd64 or arm64, not " + runtime.GOOS + " on " + runtime.GOARCH)
}

func (*private) close() {}

func (*private) goHome() error { return nil }

func (*private) enter(*Spec, *syscall.SysProcAttr) (*firstProcess, error) {
	return nil, errors.ErrUnsupported
}

func (*private) limitTmp() error { return errors.ErrUnsupported }

func (*private) makeTmp(string, int) error { return errors.ErrUnsupported }

func (*private) removeTmp(string) {}

// firstProcess does not exist on this system.
type firstProcess struct{ pid int }

func (*firstProcess) join() error { return errors.ErrUnsupported }

func (*firstProcess) kill() {}

func (*firstProcess) end() {}
