package sandbox

import (
	"context"
	"fmt"
	"os/exec"
	"slices"
	"syscall"
	"testing"
	"time"
)

// BenchmarkStart compares a start in the sandbox, with namespaces and without,
// and one by runc where that is installed, with plain fork and exec of the same program, a Go binary (this one, which is
// static without the race detector), in turn: until the program has
// been executed, and until it has ended and everything is cleared up. The
// difference of the medians is what an environment costs (goal: 5 ms). Run it
// with -benchtime 200x.
func BenchmarkStart(b *testing.B) {
	hosts := []*Host{newHost(b, Options{NoNamespaces: true}), newHost(b, Options{})}
	names := []string{"cgroup", "private"}
	if _, err := exec.LookPath("runc"); err == nil {
		hosts, names = append(hosts, contained(b, Options{})), append(names, "runc")
	}
	spec := Spec{ID: "b", Env: helper("nop:0"), MemoryMB: 128, CPUShare: 1, Tmp: b.TempDir()}
	spec.Mounts = []Mount{{Source: b.TempDir(), Target: "/opt", ReadOnly: true}, {Source: b.TempDir(), Target: "/var/runtime", ReadOnly: true}}
	times := map[string][]time.Duration{}
	note := func(name string, begin time.Time) { times[name] = append(times[name], time.Since(begin)) }
	for b.Loop() {
		begin := time.Now()
		pid, err := syscall.ForkExec(self(), []string{self()}, &syscall.ProcAttr{Env: spec.Env, Files: []uintptr{0, 1, 2}, Sys: &syscall.SysProcAttr{Setpgid: true}})
		if err != nil {
			b.Fatal(err)
		}
		note("plain", begin)
		reap(pid)
		note("plain-end", begin)
		for i, h := range hosts {
			begin = time.Now()
			e, err := h.Start(context.Background(), asHelper(h, spec))
			if err != nil {
				b.Fatal(err)
			}
			note(names[i], begin)
			<-e.Done()
			note(names[i]+"-end", begin)
		}
	}
	for name, d := range times {
		slices.Sort(d)
		b.ReportMetric(float64(d[len(d)/2].Microseconds()), name+"-p50-us")
		b.ReportMetric(float64(d[len(d)*99/100].Microseconds()), name+"-p99-us")
	}
}

// BenchmarkCPUShare reports the CPU time that a busy process gets per second of
// wall time, relative to its share: 1 is exact proportion.
func BenchmarkCPUShare(b *testing.B) {
	h := limited(b, Options{}, "cpu")
	for _, mb := range []float64{128, 512, 1024, 1769} {
		b.Run(fmt.Sprintf("MB=%v", mb), func(b *testing.B) {
			var got float64
			share := mb / 1769
			for b.Loop() {
				e := start(b, h, Spec{ID: "share", Env: helper("spin:300"), CPUShare: share})
				<-e.Done()
				wall := time.Since(e.StartedAt())
				got += (e.ExitError().User + e.ExitError().System).Seconds() / wall.Seconds() / share
			}
			b.ReportMetric(got/float64(b.N), "of-share")
		})
	}
}

// BenchmarkFreeze is one freeze and thaw of an idle environment, as between
// two invocations.
func BenchmarkFreeze(b *testing.B) {
	h := newHost(b, Options{})
	e := start(b, h, Spec{ID: "b", Env: helper("block:0"), MemoryMB: 128})
	for b.Loop() {
		if err := e.Freeze(); err != nil {
			b.Fatal(err)
		}
		if err := e.Thaw(); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkKill is the time from Kill to Done.
func BenchmarkKill(b *testing.B) {
	h := newHost(b, Options{})
	for b.Loop() {
		b.StopTimer()
		e := start(b, h, Spec{ID: "b", Env: helper("block:0"), MemoryMB: 128})
		b.StartTimer()
		e.Kill()
	}
}

// BenchmarkNew is a Host made and closed: the search for what is stale, a probe
// of each controller, the starting thread and the guard.
func BenchmarkNew(b *testing.B) {
	for b.Loop() {
		h, err := New(Options{})
		if err != nil {
			b.Fatal(err)
		}
		if err := h.Close(); err != nil {
			b.Fatal(err)
		}
	}
}
