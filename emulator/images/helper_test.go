package images_test

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"path"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"

	"coldbench/emulator/images"
)

var stamp = time.Date(2024, 5, 6, 7, 8, 9, 0, time.UTC)

func file(name, text string) tar.Header {
	return tar.Header{Name: name, Typeflag: tar.TypeReg, Mode: 0o644, Size: int64(len(text)), Linkname: text}
}

func folder(name string) tar.Header {
	return tar.Header{Name: name, Typeflag: tar.TypeDir, Mode: 0o755}
}

func symlink(name, target string) tar.Header {
	return tar.Header{Name: name, Typeflag: tar.TypeSymlink, Linkname: target, Mode: 0o777}
}

func hardLink(name, target string) tar.Header {
	return tar.Header{Name: name, Typeflag: tar.TypeLink, Linkname: target, Mode: 0o644}
}

// archive writes entries; the contents of a file stand in its Linkname.
func archive(t testing.TB, entries ...tar.Header) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, h := range entries {
		text := ""
		if h.Typeflag == tar.TypeReg {
			text, h.Linkname = h.Linkname, ""
		}
		h.ModTime = stamp
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, text); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func layerOf(t testing.TB, archive []byte) v1.Layer {
	t.Helper()
	l, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(archive)), nil })
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// imageOf builds an image for this machine out of layers.
func imageOf(t testing.TB, layers ...v1.Layer) v1.Image {
	t.Helper()
	image, err := mutate.AppendLayers(empty.Image, layers...)
	if err != nil {
		t.Fatal(err)
	}
	return configured(t, image, runtime.GOARCH, v1.Config{Entrypoint: []string{"/bin/serve"}, Cmd: []string{"x"}, WorkingDir: "/srv", Env: []string{"A=1"}, User: "nobody"})
}

func configured(t testing.TB, image v1.Image, arch string, c v1.Config) v1.Image {
	t.Helper()
	f, err := image.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	f = f.DeepCopy()
	f.OS, f.Architecture, f.Config = "linux", arch, c
	if image, err = mutate.ConfigFile(image, f); err != nil {
		t.Fatal(err)
	}
	return image
}

// hub is the library's registry on loopback; change may tamper with answers.
type hub struct {
	host   string
	blobs  atomic.Int64 // GETs of blobs
	change func(w http.ResponseWriter, r *http.Request) http.ResponseWriter
}

func newHub(t testing.TB) *hub {
	t.Helper()
	h := &hub{}
	inner := registry.New(registry.Logger(log.New(io.Discard, "", 0)))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet && strings.Contains(r.URL.Path, "/blobs/") {
			h.blobs.Add(1)
		}
		if h.change != nil {
			if w = h.change(w, r); w == nil {
				return
			}
		}
		inner.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	h.host = strings.TrimPrefix(server.URL, "http://")
	return h
}

func (h *hub) push(t testing.TB, as string, image v1.Image) string {
	t.Helper()
	ref, err := name.ParseReference(h.host + "/" + as)
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.Write(ref, image); err != nil {
		t.Fatal(err)
	}
	return ref.Name()
}

func open(t testing.TB, o images.Options) *images.Store {
	t.Helper()
	if o.Dir == "" {
		o.Dir = t.TempDir()
	}
	s, err := images.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func pull(s *images.Store, reference string) (*images.Image, error) {
	src, err := s.Resolve(context.Background(), reference)
	if err != nil {
		return nil, err
	}
	return s.Pull(context.Background(), src, nil)
}

func mustPull(t testing.TB, s *images.Store, reference string) *images.Image {
	t.Helper()
	image, err := pull(s, reference)
	if err != nil {
		t.Fatal(err)
	}
	return image
}

// refused checks that an error is a refusal of that kind which holds the text.
func refused(t *testing.T, err error, kind images.Kind, text string) *images.Error {
	t.Helper()
	var e *images.Error
	if !errors.As(err, &e) {
		t.Fatalf("error %v (%T), want a refusal", err, err)
	}
	if e.Kind != kind || !strings.Contains(e.Error(), text) {
		t.Fatalf("refused as %q: %v; want %q with %q", e.Kind, e, kind, text)
	}
	return e
}

func isBlob(r *http.Request, digest string) bool {
	return r.Method == http.MethodGet && path.Base(r.URL.Path) == digest
}
