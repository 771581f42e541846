//go:build clients

package clients

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// snippets are the fenced blocks of a Markdown text, in order.
func snippets(text string) (list []struct{ language, code string }) {
	lines := strings.Split(text, "\n")
	for i := 0; i < len(lines); i++ {
		language, ok := strings.CutPrefix(lines[i], "```")
		if !ok {
			continue
		}
		begin := i + 1
		for i++; i < len(lines) && lines[i] != "```"; i++ {
		}
		list = append(list, struct{ language, code string }{language, strings.Join(lines[begin:i], "\n") + "\n"})
	}
	return list
}

// guide runs the snippets of docs/emulator.md, one after the other, at the
// emulator of this test.
func (b *bed) guide(t *testing.T) {
	t.Parallel()
	if len(installed("aws")) == 0 || !hasBoto() {
		t.Skip("the guide's snippets need the AWS CLI and boto3")
	}
	needModules(t)
	text, err := os.ReadFile("../docs/emulator.md")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	ran := map[string]int{}
	for _, s := range snippets(strings.ReplaceAll(string(text), "http://127.0.0.1:9000", b.endpoint)) {
		var cmd *exec.Cmd
		switch s.language {
		case "sh":
			cmd = exec.Command("sh", "-eu", "-c", s.code)
			cmd.Dir = dir
		case "python":
			for _, python := range installed("python3") {
				if exec.Command(python, "-c", "import boto3").Run() == nil {
					cmd = exec.Command(python, "-c", s.code)
				}
			}
		case "js":
			cmd = exec.Command("node", "--input-type=module", "--eval", s.code)
		case "go":
			file := filepath.Join(dir, "main.go")
			if err := os.WriteFile(file, []byte(s.code), 0o600); err != nil {
				t.Fatal(err)
			}
			cmd = exec.Command("go", "run", file)
		default:
			continue
		}
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Errorf("%v\n%s\n%s", err, s.code, out)
		}
		ran[s.language]++
	}
	if ran["sh"] < 2 || ran["python"] == 0 || ran["js"] == 0 || ran["go"] == 0 {
		t.Errorf("snippets: %v", ran)
	}
}
