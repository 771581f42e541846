//go:build !unix

package loadgen_test

func peakMB() float64 { return 0 }
