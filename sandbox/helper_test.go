package sandbox

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// The test binary is its own function process: COLDBENCH_TEST_HELPER selects
// what it does.
const helperVariable = "COLDBENCH_TEST_HELPER"

// countProcesses has a shell print how many processes it sees. It starts none
// itself: how many of a pipeline are there at a moment is chance.
const countProcesses = "set -- /proc/[0-9]*; echo $#"

func TestMain(m *testing.M) {
	name, arg, _ := strings.Cut(os.Getenv(helperVariable), ":")
	if name == "" {
		goleak.VerifyTestMain(m)
		return
	}
	n, _ := strconv.Atoi(arg)
	helpers[name](n)
	os.Exit(0)
}

var helpers = map[string]func(int){
	"exit":  os.Exit,
	"nop":   func(int) {},
	"block": func(int) { block() },
	"hog": func(mb int) {
		debug.SetGCPercent(-1)
		var keep [][]byte
		for range mb {
			page := make([]byte, 1<<20)
			for i := range page {
				page[i] = byte(i)
			}
			keep = append(keep, page)
		}
		fmt.Println("allocated", len(keep))
		block()
	},
	"bomb": func(int) { // forks copies of itself until it may not, then waits
		for {
			if _, err := fork("bomb:0"); err != nil {
				fmt.Println("refused")
				block()
			}
		}
	},
	"family": func(int) { // a child in a session of its own, whose child outlives it
		_, _ = fork("parent:0")
		block()
	},
	"parent": func(int) {
		pid, _ := fork("block:0")
		fmt.Println(pid)
		os.Exit(0)
	},
	"orphan": func(int) { // ends and leaves a child in a session of its own
		pid, _ := fork("block:0")
		fmt.Println(pid)
		os.Exit(7)
	},
	"host":      func(int) { killable(Options{}) },
	"contained": func(int) { killable(Options{Runtime: "runc"}) },
	"unprivileged": func(int) { // root of a user namespace, with a function
		if out, err := exec.Command("mount", "-t", "proc", "proc", "/proc").CombinedOutput(); err != nil {
			fmt.Println("no /proc:", err, string(out))
			return
		}
		h, err := New(Options{})
		if err != nil {
			panic(err)
		}
		if !h.Private() {
			fmt.Println("not private:", h.Warnings())
			return
		}
		e, err := h.Start(context.Background(), Spec{ID: "x", Command: []string{"sh", "-c", countProcesses + "; touch /usr/x; ls /tmp"}, Stdout: os.Stdout, Stderr: os.Stdout})
		if err != nil {
			panic(err)
		}
		<-e.Done()
		fmt.Println(e.ExitError(), h.Close())
	},
	"spin": func(ms int) { // so much work as takes ms on a full CPU, then says how long it took
		begin := time.Now()
		spin(ms)
		fmt.Println(time.Since(begin).Milliseconds())
	},
}

// killable is a program with a function, for kill -9.
func killable(o Options) {
	h, err := New(o)
	if err != nil {
		panic(err)
	}
	// The function's child in a session of its own prints its pid.
	e, err := h.Start(context.Background(), asHelper(h, Spec{ID: "x", Env: helper("family:0"), Stdout: os.Stdout}))
	if err != nil {
		panic(err)
	}
	fmt.Println("env", e.Pid())
	block()
}

// block waits to be killed. An empty select would end the program as a
// deadlock.
func block() { time.Sleep(time.Hour) }

func self() string {
	path, err := os.Executable()
	if err != nil {
		panic(err)
	}
	return path
}

// asHelper makes the test binary, which may lie below /tmp, the program.
func asHelper(h *Host, s Spec) Spec {
	s.Command = []string{self()}
	if h.Private() {
		s.Command = []string{"/var/task/helper"}
		s.Mounts = append(s.Mounts, Mount{Source: self(), Target: s.Command[0], ReadOnly: true})
	}
	return s
}

func helper(what string) []string {
	return []string{helperVariable + "=" + what, "GOMAXPROCS=1", "GORACE=atexit_sleep_ms=0"}
}

// fork starts a copy in a session of its own: outside of the process group.
func fork(what string) (int, error) {
	c := exec.Command(self())
	c.Env = helper(what)
	c.Stdout = os.Stdout
	c.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := c.Start(); err != nil {
		return 0, err
	}
	return c.Process.Pid, nil
}

// lines is a writer that hands out lines as they come.
type lines struct {
	mu   sync.Mutex
	rest []byte
	out  chan string
}

func newLines() *lines { return &lines{out: make(chan string, 4096)} }

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.rest = append(l.rest, p...)
	for {
		line, rest, found := bytes.Cut(l.rest, []byte("\n"))
		if !found {
			return len(p), nil
		}
		l.rest = rest
		select {
		case l.out <- string(line):
		default:
		}
	}
}

// next is the next line, or a failure where the environment ends without one.
func (l *lines) next(t testing.TB, e *Env) string {
	t.Helper()
	select {
	case line := <-l.out:
		return line
	case <-e.Done():
	}
	select {
	case line := <-l.out:
		return line
	default:
		t.Fatalf("the environment ended without a line: %v", e.ExitError())
		return ""
	}
}

func newHost(t testing.TB, o Options) *Host {
	t.Helper()
	h, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := h.Close(); err != nil {
			t.Error(err)
		}
	})
	return h
}

// limited is a Host with the controllers, or skips.
func limited(t testing.TB, o Options, controllers ...string) *Host {
	t.Helper()
	h := newHost(t, o)
	for _, c := range controllers {
		if !strings.Contains(h.Limits(), c) {
			t.Skipf("needs a writable %s controller (root, cgroups): %s", c, h.Limits())
		}
	}
	return h
}

// isolated is a Host with namespaces, or skips.
func isolated(t testing.TB, o Options) *Host {
	t.Helper()
	h := newHost(t, o)
	if !h.Private() {
		t.Skipf("needs namespaces (root): %s", h.Warnings()[len(h.Warnings())-1])
	}
	return h
}

func start(t testing.TB, h *Host, s Spec) *Env {
	t.Helper()
	if s.Command == nil {
		s = asHelper(h, s)
	}
	if s.ID == "" {
		s.ID = t.Name()
	}
	e, err := h.Start(context.Background(), s)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// outside is the id on this machine of a process that calls itself inner in the
// pid namespace of process pid.
func outside(t testing.TB, pid int, inner string) int {
	t.Helper()
	own, _ := os.Readlink("/proc/self/ns/pid")
	namespace, err := os.Readlink(fmt.Sprintf("/proc/%d/ns/pid", pid))
	if err != nil || own == namespace {
		n, err := strconv.Atoi(inner)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	all, _ := os.ReadDir("/proc")
	for _, dir := range all {
		status, _ := os.ReadFile("/proc/" + dir.Name() + "/status")
		if !strings.Contains(string(status), "\nNSpid:\t"+dir.Name()+"\t"+inner+"\n") {
			continue
		}
		if at, _ := os.Readlink("/proc/" + dir.Name() + "/ns/pid"); at == namespace {
			n, _ := strconv.Atoi(dir.Name())
			return n
		}
	}
	t.Fatalf("no process %s in the pid namespace of %d", inner, pid)
	return 0
}

// gone waits until a process has vanished or is a zombie of somebody else.
func gone(t testing.TB, pid int) {
	t.Helper()
	for range 2000 {
		if err := syscall.Kill(pid, 0); err != nil {
			return
		}
		if stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid)); err == nil && strings.Contains(string(stat), ") Z ") {
			return
		}
		time.Sleep(time.Millisecond)
	}
	t.Errorf("process %d is still there", pid)
}
