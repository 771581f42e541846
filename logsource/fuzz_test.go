package logsource_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"coldbench/logsource"
)

// FuzzFiles: whatever the bytes, and whatever the file is called, nothing
// panics, every event stood in the input as it is, none is longer than allowed,
// and an error is a list of faults.
func FuzzFiles(f *testing.F) {
	f.Add([]byte("REPORT RequestId: a\t\nXRAY TraceId: 1\t\n"), "lambda.log")
	f.Add([]byte("2026-11-23T10:47:56.920Z START RequestId: a\n\n2026-11-23T10:47:57Z x\n  y\n"), "s/000000")
	f.Add([]byte(zipped("a\n", "b")), "s/000000.gz")
	f.Add([]byte("\x28\xb5\x2f\xfd\x04\x00"), "x")
	f.Add([]byte(strings.Repeat("long ", 100)), "x")
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, data []byte, name string) {
		if !filepath.IsLocal(name) || strings.ContainsAny(name, "\x00") || len(name) > 100 {
			name = "x"
		}
		path := filepath.Join(dir, "1", name)
		if filepath.Dir(path) == dir {
			path = filepath.Join(dir, "1", "x")
		}
		src := logsource.NewFiles(bytes.NewReader(data), "-")
		if len(name)%2 == 0 {
			if err := os.RemoveAll(filepath.Join(dir, "1")); err != nil {
				t.Fatal(err)
			}
			write(t, path, string(data))
			src = logsource.NewFiles(nil, path)
		}
		src.MaxEvent = 200
		events, err := readAll(src, logsource.Window{})
		var partial *logsource.PartialError
		if err != nil && (!errors.As(err, &partial) || partial.N < len(partial.Faults) || partial.N == 0) {
			t.Fatalf("error %v", err)
		}
		packed := bytes.HasPrefix(data, []byte("\x1f\x8b")) || bytes.HasPrefix(data, []byte("\x28\xb5\x2f\xfd"))
		for _, e := range events {
			if len(e.Message) > src.MaxEvent || e.Message == "" {
				t.Fatalf("an event of %d bytes", len(e.Message))
			}
			whole := bytes.Contains(data, []byte(e.Message))
			for _, line := range strings.SplitAfter(e.Message, "\n") { // of an export, without their times
				if !packed && !whole && !bytes.Contains(data, []byte(line)) {
					t.Fatalf("%q is not in the input", line)
				}
			}
		}
	})
}
