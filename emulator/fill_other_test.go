//go:build !linux

package emulator_test

// fill is for a test that runs on Linux alone.
func fill() string { return "not tried here" }
