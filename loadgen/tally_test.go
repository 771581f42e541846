package loadgen

import (
	"fmt"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"coldbench/record"
)

// What counting one sent request costs: in shards that workers share, as it is
// done, and in a recorder of each worker's own, which needs no lock. See
// docs/decisions/0008.
func BenchmarkTally(b *testing.B) {
	rows := make([]record.Invocation, 4096)
	for i := range rows {
		at := time.Duration(i%1000) * time.Millisecond
		rows[i] = record.Invocation{Intended: at, Sent: at + time.Duration(20_000+i%977*131), Done: at + time.Millisecond, Outcome: record.OK}
	}
	for _, workers := range []int{1, 64, 1000} {
		b.Run(fmt.Sprintf("shards/workers=%d", workers), func(b *testing.B) {
			t := newTally()
			var first atomic.Int64
			b.RunParallel(func(pb *testing.PB) {
				for i := int(first.Add(1)); pb.Next(); i++ {
					t.sent(i%workers, &rows[i%len(rows)])
				}
			})
		})
		for _, digits := range []int{3, 2, 1} {
			b.Run(fmt.Sprintf("own/digits=%d/workers=%d", digits, workers), func(b *testing.B) { benchOwn(b, rows, workers, digits) })
		}
	}
}

func benchOwn(b *testing.B, rows []record.Invocation, workers, digits int) {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	procs := runtime.GOMAXPROCS(0)
	all := make([]*shard, procs*((workers+procs-1)/procs))
	for i := range all {
		all[i] = &shard{lag: hdrhistogram.New(1, int64(maxLagRecorded), digits)}
	}
	runtime.ReadMemStats(&after)
	each := len(all) / procs
	var first atomic.Int64
	b.RunParallel(func(pb *testing.PB) {
		mine := all[int(first.Add(1)-1)%procs*each:][:each]
		for i := 0; pb.Next(); i++ {
			mine[i%each].count(&rows[i%len(rows)])
		}
	})
	b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/float64(len(all))/1024, "KB/worker")
	runtime.KeepAlive(all)
}
