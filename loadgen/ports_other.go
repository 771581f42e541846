//go:build !linux

package loadgen

func localPorts() int { return 0 }
