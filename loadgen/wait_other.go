//go:build !linux

package loadgen

func newTimerfd() Waiter { return nil }
