package emulator

import (
	"cmp"
	"compress/gzip"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"maps"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"coldbench/emulator/runtimes"
	"coldbench/sandbox"
)

var update = flag.Bool("update", false, "write testdata/aws-recorded/score.txt anew")

// replayRuntimes knows every runtime of Lambda. Those that this machine has run
// functions; with the others functions can be made and configured.
type replayRuntimes struct{ local localRuntimes }

func (r *replayRuntimes) Known(name string) bool { return slices.Contains(runtimeNames, name) }

func (r *replayRuntimes) Command(runtime, codeDir, handler string, memoryMB int) ([]string, string, error) {
	if _, err := runtimes.Lookup(runtime); err != nil {
		return nil, "", &runtimes.FunctionError{Type: "Runtime.InvalidEntrypoint", Message: err.Error()}
	}
	command, version, err := r.local.Command(runtime, codeDir, handler, memoryMB)
	var client *runtimes.ClientError
	if errors.As(err, &client) {
		err = &runtimes.FunctionError{Type: "Runtime.InvalidEntrypoint", Message: err.Error()}
	}
	return command, version, err
}

// readRecorded gives the recorded answers by test, without the file's name in
// front.
func readRecorded(t *testing.T, name string) map[string]map[string]any {
	t.Helper()
	f, err := os.Open(filepath.Join("testdata", "aws-recorded", name+".json.gz"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	var entries map[string]struct {
		Date    string         `json:"recorded-date"`
		Content map[string]any `json:"recorded-content"`
	}
	if err := json.NewDecoder(z).Decode(&entries); err != nil {
		t.Fatal(err)
	}
	out, dates := map[string]map[string]any{}, map[string]time.Time{}
	for k, v := range entries {
		_, test, _ := strings.Cut(k, "::")
		at, err := time.Parse("02-01-2006, 15:04:05", v.Date)
		if err != nil {
			t.Fatal(err)
		}
		if at.After(dates[test]) { // a test that moved is recorded twice
			out[test], dates[test] = v.Content, at
		}
	}
	return out
}

// tally is the outcome of one file.
type tally struct {
	name           string
	passed, failed []string // failed with the first difference
	out            map[string][]string
	answers, same  int
	missing        string // what this machine has not got, so that nothing was replayed
}

// TestReplay sends what was sent in tests that were recorded against AWS, and
// compares what comes back. The outcome stands in score.txt, which changes with
// -update; a test that passed there and fails now, or the other way round, is
// an error.
func TestReplay(t *testing.T) {
	scripts, err := filepath.Glob("testdata/replay/*.replay")
	if err != nil || len(scripts) == 0 {
		t.Fatal(scripts, err)
	}
	host, err := sandbox.New(sandbox.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := host.Close(); err != nil {
			t.Error(err)
		}
	}()
	var tallies []*tally
	for _, path := range scripts {
		script, err := readReplayScript(path)
		if err != nil {
			t.Fatal(err)
		}
		tallies = append(tallies, replayAll(t, host, script))
	}
	got := scoreText(tallies)
	compareScore(t, got, tallies)
}

// compareScore compares the whole score or, where this machine could not run
// every file, the parts of those that ran.
func compareScore(t *testing.T, got string, tallies []*tally) {
	const golden = "testdata/aws-recorded/score.txt"
	if *update && !slices.ContainsFunc(tallies, func(s *tally) bool { return s.missing != "" }) {
		if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if slices.ContainsFunc(tallies, func(s *tally) bool { return s.missing != "" }) {
		for _, s := range tallies {
			if s.missing != "" {
				t.Logf("%s is not replayed here: %s", s.name, s.missing)
			} else if !strings.Contains(string(want), scoreDetails(s)) {
				t.Errorf("the score of %s differs from %s:\n%s", s.name, golden, scoreDetails(s))
			}
		}
		return
	}
	if got != string(want) {
		t.Errorf("the score differs from %s (go test ./emulator -run TestReplay -update writes it):\n%s", golden, differences(string(want), got))
	}
}

func differences(want, got string) string {
	var b strings.Builder
	w, g := strings.Split(want, "\n"), strings.Split(got, "\n")
	for _, l := range g {
		if !slices.Contains(w, l) {
			fmt.Fprintf(&b, "+ %s\n", l)
		}
	}
	for _, l := range w {
		if !slices.Contains(g, l) {
			fmt.Fprintf(&b, "- %s\n", l)
		}
	}
	return b.String()
}

func replayAll(t *testing.T, host *sandbox.Host, script *replayScript) *tally {
	recorded := readRecorded(t, script.recorded)
	sum := &tally{name: script.recorded, out: map[string][]string{}, missing: missingHere(host, script.needs)}
	if sum.missing != "" {
		return sum
	}
	done := map[string]bool{}
	results := make([]replayed, len(script.tests))
	var all sync.WaitGroup
	free := make(chan struct{}, 4) // some tests wait, so more than there are cores
	for i, test := range script.tests {
		if recorded[test.name] == nil {
			t.Errorf("%s: %s is not recorded", test.where, test.name)
			continue
		}
		done[test.name] = true
		free <- struct{}{}
		registry := ""
		if strings.Contains(test.name, "Images") {
			registry = replayImages(t)
		}
		all.Go(func() {
			defer func() { <-free }()
			results[i] = replayOne(t, host, registry, test, recorded[test.name])
		})
	}
	all.Wait()
	for i, r := range results {
		sum.answers, sum.same = sum.answers+r.answers, sum.same+r.same
		switch name := script.tests[i].name; {
		case !done[name]:
		case r.bad == "":
			sum.passed = append(sum.passed, name)
		default:
			sum.failed = append(sum.failed, name+"\n      "+r.bad)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(recorded)) {
		if done[name] {
			continue
		}
		reason := "no script yet"
		if i := slices.IndexFunc(script.out, func(o replayOut) bool { return o.form.MatchString(name) }); i >= 0 {
			reason = script.out[i].reason
		}
		if len(recorded[name]) == 0 {
			reason = "the record holds no answer"
		}
		sum.out[reason] = append(sum.out[reason], name)
	}
	return sum
}

// missingHere names what a script needs and this machine has not got.
func missingHere(host *sandbox.Host, needs []string) string {
	for _, name := range needs {
		if name == "private" {
			if !host.Private() {
				return "a sandbox with Lambda's folders"
			}
			continue
		}
		if _, err := runtimes.Lookup(name); err != nil {
			return err.Error()
		}
	}
	return ""
}

// replayed is the outcome of one test.
type replayed struct {
	answers, same int
	bad           string // the first difference
}

func replayOne(t *testing.T, host *sandbox.Host, registry string, test *replayTest, recorded map[string]any) (r replayed) {
	dir := t.TempDir()
	o := Options{
		WorkDir: filepath.Join(dir, "work"), AccountID: "111111111111", S3Dir: "testdata/replay/s3", RetryUnit: 10 * time.Millisecond,
		Sandbox: hostSandbox{host}, Runtimes: &replayRuntimes{localRuntimes{dir: filepath.Join(dir, "runtime")}},
	}
	if registry != "" {
		o.Registry, o.Sandbox = registry, onPaper{}
	}
	s, err := New(o)
	if err != nil {
		t.Error(err)
		return r
	}
	defer func() {
		if err := s.Close(t.Context()); err != nil {
			t.Error(err)
		}
	}()
	web := httptest.NewServer(s)
	defer web.Close()
	p := &replay{server: s, web: web, vars: test.vars, saved: map[string]any{}, recorded: recorded, matcher: newMatcher(), seen: map[string]string{}}
	if err := p.run(test); err != nil {
		t.Errorf("%s: %v", test.name, err)
	}
	for _, key := range slices.Sorted(maps.Keys(recorded)) {
		diff, compared := p.seen[key]
		switch _, omitted := test.omit[key]; {
		case omitted:
			continue
		case !compared:
			diff = "the script does not ask for it"
		}
		r.answers++
		if diff == "" {
			r.same++
			continue
		}
		t.Logf("%s: %s%s", test.name, key, diff)
		r.bad = cmp.Or(r.bad, key+diff)
	}
	return r
}

// scoreText is the table that a person reads.
func scoreText(tallies []*tally) string {
	var b strings.Builder
	b.WriteString(scoreHead)
	fmt.Fprintf(&b, "%-34s %8s %8s %8s %8s %10s\n", "file", "recorded", "replayed", "passing", "failing", "answers")
	var all tally
	left := 0
	for _, s := range tallies {
		n := 0
		for _, list := range s.out {
			n += len(list)
		}
		scoreRow(&b, s, n)
		all.passed, all.failed = append(all.passed, s.passed...), append(all.failed, s.failed...)
		all.answers, all.same, left = all.answers+s.answers, all.same+s.same, left+n
	}
	all.name = "all"
	scoreRow(&b, &all, left)
	for _, s := range tallies {
		b.WriteString(scoreDetails(s))
	}
	return b.String()
}

// scoreDetails are what fails and what is left out.
func scoreDetails(s *tally) string {
	var b strings.Builder
	fmt.Fprintf(&b, "\n%s\n", s.name)
	slices.Sort(s.failed)
	for _, f := range s.failed {
		fmt.Fprintf(&b, "  failing: %s\n", f)
	}
	for _, reason := range slices.Sorted(maps.Keys(s.out)) {
		fmt.Fprintf(&b, "  left out, %s (%d):\n", reason, len(s.out[reason]))
		for _, name := range s.out[reason] {
			fmt.Fprintf(&b, "    %s\n", name)
		}
	}
	return b.String()
}

const scoreHead = `Answers of the built-in Lambda, compared with answers recorded from AWS.

"recorded" counts the tests in the file, "replayed" those whose requests are in testdata/replay, "passing" those in which every
answer equals the recorded one: status, error type and text, members and values, with ids and names that only have to be used
consistently. "answers" counts single answers, equal of compared. Functions are made with every runtime of Lambda; those whose
interpreter a machine has not got are configured but not run. This file is written by: go test ./emulator -run TestReplay -update

`

func scoreRow(b *strings.Builder, s *tally, left int) {
	n := len(s.passed) + len(s.failed)
	fmt.Fprintf(b, "%-34s %8d %8d %8d %8d %10s\n", s.name, n+left, n, len(s.passed), len(s.failed), fmt.Sprintf("%d of %d", s.same, s.answers))
}
