//go:build unix

package main

import (
	"os/exec"
	"strings"
	"testing"
)

// With 128 files for each process, what the built-in Lambda has no files for is
// not sent and says why; it refuses nothing.
func TestFewFilesForTheBuiltInLambda(t *testing.T) {
	t.Parallel()
	cmd := benchCommand(t, t.TempDir(), "spiky", "--json", "--burst", "30", "--duration", "300ms", "--every", "1s", "--offset", "0s", "--base-rate", "0", "--logs", "off")
	limited := exec.Command("sh", append([]string{"-c", `ulimit -n 128 && exec "$0" "$@"`}, cmd.Args...)...)
	limited.Dir, limited.Env = cmd.Dir, cmd.Env
	var errs strings.Builder
	limited.Stderr = &errs
	out, err := limited.Output()
	if err == nil || limited.ProcessState.ExitCode() != exitInvalid {
		t.Fatalf("%v\n%s", err, errs.String())
	}
	s := measured(t, result{stdout: string(out), stderr: errs.String()})
	if s.Outcomes["ok"] == 0 || s.Outcomes["not_sent"] == 0 || s.Outcomes["ok"]+s.Outcomes["not_sent"] != 30 {
		t.Errorf("%v", s.Outcomes)
	}
	if !strings.Contains(errs.String(), "the limit of open files allows") {
		t.Errorf("nothing was foreseen: %s", errs.String())
	}
}
