package fleet_test

import (
	"testing"
	"time"

	"coldbench/fleet"
)

// BenchmarkArriveDone is one warm request through the control plane.
func BenchmarkArriveDone(b *testing.B) {
	for _, c := range []struct {
		name   string
		config fleet.PoolConfig
		busy   int
	}{
		{"mru-halving-1", fleet.PoolConfig{}, 1},
		{"mru-halving-100", fleet.PoolConfig{}, 100},
		{"mru-fixed-100", fleet.PoolConfig{KeepAlive: fleet.Fixed(time.Minute)}, 100},
		{"lru-uniform-100", fleet.PoolConfig{Placement: fleet.LRU, KeepAlive: fleet.Uniform(time.Minute, time.Hour)}, 100},
		{"mru-halving-100-zones-3", fleet.PoolConfig{Zones: 3}, 100},
		{"mru-halving-100-borrow", fleet.PoolConfig{Borrow: true}, 100},
		{"random-halving-100", fleet.PoolConfig{Placement: fleet.Random}, 100},
	} {
		b.Run(c.name, func(b *testing.B) {
			l := fleet.DefaultLimits()
			l.RequestsPerEnv = 0
			p := fleet.NewAccount(l).Function().Pool(c.config)
			ring := make([]fleet.Env, c.busy)
			now := time.Duration(0)
			for i := range ring {
				ring[i] = p.Arrive(now).Env
			}
			var ends []fleet.Expiry
			b.ReportAllocs()
			b.ResetTimer()
			for i := range b.N {
				now += 100 * time.Microsecond
				slot := i % len(ring)
				p.Done(ring[slot], now)
				d := p.Arrive(now)
				ring[slot] = d.Env
				if at, ok := p.NextExpiry(); ok && at <= now {
					ends = p.Expire(now, ends[:0])
				}
			}
		})
	}
}
