package emulator

import (
	"bufio"
	"fmt"
	"os"
	"regexp"
	"strings"
)

// A replay script says what was sent in a recorded test; testdata/replay/README.md
// has its grammar.

// replayTest is one recorded test with the requests that it implies.
type replayTest struct {
	name  string // as recorded, without the file
	where string // file:line
	steps []replayStep
	vars  map[string]string
	omit  map[string]string // recorded keys that are not compared, with the reason
}

// replayStep is one request, or a directive of the driver.
type replayStep struct {
	where string
	verb  string // an operation, or let, pending
	text  string // JSON, or the rest of the directive
	save  string // name for the answer
	check bool   // the answer is compared with the recorded one of that name
}

// replayScript is one file.
type replayScript struct {
	recorded string   // file in testdata/aws-recorded
	needs    []string // runtimes that have to be on this machine, or "private": a sandbox with Lambda's folders
	tests    []*replayTest
	out      []replayOut
}

// replayOut names recorded tests that are left out.
type replayOut struct {
	form   *regexp.Regexp
	reason string
}

type scriptReader struct {
	script *replayScript
	where  string
	vars   map[string]string
	group  []*replayTest // the tests that the current block makes
}

func readReplayScript(path string) (*replayScript, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	r := &scriptReader{script: &replayScript{}, vars: map[string]string{}}
	var pending, where string
	flush := func() error {
		line := pending
		pending = ""
		if line == "" {
			return nil
		}
		r.where = where
		if err := r.line(line); err != nil {
			return fmt.Errorf("%s: %w", where, err)
		}
		return nil
	}
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for n := 1; lines.Scan(); n++ {
		text := strings.TrimRight(lines.Text(), " ")
		switch trimmed := strings.TrimSpace(text); {
		case trimmed == "" || strings.HasPrefix(trimmed, "#"):
		case strings.HasPrefix(text, "    "):
			pending += " " + trimmed
		default:
			if err := flush(); err != nil {
				return nil, err
			}
			pending, where = trimmed, fmt.Sprintf("%s:%d", path, n)
		}
	}
	if err := flush(); err != nil {
		return nil, err
	}
	return r.script, lines.Err()
}

func (r *scriptReader) line(line string) error {
	verb, rest, _ := strings.Cut(line, " ")
	rest = strings.TrimSpace(rest)
	switch verb {
	case "recorded":
		r.script.recorded = rest
		return nil
	case "needs":
		r.script.needs = strings.Fields(rest)
		return nil
	case "out":
		form, reason, _ := strings.Cut(rest, ": ")
		re, err := regexp.Compile("^" + form + "$")
		r.script.out = append(r.script.out, replayOut{re, reason})
		return err
	case "test":
		r.begin(rest)
		return nil
	case "omit":
		key, reason, _ := strings.Cut(rest, ": ")
		for _, t := range r.group {
			t.omit[key] = reason
		}
		return nil
	}
	if r.group == nil && verb == "let" {
		name, value, _ := strings.Cut(rest, " = ")
		r.vars[name] = value
		return nil
	}
	step := replayStep{where: r.where, verb: verb, text: rest}
	for _, arrow := range []string{" -> ", " => "} {
		if i := strings.LastIndex(rest, arrow); i >= 0 {
			step.text, step.save, step.check = strings.TrimSpace(rest[:i]), strings.TrimSpace(rest[i+4:]), arrow == " -> "
		}
	}
	for _, t := range r.group {
		t.steps = append(t.steps, step)
	}
	return nil
}

// begin starts a block: one test, or one for each value of a variable.
func (r *scriptReader) begin(rest string) {
	name, each, many := strings.Cut(rest, " each ")
	r.group = nil
	add := func(vars map[string]string) {
		for k, v := range r.vars {
			vars[k] = v
		}
		t := &replayTest{where: r.where, vars: vars, omit: map[string]string{}}
		t.name = replaceVars(name, vars)
		r.group = append(r.group, t)
		r.script.tests = append(r.script.tests, t)
	}
	if !many {
		add(map[string]string{})
		return
	}
	variable, values, _ := strings.Cut(each, " = ")
	for _, v := range strings.Fields(values) {
		add(map[string]string{variable: v})
	}
}

func replaceVars(text string, vars map[string]string) string {
	return variableForm.ReplaceAllStringFunc(text, func(m string) string {
		if v, ok := vars[m[2:len(m)-1]]; ok {
			return v
		}
		return m
	})
}

var variableForm = regexp.MustCompile(`\$\{[^}]+\}`)
