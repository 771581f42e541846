package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"time"

	"coldbench/emulator"
	"coldbench/emulator/runtimes"
	"coldbench/fixtures"
	"coldbench/record"
	"coldbench/sandbox"
	"coldbench/target/lambda"
)

const emulatorRegion = "us-east-1"

// fillEmulated starts the built-in Lambda and measures a built-in function of
// it (name), or one's own code.
func (f *loadFlags) fillEmulated(ctx context.Context, s *subject, name string, n *narrator) error {
	if !f.code.given() {
		if err := knownBuiltin(name); err != nil {
			return err
		}
	}
	e, err := f.startEmulator(ctx, n)
	if err != nil {
		return fmt.Errorf("start the built-in Lambda: %w", err)
	}
	s.onClose(e.stop)
	s.provenance, s.emulator, s.limits = record.Emulated, e.about.Knobs, e.about.Limits
	s.filesPerRequest, s.spareFiles = filesPerEnvironment, filesToStart
	if f.emulator.process == "self" {
		s.filesPerRequest++ // the client's end
	}
	for _, w := range e.about.Warnings {
		n.say("note: %s", w)
	}
	cfg, err := lambda.Access{Endpoint: e.about.Endpoint, Region: e.about.Region, Anonymous: true, MaxConns: f.maxInFlight}.Load(ctx)
	if err != nil {
		return err
	}
	if err := f.attach(ctx, s, cfg, name, n); err != nil {
		return err
	}
	switch {
	case !f.code.given():
		s.functions[0].Package = record.PackageBuiltin
	case f.code.image != "":
		return f.noteImage(ctx, s, cfg, n)
	default:
		return f.noteRuntime(s, n)
	}
	return nil
}

// Open files of the built-in Lambda, whose child process has the same limit as
// this one. Measured on Linux with 1, 20 and 100 requests in flight, each on an
// environment of its own: 23 files and 9 for each request (its connection, the
// Runtime API's listener and connection, the process, its root, its output), and
// some 25 more while an environment starts.
const (
	filesPerEnvironment = 9
	filesToStart        = 64
)

// noteRuntime keeps with the plan what really runs a managed runtime here.
func (f *loadFlags) noteRuntime(s *subject, n *narrator) error {
	r, err := runtimes.Lookup(f.code.runtime)
	if err != nil {
		return err // the function was made, so it is the same for the emulator
	}
	if r.Family == runtimes.Provided {
		return nil
	}
	s.emulator["runtime"] = r.Version
	if !r.Exact {
		s.emulator["runtime"] += " (another version than " + r.Name + ")"
		n.say("note: %s runs on %s, as this machine has no other", r.Name, r.Version)
	}
	return nil
}

func knownBuiltin(name string) error {
	var names []string
	for _, b := range fixtures.Builtins() {
		if b.Name == name {
			return nil
		}
		names = append(names, b.Name)
	}
	slices.Sort(names)
	return &hintError{
		err:  usagef("--target emulated:%s: the built-in Lambda has no such function", name),
		hint: "emulated: with one of " + strings.Join(names, ", "),
	}
}

// running is a built-in Lambda that serves.
type running struct {
	about emulatorInfo
	// drain refuses new requests and waits for those that run; nil in a child.
	drain func(context.Context) error
	stop  func() error
}

// emulatorInfo is what a started emulator says of itself: the one line of JSON
// that `bench emulate --announce` prints.
type emulatorInfo struct {
	Endpoint string            `json:"endpoint"`
	Region   string            `json:"region"`
	Limits   string            `json:"limits"`
	Warnings []string          `json:"warnings,omitempty"`
	Knobs    map[string]string `json:"knobs"`
}

// startEmulator starts the emulator in a process of its own, so that its work
// does not delay the generator's sends (docs/decisions/0002).
func (f *loadFlags) startEmulator(ctx context.Context, n *narrator) (*running, error) {
	f.emulator.region, f.emulator.seed = f.region, f.seed
	f.emulator.builtinMemory, f.emulator.builtinTimeout, f.emulator.builtinEnv = f.code.memory, f.code.timeout, f.code.env
	if f.emulator.process == "self" {
		return f.emulator.serve("127.0.0.1:0", n)
	}
	return f.emulator.spawn(ctx)
}

// serve runs the emulator in this process.
func (f *emulatorFlags) serve(listen string, n *narrator) (*running, error) {
	dir, err := f.workDir()
	if err != nil {
		return nil, err
	}
	server, err := f.newServer(dir, n)
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	handler, closeLog, err := f.logs.handler(server)
	if err != nil {
		return nil, errors.Join(err, server.Close(context.Background()), os.RemoveAll(dir))
	}
	l, err := net.Listen("tcp", listen)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("listen on %s: %w", listen, err), closeLog(), server.Close(context.Background()), os.RemoveAll(dir))
	}
	web := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	served := make(chan error, 1)
	go func() { served <- web.Serve(l) }()
	stop := func() error {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		err := errors.Join(server.Close(ctx), web.Close())
		if e := <-served; !errors.Is(e, http.ErrServerClosed) {
			err = errors.Join(err, e)
		}
		return errors.Join(err, closeLog(), os.RemoveAll(dir))
	}
	drain := func(ctx context.Context) error { return errors.Join(server.Drain(ctx), web.Shutdown(ctx)) }
	return &running{drain: drain, stop: stop, about: emulatorInfo{
		Endpoint: "http://" + l.Addr().String(), Region: f.regionOrDefault(),
		Limits: server.Limits(), Warnings: server.Warnings(), Knobs: server.Knobs(),
	}}, nil
}

// workDir makes a folder for what need not survive. With --data it is "": the
// server has one of its own there, which it clears after a crash.
func (f *emulatorFlags) workDir() (string, error) {
	if f.data != "" {
		return "", nil
	}
	return os.MkdirTemp("", "bench-emulator-")
}

func (f *emulatorFlags) regionOrDefault() string {
	if f.region == "" {
		return emulatorRegion
	}
	return f.region
}

func (f *emulatorFlags) newServer(dir string, _ *narrator) (*emulator.Server, error) {
	server, err := emulator.New(emulator.Options{
		Region:     f.regionOrDefault(),
		WorkDir:    dir,
		S3Dir:      f.s3Dir,
		Registry:   f.registry,
		ImageCache: f.imageCache, ImageCacheBytes: max(1, f.imageCacheMB<<20), // 0 is for nothing that is not in use
		DataDir:     f.data,
		KeepAlive:   f.keepAlive,
		Placement:   f.placement,
		Limits:      f.limits,
		Concurrency: f.concurrency,
		Latency:     f.latency,
		Zones:       f.zones,
		Proactive:   f.proactive,
		Borrow:      f.borrow,
		MaxAge:      f.maxAge,
		Freeze:      f.freeze,
		OCIRuntime:  f.ociRuntime(),
		RetryUnit:   f.retryUnit,
		LogStyle:    f.logStyle,
		Seed:        f.seed,
		LogDelay:    f.logs.delay,
		LogFaults:   f.logs.faults,
		Version:     version(),
	})
	if err != nil {
		return nil, err
	}
	if err := f.installBuiltins(server); err != nil {
		return nil, errors.Join(err, server.Close(context.Background()))
	}
	server.Resume()
	return server, nil
}

// ociRuntime is the program behind --sandbox; "" is the built-in sandbox.
func (f *emulatorFlags) ociRuntime() string {
	if f.sandbox == "own" {
		return ""
	}
	return f.sandbox
}

// installBuiltins makes the functions that ship inside bench known to the
// emulator: their code is this very program.
func (f *emulatorFlags) installBuiltins(server *emulator.Server) error {
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find this program for the built-in functions: %w", err)
	}
	for _, b := range fixtures.Builtins() {
		env := map[string]string{"COLDBENCH_FUNCTION": b.Name}
		for _, kv := range f.builtinEnv {
			k, v, _ := strings.Cut(kv, "=")
			env[k] = v
		}
		err := server.Install(emulator.LocalFunction{
			Name: b.Name, Runtime: "provided.al2023", Arch: hostArch(),
			MemoryMB: f.builtinMemory, Timeout: f.builtinTimeout,
			Command: []string{self}, Env: env,
		})
		if err != nil {
			return fmt.Errorf("install built-in function %s: %w", b.Name, err)
		}
	}
	return nil
}

// spawn runs the emulator as a child: `bench emulate` on a free port. The
// child ends when its standard input closes, so it can't outlive this process.
// Without root it is tried in a user namespace first, so that functions have
// namespaces of their own.
func (f *emulatorFlags) spawn(ctx context.Context) (*running, error) {
	if attr := sandbox.UserNamespace(); attr != nil {
		attr.Setpgid = true
		if e, err := f.spawnAs(ctx, attr, userNamespaceVariable+"=1"); err == nil {
			return e, nil
		}
	}
	return f.spawnAs(ctx, ownGroup())
}

// userNamespaceVariable tells a child that it is in a user namespace.
const userNamespaceVariable = "COLDBENCH_USER_NAMESPACE"

// enterUserNamespace is the child's part in spawn.
func enterUserNamespace() error {
	if os.Getenv(userNamespaceVariable) == "" {
		return nil
	}
	if err := sandbox.EnterUserNamespace(); err != nil {
		return errors.Join(errUserNamespace, err)
	}
	return os.Unsetenv(userNamespaceVariable)
}

// errUserNamespace ends a child whose parent will try without a user namespace.
var errUserNamespace = errors.New("no user namespace")

func (f *emulatorFlags) spawnAs(ctx context.Context, attr *syscall.SysProcAttr, env ...string) (*running, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this program: %w", err)
	}
	cmd := exec.Command(self, f.childArgs()...)
	cmd.SysProcAttr = attr
	cmd.Env = append(f.childEnvironment(), env...)
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	stop := func() error { return stopChild(cmd, stdin) }
	about, err := readAnnouncement(ctx, stdout)
	if err != nil {
		_ = stop() // that it ended badly is known, and it has said why
		return nil, err
	}
	return &running{about: about, stop: stop}, nil
}

func (f *emulatorFlags) childArgs() []string {
	return []string{
		"emulate", "--listen", "127.0.0.1:0", "--announce", "--region", f.regionOrDefault(),
		"--keep-alive", f.keepAlive, "--placement", f.placement, "--limits", f.limits,
		"--concurrency", fmt.Sprint(f.concurrency), "--latency", f.latency, "--registry", f.registry, "--image-cache", f.imageCache, "--image-cache-mb", fmt.Sprint(f.imageCacheMB),
		"--zones", fmt.Sprint(f.zones), "--proactive", fmt.Sprint(f.proactive), "--borrow=" + fmt.Sprint(f.borrow), "--max-age", f.maxAge.String(), "--freeze=" + fmt.Sprint(f.freeze), "--sandbox", f.sandbox, "--seed", fmt.Sprint(f.seed),
		"--memory", fmt.Sprint(f.builtinMemory), "--function-timeout", f.builtinTimeout.String(),
	}
}

// childEnvVariable carries the environment of the built-in functions to the
// emulator's process: on its command line every user of the machine could read
// it.
const childEnvVariable = "COLDBENCH_EMULATOR_ENV"

func (f *emulatorFlags) childEnvironment() []string {
	text, err := json.Marshal(f.builtinEnv)
	if err != nil {
		return os.Environ() // strings always marshal
	}
	return append(os.Environ(), childEnvVariable+"="+string(text))
}

// inheritEnvironment reads what childEnvironment has written.
func (f *emulatorFlags) inheritEnvironment() error {
	text, ok := os.LookupEnv(childEnvVariable)
	if !ok {
		return nil
	}
	return json.Unmarshal([]byte(text), &f.builtinEnv)
}

func readAnnouncement(ctx context.Context, r io.Reader) (emulatorInfo, error) {
	type answer struct {
		line string
		err  error
	}
	lines := make(chan answer, 1)
	go func() {
		line, err := bufio.NewReader(r).ReadString('\n')
		lines <- answer{line, err}
	}()
	select {
	case a := <-lines:
		var about emulatorInfo
		if a.err != nil {
			return about, errors.New("the emulator ended before it served; its message stands above")
		}
		return about, json.Unmarshal([]byte(a.line), &about)
	case <-ctx.Done():
		return emulatorInfo{}, ctx.Err()
	case <-time.After(30 * time.Second):
		return emulatorInfo{}, errors.New("the emulator did not serve within 30 s")
	}
}

func stopChild(cmd *exec.Cmd, stdin io.Closer) error {
	_ = stdin.Close()
	timer := time.AfterFunc(25*time.Second, func() { _ = cmd.Process.Kill() })
	defer timer.Stop()
	if err := cmd.Wait(); err != nil {
		return fmt.Errorf("stop the built-in Lambda: %w", err)
	}
	return nil
}
