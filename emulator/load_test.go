package emulator_test

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"coldbench/emulator"
)

// maxIdleKB is what an idle environment may cost the emulator itself.
const maxIdleKB = 100

// TestManyColdStartsAtOnce: each request is answered with its own text, by an
// environment of its own; idle ones are cheap. That nothing is left afterwards is
// newBed's proof.
// `make load` runs it with 1,000.
func TestManyColdStartsAtOnce(t *testing.T) {
	n := 50
	if s := os.Getenv("TEST_COLD_STARTS"); s != "" {
		fmt.Sscan(s, &n)
	}
	dir := t.TempDir()
	b := newBed(t, emulator.Options{InitLimit: 10 * time.Minute, WorkDir: dir})
	b.install(emulator.LocalFunction{Timeout: 10 * time.Minute})
	before := inUse()
	begin := time.Now()
	answers := b.distinct(n, order{Do: "sleep", MS: 20 * n})
	took := time.Since(begin)
	for i, a := range answers {
		if a.payload != fmt.Sprintf(`"request %d"`, i) || a.failed != "" || !strings.Contains(a.log, "REPORT RequestId") {
			t.Fatalf("request %d got %+v", i, a)
		}
	}
	if got := b.streams(); got < n*9/10 || cold(answers) != got {
		t.Errorf("%d environments, %d cold starts, %d requests", got, cold(answers), n)
		for _, a := range answers {
			if cold([]answer{a}) == 0 {
				t.Logf("not cold: %s", a.log)
			}
		}
	}
	var kb int64
	eventually(t, "idle environments that cost little", func() bool { // once the connections are closed
		b.client.CloseIdleConnections()
		kb = (inUse() - before) / int64(n) / 1024
		return kb < maxIdleKB || raceDetector // which makes everything larger
	})
	t.Logf("%d cold starts in %v, %d KB of the emulator for each environment, logs included", n, took, kb)
	if strings.Contains(b.server.Limits(), "cgroup") && !strings.Contains(strings.Join(traces(t, dir), "\n"), "/coldbench-") {
		t.Error("the search for what is left does not see the control groups that are there")
	}
}

// inUse is the memory of this process that lives: heap and stacks.
func inUse() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc + m.StackInuse)
}

// distinct invokes n times at once, each with a text of its own, which comes
// back as the answer.
func (b *bed) distinct(n int, o order) []answer {
	b.t.Helper()
	answers := make([]answer, n)
	var all sync.WaitGroup
	for i := range n {
		mine := o
		mine.Text = fmt.Sprintf("request %d", i)
		all.Go(func() {
			a, err := b.try("fn", mine)
			if err != nil {
				b.t.Error(err)
			}
			answers[i] = a
		})
	}
	all.Wait()
	return answers
}

// TestCPUShare: a handler that only computes gets 1 vCPU for each 1,769 MB, so
// that it takes at least its CPU time divided by that share, however busy this
// machine is.
func TestCPUShare(t *testing.T) {
	b := newBed(t, emulator.Options{})
	if !strings.Contains(strings.ToLower(b.server.Limits()), "cpu") {
		t.Skipf("no CPU limit can be set here: %s", b.server.Limits())
	}
	for _, mb := range []int{128, 512, 1769} {
		b.install(emulator.LocalFunction{MemoryMB: mb, Env: map[string]string{"TEST_INIT": "spin:30000000"}})
		cold := b.invoke(order{})
		a := b.invoke(order{Do: "spin", Bytes: 60_000_000})
		var cpu float64
		fmt.Sscan(a.payload, &cpu)
		share, took, init := float64(mb)/1769, parseReport(t, a.log).duration, parseReport(t, cold.log).init
		t.Logf("%d MB: handler %.0f ms for %.0f ms of CPU, init with half that work %.0f ms", mb, took, cpu, init)
		// A period of the limiter (20 ms) may pass before it bites.
		if least := .85*cpu/share - 20; took < least {
			t.Errorf("%d MB: %.0f ms of CPU took %.0f ms, want at least %.0f", mb, cpu, took, least)
		}
	}
}
