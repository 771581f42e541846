//go:build race

package loadgen

// ReserveHeap is nothing under the race detector: it keeps a shadow of all memory
// that is allocated, and writes to that.
func ReserveHeap(int) []byte { return nil }
