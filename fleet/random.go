package fleet

import "math/bits"

// random is SplitMix64 (Steele, Lea, Flood 2014): eight bytes of state, the same
// stream for the same seed on every machine.
type random struct{ state uint64 }

func (r *random) next() uint64 {
	r.state += 0x9e3779b97f4a7c15
	z := r.state
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb
	return z ^ (z >> 31)
}

// below gives a number in [0, n), by Lemire's multiplication; the bias of at
// most n/2^64 is of no matter here. below(0) is 0.
func (r *random) below(n uint64) uint64 {
	hi, _ := bits.Mul64(r.next(), n)
	return hi
}
