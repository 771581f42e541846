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

func (c *careful) Prepare(_ context.Context, req loadgen.Request) loadgen.Prepared {
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

// laborious takes a while to prepare a request: 100 us, as signing does.
type laborious struct{ *careful }

func (l laborious) Prepare(ctx context.Context, req loadgen.Request) loadgen.Prepared {
	time.Sleep(100 * time.Microsecond)
	return l.careful.Prepare(ctx, req)
}

// A burst is prepared as a whole before it is due, the first one and one after a
// long pause too.
func TestBurstsArePreparedBeforeTheyAreDue(t *testing.T) {
	for _, first := range []time.Duration{0, 5 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			m, _ := run(t, t.Context(), loadgen.Config{
				Schedule: loadgen.Together(loadgen.Every(time.Minute, first, 2*time.Minute), 1500),
				Target:   laborious{newCareful(ms)},
			})
			if len(m.rows) != 3000 {
				t.Errorf("%d rows", len(m.rows))
			}
			for _, r := range m.rows {
				if r.Lag() > 1 {
					t.Fatalf("first burst at %v: the request due at %v left %v late", first, r.Intended, r.Lag())
				}
			}
		})
	}
}

// Large bodies are not piled up, and one body that all requests share is no pile.
func TestBodiesAheadAreBounded(t *testing.T) {
	const size, burst = 8 << 20, 60
	shared := make([]byte, size)
	for name, body := range map[string]func() []byte{
		"own":    func() []byte { return make([]byte, size) },
		"shared": func() []byte { return shared },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var built, most int
				target := newCareful(ms)
				m, _ := run(t, t.Context(), loadgen.Config{
					Schedule: loadgen.Together(loadgen.Every(time.Minute, 10*time.Second, time.Minute), burst),
					Target:   target,
					Start:    target.start,
					Payload: func(int64, loadgen.Arrival) ([]byte, error) {
						if time.Since(target.start) < 10*time.Second {
							most++
						}
						built++
						return body(), nil
					},
				})
				want := burst
				if name == "own" {
					want = 8 // 64 MB
				}
				if most != want || built != burst || len(m.rows) != burst {
					t.Errorf("%d bodies before the burst, want %d; %d in all, %d rows", most, want, built, len(m.rows))
				}
			})
		})
	}
}

// The end of the load does not wait for arrivals that are far away.
func TestCutWhileNothingIsToBePrepared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		target := newCareful(ms)
		m, s := run(t, ctx, loadgen.Config{Schedule: loadgen.Every(10*time.Minute, 0, time.Hour), Target: target, Start: target.start})
		if took := time.Since(target.start); took != 3*time.Second || len(m.rows) != 1 || !s.Interrupted {
			t.Errorf("after %v: %d rows, %+v", took, len(m.rows), s)
		}
	})
}

// stuck cannot prepare its second request, as if credentials did not come.
type stuck struct{ *careful }

func (s stuck) Prepare(ctx context.Context, req loadgen.Request) loadgen.Prepared {
	if req.Seq > 0 {
		<-ctx.Done()
	}
	return s.careful.Prepare(ctx, req)
}

func TestCutWhilePreparingHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		target := newCareful(ms)
		m, s := run(t, ctx, loadgen.Config{Schedule: loadgen.Constant(1, time.Minute), Target: stuck{target}, Start: target.start})
		// Those due at 1, 2 and 3 s had to wait; what was due becomes a row.
		if took := time.Since(target.start); took > 3*time.Second+10*ms || len(m.rows) != 4 || !s.Interrupted {
			t.Errorf("after %v: %d rows, %+v", took, len(m.rows), s)
		}
	})
}
