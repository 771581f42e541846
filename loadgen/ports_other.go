//go:build !linux

package loadgen

func LocalPorts() int { return 0 }
