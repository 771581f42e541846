package main

import (
	"archive/zip"
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

func itoa(n int) string { return strconv.Itoa(n) }

func atoi(t *testing.T, s string) int {
	t.Helper()
	n, err := strconv.Atoi(s)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// zipOf writes a zip file of the entries and returns its path.
func zipOf(t *testing.T, entries map[string]string) string {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for name, text := range entries {
		f, err := w.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "code.zip")
	if err := os.WriteFile(file, b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	return file
}

var fewArrivals = []string{"steady", "--json", "--rate", "5", "--duration", "600ms", "--memory", "1769"}

// A package that can't be a function is refused before anything is sent: exit
// status 1 and one line.
func TestPackagesThatAreRefused(t *testing.T) {
	t.Parallel()
	corrupt := filepath.Join(t.TempDir(), "corrupt.zip")
	if err := os.WriteFile(corrupt, []byte("PK\x03\x04 this is no zip file"), 0o644); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name, file, says string
	}{
		{"corrupt", corrupt, "unzip"},
		{"escaping", zipOf(t, map[string]string{"index.js": "", "../../evil.js": "x"}), "evil.js"},
		{"missing", filepath.Join(t.TempDir(), "nowhere.zip"), "nowhere.zip"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			r := bench(t, dir, append(fewArrivals, "--zip", tt.file, "--runtime", "nodejs22.x", "--handler", "index.handler")...)
			if r.code != exitError || r.stdout != "" || !strings.Contains(r.stderr, tt.says) {
				t.Errorf("exit status %d, stdout %q, stderr %q", r.code, r.stdout, r.stderr)
			}
			oneLine(t, r)
			if _, err := os.Stat(filepath.Join(dir, "runs")); err == nil {
				t.Error("a run directory was made, although nothing ran")
			}
		})
	}
}

// A function that fails is a run with rows that say so, exit status 3.
func TestFunctionsThatFail(t *testing.T) {
	t.Parallel()
	need(t, "node")
	tests := []struct {
		name, code, outcome, errorType string
		more                           []string
	}{
		{"no handler", `exports.other = 1`, "function_error", "Runtime.HandlerNotFound", nil},
		{"throws", `exports.handler = async () => { throw new TypeError("no") }`, "function_error", "TypeError", nil},
		{"exits", `exports.handler = async () => { process.exit(3) }`, "function_error", "Runtime.ExitError", nil},
		{"hangs", `exports.handler = () => new Promise(() => setInterval(() => {}, 1000))`, "timeout", "Sandbox.Timedout", []string{"--function-timeout", "1s"}},
		{"writes 7 MB", `exports.handler = async () => "x".repeat(7 << 20)`, "function_error", "Function.ResponseSizeTooLarge", nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			args := append(slices.Concat(fewArrivals, tt.more), "--zip", zipOf(t, map[string]string{"index.js": tt.code}), "--runtime", "nodejs22.x", "--handler", "index.handler")
			r := bench(t, dir, args...)
			s := measured(t, r)
			if r.code != exitInvalid || s.Verdict.Valid || s.Outcomes[tt.outcome] != s.Arrivals || s.Arrivals != 3 {
				t.Errorf("exit status %d, outcomes %v, verdict %+v\n%s", r.code, s.Outcomes, s.Verdict, r.stderr)
			}
			if s.Platform.Missing != 0 {
				t.Errorf("%d REPORTs are missing", s.Platform.Missing)
			}
			report := bench(t, dir, "report", filepath.Join("runs", "latest"))
			if !strings.Contains(report.stdout, tt.errorType) {
				t.Errorf("the report does not name %s:\n%s", tt.errorType, report.stdout)
			}
			oneLine(t, r)
		})
	}
}

func TestMissingInterpreterIsNamed(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	t.Setenv("COLDBENCH_NODE", "")
	r := bench(t, t.TempDir(), append(fewArrivals, "--zip", zipOf(t, map[string]string{"index.js": ""}), "--runtime", "nodejs22.x", "--handler", "index.handler")...)
	if r.code == exitDone || !strings.Contains(r.stderr+r.stdout, "node") {
		t.Errorf("exit status %d, stderr %q", r.code, r.stderr)
	}
	oneLine(t, r)
}

func TestUnknownFunctionBehindTheLambdaAPI(t *testing.T) {
	r := bench(t, t.TempDir(), "steady", "--target", "lambda:nothing", "--endpoint", "http://127.0.0.1:1", "--region", "us-east-1", "--rate", "1", "--duration", "1s")
	if r.code != exitError || !strings.Contains(r.stderr, "nothing") {
		t.Errorf("exit status %d, stderr %q", r.code, r.stderr)
	}
	oneLine(t, r)
}

func TestARefusingTargetIsARowEach(t *testing.T) {
	t.Parallel()
	s := measured(t, bench(t, t.TempDir(), "steady", "--json", "--target", "http://127.0.0.1:1/", "--rate", "20", "--duration", "500ms"))
	if s.Outcomes["transport_error"] != 10 || s.Verdict.Valid {
		t.Errorf("outcomes %v, verdict %+v", s.Outcomes, s.Verdict)
	}
}
