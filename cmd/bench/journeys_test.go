package main

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"coldbench/emulator/runtimes"
)

// The journeys of the README, on real function processes.

func TestSpikyOnTheBuiltInLambda(t *testing.T) {
	dir := t.TempDir()
	s := measured(t, bench(t, dir, "spiky", "--json", "--burst", "8", "--duration", "4s", "--every", "2s", "--base-rate", "3"))
	refusedOnlyForLag(t, s)
	if s.Provenance != "emulated" {
		t.Errorf("provenance %q", s.Provenance)
	}
	if want := int64(2*8 + 4*3); s.Arrivals != want || s.Outcomes["ok"] != want {
		t.Errorf("%d arrivals, %v, want %d ok", s.Arrivals, s.Outcomes, want)
	}
	if s.Platform.Missing != 0 || s.Platform.Matched != s.Arrivals {
		t.Errorf("platform %+v", s.Platform)
	}
	if s.Starts["cold"] < 1 || s.Environments != s.Starts["cold"] || s.Starts["unknown"] != 0 {
		t.Errorf("starts %v in %d environments", s.Starts, s.Environments)
	}
	for _, file := range []string{"plan.json", "rows.jsonl.zst", "platform.log.zst", "environment.json", "generator.json", "summary.json", "report.html", "report.md"} {
		if _, err := os.Stat(filepath.Join(dir, "runs", "latest", file)); err != nil {
			t.Error(err)
		}
	}
	hgrm, _ := filepath.Glob(filepath.Join(dir, "runs", "latest", "*.hgrm"))
	if len(hgrm) == 0 {
		t.Error("no .hgrm histogram in the run directory")
	}
}

// coldWithSlowInit measures a function whose init sleeps 300 ms and whose
// handler sleeps 50 ms, so that requests of one burst overlap.
func coldWithSlowInit(t *testing.T, args ...string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	args = append([]string{"spiky", "--json", "--burst", "3", "--base-rate", "0", "--duration", "2s", "--every", "2s", "--offset", "0s", "--memory", "1769"}, args...)
	r := bench(t, dir, args...)
	s := measured(t, r)
	refusedOnlyForLag(t, s)
	if s.Outcomes["ok"] != 3 || s.Starts["cold"] != 3 || s.Environments != 3 {
		t.Fatalf("outcomes %v, starts %v, %d environments\n%s", s.Outcomes, s.Starts, s.Environments, r.stderr)
	}
	init := s.Quantities["init_ms"]["all"]
	if init.N != 3 || init.Min == nil || *init.Min < 300 {
		t.Fatalf("init %+v: the init sleeps 300 ms", init)
	}
	if d := s.Quantities["duration_ms"]["all"]; d.Min == nil || *d.Min < 50 || *d.Min >= 300 {
		t.Errorf("duration %+v: the handler sleeps 50 ms, and init is no part of it", d)
	}
	return dir
}

// ranOn checks that plan and report name the interpreter that ran a runtime,
// and the report says where it is another.
func ranOn(t *testing.T, dir, runtime string) {
	t.Helper()
	r, err := runtimes.Lookup(runtime)
	if err != nil {
		t.Fatal(err)
	}
	plan, errPlan := os.ReadFile(filepath.Join(dir, "runs", "latest", "plan.json"))
	report, errReport := os.ReadFile(filepath.Join(dir, "runs", "latest", "report.md"))
	if err := errors.Join(errPlan, errReport); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(plan), `"runtime": "`+r.Version) || strings.Contains(string(report), "The function ran on "+r.Version) == r.Exact {
		t.Errorf("%+v is not named", r)
	}
}

func TestNodeFunction(t *testing.T) {
	t.Parallel()
	need(t, "node")
	dir := coldWithSlowInit(t, "--runtime", "nodejs22.x", "--handler", "index.handler", "--dir", writeFiles(t, map[string]string{
		"index.js": `
const end = Date.now() + 300
while (Date.now() < end) {}
exports.handler = async (event) => { await new Promise(r => setTimeout(r, 50)); return { event } }
`,
	}))
	ranOn(t, dir, "nodejs22.x")
}

func TestPythonFunction(t *testing.T) {
	t.Parallel()
	need(t, "python3")
	dir := coldWithSlowInit(t, "--runtime", "python3.13", "--handler", "app.handler", "--dir", writeFiles(t, map[string]string{
		"app.py": `
import time
time.sleep(0.3)
def handler(event, context):
    time.sleep(0.05)
    return {"id": context.aws_request_id}
`,
	}))
	ranOn(t, dir, "python3.13")
}

func TestGoBootstrap(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	source := writeFiles(t, map[string]string{"main.go": `package main

import (
	"context"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
)

func main() {
	time.Sleep(300 * time.Millisecond)
	lambda.Start(func(context.Context, map[string]any) (string, error) { time.Sleep(50 * time.Millisecond); return "done", nil })
}
`})
	// Built as this test is, so that the build cache has its packages already.
	build := exec.Command("go", "build", "-race="+strconv.FormatBool(raceDetector), "-o", filepath.Join(dir, "bootstrap"), filepath.Join(source, "main.go"))
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	coldWithSlowInit(t, "--runtime", "provided.al2023", "--dir", dir)
}

func TestSteadyAtAURL(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("hi")) }))
	defer server.Close()
	s := measured(t, bench(t, t.TempDir(), "steady", "--json", "--target", server.URL, "--rate", "50", "--duration", "1s"))
	refusedOnlyForLag(t, s)
	if s.Outcomes["ok"] != 50 || s.Starts["unknown"] != 50 || s.Platform.Missing != 0 || s.Provenance != "measured" {
		t.Errorf("got %+v", s)
	}
}

// A ping keeps one environment warm; of each burst of five, the other four
// start cold once the keep-alive has passed.
func TestWarmerKeepsOneEnvironment(t *testing.T) {
	r := bench(t, t.TempDir(), "warmer", "--json", "--target", "emulated:io", "--env", "COLDBENCH_IO_MS=200",
		"--ping-every", "2s", "--burst", "5", "--every", "4s", "--offset", "3s", "--duration", "8s", "--keep-alive", "fixed:2500ms")
	s := measured(t, r)
	refusedOnlyForLag(t, s)
	// The first ping is cold; of both bursts (at 3 and 7 s) one request is warm. A
	// burst has a second until the next ping, or that would find no free environment.
	if s.Outcomes["ok"] != 4+10 || s.Starts["cold"] != 1+4+4 {
		t.Errorf("outcomes %v, starts %v\n%s", s.Outcomes, s.Starts, r.stderr)
	}
}

func need(t *testing.T, program string) {
	t.Helper()
	if _, err := exec.LookPath(program); err != nil {
		t.Skipf("%s is not on this machine", program)
	}
}

func oneLine(t *testing.T, r result) {
	t.Helper()
	for _, line := range strings.Split(strings.TrimSpace(r.stderr), "\n") {
		if strings.Contains(line, "goroutine ") || strings.Contains(line, "panic") {
			t.Errorf("a stack trace on stderr:\n%s", r.stderr)
			return
		}
	}
}
