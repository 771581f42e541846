//go:build unix

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
)

// call sends one request of the Lambda API and gives the status and the answer.
func (e *emulation) call(method, path, body string) (int, map[string]any, error) {
	req, err := http.NewRequest(method, e.url+path, strings.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	var answer map[string]any
	err = json.NewDecoder(resp.Body).Decode(&answer)
	return resp.StatusCode, answer, err
}

// write changes a function again and again and counts what was sent and what
// was answered, until the emulator is gone.
func (e *emulation) write(t *testing.T, sent, answered *atomic.Int64) {
	for {
		n := sent.Add(1)
		status, _, err := e.call(http.MethodPut, "/2015-03-31/functions/hello/configuration", fmt.Sprintf(`{"Description":"%d"}`, n))
		if err != nil {
			return
		}
		if status != http.StatusOK {
			t.Errorf("change %d: status %d", n, status)
			return
		}
		answered.Store(n)
	}
}

// kill -9 while functions change: every change that was answered is there again,
// and the folder opens, each of three times.
func TestDataSurvivesKill(t *testing.T) {
	t.Parallel()
	data := filepath.Join(t.TempDir(), "data")
	var sent, answered atomic.Int64
	for range 3 {
		e := emulate(t, "--data", data)
		stopped := make(chan struct{})
		already := answered.Load()
		go func() {
			defer close(stopped)
			e.write(t, &sent, &answered)
		}()
		poll(t, "20 changes", func() bool { return answered.Load() >= already+20 })
		e.signal(t, syscall.SIGKILL)
		<-stopped
		again := emulate(t, "--data", data)
		_, c, err := again.call(http.MethodGet, "/2015-03-31/functions/hello/configuration", "")
		if err != nil {
			t.Fatal(err)
		}
		var got int64
		fmt.Sscan(fmt.Sprint(c["Description"]), &got)
		if got < answered.Load() || got > sent.Load() {
			t.Errorf("description %v after a kill, answered %d, sent %d", c["Description"], answered.Load(), sent.Load())
		}
		if got := <-again.invoke("hello", "{}"); !strings.HasPrefix(got, "200 ") {
			t.Errorf("invoked: %s", got)
		}
		if code := again.signal(t, syscall.SIGTERM); code != 0 {
			t.Errorf("exit status %d:\n%s", code, again.stderr.String())
		}
	}
}

// A second emulator on one folder is refused by name.
func TestDataHasOneEmulator(t *testing.T) {
	t.Parallel()
	data := filepath.Join(t.TempDir(), "data")
	e := emulate(t, "--data", data)
	r := bench(t, t.TempDir(), "emulate", "--listen", "127.0.0.1:0", "--data", data)
	if r.code != exitError || !strings.Contains(r.stderr, data) || !strings.Contains(r.stderr, "pid "+itoa(e.cmd.Process.Pid)) {
		t.Errorf("status %d:\n%s", r.code, r.stderr)
	}
	if code := e.signal(t, syscall.SIGTERM); code != 0 {
		t.Errorf("exit status %d:\n%s", code, e.stderr.String())
	}
	if err := syscall.Kill(e.cmd.Process.Pid, 0); !errors.Is(err, syscall.ESRCH) {
		t.Errorf("it still runs: %v", err)
	}
}

// event sends an asynchronous event that has to be accepted, and gives its request
// id.
func (e *emulation) event(t *testing.T, name string) string {
	t.Helper()
	req, err := http.NewRequest(http.MethodPost, e.url+"/2015-03-31/functions/"+name+"/invocations", strings.NewReader(`{}`))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-Amz-Invocation-Type", "Event")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusAccepted {
		t.Fatalf("an event: %s", resp.Status)
	}
	return resp.Header.Get("X-Amzn-Requestid")
}

// logged says whether a function's log has text.
func (e *emulation) logged(name, text string) bool {
	req, err := http.NewRequest(http.MethodPost, e.url, strings.NewReader(fmt.Sprintf(`{"logGroupName":"/aws/lambda/%s"}`, name)))
	if err != nil {
		return false
	}
	req.Header.Set("X-Amz-Target", "Logs_20140328.FilterLogEvents")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return false
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return err == nil && strings.Contains(string(b), text)
}

// kill -9 while a function runs, for a caller and for two events: its processes go
// too, the functions are there again, and so are the events.
func TestKillLeavesNoFunction(t *testing.T) {
	t.Parallel()
	if _, err := os.Stat("/sys/fs/cgroup"); err != nil || os.Geteuid() != 0 {
		t.Skip("only a control group of its own takes a function's processes along")
	}
	data := filepath.Join(t.TempDir(), "data")
	e := emulate(t, "--data", data, "--env", "COLDBENCH_IO_MS=90000", "--function-timeout", "100s")
	running := e.invoke("io", `{}`)
	events := []string{e.event(t, "io"), e.event(t, "io")}
	e.awaitProcess(t)
	children := descendants(t, e.cmd.Process.Pid)
	e.signal(t, syscall.SIGKILL)
	if got := <-running; !strings.HasPrefix(got, "error: ") {
		t.Errorf("the running invocation came to %s", got)
	}
	for _, pid := range children {
		awaitEnd(t, pid)
	}
	again := emulate(t, "--data", data)
	if got := <-again.invoke("noop", "{}"); !strings.HasPrefix(got, "200 ") {
		t.Errorf("invoked after the restart: %s", got)
	}
	for _, id := range events {
		poll(t, "REPORT of an event", func() bool { return again.logged("io", "REPORT RequestId: "+id) })
	}
	poll(t, "the end of all events", func() bool {
		_, health, err := again.call(http.MethodGet, "/healthz", "")
		return err == nil && health["events"] == 0.
	})
	if left, err := os.ReadDir(filepath.Join(data, "events")); err != nil || len(left) > 0 {
		t.Errorf("events on the disk: %v, %v", left, err)
	}
	if code := again.signal(t, syscall.SIGTERM); code != 0 {
		t.Errorf("exit status %d:\n%s", code, again.stderr.String())
	}
}
