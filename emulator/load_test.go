package emulator_test

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"coldbench/emulator"
)

// TestManyColdStartsAtOnce: each of them is answered, by an environment of its
// own, and nothing is left afterwards (newBed checks that).
func TestManyColdStartsAtOnce(t *testing.T) {
	n := 50
	if s := os.Getenv("TEST_COLD_STARTS"); s != "" {
		fmt.Sscan(s, &n)
	}
	b := newBed(t, emulator.Options{InitLimit: time.Minute})
	b.install(emulator.LocalFunction{Timeout: time.Minute})
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	begin := time.Now()
	answers := b.together(n, order{Do: "sleep", MS: 20 * n})
	took := time.Since(begin)
	for _, a := range answers {
		if a.payload != `"slept"` || a.failed != "" || !strings.Contains(a.log, "REPORT RequestId") {
			t.Fatalf("got %+v", a)
		}
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if got := b.streams(); got < n*9/10 || cold(answers) != got {
		t.Errorf("%d environments, %d cold starts, %d requests", got, cold(answers), n)
	}
	kb := (int64(after.HeapInuse+after.StackInuse) - int64(before.HeapInuse+before.StackInuse)) / int64(n) / 1024
	t.Logf("%d cold starts in %v, %d KB of the emulator for each environment", n, took, kb)
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
		// A period of the limiter (100 ms) may pass before it bites.
		if least := .85*cpu/share - 100; took < least {
			t.Errorf("%d MB: %.0f ms of CPU took %.0f ms, want at least %.0f", mb, cpu, took, least)
		}
	}
}
