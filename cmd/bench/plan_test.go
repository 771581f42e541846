package main

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"coldbench/loadgen"
)

// An interrupt ends the walk over a schedule, whether it yields for ever or
// looks for an arrival for ever.
func TestInterruptEndsAWalk(t *testing.T) {
	asked := make(chan struct{})
	defer close(asked)
	for name, s := range map[string]func(started func()) loadgen.Schedule{
		"yields": func(started func()) loadgen.Schedule {
			return func(yield func(loadgen.Arrival) bool) {
				for started(); yield(loadgen.Arrival{}); {
				}
			}
		},
		"looks": func(started func()) loadgen.Schedule {
			return func(func(loadgen.Arrival) bool) { started(); <-asked }
		},
	} {
		ctx, cancel := context.WithCancel(t.Context())
		n, err := walk(ctx, newNarrator(io.Discard, true), s(cancel), loadgen.Count)
		if n != 0 || !errors.Is(err, errNothingSent) {
			t.Errorf("%s: %d, %v", name, n, err)
		}
	}
}

func TestInterruptEndsReading(t *testing.T) {
	path := filepath.Join(t.TempDir(), "t.csv")
	if err := os.WriteFile(path, []byte("Count\n1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	if _, err := new(loadFlags).readTrace(ctx, path, 0); err != nil {
		t.Error(err)
	}
	cancel()
	if _, err := new(loadFlags).readTrace(ctx, path, 0); !errors.Is(err, errNothingSent) {
		t.Error(err)
	}
}

func TestWalkCounts(t *testing.T) {
	for _, c := range []struct {
		s    loadgen.Schedule
		want int64
	}{{nil, 0}, {loadgen.Every(1, 0, 200_000), 200_000}} {
		if n, err := walk(t.Context(), newNarrator(io.Discard, true), c.s, loadgen.Count); n != c.want || err != nil {
			t.Errorf("%d, %v", n, err)
		}
	}
}
