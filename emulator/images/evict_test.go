package images_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"coldbench/emulator/images"
)

// kept names the images of which a file is in the cache, by the size that tells
// them apart.
func kept(t *testing.T, dir string) string {
	t.Helper()
	names := map[int64]string{}
	for i, c := range "abcde" {
		names[int64(100+i)] = string(c)
	}
	found, err := filepath.Glob(filepath.Join(dir, "layers/*/files/data"))
	if err != nil {
		t.Fatal(err)
	}
	var have []string
	for _, f := range found {
		info, err := os.Stat(f)
		if err != nil {
			t.Fatal(err)
		}
		have = append(have, names[info.Size()])
	}
	all := ""
	for _, c := range "abcde" {
		for _, h := range have {
			if h == string(c) {
				all += h
			}
		}
	}
	trees, err := filepath.Glob(filepath.Join(dir, "trees/*/data"))
	if err != nil || len(trees) != len(all) {
		t.Errorf("%d trees of %d images, %v", len(trees), len(all), err)
	}
	if left, err := os.ReadDir(filepath.Join(dir, "tmp")); err != nil || len(left) != 0 {
		t.Errorf("left in tmp: %v, %v", left, err)
	}
	return all
}

// The cache keeps what fits, and what is in use beyond that; of the rest those
// layers go that were used least lately, with their trees.
func TestEviction(t *testing.T) {
	t.Parallel()
	h, dir := newHub(t), t.TempDir()
	refs := map[string]string{}
	const three = 3 * 2048 // what counts is a layer as an archive
	for i, c := range "abcde" {
		layer := layerOf(t, archive(t, file("data", strings.Repeat("x", 100+i))))
		refs[string(c)] = h.push(t, "team/"+string(c)+":v1", imageOf(t, layer))
	}
	s := open(t, images.Options{Dir: dir, CacheBytes: three})
	have := func(when, want string) {
		t.Helper()
		if got := kept(t, dir); got != want {
			t.Errorf("%s: the cache has %q, want %q", when, got, want)
		}
	}
	// older makes what an image left look as if it had been used long ago.
	older := func(i *images.Image, by time.Duration) {
		t.Helper()
		at := time.Now().Add(-by)
		size, err := os.Stat(filepath.Join(i.Root, "data"))
		if err != nil {
			t.Fatal(err)
		}
		layers, _ := filepath.Glob(filepath.Join(dir, "layers/*/files/data"))
		for _, l := range layers {
			if info, err := os.Stat(l); err == nil && info.Size() == size.Size() {
				if err := os.Chtimes(filepath.Join(filepath.Dir(filepath.Dir(l)), "contents.json"), at, at); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	a, b, c := mustPull(t, s, refs["a"]), mustPull(t, s, refs["b"]), mustPull(t, s, refs["c"])
	d := mustPull(t, s, refs["d"])
	have("all in use", "abcd")
	older(a, 4*time.Hour)
	older(b, 3*time.Hour)
	older(c, 2*time.Hour)
	b.Release()
	c.Release()
	// Another program's pull makes room too, and does not touch what this one uses.
	other := open(t, images.Options{Dir: dir, CacheBytes: three})
	have("b not in use and oldest of those", "acd")
	e := mustPull(t, other, refs["e"])
	have("c not in use", "ade")
	if got := read(t, a, "data") + read(t, e, "data"); len(got) != 204 {
		t.Errorf("images in use have %d bytes", len(got))
	}
	d.Release()
	older(d, time.Hour)
	if i := mustPull(t, s, refs["d"]); i.Report.LayersCached != 1 { // used again: younger than b will be
		t.Errorf("report %+v", i.Report)
	}
	a.Release()
	mustPull(t, s, refs["b"])
	have("a oldest though it was in use for long", "bde")
}

// What an older version left has no record beside its trees: they go as well.
func TestEvictionOfTreesWithoutARecord(t *testing.T) {
	t.Parallel()
	h, dir := newHub(t), t.TempDir()
	ref := h.push(t, "team/a:v1", imageOf(t, layerOf(t, archive(t, file("data", strings.Repeat("x", 100))))))
	s := open(t, images.Options{Dir: dir})
	i := mustPull(t, s, ref)
	i.Release()
	if err := os.Remove(i.Root + ".json"); err != nil {
		t.Fatal(err)
	}
	open(t, images.Options{Dir: dir, CacheBytes: 1})
	if got := kept(t, dir); got != "" {
		t.Errorf("left %q", got)
	}
	if left, err := os.ReadDir(filepath.Join(dir, "trees")); err != nil || len(left) != 0 {
		t.Errorf("left in trees: %v, %v", left, err)
	}
}
