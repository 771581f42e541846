package sandbox

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// shell runs a script and returns what it printed.
func shell(t *testing.T, h *Host, s Spec, script string) string {
	t.Helper()
	var out bytes.Buffer
	s.Command, s.Env = []string{"/bin/sh", "-c", script}, []string{"PATH=/usr/bin:/bin"}
	s.Stdout, s.Stderr = &out, &out
	e := start(t, h, s)
	<-e.Done()
	return strings.TrimSpace(out.String())
}

// folder makes a folder with files in it.
func folder(t *testing.T, files ...string) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range files {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(name+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// What a function sees: its code, its layers, a /tmp of its own, and of this
// machine only what it may read.
func TestView(t *testing.T) {
	h := isolated(t, Options{})
	code, layers, tmp := folder(t, "index.js"), folder(t, "bin/tool"), folder(t, "kept")
	if err := os.Symlink("/etc/passwd", filepath.Join(code, "outside")); err != nil {
		t.Fatal(err)
	}
	s := Spec{Tmp: tmp, Dir: "/var/task", Mounts: []Mount{
		{Source: code, Target: "/var/task", ReadOnly: true},
		{Source: layers, Target: "/opt", ReadOnly: true},
		{Source: filepath.Join(code, "index.js"), Target: "/tmp/deep/file", ReadOnly: true},
	}}
	const readOnly = "Read-only file system"
	for script, want := range map[string]string{
		"cat index.js; pwd":                 "index.js\n/var/task",
		"find /opt":                         "/opt\n/opt/bin\n/opt/bin/tool",
		"head -1 outside":                   "root:x:0:0:root:/root:" + loginShell(t), // in the view, as any other path
		"cat /tmp/kept":                     "kept",
		"cat /tmp/deep/file":                "index.js",
		"echo x >/tmp/new && cat /tmp/new":  "x",
		"echo x >/var/task/new":             readOnly,
		"echo x >/opt/new":                  readOnly,
		"echo x >/usr/new":                  readOnly,
		"echo x >/new":                      readOnly,
		"echo x >/dev/null && echo ok":      "ok",
		"ls /dev":                           "fd\nfull\nnull\nrandom\nstderr\nstdin\nstdout\ntty\nurandom\nzero",
		"echo /proc/[0-9]*":                 "/proc/1 /proc/2", // the first process and the shell
		"cat /proc/1/cmdline":               "coldbench-init\x00",
		"grep NoNewPrivs /proc/self/status": "NoNewPrivs:\t1",
	} {
		if got := shell(t, h, s, script); got != want && (want != readOnly || !strings.HasSuffix(got, want)) {
			t.Errorf("%s: printed %q, want %q", script, got, want)
		}
	}
	if text, err := os.ReadFile(filepath.Join(tmp, "new")); err != nil || string(text) != "x\n" {
		t.Errorf("what a function wrote to /tmp: %q, %v", text, err)
	}
}

func loginShell(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("/etc/passwd")
	if err != nil {
		t.Skip(err)
	}
	line, _, _ := strings.Cut(string(text), "\n")
	return line[strings.LastIndexByte(line, ':')+1:]
}

// Namespaces differ from this program's, but for the network's; one environment
// sees nothing of another.
func TestNamespaces(t *testing.T) {
	h := isolated(t, Options{})
	for name, own := range map[string]bool{"mnt": true, "pid": true, "ipc": true, "uts": true, "net": false, "cgroup": false} {
		link, err := os.Readlink("/proc/self/ns/" + name)
		if err != nil {
			t.Fatal(err)
		}
		got := shell(t, h, Spec{}, "readlink /proc/self/ns/"+name)
		if (got != link) != own {
			t.Errorf("namespace %s: %s inside, %s outside", name, got, link)
		}
	}
	e := start(t, h, Spec{Command: []string{"sh", "-c", "echo secret >/tmp/mine; exec sleep 1000"}})
	if got := shell(t, h, Spec{}, "cat /tmp/mine; "+countProcesses); strings.Contains(got, "secret") || !strings.HasSuffix(got, "\n2") {
		t.Errorf("another environment sees %q, want no file and two processes", got)
	}
	// A process that is spawned later is in the namespaces of its environment.
	out := newLines()
	spawn(t, e, Extra{Command: []string{"sh", "-c", "readlink /proc/self/ns/pid; readlink /proc/self/ns/mnt"}, Stdout: out})
	for _, name := range []string{"pid", "mnt"} {
		want, err := os.Readlink("/proc/" + strconv.Itoa(e.Pid()) + "/ns/" + name)
		if got := out.next(t, e); err != nil || got != want {
			t.Errorf("spawned into %s, the environment has %s (%v)", got, want, err)
		}
	}
}

// Mounts are in the environment's namespace alone, and the starting thread
// comes back from there.
func TestNothingStaysMounted(t *testing.T) {
	before, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		t.Skip(err)
	}
	h := isolated(t, Options{})
	e := start(t, h, Spec{Env: helper("block:0"), Mounts: []Mount{{Source: folder(t, "f"), Target: "/opt"}}})
	tasks, _ := filepath.Glob("/proc/self/task/*/ns/*")
	for _, link := range tasks {
		mine, _ := os.Readlink("/proc/self/ns/" + filepath.Base(link))
		if its, err := os.Readlink(link); err == nil && its != mine {
			t.Errorf("%s is %s, want %s", link, its, mine)
		}
	}
	if during, _ := os.ReadFile("/proc/self/mountinfo"); !bytes.Equal(before, during) {
		t.Errorf("mounts of this program changed:\n%s", during)
	}
	e.Kill()
	if err := h.Close(); err != nil {
		t.Error(err)
	}
	if after, _ := os.ReadFile("/proc/self/mountinfo"); !bytes.Equal(before, after) {
		t.Errorf("mounts of this program changed:\n%s", after)
	}
}

// An image's folder becomes the root. It need not have the folders that are
// mounted on.
func TestRoot(t *testing.T) {
	h := isolated(t, Options{})
	root := folder(t, "app/hello", "etc/hosts")
	s := Spec{Root: root, Dir: "/app", Mounts: []Mount{{Source: folder(t, "data"), Target: "/var/some/place", ReadOnly: true}}}
	// The tools of this machine, for the test.
	for _, dir := range []string{"/usr", "/bin", "/lib", "/lib64"} {
		if _, err := os.Stat(dir); err == nil {
			s.Mounts = append(s.Mounts, Mount{Source: dir, Target: dir, ReadOnly: true})
		}
	}
	hosts, err := os.ReadFile("/etc/hosts")
	if err != nil {
		t.Skip(err)
	}
	got := shell(t, h, s, "cat hello; ls -x / /var; cat /var/some/place/data; echo x >/tmp/f && cat /tmp/f; touch /app/new 2>&1 | grep -o 'Read-only'; cat /etc/hosts")
	for _, want := range []string{"app/hello\n", "app", "dev", "proc", "some", "data\n", "x\n", "Read-only\n", strings.TrimSpace(string(hosts))} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is missing in\n%s", want, got)
		}
	}
	if strings.Contains(got, "home") {
		t.Errorf("this machine's root shows:\n%s", got)
	}
	plain := newHost(t, Options{NoCgroups: true, NoNamespaces: true})
	if _, err := plain.Start(context.Background(), Spec{Command: []string{"true"}, Root: root}); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("without namespaces: %v", err)
	}
}

func TestMountErrors(t *testing.T) {
	h := isolated(t, Options{})
	code := folder(t, "f")
	for says, m := range map[string]Mount{
		"show /no/such at /var/task: stat /no/such: no such file": {Source: "/no/such", Target: "/var/task"},
		"not an absolute path below /":                            {Source: code, Target: "task"},
		"not an absolute path":                                    {Source: code, Target: "/a/../../b"},
		"mount at /etc/hostname":                                  {Source: code, Target: "/etc/hostname"}, // a folder on a file
	} {
		_, err := h.Start(context.Background(), Spec{ID: "m", Command: []string{"true"}, Mounts: []Mount{m}})
		var failed *StartError
		if !errors.As(err, &failed) || !strings.Contains(err.Error(), says) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%+v: error %v, want a *StartError that says %q", m, err, says)
		}
	}
	_, err := h.Start(context.Background(), Spec{Command: []string{"true"}, Mounts: []Mount{{Source: "/no/such", Target: "/x"}}})
	if !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("error %v is not that of the system", err)
	}
	// The next start works all the same.
	if got := shell(t, h, Spec{}, "echo fine"); got != "fine" {
		t.Error(got)
	}
}

// More sets of places than are kept.
func TestManyViews(t *testing.T) {
	h := isolated(t, Options{NoCgroups: true})
	code := folder(t, "f")
	for i := range maxViews + 3 {
		e := start(t, h, Spec{Command: []string{"true"}, Mounts: []Mount{{Source: code, Target: "/x/" + strconv.Itoa(i)}}})
		<-e.Done()
		if x := e.ExitError(); x.Code != 0 {
			t.Fatal(x)
		}
	}
	if n := len(h.private.views); n > maxViews {
		t.Errorf("%d views are kept", n)
	}
}

// In a user namespace, where a user without rights is root, all of it works but
// the cgroups.
func TestUserNamespace(t *testing.T) {
	c := exec.Command(self())
	c.Env = append(helper("unprivileged:0"), "PATH="+os.Getenv("PATH"))
	id := []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}}
	c.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS | syscall.CLONE_NEWPID | syscall.CLONE_NEWIPC | syscall.CLONE_NEWUTS,
		UidMappings: id, GidMappings: []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}},
	}
	out, err := c.CombinedOutput()
	if err != nil || strings.HasPrefix(string(out), "no /proc") {
		t.Skipf("needs user namespaces: %v, %s", err, out)
	}
	got := string(out)
	// The first process and the shell.
	if !strings.HasPrefix(got, "2\n") || !strings.Contains(got, "Read-only file system") || !strings.HasSuffix(got, "exit status 0 <nil>\n") {
		t.Errorf("printed\n%s", got)
	}
}

func TestWithoutNamespacesIsSaid(t *testing.T) {
	h := newHost(t, Options{NoNamespaces: true})
	all := strings.Join(h.Warnings(), "\n")
	if h.Private() || !strings.Contains(all, "no namespaces (switched off)") || strings.Contains(h.Limits(), "namespaces") {
		t.Errorf("private %v, limits %s, warnings %s", h.Private(), h.Limits(), all)
	}
}
