package sandbox

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// each runs a test without anything, with cgroups, and with namespaces too.
func each(t *testing.T, test func(t *testing.T, h *Host)) {
	t.Run("plain", func(t *testing.T) { test(t, newHost(t, Options{NoCgroups: true, NoNamespaces: true})) })
	t.Run("cgroups", func(t *testing.T) { test(t, limited(t, Options{NoNamespaces: true}, "cgroup")) })
	t.Run("private", func(t *testing.T) { test(t, isolated(t, Options{})) })
}

func TestEnvironmentIsExactlySpecEnv(t *testing.T) {
	each(t, func(t *testing.T, h *Host) {
		var out bytes.Buffer
		e := start(t, h, Spec{Command: []string{"env"}, Env: []string{"A=1", "B=2"}, Stdout: &out})
		<-e.Done()
		if got := strings.Fields(out.String()); len(got) != 2 || got[0] != "A=1" || got[1] != "B=2" {
			t.Errorf("environment %q, want A=1 B=2", got)
		}
		if x := e.ExitError(); x.Code != 0 || x.Signal != 0 || x.Killed || x.OOM {
			t.Errorf("exit %+v", x)
		}
	})
}

func TestOutputGoesWhereItShould(t *testing.T) {
	each(t, func(t *testing.T, h *Host) {
		const script = "echo one; echo two >&2; echo three"
		var out, err, all bytes.Buffer
		e := start(t, h, Spec{Command: []string{"sh", "-c", script}, Stdout: &out, Stderr: &err})
		<-e.Done()
		if out.String() != "one\nthree\n" || err.String() != "two\n" {
			t.Errorf("stdout %q, stderr %q", out.String(), err.String())
		}
		e = start(t, h, Spec{Command: []string{"sh", "-c", script}, Stdout: &all, Stderr: &all})
		<-e.Done()
		if all.String() != "one\ntwo\nthree\n" {
			t.Errorf("one writer for both: %q, want the lines in order", all.String())
		}
		e = start(t, h, Spec{Command: []string{"sh", "-c", script}})
		<-e.Done()
		if e.ExitError().Code != 0 {
			t.Errorf("no writers: %v", e.ExitError())
		}
	})
}

func TestExit(t *testing.T) {
	each(t, func(t *testing.T, h *Host) {
		tests := []struct {
			script string
			code   int
			signal syscall.Signal
			text   string
		}{
			{"exit 0", 0, 0, "exit status 0"},
			{"exit 127", 127, 0, "exit status 127"},
			{"kill -SEGV $$", -1, syscall.SIGSEGV, "signal: segmentation fault"},
			{"kill -KILL $$", -1, syscall.SIGKILL, "signal: killed"},
		}
		for _, test := range tests {
			e := start(t, h, Spec{Command: []string{"sh", "-c", test.script}})
			<-e.Done()
			x := e.ExitError()
			if x.Code != test.code || x.Signal != test.signal || x.Error() != test.text || x.Killed || x.OOM {
				t.Errorf("%s: %+v (%s)", test.script, *x, x)
			}
		}
	})
}

func TestStartErrors(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string, mode os.FileMode) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	plain := write("plain", "#!/bin/sh\n", 0o644)
	noLoader := write("noloader", "#!/no/such/interpreter\n", 0o755)
	noMagic := write("nomagic", "hello", 0o755)
	each(t, func(t *testing.T, h *Host) {
		tests := []struct {
			spec Spec
			is   error
			says string
		}{
			{Spec{}, os.ErrInvalid, "command is empty"},
			{Spec{Command: []string{"no-such-program"}}, fs.ErrNotExist, "not found in PATH"},
			{Spec{Command: []string{dir + "/missing"}}, fs.ErrNotExist, "no such file"},
			{Spec{Command: []string{plain}}, fs.ErrPermission, "not executable"},
			{Spec{Command: []string{noLoader}}, fs.ErrNotExist, "interpreter or loader"},
			{Spec{Command: []string{noMagic}}, syscall.ENOEXEC, "not a program for this system"},
			{Spec{Command: []string{"/bin/sh"}, Dir: dir + "/nowhere"}, fs.ErrNotExist, "working directory"},
		}
		for _, test := range tests {
			test.spec.ID = "e1"
			test.spec.Mounts = []Mount{{Source: dir, Target: dir, ReadOnly: true}}
			_, err := h.Start(context.Background(), test.spec)
			var started *StartError
			if !errors.As(err, &started) || !strings.Contains(err.Error(), test.says) || strings.Contains(err.Error(), "\n") {
				t.Errorf("%v: error %v, want a *StartError that says %q", test.spec.Command, err, test.says)
				continue
			}
			if !errors.Is(err, test.is) && !strings.Contains(err.Error(), "PATH") {
				t.Errorf("%v: error %v is not %v", test.spec.Command, err, test.is)
			}
		}
	})
}

func TestStartAfterCancelAndClose(t *testing.T) {
	h := newHost(t, Options{NoCgroups: true})
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := h.Start(ctx, Spec{Command: []string{"true"}}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	if err := h.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := h.Start(context.Background(), Spec{Command: []string{"true"}}); !errors.Is(err, ErrClosed) {
		t.Errorf("closed: %v", err)
	}
}

func TestKillAndClose(t *testing.T) {
	each(t, func(t *testing.T, h *Host) {
		e := start(t, h, Spec{Env: helper("block:0")})
		if e.ExitError() != nil {
			t.Error("an exit error before the end")
		}
		e.Kill()
		if x := e.ExitError(); !x.Killed || x.Signal != syscall.SIGKILL {
			t.Errorf("exit %+v", x)
		}
		e.Kill() // of an ended one
		left := start(t, h, Spec{Env: helper("block:0")})
		if err := h.Close(); err != nil {
			t.Error(err)
		}
		select {
		case <-left.Done():
		default:
			t.Error("Close returned before its environment was gone")
		}
		gone(t, left.Pid())
	})
}

func TestFrozenEnvironmentIsSilentAndCanBeKilled(t *testing.T) {
	each(t, func(t *testing.T, h *Host) {
		out := newLines()
		e := start(t, h, Spec{Command: []string{"sh", "-c", "while :; do echo x; done"}, Stdout: out})
		out.next(t, e)
		if err := e.Freeze(); err != nil {
			t.Fatal(err)
		}
		before := cpuTicks(t, e.Pid())
		if err := e.Thaw(); err != nil {
			t.Fatal(err)
		}
		for range 100 {
			select {
			case <-out.out:
			case <-e.Done():
				t.Fatal("ended")
			}
		}
		if err := e.Freeze(); err != nil {
			t.Fatal(err)
		}
		if after := cpuTicks(t, e.Pid()); after < before {
			t.Errorf("CPU time went back from %d to %d ticks", before, after)
		}
		e.Kill()
		if err := errors.Join(e.Freeze(), e.Thaw(), e.SetCPU(1)); err != nil {
			t.Errorf("on an ended environment: %v", err)
		}
	})
}

// cpuTicks is user plus system time, fields 14 and 15 of stat; 0 without /proc.
func cpuTicks(t *testing.T, pid int) int {
	t.Helper()
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	user, _ := strconv.Atoi(fields[11])
	system, _ := strconv.Atoi(fields[12])
	return user + system
}

func TestTmpIsMadeAndKept(t *testing.T) {
	h := newHost(t, Options{NoCgroups: true})
	tmp := filepath.Join(t.TempDir(), "a", "tmp")
	seen := tmp
	if h.Private() {
		seen = "/tmp"
	}
	e := start(t, h, Spec{Command: []string{"sh", "-c", "echo kept > " + seen + "/f"}, Tmp: tmp})
	<-e.Done()
	if text, err := os.ReadFile(filepath.Join(tmp, "f")); err != nil || string(text) != "kept\n" {
		t.Errorf("%q, %v", text, err)
	}
}

func TestManyAtOnce(t *testing.T) {
	each(t, func(t *testing.T, h *Host) {
		envs := make(chan *Env, 40)
		for range cap(envs) {
			go func() {
				e, err := h.Start(context.Background(), Spec{ID: "many", Command: []string{"sleep", "1000"}, MemoryMB: 128})
				if err != nil {
					t.Error(err)
				}
				envs <- e
			}()
		}
		for i := range cap(envs) {
			if e := <-envs; e != nil && i%2 == 0 {
				e.Kill() // the others are left to Close
			}
		}
	})
}

// One program may have several Hosts, and the end of one is nothing to another.
func TestHostsAreIndependent(t *testing.T) {
	each(t, func(t *testing.T, h *Host) {
		other, err := New(h.options)
		if err != nil {
			t.Fatal(err)
		}
		mine := start(t, h, Spec{ID: "same", Env: helper("block:0")})
		theirs := start(t, other, Spec{ID: "same", Env: helper("block:0")})
		if err := other.Close(); err != nil {
			t.Error(err)
		}
		<-theirs.Done()
		select {
		case <-mine.Done():
			t.Error("the end of another host ended this environment")
		default:
		}
		if err := syscall.Kill(mine.Pid(), 0); err != nil {
			t.Error(err)
		}
	})
}

func TestStartReasons(t *testing.T) {
	for err, says := range map[error]string{
		syscall.EAGAIN: "no more processes allowed here", syscall.EMFILE: "no more open files", syscall.ENFILE: "no more open files",
		syscall.ENOMEM: "no memory left", syscall.E2BIG: "too large", syscall.EIO: "input/output error",
	} {
		if got := startReason("", "/bin/sh", err); !strings.Contains(got, says) {
			t.Errorf("%v: %q, want it to say %q", err, got, says)
		}
	}
}
