package main

import (
	"bytes"
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"
)

// exampleRun is the run directory of docs/format.md.
var exampleRun = filepath.Join("..", "..", "record", "testdata", "run-v1")

func explain(t *testing.T, args ...string) result {
	t.Helper()
	var out, errs bytes.Buffer
	code := run(t.Context(), append([]string{"explain"}, args...), strings.NewReader(""), &out, &errs)
	return result{out.String(), errs.String(), code}
}

func TestExplain(t *testing.T) {
	r := explain(t, exampleRun, "32f5")
	if r.code != exitDone || r.stderr != "" {
		t.Fatalf("exit status %d, stderr %q", r.code, r.stderr)
	}
	for _, says := range []string{
		"cold  request 32f5cbf1-dd22-422a-a566-8965da5a3465 (seq 0): ok, response 31.9 ms",
		"rows.jsonl.zst:1", "platform.log.zst:4", "init_duration", "> 2  12:00:00.030  START",
		`Duration: 1.32 ms\tBilled Duration: 30 ms`,
		"2.1 ms = service 31.83 ms − init 28.41 ms − duration 1.32 ms",
		"0.00375 GB-s", "Price List",
	} {
		if !strings.Contains(r.stdout, says) {
			t.Errorf("it does not say %q:\n%s", says, r.stdout)
		}
	}
	if strings.ContainsRune(r.stdout, '\x1b') {
		t.Error("colour where stdout is no terminal")
	}
}

func TestExplainAsJSON(t *testing.T) {
	r := explain(t, exampleRun, "--seq", "1", "--json")
	var s struct {
		Schema string
		Row    struct {
			RequestID  string  `json:"request_id"`
			ResponseMs float64 `json:"response_ms"`
		}
		Start  struct{ Kind, Rule, Meaning string }
		Report struct{ Raw string }
	}
	if err := json.Unmarshal([]byte(r.stdout), &s); err != nil || r.code != exitDone {
		t.Fatalf("exit status %d, %v: %s", r.code, err, r.stdout)
	}
	if s.Schema != "coldbench.explanation/v1" || s.Row.ResponseMs != 110 || s.Start.Kind != "warm" || s.Start.Meaning == "" || !strings.HasPrefix(s.Report.Raw, "REPORT RequestId: f612") {
		t.Errorf("%+v", s)
	}
}

func TestExplainRefuses(t *testing.T) {
	for _, tt := range []struct {
		args []string
		code int
		says string
	}{
		{[]string{exampleRun, "f612fbaf-0000"}, exitError, `2 of 3 rows have one, the nearest is "f612fbaf-65ce-4fd2-8d1b-6718fcb0b269" (seq 1)`},
		{[]string{exampleRun, "--seq", "9"}, exitError, "no row has seq 9"},
		{[]string{t.TempDir(), "f612"}, exitError, "plan.json"},
		{[]string{exampleRun}, exitUsage, "--seq N"},
		{[]string{exampleRun, "f612", "--seq", "1"}, exitUsage, "not both"},
		{[]string{exampleRun, "--seq", "-1"}, exitUsage, "below 0"},
		{[]string{}, exitUsage, "arg"},
	} {
		r := explain(t, tt.args...)
		if r.code != tt.code || r.stdout != "" || !strings.Contains(r.stderr, tt.says) {
			t.Errorf("%q: exit status %d, stdout %q, stderr %q", tt.args, r.code, r.stdout, r.stderr)
		}
	}
}
