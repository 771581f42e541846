package record

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func seqs(n int64) []int64 {
	all := make([]int64, n)
	for i := range all {
		all[i] = int64(i)
	}
	return all
}

func conserved(all []int64) Conservation {
	var c Conservation
	for _, s := range all {
		c.Add(s)
	}
	return c
}

func TestConservation(t *testing.T) {
	for _, c := range []struct {
		seqs []int64
		want string
	}{
		{nil, ""},
		{[]int64{0}, ""},
		{[]int64{2, 0, 1}, ""},
		{[]int64{1}, "1 rows have positions from 1 to 1, not from 0 to 0"},
		{[]int64{0, 1, 3}, "3 rows have positions from 0 to 3, not from 0 to 2"},
		{[]int64{-1, 0, 1}, "from -1 to 1"},
		// Count, extremes, sum (6) and xor (0) are those of 0 1 2 3.
		{[]int64{0, 0, 3, 3}, "4 rows have positions from 0 to 3, but some are there twice"},
	} {
		sum := conserved(c.seqs)
		err := sum.Check()
		if (err == nil) != (c.want == "") || (err != nil && !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%v: %v, want %q", c.seqs, err, c.want)
		}
	}
}

func TestConservationIsOfAnyOrderAndFindsAnyChange(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		all := rapid.Permutation(seqs(rapid.Int64Range(1, 200).Draw(t, "n"))).Draw(t, "order")
		if c := conserved(all); c.Check() != nil {
			t.Fatal(c.Check())
		}
		at, to := rapid.IntRange(0, len(all)-1).Draw(t, "at"), rapid.Int64Range(-2, 210).Draw(t, "to")
		same := all[at] == to
		all[at] = to
		if c := conserved(all); (c.Check() == nil) != same {
			t.Fatalf("%v: %v", all, c.Check())
		}
	})
}
