package record

import (
	"fmt"
	"math"
)

// Conservation checks in constant memory that the positions of rows, in any
// order, are exactly 0..n-1: no arrival lost, none written twice. It keeps
// their number, their extremes and the sum of a hash of each, modulo 2^64; a
// wrong multiset passes with a chance of about 2^-64. The zero value is ready
// for use.
//
// Note: count, extremes, plain sum and xor do not suffice: 0 0 3 3 has all of
// those of 0 1 2 3. A bitmap is exact but needs 125 MB at the largest plan.
type Conservation struct {
	n, minSeq, maxSeq int64
	hash              uint64
}

// Add counts the row at position seq.
func (c *Conservation) Add(seq int64) {
	if c.n == 0 {
		c.minSeq, c.maxSeq = math.MaxInt64, math.MinInt64
	}
	c.n++
	c.minSeq, c.maxSeq = min(c.minSeq, seq), max(c.maxSeq, seq)
	c.hash += mix(uint64(seq))
}

// N is the number of rows that were added.
func (c *Conservation) N() int64 { return c.n }

// Check says in one sentence what is wrong, or returns nil when the positions
// are exactly 0..n-1 for the n that was added. It takes about a nanosecond a
// row.
func (c *Conservation) Check() error {
	if c.n == 0 {
		return nil
	}
	if c.minSeq != 0 || c.maxSeq != c.n-1 {
		return fmt.Errorf("%d rows have positions from %d to %d, not from 0 to %d", c.n, c.minSeq, c.maxSeq, c.n-1)
	}
	var want uint64
	for i := range uint64(c.n) {
		want += mix(i)
	}
	if want != c.hash {
		return fmt.Errorf("%d rows have positions from 0 to %d, but some are there twice and as many are lost", c.n, c.maxSeq)
	}
	return nil
}

// mix is the finalizer of SplitMix64 (Steele, Lea, Flood: Fast splittable
// pseudorandom number generators, OOPSLA 2014) on a golden-ratio sequence.
func mix(x uint64) uint64 {
	x = (x + 1) * 0x9e3779b97f4a7c15
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9
	x = (x ^ (x >> 27)) * 0x94d049bb133111eb
	return x ^ (x >> 31)
}
