//go:build !race

package loadgen

func reservable(n int) int { return n }
