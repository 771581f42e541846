package loadgen_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"coldbench/loadgen"
	"coldbench/target/scripted"
)

// careful is a target that prepares its requests and notes what becomes of
// each, and when.
type careful struct {
	*scripted.Target
	start time.Time

	mu        sync.Mutex
	prepared  map[int64]time.Duration
	sent      map[int64]int
	discarded map[int64]int
}

func newCareful(service time.Duration) *careful {
	return &careful{
		Target: scripted.New(scripted.Step{Service: dur(service)}), start: time.Now(),
		prepared: map[int64]time.Duration{}, sent: map[int64]int{}, discarded: map[int64]int{},
	}
}

func (c *careful) Prepare(req loadgen.Request) loadgen.Prepared {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.prepared[req.Seq] = time.Since(c.start)
	return &carefully{c, req}
}

type carefully struct {
	c   *careful
	req loadgen.Request
}

func (p *carefully) Send(ctx context.Context) loadgen.Reply {
	p.c.mu.Lock()
	p.c.sent[p.req.Seq]++
	p.c.mu.Unlock()
	return p.c.Invoke(ctx, p.req)
}

func (p *carefully) Discard() {
	p.c.mu.Lock()
	defer p.c.mu.Unlock()
	p.c.discarded[p.req.Seq]++
}

func TestRequestsArePreparedAheadButNotFarAhead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		target := newCareful(ms)
		m, _ := run(t, t.Context(), loadgen.Config{Schedule: loadgen.Constant(0.5, 20*time.Second), Target: target, Start: target.start})
		if len(m.rows) != 10 {
			t.Fatalf("%d rows", len(m.rows))
		}
		for seq, at := range target.prepared {
			due := time.Duration(seq) * 2 * time.Second
			if at > due || at < due-2*time.Second {
				t.Errorf("request %d, due at %v, was prepared at %v", seq, due, at)
			}
		}
	})
}

// Whatever ends a run, each prepared request is sent or discarded, once.
func TestPreparedRequestsAreSentOrDiscardedOnce(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		cut := rapid.Int64Range(0, 3000).Draw(rt, "cut after ms")
		limit := rapid.IntRange(1, 40).Draw(rt, "in flight")
		service := rapid.Int64Range(0, 800).Draw(rt, "service ms")
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Duration(cut)*ms)
			defer cancel()
			target := newCareful(time.Duration(service) * ms)
			m, _ := run(t, ctx, loadgen.Config{
				Schedule: loadgen.Poisson(100, 2*time.Second, 7), Target: target, MaxInFlight: limit, Start: target.start,
			})
			for seq := range target.prepared {
				if target.sent[seq]+target.discarded[seq] != 1 {
					t.Fatalf("request %d was sent %d times and discarded %d times", seq, target.sent[seq], target.discarded[seq])
				}
			}
			for seq, row := range m.rows {
				if (row.Sent > 0) != (target.sent[seq] == 1) {
					t.Fatalf("row %d: sent at %v, target saw %d", seq, row.Sent, target.sent[seq])
				}
			}
		})
	})
}
