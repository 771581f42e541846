//go:build race

package loadgen

// reservable is nothing under the race detector: it keeps a shadow of all memory
// that is allocated, and writes to that.
func reservable(int) int { return 0 }
