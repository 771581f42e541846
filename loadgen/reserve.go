//go:build !race

package loadgen

// reservable is how much of a reserve of n bytes can be had for nothing.
func reservable(n int) int { return n }
