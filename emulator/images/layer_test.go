package images_test

import (
	"archive/tar"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/klauspost/compress/zstd"

	"coldbench/emulator/images"
)

// local writes an image as an OCI layout and gives the reference.
func local(t testing.TB, image v1.Image) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "image")
	p, err := layout.Write(dir, empty.Index)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.AppendImage(image); err != nil {
		t.Fatal(err)
	}
	return "oci:" + dir
}

// names lists a tree: folders with a slash, links with their target.
func names(t testing.TB, root string) []string {
	t.Helper()
	var list []string
	err := filepath.WalkDir(root, func(at string, d fs.DirEntry, err error) error {
		if err != nil || at == root {
			return err
		}
		rel, err := filepath.Rel(root, at)
		if d.IsDir() {
			rel += "/"
		}
		if d.Type() == fs.ModeSymlink {
			target, _ := os.Readlink(at)
			rel += " -> " + target
		}
		list = append(list, rel)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func TestMerge(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		layers [][]tar.Header
		want   []string
	}{
		"whiteouts": {
			[][]tar.Header{
				{file("a", "1"), file("d/x", "1"), file("d/y", "1"), folder("gone/below")},
				{file(".wh.a", ""), file("d/.wh.x", ""), file(".wh.gone", ""), file(".wh.never", "")},
			},
			[]string{"d/", "d/y"},
		},
		"a whiteout spares what its own layer brings": {
			[][]tar.Header{{file("a", "1")}, {file("a", "2"), file(".wh.a", "")}},
			[]string{"a"},
		},
		"an opaque folder": {
			[][]tar.Header{{file("d/x", "1"), file("d/e/y", "1"), file("z", "1")}, {folder("d"), file("d/.wh..wh..opq", ""), file("d/new", "2")}},
			[]string{"d/", "d/new", "z"},
		},
		"the image made opaque": {
			[][]tar.Header{{file("x", "1")}, {file(".wh..wh..opq", ""), file("y", "2")}},
			[]string{"y"},
		},
		"bookkeeping of aufs": {
			[][]tar.Header{{file(".wh..wh.plnk/1", ""), folder(".wh..wh.aufs"), file("x", "1")}},
			[]string{"x"},
		},
		"kinds replace each other": {
			[][]tar.Header{
				{file("a", "1"), folder("b/c"), symlink("l", "b"), file("b/c/f", "1")},
				{folder("a"), file("a/x", "2"), file("b", "2"), file("l/y", "2")},
			},
			[]string{"a/", "a/x", "b", "l/", "l/y"},
		},
		"a whiteout behind a link takes nothing away": {
			[][]tar.Header{{file("real/x", "1"), symlink("l", "real")}, {file("l/.wh.x", "")}},
			[]string{"l -> real", "real/", "real/x"},
		},
		"links stay as they are": {
			[][]tar.Header{{file("usr/lib/so", "1"), symlink("lib", "usr/lib"), symlink("abs", "/usr/lib"), symlink("lib/up", "../lib/so"), hardLink("usr/hard", "usr/lib/so")}},
			[]string{"abs -> /usr/lib", "lib -> usr/lib", "usr/", "usr/hard", "usr/lib/", "usr/lib/so", "usr/lib/up -> ../lib/so"},
		},
		"an entry through a link lands inside": {
			[][]tar.Header{{symlink("out", "/"), file("out/etc/passwd", "inside"), symlink("up", "sub"), file("up/f", "1")}},
			[]string{"etc/", "etc/passwd", "out -> /", "sub/", "sub/f", "up -> sub"},
		},
		"the last entry of a name counts": {
			[][]tar.Header{{file("a", "1"), folder("a"), file("a/b", "1"), symlink("a", "b"), file("./b", "2")}},
			[]string{"a -> b", "b"},
		},
		"absolute names are the image's": {[][]tar.Header{{file("/x", "1")}}, []string{"x"}},
		"no nodes": {
			[][]tar.Header{{{Name: "null", Typeflag: tar.TypeChar, Devmajor: 1, Devminor: 3}, {Name: "pipe", Typeflag: tar.TypeFifo}, file("x", "1")}},
			[]string{"x"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var layers []v1.Layer
			for _, entries := range tc.layers {
				layers = append(layers, layerOf(t, archive(t, entries...)))
			}
			image := mustPull(t, open(t, images.Options{}), local(t, imageOf(t, layers...)))
			want := slices.Clone(tc.want)
			slices.Sort(want)
			got := names(t, image.Root)
			slices.Sort(got)
			if !slices.Equal(got, want) {
				t.Errorf("tree\n%v\nwant\n%v", got, want)
			}
		})
	}
}

func TestModesAndTimes(t *testing.T) {
	t.Parallel()
	suid, secret := file("bin/su", "x"), file("shadow", "x")
	suid.Mode, secret.Mode = 0o6755, 0
	shut, sticky := folder("shut"), folder("drop")
	shut.Mode, sticky.Mode = 0o555, 0o1777
	image := mustPull(t, open(t, images.Options{}), local(t, imageOf(t, layerOf(t, archive(t, suid, secret, shut, file("shut/f", "x"), sticky)))))
	for name, want := range map[string]fs.FileMode{
		"bin/su": 0o755, "shadow": 0o400, "shut": fs.ModeDir | 0o755, "drop": fs.ModeDir | 0o777, "shut/f": 0o644,
	} {
		info, err := os.Stat(filepath.Join(image.Root, name))
		if err != nil || info.Mode() != want {
			t.Errorf("%s: %v, want %v (%v)", name, info.Mode(), want, err)
		}
		if !info.IsDir() && !info.ModTime().Equal(stamp) {
			t.Errorf("%s is of %v, want %v: interpreters compare times of their caches", name, info.ModTime(), stamp)
		}
	}
}

func TestHostileLayers(t *testing.T) {
	t.Parallel()
	small := images.Limits{MaxBytes: 64 << 10, MaxFiles: 50}
	many := make([]tar.Header, 60)
	for i := range many {
		many[i] = folder(strings.Repeat("d/", i+1))
	}
	for name, tc := range map[string]struct {
		entries []tar.Header
		kind    images.Kind
		text    string
	}{
		"path up":               {[]tar.Header{file("../evil", "x")}, images.Unsafe, `entry "../evil": its path holds ".."`},
		"path up within":        {[]tar.Header{file("a/../../evil", "x")}, images.Unsafe, `holds ".."`},
		"link up":               {[]tar.Header{symlink("a/l", "../../etc")}, images.Unsafe, "leads above the image"},
		"link to nowhere":       {[]tar.Header{symlink("l", "")}, images.Unsafe, "link to nowhere"},
		"links in a circle":     {[]tar.Header{symlink("a", "b"), symlink("b", "a"), file("a/x", "x")}, images.Unsafe, "more than 40 links"},
		"hard link up":          {[]tar.Header{hardLink("h", "../../etc/passwd")}, images.Unsafe, `holds ".."`},
		"hard link outside":     {[]tar.Header{hardLink("h", "/etc/passwd")}, images.Corrupt, "no file of this layer"},
		"hard link by link":     {[]tar.Header{symlink("l", "/etc"), hardLink("h", "l/passwd")}, images.Corrupt, "no file of this layer"},
		"hard link to a folder": {[]tar.Header{folder("d"), hardLink("h", "d")}, images.Corrupt, "no file of this layer"},
		"whiteout of ..":        {[]tar.Header{file("a/.wh...", "")}, images.Unsafe, "takes away no file"},
		"whiteout of nothing":   {[]tar.Header{file(".wh.", "")}, images.Unsafe, "takes away no file"},
		"too many bytes":        {[]tar.Header{file("big", strings.Repeat("x", 65<<10))}, images.TooLarge, "larger than 65536 bytes"},
		"too many files":        {many, images.TooLarge, "more than 50 files"},
		"a long name":           {[]tar.Header{file(strings.Repeat("n", 300), "x")}, images.Unsafe, "longer than 255 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			_, err := pull(open(t, images.Options{Dir: filepath.Join(dir, "store"), Limits: small}), local(t, imageOf(t, layerOf(t, archive(t, tc.entries...)))))
			refused(t, err, tc.kind, tc.text)
			if got := names(t, dir); !slices.Equal(got, []string{"store/", "store/layers/", "store/tmp/", "store/trees/"}) {
				t.Errorf("left behind: %v", got)
			}
		})
	}
}

// The limits are of the image, not of each layer, and count what is cached.
func TestLimitsOfAllLayers(t *testing.T) {
	t.Parallel()
	half := func(c string) v1.Layer { return layerOf(t, archive(t, file("f"+c, strings.Repeat(c, 40<<10)))) }
	s := open(t, images.Options{Limits: images.Limits{MaxBytes: 64 << 10}})
	a, b := half("a"), half("b")
	mustPull(t, s, local(t, imageOf(t, a)))
	mustPull(t, s, local(t, imageOf(t, b)))
	_, err := pull(s, local(t, imageOf(t, a, b)))
	refused(t, err, images.TooLarge, "larger than 65536 bytes")
}

func TestWrongContents(t *testing.T) {
	t.Parallel()
	image := imageOf(t, layerOf(t, archive(t, file("a", "b"))))
	f, err := image.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	ref := local(t, imageOf(t, lying{layerOf(t, archive(t, file("a", "c"))), f.RootFS.DiffIDs[0]}))
	_, err = pull(open(t, images.Options{}), ref)
	refused(t, err, images.Corrupt, "the digest of its contents is")
}

// lying is a layer that has not the contents it is announced with.
type lying struct {
	v1.Layer
	diffID v1.Hash
}

func (l lying) DiffID() (v1.Hash, error) { return l.diffID, nil }

func TestZstd(t *testing.T) {
	t.Parallel()
	plain := archive(t, file("a", "packed by zstd"))
	w, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	diffID, err := layerOf(t, plain).DiffID()
	if err != nil {
		t.Fatal(err)
	}
	layer := lying{static.NewLayer(w.EncodeAll(plain, nil), types.OCILayerZStd), diffID}
	if image := mustPull(t, open(t, images.Options{}), local(t, imageOf(t, layer))); read(t, image, "a") != "packed by zstd" {
		t.Error("wrong contents")
	}
}

func TestFind(t *testing.T) {
	t.Parallel()
	program := file("usr/local/bin/node", "x")
	program.Mode = 0o755
	image := mustPull(t, open(t, images.Options{}), local(t, imageOf(t, layerOf(t, archive(t, program,
		symlink("usr/bin/node", "/usr/local/bin/node"), symlink("bin", "usr/bin"), file("plain", "x"), folder("srv"), symlink("loop", "loop"))))))
	const search = "/nowhere:/bin:/usr/local/bin"
	for name, want := range map[string]struct {
		path string
		err  error
	}{
		"node":                  {"/bin/node", nil},
		"/usr/bin/node":         {"/usr/bin/node", nil},
		"../usr/local/bin/node": {"/usr/local/bin/node", nil},
		"python":                {"", fs.ErrNotExist},
		"/plain":                {"/plain", fs.ErrPermission},
		"/srv":                  {"/srv", fs.ErrPermission},
		"/loop":                 {"/loop", fs.ErrNotExist},
	} {
		if got, err := image.Find(name, "srv", search); got != want.path || !errors.Is(err, want.err) {
			t.Errorf("%s: %q, %v; want %q, %v", name, got, err, want.path, want.err)
		}
	}
	if list := image.Entries("/bin"); len(list) != 1 || list[0].Name() != "node" {
		t.Errorf("/bin has %v", list)
	}
	if list := image.Entries("/none"); list != nil {
		t.Errorf("/none has %v", list)
	}
	if !image.Dir("/srv") || image.Dir("/plain") || image.Dir("/none") {
		t.Error("Dir is wrong")
	}
}

// A configuration is read into memory, so its size is looked at first.
func TestLargeConfiguration(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	ref := h.push(t, "app:v1", imageOf(t, layerOf(t, archive(t, file("a", "b")))))
	h.change = func(w http.ResponseWriter, r *http.Request) http.ResponseWriter {
		if !strings.HasSuffix(r.URL.Path, "/manifests/v1") {
			return w
		}
		w.Header().Set("Content-Type", string(types.OCIManifestSchema1))
		digest := "sha256:" + strings.Repeat("0", 64)
		_, _ = io.WriteString(w, `{"schemaVersion":2,"config":{"mediaType":"`+string(types.OCIConfigJSON)+`","digest":"`+digest+`","size":1099511627776},"layers":[]}`)
		return nil
	}
	_, err := pull(open(t, images.Options{}), ref)
	refused(t, err, images.TooLarge, "its configuration has 1099511627776 bytes")
}
