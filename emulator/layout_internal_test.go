package emulator

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"coldbench/sandbox"
)

// What a command names is found at Lambda's places where something of the
// function's own stands in its way, and left where it is otherwise.
func TestLayoutArguments(t *testing.T) {
	work, err := os.MkdirTemp("/tmp", "layout-")
	if err != nil {
		t.Skip(err)
	}
	defer func() {
		if err := os.RemoveAll(work); err != nil {
			t.Error(err)
		}
	}()
	file := func(name string) string {
		path := filepath.Join(work, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, 0o755); err != nil {
			t.Fatal(err)
		}
		return path
	}
	code, node, tool, data := filepath.Dir(file("code/bootstrap")), file("node22/bin/node"), file("tool"), file("data.bin")
	link := filepath.Join("/var/tmp", filepath.Base(work)) // a program outside that leads inside
	if err := os.Symlink(node, link); err != nil {
		t.Skip(err)
	}
	defer func() { _ = os.Remove(link) }()
	tests := []struct {
		name, argv, want string
		mounted          string // what is added, SOURCE at TARGET
	}{
		{"code", code + "/bootstrap", "/var/task/bootstrap", ""},
		{"code as argument", "/usr/bin/node " + code + "/index.js x", "/usr/bin/node /var/task/index.js x", ""},
		{"visible", "/usr/bin/node -p 1", "/usr/bin/node -p 1", ""},
		{"by name", "node -p", "node -p", ""},
		{"installation", node + " x", "/var/lang/bin/node x", work + "/node22 at /var/lang"},
		{"link to an installation", link, "/var/lang/bin/node", work + "/node22 at /var/lang"},
		{"alone", tool, "/var/lang/tool", work + " at /var/lang"},
		{"file", "/bin/cat " + data, "/bin/cat /coldbench/1/data.bin", data + " at /coldbench/1/data.bin"},
		{"no file", "/bin/cat /tmp/no/such", "/bin/cat /tmp/no/such", ""},
	}
	for _, test := range tests {
		l := layout{mounts: []sandbox.Mount{{Source: code, Target: taskRoot}}}
		var got []string
		for i, arg := range strings.Fields(test.argv) {
			got = append(got, l.argument(i, arg))
		}
		mounted := ""
		for _, m := range l.mounts[1:] {
			mounted += m.Source + " at " + m.Target
		}
		if strings.Join(got, " ") != test.want || mounted != test.mounted {
			t.Errorf("%s: %q with %q, want %q with %q", test.name, got, mounted, test.want, test.mounted)
		}
	}
}
