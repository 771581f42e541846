package emulator

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"

	"coldbench/sandbox"
)

// extendedProcess is a runtime process with external extensions beside it. They
// come first: the sandbox is opened with the first of them, and the runtime is
// started in it when all have registered, as on AWS.
type extendedProcess struct {
	Process // the sandbox; the process that it names is the first extension

	later   sandbox.Extra // the runtime
	write   *os.File      // its stdout and stderr, until it runs
	outs    []*output     // of the extensions
	runtime atomic.Pointer[sandbox.Child]
}

// Exited is closed when the runtime process has ended; nil before it runs.
func (p *extendedProcess) Exited() <-chan struct{} {
	if c := p.runtime.Load(); c != nil {
		return c.Done()
	}
	return nil
}

// ExitError says how the runtime process ended.
func (p *extendedProcess) ExitError() *sandbox.ExitError {
	if c := p.runtime.Load(); c != nil {
		return c.ExitError()
	}
	return nil
}

// Terminate asks the runtime process to end.
func (p *extendedProcess) Terminate() {
	if c := p.runtime.Load(); c != nil {
		c.Terminate()
	}
}

// killRuntime ends the runtime process alone.
func (p *extendedProcess) killRuntime() {
	if c := p.runtime.Load(); c != nil {
		c.Kill()
	}
}

// Kill ends everything, takes the extensions' last words and waits.
func (p *extendedProcess) Kill() {
	if p.Process != nil {
		p.Process.Kill()
	}
	for _, o := range p.outs {
		o.close()
	}
	_ = p.write.Close()
}

// startRuntime starts the runtime beside the extensions.
func (p *extendedProcess) startRuntime() error {
	c, err := p.Spawn(p.later)
	if err != nil {
		return err
	}
	p.runtime.Store(c)
	return p.write.Close()
}

// externalExtensions are the names of the files that are to be started, from the
// version's layers or image.
func (v *version) externalExtensions() []string {
	var list []os.DirEntry
	if image := v.image(); image != nil {
		list = image.Entries("/opt/extensions") // by its own links, not this machine's
	} else if v.layerDir != "" {
		list, _ = os.ReadDir(filepath.Join(v.layerDir, "extensions")) // layers need not have any
	}
	var names []string
	for _, f := range list {
		if !f.IsDir() {
			names = append(names, f.Name())
		}
	}
	return names
}

// extensionCommand is where an extension's file is as its process will see it.
func (e *environment) extensionCommand(spec *sandbox.Spec, name string) string {
	opt := func(m sandbox.Mount) bool { return m.Target == "/opt" }
	if spec.Root != "" || (e.server.set.Sandbox.Private() && slices.ContainsFunc(spec.Mounts, opt)) {
		return "/opt/extensions/" + name
	}
	return filepath.Join(e.version.layerDir, "extensions", name)
}

// launch starts what the version consists of: the runtime alone, or its external
// extensions, with the runtime to follow.
func (e *environment) launch(s *session, spec sandbox.Spec, write *os.File) (Process, error) {
	names := e.version.externalExtensions()
	if len(names) == 0 {
		return e.server.set.Sandbox.Start(context.Background(), spec)
	}
	if err := e.server.nameSandbox(&spec); err != nil {
		return nil, err
	}
	p := &extendedProcess{later: sandbox.Extra{Command: spec.Command, Dir: spec.Dir, Env: spec.Env}}
	var err error
	if p.write, err = duplicate(write); err != nil {
		return nil, fmt.Errorf("keep the function's output open: %w", err)
	}
	p.later.Stdout, p.later.Stderr = p.write, p.write
	for i, name := range names {
		if i == maxExtensions {
			err = &launchError{"TooManyExtensions", "Extension limit (10) reached"}
		} else {
			err = e.launchExtension(s.ext, p, spec, name)
		}
		if err == nil || errors.Is(err, sandbox.ErrEnded) { // the end of the first is awaitInit's matter
			continue
		}
		var unable *launchError
		if errors.As(err, &unable) {
			s.ext.notLaunched(name, unable.why, unable.message)
		}
		p.Kill()
		return nil, err
	}
	return p, nil
}

// nameSandbox makes the names resolve at which extensions listen for telemetry,
// sandbox.localdomain and sandbox, where the processes can have an /etc/hosts of
// their own.
func (s *Server) nameSandbox(spec *sandbox.Spec) error {
	if !s.set.Sandbox.Private() {
		return nil
	}
	s.hostsOnce.Do(func() { s.hosts, s.hostsErr = writeHosts(filepath.Join(s.set.WorkDir, "runtime")) })
	if s.hostsErr != nil {
		return fmt.Errorf("name the sandbox for extensions: %w", s.hostsErr)
	}
	spec.Mounts = slices.DeleteFunc(slices.Clone(spec.Mounts), func(m sandbox.Mount) bool { return m.Target == hostsFile })
	spec.Mounts = append(spec.Mounts, sandbox.Mount{Source: s.hosts, Target: hostsFile, ReadOnly: true})
	return nil
}

const hostsFile = "/etc/hosts"

// writeHosts copies this machine's hosts into dir, with the sandbox's names.
func writeHosts(dir string) (path string, err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	known, err := os.ReadFile(hostsFile)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	path = filepath.Join(dir, "hosts")
	return path, os.WriteFile(path, append(known, "\n127.0.0.1 sandbox.localdomain sandbox\n"...), 0o644)
}

// launchError says that an extension could not be started.
type launchError struct{ why, message string }

func (e *launchError) Error() string { return "start an extension: " + e.message }

// launchExtension starts one extension: the first one opens the sandbox.
func (e *environment) launchExtension(x *extensions, p *extendedProcess, spec sandbox.Spec, name string) error {
	out, write, err := newOutput(e.logExtension)
	if err != nil {
		return fmt.Errorf("open a pipe for an extension's output: %w", err)
	}
	p.outs = append(p.outs, out)
	defer func() { _ = write.Close() }()
	extra := sandbox.Extra{Command: []string{e.extensionCommand(&spec, name)}, Dir: "/", Env: extensionVariables(spec.Env), Stdout: write, Stderr: write}
	if p.Process != nil {
		c, err := p.Spawn(extra)
		if err != nil {
			return unableToLaunch(name, err)
		}
		x.follow(name, c.Done(), c.ExitError)
		return nil
	}
	spec.Command, spec.Dir, spec.Env, spec.Stdout, spec.Stderr = extra.Command, extra.Dir, extra.Env, write, write
	proc, err := e.server.set.Sandbox.Start(context.Background(), spec)
	if err != nil {
		return unableToLaunch(name, err)
	}
	p.Process = proc
	x.follow(name, proc.Exited(), proc.ExitError)
	return nil
}

// follow adds a running extension and waits for its end.
func (x *extensions) follow(name string, done <-chan struct{}, exit func() *sandbox.ExitError) {
	ext := x.launched(name)
	go func() {
		<-done
		message := "exit code 0"
		if how := exit(); how != nil && (how.Code != 0 || how.Signal != 0) {
			message = how.Error()
		}
		x.exited(ext, message)
	}()
}

// unableToLaunch tells a fault of the extension's file from one of this machine.
func unableToLaunch(name string, err error) error {
	var start *sandbox.StartError
	if !errors.As(err, &start) {
		return err
	}
	message := "fork/exec /opt/extensions/" + name + ": "
	switch {
	case errors.Is(start.Err, fs.ErrPermission):
		return &launchError{"PermissionDenied", message + "permission denied"}
	case errors.Is(start.Err, fs.ErrNotExist), errors.Is(start.Err, syscall.ENOEXEC):
		return &launchError{"UnknownError", message + start.Err.Error()}
	}
	return err
}

// runtimeOnly are the variables that extensions don't get. Source: AWS Lambda
// developer guide, "Using the Lambda Extensions API to create extensions".
var runtimeOnly = []string{
	"AWS_EXECUTION_ENV", "AWS_LAMBDA_LOG_GROUP_NAME", "AWS_LAMBDA_LOG_STREAM_NAME", "AWS_XRAY_CONTEXT_MISSING", "AWS_XRAY_DAEMON_ADDRESS",
	"LAMBDA_RUNTIME_DIR", "LAMBDA_TASK_ROOT", "_AWS_XRAY_DAEMON_ADDRESS", "_AWS_XRAY_DAEMON_PORT", "_HANDLER", "PWD",
}

func extensionVariables(env []string) []string {
	return slices.DeleteFunc(slices.Clone(env), func(kv string) bool {
		k, _, _ := strings.Cut(kv, "=")
		return slices.Contains(runtimeOnly, k)
	})
}

// duplicate is a second handle on an open file.
func duplicate(f *os.File) (*os.File, error) {
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	fd, err := syscall.Dup(int(f.Fd()))
	if err != nil {
		return nil, err
	}
	syscall.CloseOnExec(fd)
	return os.NewFile(uintptr(fd), f.Name()), nil
}
