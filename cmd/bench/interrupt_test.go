//go:build unix

package main

import (
	"bufio"
	"bytes"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// Ctrl-C in the middle of a run leaves a valid partial run.
func TestInterruptDrains(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	cmd := benchCommand(t, dir, "steady", "--json", "--target", "emulated:io", "--rate", "20", "--duration", "60s", "--out", "run")
	var out bytes.Buffer
	cmd.Stdout = &out
	startAndAwaitRows(t, cmd, filepath.Join(dir, "run"))
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	var exit *exec.ExitError
	if err := cmd.Wait(); !errors.As(err, &exit) || exit.ExitCode() != exitInterrupted {
		t.Fatalf("after SIGINT: %v\n%s", err, out.String())
	}
	s := measured(t, result{stdout: out.String()})
	refusedOnlyForLag(t, s)
	if s.Arrivals == 0 || s.Arrivals >= 1200 || s.Outcomes["ok"] != s.Arrivals || s.Platform.Missing != 0 {
		t.Errorf("%d arrivals, %v, platform %+v", s.Arrivals, s.Outcomes, s.Platform)
	}
	if !warns(s, "interrupted") {
		t.Errorf("no warning says that the run was interrupted: %+v", s.Warnings)
	}
	again := measured(t, bench(t, dir, "report", "run", "--json"))
	if again.Arrivals != s.Arrivals {
		t.Errorf("read again, the run has %d arrivals, not %d", again.Arrivals, s.Arrivals)
	}
}

// Where replies do not come, the first Ctrl-C says what is waited for and the
// second gives it up; the report says that the load was cut, and when.
func TestSecondInterruptGivesUp(t *testing.T) {
	t.Parallel()
	var n atomic.Int64
	hangs := make(chan struct{}, 1)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if n.Add(1) > 8 {
			select {
			case hangs <- struct{}{}:
			default:
			}
			<-r.Context().Done()
		}
	}))
	t.Cleanup(server.Close)
	dir := t.TempDir()
	cmd := benchCommand(t, dir, "steady", "--target", server.URL, "--rate", "50", "--duration", "60s", "--quiet", "--out", "run")
	var out bytes.Buffer
	cmd.Stdout = &out
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	<-hangs
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	said := bufio.NewScanner(stderr)
	for said.Scan() && !strings.Contains(said.Text(), "(at most 1m0s); press Ctrl-C again") {
		t.Log(said.Text())
	}
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	for said.Scan() {
		t.Log(said.Text())
	}
	var exit *exec.ExitError
	if err := cmd.Wait(); !errors.As(err, &exit) || exit.ExitCode() != exitInterrupted {
		t.Fatalf("after the second SIGINT: %v\n%s", err, out.String())
	}
	if text := out.String(); !strings.Contains(text, "interrupted after ") || !strings.Contains(text, " of 1 min at 50/s") && !strings.Contains(text, " of 60 s at 50/s") {
		t.Errorf("the report does not say how much of the load there was:\n%s", text)
	}
}

// kill -9 leaves a run that can be read, with a warning, at most about a second
// short; and no process.
func TestKillLeavesAReadableRun(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	cmd := benchCommand(t, dir, "steady", "--target", "emulated:io", "--rate", "20", "--duration", "60s", "--out", "run")
	startAndAwaitRows(t, cmd, filepath.Join(dir, "run"))
	children := descendants(t, cmd.Process.Pid)
	if len(children) == 0 {
		t.Fatal("the built-in Lambda runs in no process")
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	s := measured(t, bench(t, dir, "report", "run", "--json"))
	if s.Arrivals == 0 || s.Outcomes["ok"] != s.Arrivals {
		t.Errorf("%d arrivals, %v", s.Arrivals, s.Outcomes)
	}
	if !warns(s, "never_closed") && !warns(s, "partial") {
		t.Errorf("no warning says that the run is not whole: %+v", s.Warnings)
	}
	for _, pid := range children {
		awaitEnd(t, pid)
	}
}

func warns(s summary, code string) bool {
	for _, w := range s.Warnings {
		if w.Code == code {
			return true
		}
	}
	return false
}

// startAndAwaitRows starts a run and returns when it has written rows.
func startAndAwaitRows(t *testing.T, cmd *exec.Cmd, dir string) {
	t.Helper()
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { // a full pipe would stop the program
		for s := bufio.NewScanner(stderr); s.Scan(); {
			t.Log(s.Text())
		}
	}()
	poll(t, "rows in "+dir, func() bool {
		st, err := os.Stat(filepath.Join(dir, "rows.jsonl.zst"))
		return err == nil && st.Size() > 1000
	})
}

// poll asks until done reports true. It fails the test after a minute.
func poll(t *testing.T, what string, done func() bool) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); <-tick.C {
		if done() {
			return
		}
	}
	t.Fatalf("no %s within a minute", what)
}

// descendants lists the processes that pid has started, directly or not.
func descendants(t *testing.T, pid int) []int {
	t.Helper()
	out, err := exec.Command("ps", "-e", "-o", "pid=,ppid=").Output()
	if err != nil {
		t.Skipf("ps is needed: %v", err)
	}
	children := map[string][]string{}
	for line := range strings.SplitSeq(string(out), "\n") {
		if f := strings.Fields(line); len(f) == 2 {
			children[f[1]] = append(children[f[1]], f[0])
		}
	}
	var all []int
	for queue := []string{itoa(pid)}; len(queue) > 0; queue = queue[1:] {
		for _, c := range children[queue[0]] {
			all = append(all, atoi(t, c))
			queue = append(queue, c)
		}
	}
	return all
}

func awaitEnd(t *testing.T, pid int) {
	t.Helper()
	poll(t, "end of process "+itoa(pid), func() bool {
		return errors.Is(syscall.Kill(pid, 0), syscall.ESRCH)
	})
}
