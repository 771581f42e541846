package unpack

import (
	"archive/zip"
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// item is one entry of an archive under construction.
type item struct {
	name string
	mode fs.FileMode
	text string
}

// pack builds an archive; entries that zip itself cannot express are an error.
func pack(items ...item) ([]byte, error) {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, i := range items {
		h := &zip.FileHeader{Name: i.name, Method: zip.Deflate}
		h.SetMode(i.mode)
		w, err := z.CreateHeader(h)
		if err != nil {
			return nil, err
		}
		if i.text == "" {
			continue
		}
		if _, err := io.WriteString(w, i.text); err != nil {
			return nil, err
		}
	}
	if err := z.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

func mustPack(t testing.TB, items ...item) []byte {
	t.Helper()
	data, err := pack(items...)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func unzip(data []byte, dir string, l Limits) error {
	_, err := Zip(bytes.NewReader(data), int64(len(data)), dir, l)
	return err
}

// refused checks that an archive is refused with a kind and one line.
func refused(t *testing.T, what string, data []byte, l Limits, kind Kind, says string) {
	t.Helper()
	outside := t.TempDir()
	err := unzip(data, filepath.Join(outside, "code"), l)
	var e *Error
	if !errors.As(err, &e) || e.Kind != kind || !strings.Contains(err.Error(), says) || strings.Contains(err.Error(), "\n") {
		t.Errorf("%s: error %v, want kind %q that says %q", what, err, kind, says)
	}
	entries, _ := os.ReadDir(outside)
	for _, entry := range entries {
		if entry.Name() != "code" {
			t.Errorf("%s: wrote %s outside", what, entry.Name())
		}
	}
}

func TestKeepsContentsModesAndLinks(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "code")
	data := mustPack(t,
		item{"bootstrap", 0o755, "#!/bin/sh\n"}, item{"lib/", fs.ModeDir | 0o755, ""}, item{"lib/a.js", 0o644, "a"},
		item{"./deep/er/b", 0o600, "b"}, item{"empty", 0o444, ""}, item{"set", 0o755 | fs.ModeSetuid, "s"},
		item{"node_modules/.bin/x", fs.ModeSymlink | 0o777, "../x/cli.js"}, item{"here", fs.ModeSymlink | 0o777, "lib"},
	)
	if err := unzip(data, dir, Limits{}); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]struct {
		mode fs.FileMode
		text string
	}{
		"bootstrap": {0o755, "#!/bin/sh\n"}, "lib/a.js": {0o644, "a"}, "deep/er/b": {0o600, "b"}, "empty": {0o644, ""}, "set": {0o755, "s"}, "here/a.js": {0o644, "a"},
	} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			t.Error(err)
			continue
		}
		text, _ := os.ReadFile(filepath.Join(dir, name))
		if info.Mode()&^0o077 != want.mode&^0o077 || info.Mode()&fs.ModeSetuid != 0 || string(text) != want.text {
			t.Errorf("%s: mode %v, text %q, want %v, %q", name, info.Mode(), text, want.mode, want.text)
		}
	}
	if target, err := os.Readlink(filepath.Join(dir, "node_modules/.bin/x")); err != nil || target != "../x/cli.js" {
		t.Errorf("link to %q, %v", target, err)
	}
}

func TestRefusesUnsafeEntries(t *testing.T) {
	link := func(name, target string) item { return item{name, fs.ModeSymlink | 0o777, target} }
	tests := []struct {
		what  string
		items []item
		says  string
	}{
		{"parent", []item{{"../evil", 0o644, "x"}}, `".."`},
		{"hidden parent", []item{{"a/../../evil", 0o644, "x"}}, `".."`},
		{"absolute", []item{{"/etc/evil", 0o644, "x"}}, "absolute"},
		{"backslash", []item{{`..\evil`, 0o644, "x"}}, "backslash"},
		{"drive", []item{{"c:evil", 0o644, "x"}}, "drive letter"},
		{"NUL", []item{{"a\x00b", 0o644, "x"}}, "NUL"},
		{"no name", []item{{"", 0o644, "x"}}, "no name"},
		{"itself", []item{{".", 0o644, "x"}}, "the folder itself"},
		{"long name", []item{{strings.Repeat("x", 300), 0o644, "x"}}, "longer than 255"},
		{"twice", []item{{"a", 0o644, "x"}, {"a", 0o644, "y"}}, "twice"},
		{"twice by another spelling", []item{{"a/b", 0o644, "x"}, {"a/./b", 0o644, "y"}}, "twice"},
		{"file and folder", []item{{"a", 0o644, "x"}, {"a/", fs.ModeDir | 0o755, ""}}, "twice"},
		{"below a file", []item{{"a/b", 0o644, "x"}, {"a", 0o644, "y"}}, "which is a file"},
		{"device", []item{{"dev", fs.ModeDevice | 0o644, ""}}, "neither a file"},
		{"pipe", []item{{"pipe", fs.ModeNamedPipe | 0o644, ""}}, "neither a file"},
		{"absolute link", []item{link("a", "/etc/passwd")}, "outside the archive"},
		{"climbing link", []item{link("a", "../b")}, "leads outside"},
		{"climbing link below", []item{link("d/a", "../../b")}, "leads outside"},
		{"link that climbs back", []item{link("a", "b/../../c")}, "leads outside"},
		{"link through a link", []item{link("s", "."), link("a/t", "../s/..")}, "leads outside"},
		{"empty link", []item{link("a", "")}, "nowhere"},
		{"write through a link", []item{link("a", "b"), {"a/evil", 0o644, "x"}}, "which is a link"},
		{"write through a later link", []item{{"a/evil", 0o644, "x"}, link("a", "b")}, "which is a link"},
		{"folder through a link", []item{link("a", "b"), {"a/c/", fs.ModeDir | 0o755, ""}}, "which is a link"},
		{"link through a link's name", []item{link("a", "b"), link("a/c", "d")}, "which is a link"},
		{"link over a file", []item{{"a", 0o644, "x"}, link("a", "b")}, "twice"},
	}
	for _, test := range tests {
		data, err := pack(test.items...)
		if err != nil {
			t.Errorf("%s: cannot be built: %v", test.what, err)
			continue
		}
		refused(t, test.what, data, Limits{}, Unsafe, test.says)
	}
}

func TestRefusesWhatIsTooLarge(t *testing.T) {
	ten := mustPack(t, item{"a", 0o644, "12345"}, item{"b", 0o644, "67890"})
	if err := unzip(ten, t.TempDir(), Limits{MaxBytes: 10}); err != nil {
		t.Errorf("10 bytes at a limit of 10: %v", err)
	}
	refused(t, "bytes", ten, Limits{MaxBytes: 9}, TooLarge, "exceed 9 bytes")
	refused(t, "entries", ten, Limits{MaxEntries: 1}, TooLarge, "2 entries, more than 1")

	// A bomb that lies: 10 MB that compress to 10 kB, declared as 1 byte at
	// offset 24 of the central header. Reading stops with the byte after that.
	bomb := mustPack(t, item{"bomb", 0o644, strings.Repeat("\x00", 10<<20)})
	refused(t, "honest bomb", bomb, Limits{MaxBytes: 1 << 20}, TooLarge, "exceed 1048576 bytes")
	central := bytes.LastIndex(bomb, []byte("PK\x01\x02"))
	copy(bomb[central+24:], []byte{1, 0, 0, 0})
	refused(t, "lying bomb", bomb, Limits{MaxBytes: 1 << 20}, Corrupt, "cannot be read")

	// The writer counts for itself, whatever a reader lets through.
	w := &writer{left: 9, max: 9}
	f := &zip.File{FileHeader: zip.FileHeader{Name: "a"}}
	var out bytes.Buffer
	var e *Error
	if err := w.copy(&out, strings.NewReader("0123456789abc"), entry{file: f}); !errors.As(err, &e) || e.Kind != TooLarge || out.Len() > 10 {
		t.Errorf("13 bytes at a limit of 9: %v, %d bytes written", err, out.Len())
	}
}

func TestRefusesWhatIsBroken(t *testing.T) {
	good := mustPack(t, item{"a", 0o644, "hello, hello, hello"})
	refused(t, "empty", nil, Limits{}, Corrupt, "not a zip archive")
	refused(t, "text", []byte("hello"), Limits{}, Corrupt, "not a zip archive")
	for cut := 1; cut < len(good); cut++ {
		var e *Error
		if err := unzip(good[:cut], t.TempDir(), Limits{}); !errors.As(err, &e) || e.Kind != Corrupt {
			t.Errorf("cut after %d of %d bytes: %v", cut, len(good), err)
		}
	}
	stored := storedArchive(t, "a", "hello")
	refused(t, "checksum", bytes.Replace(stored, []byte("hello"), []byte("hallo"), 1), Limits{}, Corrupt, "checksum")

	// Bit 0 of the flags (offset 6 of the local, 8 of the central header) is
	// encryption; the method follows.
	central := bytes.LastIndex(good, []byte("PK\x01\x02"))
	encrypted := bytes.Clone(good)
	encrypted[central+8] |= 1
	refused(t, "encrypted", encrypted, Limits{}, Unsupported, "encrypted")
	method := bytes.Clone(good)
	method[central+10] = 12 // bzip2
	refused(t, "method", method, Limits{}, Unsupported, "compression method 12")
}

func storedArchive(t *testing.T, name, text string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	w, err := z.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Store})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(w, text); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestLambdaWording(t *testing.T) {
	if got := (&Error{Kind: Corrupt, Reason: "x"}).LambdaMessage(); got != "Could not unzip uploaded file. Please check your file, then try to upload again." {
		t.Errorf("corrupt: %q", got)
	}
	if got := (&Error{Kind: TooLarge, Reason: "x"}).LambdaMessage(); got != "Unzipped size must be smaller than 262144000 bytes" {
		t.Errorf("too large: %q", got)
	}
	if got := (&Error{Kind: Unsafe, Entry: "a", Reason: "x"}).LambdaMessage(); got != `unpack zip: entry "a": x` {
		t.Errorf("unsafe: %q", got)
	}
}

// invariants hold for every archive: either it is refused with an error, or
// all is inside; in both cases nothing is outside, no link leads there, and no
// more bytes are written than allowed.
func invariants(t interface {
	Fatalf(format string, args ...any)
}, data []byte,
) {
	const limit = 1 << 16
	outer, err := os.MkdirTemp("", "unpack")
	if err != nil {
		t.Fatalf("%v", err)
	}
	defer os.RemoveAll(outer)
	dir := filepath.Join(outer, "a", "code")
	secret := filepath.Join(outer, "secret")
	if err := os.WriteFile(secret, []byte("secret"), 0o600); err != nil {
		t.Fatalf("%v", err)
	}
	failure := unzip(data, dir, Limits{MaxBytes: limit, MaxEntries: 100})

	var written int64
	err = filepath.WalkDir(outer, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(outer, path)
		switch inside := strings.HasPrefix(rel, "a/code/"); {
		case !inside && rel != "." && rel != "a" && rel != "a/code" && rel != "secret":
			t.Fatalf("%s is outside (error %v)", rel, failure)
		case d.Type() == fs.ModeSymlink:
			if real, err := filepath.EvalSymlinks(path); err == nil && real != dir && !strings.HasPrefix(real, dir+"/") {
				t.Fatalf("link %s leads to %s", rel, real)
			}
		case d.Type().IsRegular() && inside:
			info, err := d.Info()
			if err != nil {
				return err
			}
			written += info.Size()
		case !d.Type().IsRegular() && !d.IsDir():
			t.Fatalf("%s is a %v", rel, d.Type())
		}
		return nil
	})
	if err != nil {
		t.Fatalf("%v", err)
	}
	if text, err := os.ReadFile(secret); err != nil || string(text) != "secret" {
		t.Fatalf("the file beside is %q, %v", text, err)
	}
	if written > limit+1 {
		t.Fatalf("%d bytes written", written)
	}
}

func TestNothingIsEverWrittenOutside(t *testing.T) {
	part := rapid.SampledFrom([]string{"a", "b", "c", "..", ".", "", "secret", "code"})
	path := rapid.Custom(func(t *rapid.T) string { return strings.Join(rapid.SliceOfN(part, 1, 5).Draw(t, "parts"), "/") })
	mode := rapid.SampledFrom([]fs.FileMode{0o644, 0o755, fs.ModeSymlink | 0o777, fs.ModeSymlink | 0o777, fs.ModeDir | 0o755})
	rapid.Check(t, func(t *rapid.T) {
		items := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) item {
			return item{name: path.Draw(t, "name"), mode: mode.Draw(t, "mode"), text: path.Draw(t, "text")}
		}), 1, 6).Draw(t, "items")
		data, err := pack(items...)
		if err != nil {
			t.Skip("zip cannot express it")
		}
		invariants(t, data)
	})
}

func FuzzZip(f *testing.F) {
	seeds := [][]item{
		{{"a", 0o644, "x"}},
		{{"s", fs.ModeSymlink | 0o777, "."}, {"a/t", fs.ModeSymlink | 0o777, "../s"}},
		{{"d/", fs.ModeDir | 0o755, ""}, {"d/e", 0o755, strings.Repeat("y", 1000)}},
		{{"../x", 0o644, "x"}},
	}
	for _, items := range seeds {
		f.Add(mustPack(f, items...))
	}
	f.Fuzz(func(t *testing.T, data []byte) { invariants(t, data) })
}
