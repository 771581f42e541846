package emulator

import (
	"context"
	"slices"
	"sync"

	"coldbench/emulator/runtimes"
	"coldbench/sandbox"
)

// hostSandbox is a sandbox.Host as a Sandbox.
type hostSandbox struct{ host *sandbox.Host }

func (h hostSandbox) Private() bool { return h.host.Private() }

func (h hostSandbox) RemoveTmp(tmp string) error { return h.host.RemoveTmp(tmp) }

func (h hostSandbox) Start(ctx context.Context, s sandbox.Spec) (Process, error) {
	// Not written as one return: a nil *sandbox.Env must not become a Process.
	env, err := h.host.Start(ctx, s)
	if err != nil {
		return nil, err
	}
	return env, nil
}

// localRuntimes runs managed runtimes on the interpreters of this machine.
type localRuntimes struct {
	dir  string
	once sync.Once
	err  error
}

func (l *localRuntimes) Command(name, codeDir, handler string, memoryMB int) ([]string, string, error) {
	r, err := runtimes.Lookup(name)
	if err != nil {
		return nil, "", err
	}
	l.once.Do(func() { l.err = runtimes.Install(l.dir) })
	if l.err != nil {
		return nil, "", l.err
	}
	command, err := r.Command(runtimes.Start{CodeDir: codeDir, Handler: handler, RuntimeDir: l.dir, MemoryMB: memoryMB})
	return command, r.Version, err
}

func (l *localRuntimes) Known(name string) bool { return slices.Contains(runtimes.Known(), name) }
