package emulator_test

import (
	"context"
	"math"
	"sync"
	"testing"

	"coldbench/emulator"
	"coldbench/sandbox"
)

// observed is a real sandbox that notes what CPU share each environment gets.
type observed struct {
	host *sandbox.Host

	mu     sync.Mutex
	shares []float64
}

func (o *observed) note(share float64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.shares = append(o.shares, share)
}

func (o *observed) Private() bool { return o.host.Private() }

func (o *observed) RemoveTmp(tmp string) error { return o.host.RemoveTmp(tmp) }

func (o *observed) Start(ctx context.Context, s sandbox.Spec) (emulator.Process, error) {
	env, err := o.host.Start(ctx, s)
	if err != nil {
		return nil, err
	}
	o.note(s.CPUShare)
	return observedEnv{env, o}, nil
}

type observedEnv struct {
	*sandbox.Env
	o *observed
}

func (e observedEnv) SetCPU(share float64) error {
	e.o.note(share)
	return e.Env.SetCPU(share)
}

// The init phase has a full vCPU whatever the memory; with the first
// invocation the share falls to memory / 1,769 MB, and stays.
func TestInitHasAFullCPU(t *testing.T) {
	host, err := sandbox.New(sandbox.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := host.Close(); err != nil {
			t.Error(err)
		}
	}()
	o := &observed{host: host}
	t.Run("invoke", func(t *testing.T) { // ends the server before the host
		b := newBed(t, emulator.Options{Sandbox: o})
		b.install(emulator.LocalFunction{MemoryMB: 512})
		b.invoke(order{})
		b.invoke(order{})
	})
	if len(o.shares) != 2 || o.shares[0] != 1 || math.Abs(o.shares[1]-512.0/1769) > 1e-9 {
		t.Errorf("CPU shares %v, want 1 at the start and %.4f from the first invocation on", o.shares, 512.0/1769)
	}
}
