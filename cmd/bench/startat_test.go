package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"coldbench/record"
)

// Two processes with one --start-at mean the same instants. Where the machine
// was so busy that the moment passed before both were ready, a later one is
// tried.
func TestTwoProcessesShareAStart(t *testing.T) {
	t.Parallel()
	for lead := 2 * time.Second; ; lead *= 3 {
		dir, start := t.TempDir(), time.Now().Add(lead).UTC()
		if !startTogether(t, dir, start) {
			if lead > 20*time.Second {
				t.Fatal("no process was ready in time")
			}
			continue
		}
		a, b := rowsBySeq(t, filepath.Join(dir, "a")), rowsBySeq(t, filepath.Join(dir, "b"))
		if len(a.rows) != 10 || len(b.rows) != 10 || !a.started.Equal(start) || !b.started.Equal(start) {
			t.Fatalf("%d and %d rows from %v and %v, not %v", len(a.rows), len(b.rows), a.started, b.started, start)
		}
		for seq, at := range a.rows {
			if b.rows[seq] != at {
				t.Errorf("arrival %d is due at %v and %v", seq, at, b.rows[seq])
			}
		}
		return
	}
}

// startTogether says whether both runs were ready for the start.
func startTogether(t *testing.T, dir string, start time.Time) bool {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, "quick.jsonl"), []byte(`{"service": "1ms"}`+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	var runs [2]*exec.Cmd
	var errs [2]strings.Builder
	for i, name := range []string{"a", "b"} {
		runs[i] = benchCommand(t, dir, "steady", "--target", "scripted:quick.jsonl", "--rate", "100", "--duration", "100ms",
			"--arrivals", "uniform", "--start-at", start.Format(time.RFC3339Nano), "--out", name)
		runs[i].Stderr = &errs[i]
		if err := runs[i].Start(); err != nil {
			t.Fatal(err)
		}
	}
	ready := true
	for i := range runs {
		err := runs[i].Wait()
		var exit *exec.ExitError
		switch {
		case err == nil, errors.As(err, &exit) && exit.ExitCode() == exitInvalid: // late: it is a busy machine
		case strings.Contains(errs[i].String(), "not in the future"), strings.Contains(errs[i].String(), "has passed"):
			ready = false
		default:
			t.Fatalf("%v: %s", err, errs[i].String())
		}
	}
	return ready
}

type startedRun struct {
	started time.Time
	rows    map[int64]time.Duration // intended, by position
}

func rowsBySeq(t *testing.T, dir string) startedRun {
	t.Helper()
	run, err := record.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	s := startedRun{run.Plan.StartedAt, map[int64]time.Duration{}}
	for row, err := range run.Rows() {
		if err != nil {
			t.Fatal(err)
		}
		s.rows[row.Seq] = row.Intended
	}
	return s
}
