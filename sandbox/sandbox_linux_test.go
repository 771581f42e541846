package sandbox

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestGrandchildrenDieWithTheEnvironment(t *testing.T) {
	for name, o := range map[string]Options{"cgroups": {NoNamespaces: true}, "namespaces": {NoCgroups: true}, "both": {}} {
		t.Run(name, func(t *testing.T) {
			h := newHost(t, o)
			if !h.Private() && !strings.Contains(h.Limits(), "cgroup") {
				t.Skip("needs a writable cgroup or namespaces (root)")
			}
			out := newLines()
			e := start(t, h, Spec{Env: helper("family:0"), Stdout: out})
			grandchild := outside(t, e.Pid(), out.next(t, e))
			e.Kill()
			gone(t, grandchild)
			// The sleeping extension keeps the orphan's environment.
			e = start(t, h, Spec{Env: helper("orphan:0"), Stdout: out, Before: []Extra{{Command: []string{"sleep", "1000"}}}})
			extension := e.Children()[0]
			orphan := outside(t, extension.Pid(), out.next(t, e))
			<-e.Exited()
			extension.Terminate()
			<-e.Done()
			gone(t, orphan)
			if e.ExitError().Code != 7 {
				t.Errorf("orphan: %v, want exit status 7", e.ExitError())
			}
		})
	}
}

// A process that escaped keeps its pipe open; the environment must end all the
// same.
func TestEscapedProcessDoesNotHoldUpTheEnd(t *testing.T) {
	h := newHost(t, Options{NoCgroups: true, NoNamespaces: true})
	out := newLines()
	e := start(t, h, Spec{Env: helper("orphan:0"), Stdout: out})
	<-e.Done()
	escaped, err := strconv.Atoi(out.next(t, e))
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(escaped, syscall.SIGKILL); err != nil {
		t.Skipf("it did not escape: %v", err)
	}
	gone(t, escaped)
}

func TestOutOfMemory(t *testing.T) {
	h := limited(t, Options{}, "memory")
	out := newLines()
	e := start(t, h, Spec{Env: helper("hog:200"), MemoryMB: 64, Stdout: out})
	<-e.Done()
	x := e.ExitError()
	if !x.OOM || x.Signal != syscall.SIGKILL || x.Killed {
		t.Errorf("200 MB at a limit of 64: %+v, want killed by the kernel for memory", *x)
	}
	// The limit is reached to the page or nearly so, and never exceeded.
	if mb := e.PeakMemoryMB(); mb < 60 || mb > 64 {
		t.Errorf("peak %d MB, want 60 to 64", mb)
	}
}

func TestPeakMemory(t *testing.T) {
	each(t, func(t *testing.T, h *Host) {
		out := newLines()
		e := start(t, h, Spec{Env: helper("hog:50"), MemoryMB: 256, Stdout: out})
		out.next(t, e)
		// 50 MB, the Go runtime with the test binary, and three times that
		// under the race detector.
		if mb := e.PeakMemoryMB(); mb < 50 || mb > 220 {
			t.Errorf("peak %d MB, want 50 to 220", mb)
		}
		e.Kill()
		if mb := e.PeakMemoryMB(); mb < 50 || mb > 220 {
			t.Errorf("peak after the end %d MB, want 50 to 220", mb)
		}
	})
}

// The kernel counts the periods in which a busy process was held back.
func TestCPULimitIsInForce(t *testing.T) {
	h := limited(t, Options{}, "cpu")
	for share, want := range map[float64]bool{0.1: true, 0: false} {
		e := start(t, h, Spec{Env: helper("spin:100"), CPUShare: share})
		held := false
		for running := true; running && !held; {
			select {
			case <-e.Exited():
				running = false
			default:
				held = throttled(e.group)
				time.Sleep(time.Millisecond)
			}
		}
		if e.Kill(); held != want {
			t.Errorf("limited to %v of a CPU, where 0 is not at all: held back %v", share, held)
		}
	}
}

func throttled(g group) bool {
	dir := ""
	switch g := g.(type) {
	case *unifiedGroup:
		dir = g.dir
	case *legacyGroup:
		dir = g.dir("cpu")
	}
	return counter(dir, "cpu.stat", "nr_throttled") > 0
}

func TestForkBombMeetsTheProcessLimit(t *testing.T) {
	h := limited(t, Options{MaxProcesses: 60}, "pids")
	out := newLines()
	e := start(t, h, Spec{Env: helper("bomb:0"), Stdout: out})
	if line := out.next(t, e); line != "refused" {
		t.Errorf("the bomb says %q, want refused", line)
	}
	e.Kill()
	other := start(t, h, Spec{Command: []string{"true"}})
	<-other.Done()
	if other.ExitError().Code != 0 {
		t.Errorf("another environment: %v", other.ExitError())
	}
}

func TestInheritsNothing(t *testing.T) {
	h := newHost(t, Options{})
	// A file without close-on-exec, as one inherited from a shell is.
	leak, err := syscall.Open("/dev/null", syscall.O_RDONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Close(leak)
	var out bytes.Buffer
	e := start(t, h, Spec{Command: []string{"ls", "/proc/self/fd"}, Stdout: &out})
	<-e.Done()
	// 3 is the folder that ls reads.
	if fds := strings.Join(strings.Fields(out.String()), " "); fds != "0 1 2 3" {
		t.Errorf("open files %q, want 0 1 2 and the folder itself", fds)
	}
	out.Reset()
	e = start(t, h, Spec{Command: []string{"grep", "NoNewPrivs", "/proc/self/status"}, Stdout: &out})
	<-e.Done()
	if !strings.HasSuffix(out.String(), "1\n") {
		t.Errorf("%q, want NoNewPrivs 1", out.String())
	}
}

// Programs write to their log without expecting EAGAIN.
func TestOutputBlocks(t *testing.T) {
	h := newHost(t, Options{NoCgroups: true})
	var out bytes.Buffer
	e := start(t, h, Spec{Command: []string{"grep", "flags", "/proc/self/fdinfo/1"}, Stdout: &out})
	<-e.Done()
	flags, err := strconv.ParseInt(strings.TrimSpace(strings.TrimPrefix(out.String(), "flags:")), 8, 64)
	if err != nil || flags&syscall.O_NONBLOCK != 0 {
		t.Errorf("stdout has flags %o (%v), want it without O_NONBLOCK", flags, err)
	}
}

func TestBornInItsCgroup(t *testing.T) {
	h := limited(t, Options{}, "cgroup")
	before, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		t.Fatal(err)
	}
	out := newLines()
	e := start(t, h, Spec{ID: "born", Command: []string{"cat", "/proc/self/cgroup"}, Stdout: out, MemoryMB: 64})
	<-e.Done()
	want := strings.Count(h.cgroups.String(), ",") + 1 // controllers
	if strings.HasPrefix(h.Limits(), "cgroup v2") {
		want = 1
	}
	close(out.out)
	got := 0
	for line := range out.out {
		if strings.Contains(line, newMark().String()) && strings.HasSuffix(line, "-born") {
			got++
		}
	}
	if got != want {
		t.Errorf("born in %d groups of ours, want %d (%s)", got, want, h.Limits())
	}
	if after, _ := os.ReadFile("/proc/self/cgroup"); string(after) != string(before) {
		t.Errorf("this process was moved: %s", after)
	}
	if err := h.Close(); err != nil {
		t.Error(err)
	}
	if left := groupsOf(t, newMark()); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// groupsOf finds the groups that carry a mark.
func groupsOf(t *testing.T, m mark) []string {
	t.Helper()
	mounts, err := readMounts("/proc/self/mountinfo")
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, mt := range mounts {
		_ = filepath.WalkDir(mt.dir, func(path string, d os.DirEntry, err error) error {
			if err == nil && strings.HasPrefix(d.Name(), m.String()) {
				found = append(found, path)
			}
			return nil
		})
	}
	return found
}

// A kill -9 of the program must leave neither a function, nor what a function
// has started, nor a cgroup.
func TestKillOfTheProgram(t *testing.T) {
	if h := newHost(t, Options{}); !h.Private() && h.cgroups == nil {
		t.Skip("needs a writable cgroup or namespaces (root)")
	}
	dead, pids := program9(t, "host:0")
	for _, pid := range pids {
		gone(t, pid)
	}
	for range 2000 {
		if len(groupsOf(t, dead)) == 0 {
			return
		}
		time.Sleep(time.Millisecond)
	}
	t.Errorf("left behind: %v", groupsOf(t, dead))
}

// program9 starts a program with a function that has a grandchild, kills the
// program, and returns its mark and the two processes.
func program9(t *testing.T, what string) (mark, []int) {
	t.Helper()
	c := exec.Command(self())
	c.Env = append(helper(what), "PATH="+os.Getenv("PATH"), "TMPDIR="+os.TempDir())
	c.Stderr = os.Stderr
	stdout, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	env, inner := 0, ""
	lines := bufio.NewScanner(stdout)
	for (env == 0 || inner == "") && lines.Scan() {
		if pid, found := strings.CutPrefix(lines.Text(), "env "); found {
			if env, err = strconv.Atoi(pid); err != nil {
				t.Fatal(err)
			}
		} else {
			inner = lines.Text()
		}
	}
	pids := []int{env, outside(t, env, inner)}
	dead := newMark()
	dead.pid, dead.start = c.Process.Pid, startTime(c.Process.Pid)
	if err := c.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = c.Wait()
	return dead, pids
}

// Without a guard (no shell, or both were killed) the next program clears up.
func TestStaleGroupsAreRemoved(t *testing.T) {
	h := limited(t, Options{}, "cgroup v1")
	sleeper := exec.Command("sleep", "1000")
	if err := sleeper.Start(); err != nil {
		t.Fatal(err)
	}
	dead := newMark()
	dead.start = "1" // a process with our pid that lived before
	for _, tree := range h.cgroups.(*legacy).trees {
		dir := filepath.Join(tree.parent, dead.String()+"1-x")
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := put(dir, "cgroup.procs", strconv.Itoa(sleeper.Process.Pid)); err != nil {
			t.Fatal(err)
		}
	}
	newHost(t, Options{})
	if err := sleeper.Wait(); err == nil {
		t.Error("what is in a stale group lives on")
	}
	newHost(t, Options{}) // the group was still busy with the zombie, perhaps
	if left := groupsOf(t, dead); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestStaleMarks(t *testing.T) {
	self := newMark()
	read, ok := parseMark(self.String() + "3-x")
	if !ok || read != self || read.stale(self) {
		t.Errorf("own mark: read %+v, %v, stale %v", read, ok, read.stale(self))
	}
	reused, other := self, self
	reused.start = "1"
	other.namespace, other.start = self.namespace+1, "1"
	if !reused.stale(self) {
		t.Error("another process with our pid: not stale")
	}
	if other.stale(self) {
		t.Error("a process of another pid namespace: stale")
	}
	for _, name := range []string{"", "coldbench-", "coldbench-x-1-1-", "coldbench-1-2-3", "user.slice", "coldbench--1-1-1-1"} {
		if _, ok := parseMark(name); ok {
			t.Errorf("%q: read as a mark", name)
		}
	}
}

func TestReadMountsAndMembership(t *testing.T) {
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	mounts, err := readMounts(file("mountinfo", `25 30 0:23 / /sys rw,nosuid shared:7 - sysfs sysfs rw
31 25 0:27 /docker/ab /sys/fs/cgroup/cpu,cpuacct rw shared:9 - cgroup cgroup rw,cpu,cpuacct
32 25 0:28 / /sys/fs/a\040b rw - cgroup2 cgroup2 rw,nsdelegate
broken`))
	if err != nil || len(mounts) != 2 {
		t.Fatalf("%+v, %v", mounts, err)
	}
	if at, ok := mounts[0].at("/docker/ab/x"); !ok || at != "/sys/fs/cgroup/cpu,cpuacct/x" {
		t.Errorf("below the mounted root: %q, %v", at, ok)
	}
	if at, ok := mounts[0].at("/docker/abc"); ok {
		t.Errorf("beside the mounted root: %q", at)
	}
	if mounts[1].dir != "/sys/fs/a b" || !mounts[1].unified {
		t.Errorf("%+v", mounts[1])
	}
	own, err := readMembership(file("cgroup", "3:cpu,cpuacct:/docker/ab\n0::/user.slice/a:b\n"))
	if err != nil || own["cpu"] != "/docker/ab" || own["cpuacct"] != "/docker/ab" || own[""] != "/user.slice/a:b" {
		t.Errorf("%v, %v", own, err)
	}
}

// The version 2 driver on a hierarchy that may lack controllers: birth in the
// group, freezing and killing do not need any.
func TestUnifiedDriver(t *testing.T) {
	mounts, err := readMounts("/proc/self/mountinfo")
	if err != nil {
		t.Fatal(err)
	}
	own, err := readMembership("/proc/self/cgroup")
	if err != nil {
		t.Fatal(err)
	}
	driver := newUnified(mounts, own, newMark())
	if driver == nil {
		t.Skip("needs a writable cgroup v2 mount")
	}
	h := &Host{options: Options{MaxProcesses: 100}, cgroups: driver, spawn: newSpawner(), envs: make(map[*Env]struct{})}
	out := newLines()
	e := start(t, h, Spec{ID: "v2", Env: helper("family:0"), Stdout: out, MemoryMB: 512, CPUShare: 1})
	grandchild := outside(t, e.Pid(), out.next(t, e))
	members, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", e.Pid()))
	if !strings.Contains(string(members), newMark().String()) {
		t.Errorf("the process is in %s", members)
	}
	if err := e.Freeze(); err != nil {
		t.Error(err)
	}
	if counter(e.group.(*unifiedGroup).dir, "cgroup.events", "frozen") != 1 {
		t.Error("not frozen")
	}
	e.Kill()
	gone(t, grandchild)
	if err := h.Close(); err != nil {
		t.Error(err)
	}
	if left := groupsOf(t, newMark()); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestCPUQuota(t *testing.T) {
	tests := []struct {
		vcpus float64
		want  int64 // microseconds of 20,000
	}{
		{1, 20_000}, {0.5, 10_000}, {128. / 1769, 1447}, // 1447.1
		{6, 120_000}, {0.001, 1000}, // the kernel's least
	}
	for _, test := range tests {
		if got := cpuQuota(test.vcpus); got != test.want {
			t.Errorf("%v vCPUs: %d us, want %d", test.vcpus, got, test.want)
		}
	}
}
