//go:build race

package emulator_test

// raceDetector says whether the race detector is on.
const raceDetector = true
