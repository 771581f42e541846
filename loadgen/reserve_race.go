//go:build race

package loadgen

// reservable is nothing under the race detector, which touches four bytes for
// each that is allocated.
func reservable(int) int { return 0 }
