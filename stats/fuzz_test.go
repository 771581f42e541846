package stats_test

import (
	"encoding/binary"
	"math"
	"testing"

	"coldbench/stats"
)

// Whatever bits come in, no value is lost and the numbers are consistent.
func FuzzDist(f *testing.F) {
	seed := func(values ...float64) {
		var b []byte
		for _, v := range values {
			b = binary.LittleEndian.AppendUint64(b, math.Float64bits(v))
		}
		f.Add(b, 0.5, uint16(0))
	}
	seed()
	seed(1, 2, 3, math.NaN(), math.Inf(1), math.Inf(-1), math.Copysign(0, -1), 5e-324, math.MaxFloat64)
	f.Add(make([]byte, 800), 0.99, uint16(stats.ExactLimit))
	f.Fuzz(func(t *testing.T, data []byte, p float64, filler uint16) {
		d := stats.NewDist("ms")
		in := int64(filler)
		for i := range filler {
			d.Add(float64(i))
		}
		for ; len(data) >= 8; data = data[8:] {
			d.Add(math.Float64frombits(binary.LittleEndian.Uint64(data)))
			in++
		}
		checkInvariants(t, d, p, in)
	})
}

func checkInvariants(t *testing.T, d *stats.Dist, p float64, in int64) {
	t.Helper()
	if d.N()+d.NaNs() != in {
		t.Fatalf("%d values in, %d held and %d not numbers", in, d.N(), d.NaNs())
	}
	if d.Exact() != (d.N() <= stats.ExactLimit) {
		t.Fatalf("exact %t at %d values", d.Exact(), d.N())
	}
	if d.N() == 0 {
		return
	}
	if !(0 <= d.Min() && d.Min() <= d.Max() && d.Max() <= stats.MaxValue) {
		t.Fatalf("min %g, max %g", d.Min(), d.Max())
	}
	if slack := 1e-9 * d.Max(); !(d.Min()-slack <= d.Mean() && d.Mean() <= d.Max()+slack) {
		t.Fatalf("mean %g outside %g..%g", d.Mean(), d.Min(), d.Max())
	}
	q := d.At(p)
	if p >= 0 && p <= 1 && !(d.Min() <= q.Value && q.Value <= d.Max()) {
		t.Fatalf("At(%g) = %+v outside %g..%g", p, q, d.Min(), d.Max())
	}
	if q.OK && !(q.Lo <= q.Value && q.Value <= q.Hi && q.Confidence >= stats.Level) {
		t.Fatalf("At(%g) = %+v", p, q)
	}
	rows := hgrmRows(t, hgrm(t, d, 1))
	if len(rows) == 0 || rows[len(rows)-1].count != d.N() {
		t.Fatalf("hgrm ends at %v, not at %d values", rows, d.N())
	}
}
