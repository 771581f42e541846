package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"coldbench/fixtures"
)

// asBench makes the test binary behave as bench. The built-in Lambda runs bench
// again as its child and as its functions; in tests that is this binary.
const asBench = "COLDBENCH_TEST_AS_BENCH"

func TestMain(m *testing.M) {
	if fixtures.IsBootstrap() || os.Getenv(asBench) != "" {
		main()
		return
	}
	testscript.Main(m, map[string]func(){"bench": main})
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		Setup: func(e *testscript.Env) error {
			e.Setenv(asBench, "1")
			e.Setenv("HOME", e.WorkDir) // what bench keeps for its user is this script's alone
			e.Setenv("XDG_CACHE_HOME", filepath.Join(e.WorkDir, "cache"))
			return nil
		},
	})
}

// result is what one call of bench did.
type result struct {
	stdout, stderr string
	code           int
}

// bench runs the program in dir, as a process of its own.
func bench(t *testing.T, dir string, args ...string) result {
	t.Helper()
	cmd := benchCommand(t, dir, args...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatalf("bench %s: %v", strings.Join(args, " "), err)
	}
	return result{out.String(), errs.String(), cmd.ProcessState.ExitCode()}
}

func benchCommand(t *testing.T, dir string, args ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, self, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), asBench+"=1", "XDG_CACHE_HOME="+filepath.Join(dir, ".cache"))
	return cmd
}

// summary is the part of summary.json that the tests look at.
type summary struct {
	Schema     string `json:"schema"`
	Provenance string `json:"provenance"`
	Verdict    struct {
		Valid   bool `json:"valid"`
		Reasons []struct{ Code, Text string }
	} `json:"verdict"`
	Warnings     []struct{ Code, Text string } `json:"warnings"`
	Arrivals     int64                         `json:"arrivals"`
	Outcomes     map[string]int64              `json:"outcomes"`
	Starts       map[string]int64              `json:"starts"`
	Environments int64                         `json:"environments"`
	Platform     struct{ Matched, Missing, Unclaimed int64 }
	Quantities   map[string]map[string]struct {
		N        int64
		Min, Max *float64
		P50      *float64
	}
	Bill struct {
		USD         float64
		Invocations int64
	}
}

// measured decodes the summary of a run that bench --json printed, and checks
// what holds for every run.
func measured(t *testing.T, r result) summary {
	t.Helper()
	var s summary
	if err := json.Unmarshal([]byte(r.stdout), &s); err != nil {
		t.Fatalf("stdout is no summary: %v\n%s\nstderr: %s", err, r.stdout, r.stderr)
	}
	if s.Schema != "coldbench.summary/v1" {
		t.Errorf("schema %q", s.Schema)
	}
	if got := total(s.Outcomes); got != s.Arrivals {
		t.Errorf("outcomes sum to %d, arrivals %d", got, s.Arrivals)
	}
	if got := total(s.Starts); got > s.Arrivals || got < s.Outcomes["ok"] {
		t.Errorf("starts sum to %d, %d arrivals, %d ok", got, s.Arrivals, s.Outcomes["ok"])
	}
	return s
}

func total(m map[string]int64) (sum int64) {
	for _, n := range m {
		sum += n
	}
	return sum
}

// refusedOnlyForLag lets a run pass that a busy test machine delayed: the race
// detector and other tests run beside it. Any other reason is a failure.
func refusedOnlyForLag(t *testing.T, s summary) {
	t.Helper()
	for _, r := range s.Verdict.Reasons {
		if r.Code != "lag" {
			t.Errorf("the run is invalid: %s: %s", r.Code, r.Text)
		}
	}
}

func writeFiles(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}
