package sandbox

import "crypto/sha256"

// spin does a fixed amount of work: about ms milliseconds on a full CPU.
func spin(ms int) {
	var block [64 << 10]byte
	for range ms * 25 {
		sum := sha256.Sum256(block[:])
		copy(block[:], sum[:])
	}
}
