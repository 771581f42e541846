package folder_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"coldbench/emulator/folder"
)

const schema = "coldbench.test/v1"

func open(t *testing.T, dir string) *folder.Folder {
	t.Helper()
	f, err := folder.Open(dir, schema, []string{"letters"}, "work")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return f
}

func TestDocumentsComeBack(t *testing.T) {
	dir := t.TempDir()
	f := open(t, dir)
	for _, text := range []string{"first", "second"} {
		if err := f.Write("letters", "a.json", []byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.Write("letters", "b.json", nil); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := f.Remove("letters", "b.json"); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	// What a killed process leaves.
	for _, name := range []string{"letters/.new-1", ".new-2"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("hal"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	f = open(t, dir)
	names, err := f.Names("letters")
	if err != nil || fmt.Sprint(names) != "[a.json]" {
		t.Errorf("names %v, %v", names, err)
	}
	if b, err := f.Read("letters", "a.json"); string(b) != "second" || err != nil {
		t.Errorf("read %q, %v", b, err)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, ".new-*")); len(left) > 0 {
		t.Errorf("left %v", left)
	}
}

func TestOneProcessAtATime(t *testing.T) {
	dir := t.TempDir()
	f := open(t, dir)
	_, err := folder.Open(dir, schema, nil)
	if err == nil || !strings.Contains(err.Error(), dir) || !strings.Contains(err.Error(), fmt.Sprintf("pid %d", os.Getpid())) {
		t.Errorf("second open: %v", err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	open(t, dir)
}

func TestForeignFolderIsRefusedAndLeftAlone(t *testing.T) {
	for file, text := range map[string]string{
		"photo.jpg":      "",
		"coldbench.json": `{"schema":"coldbench.other/v9"}`,
	} {
		t.Run(file, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := folder.Open(dir, schema, []string{"letters"})
			if err == nil || !strings.Contains(err.Error(), file) {
				t.Errorf("opened: %v", err)
			}
			if list, _ := os.ReadDir(dir); len(list) != 1 {
				t.Errorf("it holds %v now", list)
			}
		})
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "coldbench.json"), []byte(`{"sche`), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := folder.Open(dir, schema, nil); err == nil || !strings.Contains(err.Error(), filepath.Join(dir, "coldbench.json")) {
		t.Errorf("truncated mark: %v", err)
	}
}
