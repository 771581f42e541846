//go:build docs

package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestTranscripts runs every `$ ...` line of the console blocks of README.md
// and compares what it prints with what the README says. Figures differ from
// run to run, so every number counts as "#", every chart character as one, and
// white space is folded; a line "..." stands for any number of lines.
//
// BENCH names the program; the blocks run in one folder, in order.
func TestTranscripts(t *testing.T) {
	program := os.Getenv("BENCH")
	if program == "" {
		t.Fatal("BENCH must name the program to run; use `make docs`")
	}
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	bin := t.TempDir()
	if err := os.Symlink(program, filepath.Join(bin, "bench")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(fixturesDir(t), filepath.Join(dir, "fixtures")); err != nil {
		t.Fatal(err)
	}
	steps := transcripts(string(text))
	if len(steps) == 0 {
		t.Fatal("README.md has no console block")
	}
	for i, s := range steps {
		t.Run(fmt.Sprintf("%d", i+1), func(t *testing.T) {
			out, err := s.run(dir, bin)
			for try := 1; lateOnly(err) && try < maxTries; try++ {
				t.Logf("$ %s: not valid to quote on this busy machine; again", s.command)
				out, err = s.run(dir, bin)
			}
			if err != nil {
				t.Fatalf("$ %s\n%v\n%s", s.command, err, out)
			}
			if !matches(s.want, string(out)) {
				t.Errorf("$ %s\nprinted:\n%s\nREADME.md line %d says:\n%s", s.command, out, s.line, s.want)
			}
		})
	}
}

// maxTries bounds how often a run is repeated that other work on the machine
// has made invalid (exit status 3).
const maxTries = 4

func lateOnly(err error) bool {
	var exit *exec.ExitError
	return errors.As(err, &exit) && exit.ExitCode() == exitInvalid
}

func (s step) run(dir, bin string) ([]byte, error) {
	cmd := exec.Command("sh", "-c", s.command)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH"), "NO_COLOR=1", "XDG_CACHE_HOME="+filepath.Join(dir, ".cache"))
	return cmd.Output()
}

func fixturesDir(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs("../../fixtures")
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

type step struct {
	command, want string
	line          int
}

func transcripts(text string) (steps []step) {
	inside := false
	for i, line := range strings.Split(text, "\n") {
		switch {
		case strings.HasPrefix(line, "```"):
			inside = line == "```console"
		case !inside:
		case strings.HasPrefix(line, "$ "):
			steps = append(steps, step{command: line[2:], line: i + 1})
		case len(steps) > 0:
			steps[len(steps)-1].want += line + "\n"
		}
	}
	return steps
}

var (
	ansi    = regexp.MustCompile(`\x1b\[[0-9;]*m`)
	runTime = regexp.MustCompile(`\d{8}T\d{6}\.\d{3}Z`)
	charts  = regexp.MustCompile(`[▁▂▃▄▅▆▇█ ]*[▁▂▃▄▅▆▇█]+[▁▂▃▄▅▆▇█ ]*`)
	axis    = regexp.MustCompile(`(╵[0-9.]+ m?s\s*)+`)
	numbers = regexp.MustCompile(`[−+-]?\d+([.,\x{202f}\x{2009} ]\d+)*`)
	spaces  = regexp.MustCompile(`[\s\x{00a0}\x{202f}\x{2009}─━-]+`)
)

// fold makes two outputs of the same command equal. Lines are folded into one
// text, because where a sentence is wrapped depends on its figures.
func fold(s string) string {
	s = ansi.ReplaceAllString(s, "")
	s = runTime.ReplaceAllString(s, "#")
	s = charts.ReplaceAllString(s, " # ")
	s = axis.ReplaceAllString(s, " # ")
	s = numbers.ReplaceAllString(s, "#")
	return strings.TrimSpace(spaces.ReplaceAllString(s, " "))
}

// matches compares two outputs, where a line "..." of the first stands for any
// text of the second.
func matches(want, got string) bool {
	parts := strings.Split(want, "\n...\n")
	rest := fold(got)
	for i, p := range parts {
		p = fold(p)
		at := strings.Index(rest, p)
		if at < 0 || i == 0 && at != 0 || i == len(parts)-1 && !strings.HasSuffix(rest, p) {
			return false
		}
		rest = rest[at+len(p):]
	}
	return len(parts) > 1 || rest == ""
}
