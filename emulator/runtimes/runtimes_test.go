package runtimes

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestLookupUnknown(t *testing.T) {
	var unknown *UnknownError
	if _, err := Lookup("ruby3.4"); !errors.As(err, &unknown) || !strings.Contains(err.Error(), "known are java11, ") {
		t.Errorf("error %v, want an *UnknownError that lists the known ones", err)
	}
	if got := Known(); len(got) != 18 || !slices.IsSorted(got) {
		t.Errorf("known %v", got)
	}
}

// script writes an executable shell script.
func script(t *testing.T, dir, name, text string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+text+"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

// alone makes dir the only place where interpreters are looked for.
func alone(t *testing.T, dir string) {
	t.Helper()
	for name, value := range map[string]string{
		"PATH": dir, "HOME": dir, "NVM_DIR": dir, "PYENV_ROOT": dir, "COLDBENCH_NODE": "", "COLDBENCH_PYTHON": "", "COLDBENCH_JAVA": "", "JAVA_HOME": "",
	} {
		t.Setenv(name, value)
	}
}

func TestLookupMissing(t *testing.T) {
	dir := t.TempDir()
	alone(t, dir)
	script(t, dir, "python3.12", "exit 127") // as a version manager's does
	_, err := Lookup("python3.12")
	var missing *MissingError
	if !errors.As(err, &missing) {
		t.Fatalf("error %v, want a *MissingError", err)
	}
	for _, want := range []string{"runtime python3.12", "python3.12 does not run: exit status 127", "python3: not in PATH", "python.org", "COLDBENCH_PYTHON"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("error %q does not say %q", err, want)
		}
	}
	if strings.Contains(err.Error(), "\n") {
		t.Errorf("error %q: more than one line", err)
	}
}

func TestLookupPrefersTheExactVersion(t *testing.T) {
	dir := t.TempDir()
	alone(t, dir)
	script(t, dir, "python3", "echo /real/python3; echo 3.11.7")
	r, err := Lookup("python3.12")
	if err != nil || r.Exact || r.Version != "CPython 3.11.7" || r.Interpreter != "/real/python3" {
		t.Errorf("another version: %+v, %v", r, err)
	}
	exact := t.TempDir()
	if err := os.MkdirAll(filepath.Join(exact, "versions/3.12.1/bin"), 0o755); err != nil {
		t.Fatal(err)
	}
	script(t, filepath.Join(exact, "versions/3.12.1/bin"), "python3.12", "echo /real/python3.12; echo 3.12.1")
	t.Setenv("PYENV_ROOT", exact)
	t.Setenv("PATH", dir+":"+exact) // answers are remembered for each PATH
	if r, err = Lookup("python3.12"); err != nil || !r.Exact || r.Version != "CPython 3.12.1" {
		t.Errorf("exact version: %+v, %v", r, err)
	}
	override := script(t, dir, "mine", "echo /real/mine; echo 3.14.0")
	t.Setenv("COLDBENCH_PYTHON", override)
	if r, err = Lookup("python3.12"); err != nil || r.Exact || r.Interpreter != "/real/mine" {
		t.Errorf("override: %+v, %v", r, err)
	}
}

func TestCommandOfProvided(t *testing.T) {
	r, err := Lookup("provided.al2023")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	refuse := func(what, message string) {
		t.Helper()
		var fault *FunctionError
		if _, err := r.Command(Start{CodeDir: dir}); !errors.As(err, &fault) || fault.Type != "Runtime.InvalidEntrypoint" || fault.Message != message {
			t.Errorf("%s: %v", what, err)
		}
	}
	path := filepath.Join(dir, "bootstrap")
	refuse("missing", "Couldn't find valid bootstrap(s): [/var/task/bootstrap /opt/bootstrap]")
	if err := os.Mkdir(path, 0o755); err != nil {
		t.Fatal(err)
	}
	refuse("folder", "fork/exec /var/task/bootstrap: permission denied")
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	refuse("not executable", "fork/exec /var/task/bootstrap: permission denied")
	if err := os.Chmod(path, 0o755); err != nil {
		t.Fatal(err)
	}
	if command, err := r.Command(Start{CodeDir: dir}); err != nil || len(command) != 1 || command[0] != path {
		t.Errorf("executable: %q, %v", command, err)
	}
}
