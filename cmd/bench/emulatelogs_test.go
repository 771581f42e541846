//go:build unix

package main

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestAccessLog: one line for each request, with its operation and function.
func TestAccessLog(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "access.log")
	e := emulate(t, "--access-log", file)
	for _, name := range []string{"noop", "missing"} {
		<-e.invoke(name, `{"secret":1}`)
	}
	if code := e.signal(t, syscall.SIGTERM); code != 0 {
		t.Errorf("exit status %d:\n%s", code, e.stderr.String())
	}
	log, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(log)), "\n")
	if len(lines) != 2 || strings.Contains(string(log), "secret") ||
		!strings.Contains(lines[0], `"operation":"Invoke","function":"noop","status":200,`) ||
		!strings.Contains(lines[1], `"function":"missing","status":404,"error":"ResourceNotFoundException",`) {
		t.Errorf("%s", log)
	}
}

func TestLogFlags(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"--log-delay", "-1s"}, {"--announce", "--access-log", "-"}} {
		if r := bench(t, t.TempDir(), append([]string{"emulate", "--listen", "127.0.0.1:0"}, args...)...); r.code != 2 {
			t.Errorf("%v: exit status %d: %s", args, r.code, r.stderr)
		}
	}
}
