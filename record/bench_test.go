package record

import (
	"bytes"
	"errors"
	"io"
	"path/filepath"
	"runtime"
	"testing"
)

// BenchmarkRecord is what a sender pays for one row, the compressor working
// beside it on the same machine.
func BenchmarkRecord(b *testing.B) {
	for name, parallel := range map[string]bool{"one": false, "many": true} {
		b.Run(name, func(b *testing.B) {
			w, err := Create(filepath.Join(b.TempDir(), "run"), testPlan(int64(b.N)))
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			b.ResetTimer()
			if parallel {
				b.RunParallel(func(pb *testing.PB) {
					row := typicalRow(1234567)
					for pb.Next() {
						_ = w.Record(&row)
					}
				})
			} else {
				row := typicalRow(1234567)
				for i := range b.N {
					row.Seq = int64(i)
					_ = w.Record(&row)
				}
			}
			if err := w.Close(); err != nil {
				b.Fatal(err)
			}
		})
	}
}

// BenchmarkRows reads a file of 200,000 rows; an operation is one row.
func BenchmarkRows(b *testing.B) {
	const n = 200_000
	dir := writeRun(b, typicalRows(n), 1500)
	run, err := Open(dir)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	b.ResetTimer()
	for done := 0; done < b.N; {
		for _, err := range run.Rows() {
			if err != nil {
				b.Fatal(err)
			}
			if done++; done == b.N {
				break
			}
		}
	}
}

// BenchmarkJoin joins rows with as many REPORTs, in memory and spilled.
func BenchmarkJoin(b *testing.B) {
	for name, most := range map[string]int{"memory": 1 << 30, "spilled": 10_000} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			platform := func(yield func(Platform, error) bool) {
				for i := range b.N {
					p := report(id(i), "REPORT RequestId: "+id(i)+"\tDuration: 8.40 ms\tBilled Duration: 9 ms\tMemory Size: 128 MB\tMax Memory Used: 66 MB\t")
					if !yield(p, nil) {
						return
					}
				}
			}
			rows := func(yield func(Invocation, error) bool) {
				for i := range b.N {
					row := typicalRow(int64(i))
					row.RequestID = id(b.N - 1 - i)
					if !yield(row, nil) {
						return
					}
				}
			}
			j, err := NewJoin(platform, JoinOptions{TempDir: b.TempDir(), MaxInMemory: most})
			if err != nil {
				b.Fatal(err)
			}
			for _, err := range j.Rows(rows) {
				if err != nil {
					b.Fatal(err)
				}
			}
			if c := j.Counts(); c.Matched != int64(b.N) {
				b.Fatalf("%+v", c)
			}
		})
	}
}

// id is a request id of the usual length.
func id(i int) string {
	b := []byte("00000000-0000-4000-8000-000000000000")
	for at := len(b) - 1; i > 0; at-- {
		b[at] = hexDigits[i&0xf]
		i >>= 4
	}
	return string(b)
}

// TestReadingNeedsNoMoreMemoryForMoreRows compares what is live in the middle
// of a short and of a long file.
func TestReadingNeedsNoMoreMemoryForMoreRows(t *testing.T) {
	live := func(n int) int64 {
		run, err := Open(writeRun(t, typicalRows(n), 500))
		if err != nil {
			t.Fatal(err)
		}
		var most int64
		seen := 0
		for _, err := range run.Rows() {
			if err != nil {
				t.Fatal(err)
			}
			if seen++; seen%(n/4) == 0 {
				var m runtime.MemStats
				runtime.GC()
				runtime.ReadMemStats(&m)
				most = max(most, int64(m.HeapAlloc))
			}
		}
		return most
	}
	short, long := live(2_000), live(60_000)
	if grown := long - short; grown > 4<<20 {
		t.Errorf("%d bytes live for 2,000 rows, %d for 60,000", short, long)
	}
}

// FuzzReadRows: whatever the bytes of the file, reading ends, and yields rows
// with a valid outcome.
func FuzzReadRows(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte("{\"seq\":1}\n"))
	f.Add([]byte{0x28, 0xb5, 0x2f, 0xfd, 0x04, 0x00, 0x01, 0x00, 0x00})
	f.Add([]byte{0x50, 0x2a, 0x4d, 0x18, 0xff, 0xff, 0xff, 0xff})
	dir := writeRun(f, nil, 1)
	f.Fuzz(func(t *testing.T, b []byte) {
		put(t, dir, RowsFile, b)
		run, err := Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		for row, err := range run.Rows() {
			if err != nil || !row.Outcome.known() {
				t.Fatalf("%+v, %v", row, err)
			}
		}
		if len(b) > 0 && run.rowsRead == 0 && len(run.Warnings()) == 0 && !skippableOrEmpty(b) {
			t.Fatalf("%q: no row and no warning", b)
		}
	})
}

// skippableOrEmpty says whether b is made of sound frames without lines.
func skippableOrEmpty(b []byte) bool {
	f, err := newFrameReader(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		return false
	}
	defer f.close()
	_, joined, err := f.next()
	return joined && errors.Is(err, io.EOF)
}
