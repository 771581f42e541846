package loadgen

import (
	"runtime/debug"
	"testing"
)

// TestLetGarbageGather changes the collector of the process and is not parallel.
func TestLetGarbageGather(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(100))
	for _, c := range []struct{ before, during int }{{100, 50}, {50, 50}, {30, 30}, {-1, -1}} {
		debug.SetGCPercent(c.before)
		letGarbageGather(0)()
		checkPercent(t, "after a run without a reserve", c.before)
		first := letGarbageGather(1 << 20)
		second := letGarbageGather(1 << 20)
		checkPercent(t, "during two runs", c.during)
		first()
		checkPercent(t, "when one has ended", c.during)
		second()
		checkPercent(t, "when both have ended", c.before)
	}
}

func checkPercent(t *testing.T, when string, want int) {
	t.Helper()
	got := debug.SetGCPercent(want)
	if got != want {
		t.Errorf("%s: GOGC %d, want %d", when, got, want)
	}
	debug.SetGCPercent(got)
}
