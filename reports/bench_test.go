package reports

import (
	"runtime"
	"testing"
	"time"

	"coldbench/record"
)

// endless yields n rows of the large scene, over and over, as a longer run.
func endless(s *scene, n int) func(func(record.Joined, error) bool) {
	return func(yield func(record.Joined, error) bool) {
		length := s.rows[len(s.rows)-1].Intended
		for i := range n {
			j := s.rows[i%len(s.rows)]
			j.Seq = int64(i)
			shift := length * time.Duration(i/len(s.rows))
			j.Intended += shift
			if j.Sent > 0 {
				j.Sent, j.Done = j.Sent+shift, j.Done+shift
			}
			if j.FirstByte > 0 {
				j.FirstByte += shift
			}
			if !yield(j, nil) {
				return
			}
		}
	}
}

// More rows need no more memory once the distributions of the frequent kinds
// have become histograms.
func TestMemoryIsBounded(t *testing.T) {
	if testing.Short() {
		t.Skip("four million rows take some seconds")
	}
	s := large()
	heap := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.GC() // what the first one only unlinked
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	empty := heap()
	kept := func(n int) (grown uint64) {
		src := s.source()
		s.plan.Arrivals = int64(n)
		src.rows = endless(s, n)
		r, err := assemble(src, Options{})
		if err != nil {
			t.Fatal(err)
		}
		grown = heap() - empty
		runtime.KeepAlive(r)
		return grown
	}
	few, many := kept(1_000_000), kept(3_000_000)
	runtime.KeepAlive(s)
	t.Logf("a report keeps %d kB after 1 000 000 rows, %d kB after 3 000 000", few/1024, many/1024)
	if many > few+few/4 {
		t.Errorf("memory grows with rows: %d bytes, then %d", few, many)
	}
}

func BenchmarkAssemble(b *testing.B) {
	s := large()
	src := s.source()
	src.rows = endless(s, b.N)
	b.ReportAllocs()
	b.ResetTimer()
	if _, err := assemble(src, Options{}); err != nil {
		b.Fatal(err)
	}
}

func BenchmarkWriteHTML(b *testing.B) {
	r := large().report(b)
	b.ReportAllocs()
	for b.Loop() {
		if err := r.WriteHTML(discard{}); err != nil {
			b.Fatal(err)
		}
	}
}

type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }
