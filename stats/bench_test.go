package stats_test

import (
	"fmt"
	"testing"

	"coldbench/stats"
)

func BenchmarkAdd(b *testing.B) {
	values := lognormal(1, 1<<14)
	b.Run("exact", func(b *testing.B) {
		b.ReportAllocs()
		d := stats.NewDist("ms")
		for i := 0; b.Loop(); i++ {
			if d.N() == stats.ExactLimit {
				d = stats.NewDist("ms")
			}
			d.Add(values[i&(len(values)-1)])
		}
	})
	b.Run("histogram", func(b *testing.B) {
		b.ReportAllocs()
		d := distOf(lognormal(1, stats.ExactLimit+1)...)
		for i := 0; b.Loop(); i++ {
			d.Add(values[i&(len(values)-1)])
		}
	})
}

// A summary right after a value came in: sorting, or collecting the buckets, is
// part of it.
func BenchmarkSummary(b *testing.B) {
	for _, n := range []int{240, stats.ExactLimit - 1, 1_000_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			values := lognormal(1, n)
			d := distOf(values...)
			for b.Loop() {
				if d.Exact() {
					b.StopTimer()
					d = distOf(values...)
					b.StartTimer()
				} else {
					d.Add(100)
				}
				d.Summary(0.5, 0.9, 0.95, 0.99, 0.999)
			}
		})
	}
}

func BenchmarkCurve(b *testing.B) {
	d := distOf(lognormal(1, 1_000_000)...)
	for b.Loop() {
		d.Curve(200)
	}
}

func BenchmarkMerge(b *testing.B) {
	for _, n := range []int{1000, 10 * stats.ExactLimit} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			b.ReportAllocs()
			part := distOf(lognormal(1, n)...)
			for b.Loop() {
				total := stats.NewDist("ms")
				for range 8 {
					if err := total.Merge(part); err != nil {
						b.Fatal(err)
					}
				}
			}
		})
	}
}
