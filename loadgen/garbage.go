package loadgen

import (
	"runtime"
	"runtime/debug"
	"sync"
)

// gatherPercent is GOGC while a run with a GCReserve goes on. A target that
// stalls makes a run grow by hundreds of workers and connections; with Go's
// default, as much garbage again would be kept beside them.
const gatherPercent = 50

// gathering counts the runs that share the setting, which is the process's.
var gathering struct {
	mu     sync.Mutex
	runs   int
	before int // what the last of them sets again
}

// letGarbageGather makes the collector wait for n bytes of garbage and half of
// what is alive, until the function that it returns is called.
func letGarbageGather(n int) (end func()) {
	if n == 0 {
		return func() {}
	}
	reserve := ReserveHeap(n * 100 / gatherPercent)
	gathering.mu.Lock()
	defer gathering.mu.Unlock()
	if gathering.runs++; gathering.runs == 1 {
		gathering.before = debug.SetGCPercent(gatherPercent)
		if gathering.before < gatherPercent { // also where it is off: -1
			debug.SetGCPercent(gathering.before)
		}
	}
	return func() {
		runtime.KeepAlive(reserve)
		reserve = nil
		gathering.mu.Lock()
		defer gathering.mu.Unlock()
		if gathering.runs--; gathering.runs == 0 {
			runtime.GC() // else as much as the reserve would gather once more, after the run
			debug.SetGCPercent(gathering.before)
		}
	}
}
