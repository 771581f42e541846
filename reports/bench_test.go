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

// A report of many rows keeps little: 600 000 of them would be some 350 MB.
func TestMemoryIsBounded(t *testing.T) {
	if testing.Short() {
		t.Skip("600 000 rows take a second")
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
	const rows = 600_000
	src := s.source()
	s.plan.Arrivals = rows
	src.rows = endless(s, rows)
	r, err := assemble(src, Options{})
	if err != nil {
		t.Fatal(err)
	}
	grown := heap() - empty
	runtime.KeepAlive(r)
	runtime.KeepAlive(s)
	t.Logf("a report keeps %d kB after %d rows", grown/1024, rows)
	if grown > 32<<20 {
		t.Errorf("a report of %d rows keeps %d bytes", rows, grown)
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
