package sandbox

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// contained is a Host that starts containers of runc, or skips.
func contained(t testing.TB, o Options) *Host {
	t.Helper()
	if _, err := exec.LookPath("runc"); err != nil || os.Geteuid() != 0 {
		t.Skipf("needs runc and root: %v", err)
	}
	limited(t, o, "memory", "cpu", "pids")
	o.Runtime = "runc"
	return newHost(t, o)
}

// What a function sees in a container of runc is what it sees in our own.
func TestContainer(t *testing.T) {
	h := contained(t, Options{})
	code := folder(t, "index.js")
	s := Spec{Tmp: filepath.Join(t.TempDir(), "tmp"), TmpMB: 16, Dir: "/var/task", MemoryMB: 128, CPUShare: 0.5, Mounts: []Mount{
		{Source: code, Target: "/var/task", ReadOnly: true}, {Source: filepath.Join(code, "index.js"), Target: "/tmp/deep/file", ReadOnly: true},
	}}
	const script = `pwd; cat index.js /tmp/deep/file; echo x >/tmp/f && cat /tmp/f; touch /var/task/x /usr/x /x 2>&1 | grep -c 'Read-only'
		echo /proc/[0-9]*; grep -E 'CapEff|NoNewPrivs' /proc/self/status; readlink /proc/self/ns/net; ls -d /dev/null /dev/shm 2>/dev/null
		dd if=/dev/zero of=/tmp/g bs=1M count=20 2>&1 | grep -o 'No space left'; exit 3`
	net, err := os.Readlink("/proc/self/ns/net")
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"/var/task", "index.js", "index.js", "x", "3", "/proc/1 /proc/", "NoNewPrivs:\t1", "CapEff:\t0000000000000000", net, "/dev/null", "No space left",
	}
	if h.disks == nil {
		want = want[:len(want)-1]
	}
	got := strings.Split(shell(t, h, s, script), "\n")
	slices.Sort(got[6:8])
	slices.Sort(want[6:8])
	if len(got) != len(want) {
		t.Fatalf("printed %q", got)
	}
	for i := range want {
		if !strings.HasPrefix(got[i], want[i]) {
			t.Errorf("printed %q, want %q", got[i], want[i])
		}
	}
	root := folder(t, "app/hello", "etc/hosts")
	s = Spec{Root: root, Dir: "/app"}
	for _, dir := range []string{"/usr", "/bin", "/lib", "/lib64"} {
		if exists(dir) {
			s.Mounts = append(s.Mounts, Mount{Source: dir, Target: dir, ReadOnly: true})
		}
	}
	if got := shell(t, h, s, "cat hello; ls /; cat /etc/hosts | grep -c localhost"); !strings.HasPrefix(got, "app/hello\napp\n") || strings.Contains(got, "home") || strings.HasSuffix(got, "\n0") {
		t.Errorf("an image shows %q", got)
	}
	if left, _ := os.ReadDir(root); len(left) != 2 {
		t.Errorf("the image's own folder has changed: %v", left)
	}
}

// Ends, limits and peak are the kernel's, as without runc.
func TestContainerEnds(t *testing.T) {
	h := contained(t, Options{})
	out := newLines()
	e := start(t, h, Spec{Env: helper("hog:200"), MemoryMB: 64, CPUShare: 2, Stdout: out})
	<-e.Done()
	if x := e.ExitError(); !x.OOM || x.Signal != syscall.SIGKILL || x.Killed || e.PeakMemoryMB() < 60 || e.PeakMemoryMB() > 64 {
		t.Errorf("200 MB at a limit of 64: %+v, peak %d MB", *x, e.PeakMemoryMB())
	}
	e = start(t, h, Spec{Env: helper("family:0"), Stdout: out})
	seen := out.next(t, e) // its id inside
	grandchild := outside(t, e.Pid(), seen)
	c := spawn(t, e, Extra{Command: []string{"sh", "-c", "test -e /proc/" + seen + " && kill -9 $$"}})
	<-c.Done()
	if x := c.ExitError(); x.Signal != syscall.SIGKILL || x.OOM {
		t.Errorf("killed by itself: %+v", *x)
	}
	if err := errors.Join(e.Freeze(), e.Thaw(), e.SetCPU(0.5)); err != nil {
		t.Error(err)
	}
	e.Kill()
	gone(t, grandchild)
	_, err := h.Start(context.Background(), Spec{ID: "none", Command: []string{"/no/such"}})
	var failed *StartError
	if !errors.As(err, &failed) || !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no such program: %v", err)
	}
	dir := h.oci.dir
	if err := h.Close(); err != nil {
		t.Error(err)
	}
	if left := groupsOf(t, newMark()); len(left) > 0 || exists(dir) {
		t.Errorf("left behind: %v, %s: %v", left, dir, exists(dir))
	}
}

func TestContainerBomb(t *testing.T) {
	h := contained(t, Options{MaxProcesses: 60})
	out := newLines()
	e := start(t, h, Spec{Env: helper("bomb:0"), Stdout: out})
	if line := out.next(t, e); line != "refused" {
		t.Errorf("the bomb says %q, want refused", line)
	}
}

// A kill -9 of the program ends its containers; what runc has written is removed
// by the next program.
func TestContainersOfAKilledProgram(t *testing.T) {
	contained(t, Options{})
	dead, pids := program9(t, "contained:0")
	for _, pid := range pids {
		gone(t, pid)
	}
	folders := func() []string {
		all, _ := filepath.Glob(filepath.Join(os.TempDir(), dead.String()+"*"))
		return append(all, groupsOf(t, dead)...)
	}
	for range 2000 {
		h, err := New(Options{Runtime: "runc"})
		if err != nil {
			t.Fatal(err)
		}
		if err := h.Close(); err != nil {
			t.Error(err)
		}
		if len(folders()) == 0 {
			return
		}
		time.Sleep(time.Millisecond)
	}
	t.Errorf("left behind: %v", folders())
}

func TestNoRuntime(t *testing.T) {
	_, err := New(Options{Runtime: "no-such-runc"})
	if err == nil || !strings.Contains(err.Error(), "no program no-such-runc in PATH: install it") {
		t.Errorf("error %v", err)
	}
}
