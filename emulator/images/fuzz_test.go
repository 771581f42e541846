package images

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

func packedTar(t testing.TB, headers ...tar.Header) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, h := range headers {
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// FuzzUnpack holds whatever is unpacked to what the package promises: nothing
// is written outside of the folder, nothing in it has a special bit or is a
// special file, the limits hold, and what unpacks can be merged.
func FuzzUnpack(f *testing.F) {
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	_, _ = z.Write(packedTar(f, tar.Header{Name: "d/x", Mode: 0o4755, Typeflag: tar.TypeReg}))
	_ = z.Close()
	f.Add(zipped.Bytes())
	f.Add(packedTar(f, tar.Header{Name: "l", Linkname: "/", Typeflag: tar.TypeSymlink}, tar.Header{Name: "l/l/../x", Typeflag: tar.TypeDir}))
	f.Add(packedTar(f, tar.Header{Name: "l", Linkname: "..", Typeflag: tar.TypeSymlink}, tar.Header{Name: "l/evil", Typeflag: tar.TypeReg}))
	f.Add(packedTar(f, tar.Header{Name: "a", Typeflag: tar.TypeReg}, tar.Header{Name: "b", Linkname: "a", Typeflag: tar.TypeLink}, tar.Header{Name: "b/c", Typeflag: tar.TypeDir}))
	f.Add(packedTar(f, tar.Header{Name: "d/.wh.x", Typeflag: tar.TypeReg}, tar.Header{Name: ".wh..wh..opq", Typeflag: tar.TypeReg}, tar.Header{Name: "d/.wh...", Typeflag: tar.TypeReg}))
	f.Add(packedTar(f, tar.Header{Name: "null", Typeflag: tar.TypeChar, Devmajor: 1, Devminor: 3}))
	f.Add([]byte{0x28, 0xb5, 0x2f, 0xfd, 0, 0, 0})
	limits := Limits{MaxBytes: 1 << 20, MaxFiles: 100}
	f.Fuzz(func(t *testing.T, packed []byte) {
		top := t.TempDir()
		for _, dir := range []string{"outside", "store/layer", "store/tree"} {
			if err := os.MkdirAll(filepath.Join(top, dir), 0o755); err != nil {
				t.Fatal(err)
			}
		}
		b := newBudget(limits)
		found, err := unpack(bytes.NewReader(packed), filepath.Join(top, "store/layer"), expected{}, b)
		var refused *Error
		if err != nil && !errors.As(err, &refused) {
			// A file system has rules of its own for names.
			var path *fs.PathError
			var link *os.LinkError
			if !errors.As(err, &path) && !errors.As(err, &link) {
				t.Fatalf("%v (%T) is no refusal", err, err)
			}
		}
		if found.Bytes > limits.MaxBytes || found.Files > limits.MaxFiles {
			t.Fatalf("beyond the limits: %+v", found)
		}
		checkTree(t, filepath.Join(top, "store/layer"))
		if err == nil {
			merge(t, filepath.Join(top, "store"), found)
			checkTree(t, filepath.Join(top, "store/tree"))
		}
		for dir, want := range map[string]int{"outside": 0, "store": 2, ".": 2} {
			if entries, err := os.ReadDir(filepath.Join(top, dir)); err != nil || len(entries) != want {
				t.Fatalf("%s has %v (%v)", dir, entries, err)
			}
		}
	})
}

func merge(t *testing.T, store string, found contents) {
	t.Helper()
	root, err := os.OpenRoot(store)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = root.Close() }()
	m, err := newMerger(root, "tree")
	if err != nil {
		t.Fatal(err)
	}
	defer m.close()
	for range 2 { // over nothing, and over itself
		if err := m.add("layer", found); err != nil {
			t.Fatal(err)
		}
	}
}

func checkTree(t *testing.T, dir string) {
	t.Helper()
	var bytes int64
	err := filepath.WalkDir(dir, func(at string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		switch info.Mode().Type() {
		case 0:
			bytes += info.Size()
		case fs.ModeDir, fs.ModeSymlink:
		default:
			t.Fatalf("%s is %v", at, info.Mode())
		}
		if info.Mode()&(fs.ModeSetuid|fs.ModeSetgid|fs.ModeSticky) != 0 {
			t.Fatalf("%s has %v", at, info.Mode())
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// A layer of zeros is refused for its ratio where it is large.
func TestRatio(t *testing.T) {
	t.Parallel()
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	w := tar.NewWriter(z)
	zeros := make([]byte, 1<<20)
	if err := w.WriteHeader(&tar.Header{Name: "zeros", Size: int64(len(zeros)), Mode: 0o644}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(zeros); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(w.Close(), z.Close()); err != nil {
		t.Fatal(err)
	}
	b := newBudget(Limits{MaxRatio: 100})
	if _, err := unpack(bytes.NewReader(packed.Bytes()), t.TempDir(), expected{}, b); err != nil {
		t.Errorf("a small layer of zeros: %v", err)
	}
	b.ratioFrom = 128 << 10
	_, err := unpack(bytes.NewReader(packed.Bytes()), t.TempDir(), expected{}, b)
	var refused *Error
	if !errors.As(err, &refused) || refused.Kind != TooLarge {
		t.Errorf("a bomb: %v", err)
	}
}
