//go:build unix

package main

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// emulation is a `bench emulate` in a process of its own.
type emulation struct {
	cmd    *exec.Cmd
	url    string
	stderr bytes.Buffer
	ended  chan error
}

// emulate starts one on a free port and waits until it serves.
func emulate(t *testing.T, args ...string) *emulation {
	t.Helper()
	e := &emulation{cmd: benchCommand(t, t.TempDir(), append([]string{"emulate", "--listen", "127.0.0.1:0"}, args...)...), ended: make(chan error, 1)}
	e.cmd.Stderr = &e.stderr
	stdout, err := e.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := e.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, _ := bufio.NewReader(stdout).ReadString('\n')
	go func() {
		_, _ = io.Copy(io.Discard, stdout)
		e.ended <- e.cmd.Wait()
	}()
	_, rest, ok := strings.Cut(line, "http://")
	if !ok {
		t.Fatalf("it said %q and ended with %v:\n%s", line, <-e.ended, e.stderr.String())
	}
	address, _, _ := strings.Cut(rest, ",")
	e.url = "http://" + address
	return e
}

// signal sends one and gives the exit status.
func (e *emulation) signal(t *testing.T, s os.Signal) int {
	t.Helper()
	if err := e.cmd.Process.Signal(s); err != nil {
		t.Fatal(err)
	}
	<-e.ended
	return e.cmd.ProcessState.ExitCode()
}

// invoke starts an invocation and gives what came of it.
func (e *emulation) invoke(name, payload string) <-chan string {
	c := make(chan string, 1)
	go func() {
		resp, err := http.Post(e.url+"/2015-03-31/functions/"+name+"/invocations", "application/json", strings.NewReader(payload))
		if err != nil {
			c <- "error: " + err.Error()
			return
		}
		defer resp.Body.Close()
		b, _ := io.ReadAll(resp.Body)
		c <- resp.Status + " " + string(b)
	}()
	return c
}

// awaitProcess waits until the emulator has started a function.
func (e *emulation) awaitProcess(t *testing.T) {
	t.Helper()
	poll(t, "function process", func() bool { return len(descendants(t, e.cmd.Process.Pid)) > 0 })
}

// The first SIGTERM lets a running invocation end and refuses new ones.
func TestEmulateDrains(t *testing.T) {
	t.Parallel()
	e := emulate(t, "--env", "COLDBENCH_IO_MS=1500", "--function-timeout", "60s")
	running := e.invoke("io", `{}`)
	e.awaitProcess(t)
	if code := e.signal(t, syscall.SIGTERM); code != 0 {
		t.Errorf("exit status %d:\n%s", code, e.stderr.String())
	}
	if got := <-running; !strings.HasPrefix(got, "200 ") {
		t.Errorf("the running invocation came to %s", got)
	}
}

// The second SIGTERM ends what runs at once.
func TestEmulateStopsAtTheSecondSignal(t *testing.T) {
	t.Parallel()
	e := emulate(t, "--drain", "10m", "--env", "COLDBENCH_IO_MS=90000", "--function-timeout", "100s")
	running := e.invoke("io", `{}`)
	e.awaitProcess(t)
	children := descendants(t, e.cmd.Process.Pid)
	if err := e.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	poll(t, "refusal of new requests", func() bool { return !strings.HasPrefix(<-e.invoke("noop", "{}"), "200 ") })
	if code := e.signal(t, syscall.SIGTERM); code != 0 {
		t.Errorf("exit status %d:\n%s", code, e.stderr.String())
	}
	if got := <-running; strings.HasPrefix(got, "200 ") && !strings.Contains(got, "Runtime.ExitError") {
		t.Errorf("the running invocation came to %s", got)
	}
	for _, pid := range children {
		awaitEnd(t, pid)
	}
}

// A run with modelled delays says so in the terminal, HTML, Markdown and JSON.
func TestModelledIsSaidEverywhere(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	r := bench(t, dir, "spiky", "--latency", "aws-2026", "--target", "emulated:noop", "--burst", "2", "--duration", "2s", "--every", "2s", "--base-rate", "0", "--offset", "0s", "--out", "run")
	texts := map[string]string{"terminal": r.stdout}
	for _, file := range []string{"report.html", "report.md", "summary.json", "plan.json"} {
		b, err := os.ReadFile(filepath.Join(dir, "run", file))
		if err != nil {
			t.Fatalf("%v\n%s", err, r.stderr)
		}
		texts[file] = string(b)
	}
	for where, text := range texts {
		for _, word := range []string{"modelled", "aws-2026"} {
			if !strings.Contains(strings.Join(strings.Fields(text), " "), word) {
				t.Errorf("%s does not say %q:\n%.2000s", where, word, text)
			}
		}
	}
	s := measured(t, bench(t, dir, "report", "run", "--json"))
	residue := s.Quantities["residue_ms"]["cold"]
	if s.Provenance != "modelled" || residue.Min == nil || *residue.Min < 69 {
		t.Errorf("provenance %q, residue %+v: every cold start waits at least 69 ms", s.Provenance, residue)
	}
}

// A run against someone else's emulator with modelled delays says so too.
func TestModelledEndpoint(t *testing.T) {
	t.Parallel()
	e := emulate(t, "--latency", "aws-2026")
	s := measured(t, bench(t, t.TempDir(), "steady", "--target", "lambda:noop", "--endpoint", e.url, "--rate", "5", "--duration", "1s", "--json"))
	if s.Provenance != "modelled" {
		t.Errorf("provenance %q", s.Provenance)
	}
	if code := e.signal(t, os.Interrupt); code != 0 {
		t.Errorf("exit status %d:\n%s", code, e.stderr.String())
	}
}
