package images_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"coldbench/emulator/images"
)

// read is a file of the pulled tree.
func read(t testing.TB, image *images.Image, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(image.Root, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestPullFromRegistryOnceOnly(t *testing.T) {
	t.Parallel()
	h, s := newHub(t), open(t, images.Options{})
	base := layerOf(t, archive(t, folder("bin"), file("bin/serve", "program")))
	first := h.push(t, "team/one:v1", imageOf(t, base, layerOf(t, archive(t, file("srv/a", "one")))))
	second := h.push(t, "team/two:v1", imageOf(t, base, layerOf(t, archive(t, file("srv/a", "two")))))

	one := mustPull(t, s, first)
	if got := read(t, one, "srv/a") + read(t, one, "bin/serve"); got != "oneprogram" {
		t.Errorf("tree holds %q", got)
	}
	if r := one.Report; r.Layers != 2 || r.LayersCached != 0 || r.DownloadedBytes == 0 || r.ImageBytes == 0 || r.Files != 3 || r.Unpack <= 0 || r.Download <= 0 {
		t.Errorf("report of the first pull: %+v", r)
	}
	c := one.Config
	if c.EntryPoint[0] != "/bin/serve" || c.Command[0] != "x" || c.WorkingDirectory != "/srv" || c.Env[0] != "A=1" || c.User != "nobody" {
		t.Errorf("configuration %+v", c)
	}
	two := mustPull(t, s, second)
	if r := two.Report; r.LayersCached != 1 || read(t, two, "srv/a") != "two" {
		t.Errorf("the second image: %+v", r)
	}
	before := h.blobs.Load()
	again := mustPull(t, s, one.Reference[:strings.LastIndex(one.Reference, ":")]+"@"+one.Digest)
	if r := again.Report; r.LayersCached != 2 || r.DownloadedBytes != 0 || r.Download != 0 || again.Root != one.Root {
		t.Errorf("pulled again by digest: %+v", r)
	}
	if n := h.blobs.Load() - before; n > 1 { // the configuration
		t.Errorf("%d blobs read for an image that is cached", n)
	}
	a, errA := os.Stat(filepath.Join(one.Root, "bin/serve"))
	b, errB := os.Stat(filepath.Join(two.Root, "bin/serve"))
	if errA != nil || errB != nil || !os.SameFile(a, b) {
		t.Error("two images that share a layer do not share its files")
	}
}

func TestConcurrentPullsShareDownloads(t *testing.T) {
	t.Parallel()
	h, s := newHub(t), open(t, images.Options{})
	layer := layerOf(t, archive(t, file("data", strings.Repeat("x", 100_000))))
	ref := h.push(t, "team/shared:v1", imageOf(t, layer))
	digest, err := layer.Digest()
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	reads := 0
	h.change = func(w http.ResponseWriter, r *http.Request) http.ResponseWriter {
		if isBlob(r, digest.String()) {
			mu.Lock()
			reads++
			mu.Unlock()
		}
		return w
	}
	var each sync.WaitGroup
	var last [8]int64
	for i := range last {
		each.Go(func() {
			src, err := s.Resolve(context.Background(), ref)
			if err != nil {
				t.Error(err)
				return
			}
			image, err := s.Pull(context.Background(), src, func(done, total int64) {
				mu.Lock()
				defer mu.Unlock()
				if last[i] = max(last[i], done); done > total {
					t.Errorf("progress %d of %d", done, total)
				}
			})
			if err != nil || len(read(t, image, "data")) != 100_000 {
				t.Error(err)
			}
		})
	}
	each.Wait()
	if reads != 1 {
		t.Errorf("the layer was downloaded %d times", reads)
	}
	for i, n := range last {
		if n == 0 {
			t.Errorf("pull %d showed no progress", i)
		}
	}
}

func TestLocalReferences(t *testing.T) {
	t.Parallel()
	s := open(t, images.Options{})
	plain := imageOf(t, layerOf(t, archive(t, file("who", "one"))))
	tagged := imageOf(t, layerOf(t, archive(t, file("who", "two"))))
	dir, single := filepath.Join(t.TempDir(), "layout"), filepath.Join(t.TempDir(), "single")
	p, err := layout.Write(dir, empty.Index)
	if err != nil {
		t.Fatal(err)
	}
	for tag, image := range map[string]v1.Image{"v1": plain, "v2": tagged} {
		if err := p.AppendImage(image, layout.WithAnnotations(map[string]string{"org.opencontainers.image.ref.name": tag})); err != nil {
			t.Fatal(err)
		}
	}
	if p, err = layout.Write(single, empty.Index); err == nil {
		err = p.AppendImage(plain)
	}
	saved := filepath.Join(t.TempDir(), "saved.tar")
	tag, tagErr := name.NewTag("local/saved:v1")
	if err := errors.Join(err, tagErr, tarball.WriteToFile(saved, tag, tagged)); err != nil {
		t.Fatal(err)
	}
	for ref, want := range map[string]string{
		"oci:" + dir + ":v1": "one", "oci:" + dir + ":v2": "two", "oci:" + single: "one", "docker-archive:" + saved: "two",
	} {
		image := mustPull(t, s, ref)
		if got := read(t, image, "who"); got != want || image.Report.DownloadedBytes != 0 {
			t.Errorf("%s holds %q, report %v; want %q and nothing downloaded", ref, got, image.Report, want)
		}
		if !strings.HasPrefix(image.Digest, "sha256:") {
			t.Errorf("%s has digest %q", ref, image.Digest)
		}
	}
	_, err = pull(s, "oci:"+dir+":v3")
	refused(t, err, images.NotFound, "no image of that tag")
	_, err = pull(s, "oci:"+filepath.Join(dir, "nowhere"))
	refused(t, err, images.NotFound, "no OCI layout")
	_, err = pull(s, "docker-archive:"+saved+".gone")
	refused(t, err, images.NotFound, "no file")
}

func TestReferences(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	s := open(t, images.Options{Registry: h.host})
	h.push(t, "team/app:v1", imageOf(t, layerOf(t, archive(t, file("a", "b")))))
	if image := mustPull(t, s, "123456789012.dkr.ecr.us-east-1.amazonaws.com/team/app:v1"); read(t, image, "a") != "b" {
		t.Error("the registry that stands in for ECR was not asked")
	}
	for ref, message := range map[string]string{
		"nginx":    "Source image nginx is not valid. Provide a valid source image.",
		"app:v1":   "Source image app:v1 is not valid. Provide a valid source image.",
		"http://x": "Source image http://x is not valid. Provide a valid source image.",
	} {
		_, err := pull(s, ref)
		if e := refused(t, err, images.NotValid, ref); e.LambdaMessage() != message || e.LambdaType() != "InvalidParameterValueException" {
			t.Errorf("%s: %s: %s", ref, e.LambdaType(), e.LambdaMessage())
		}
		if images.CheckReference(ref) == nil {
			t.Errorf("%s passes for a reference", ref)
		}
	}
	missing := h.host + "/team/app:v2"
	_, err := pull(s, missing)
	if e := refused(t, err, images.NotFound, missing); e.LambdaMessage() != "Source image "+missing+" does not exist. Provide a valid source image." {
		t.Error(e.LambdaMessage())
	}
	// A private network is not loopback, whatever the library thinks of it. The
	// address is never dialled.
	private := open(t, images.Options{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
		if r.URL.Scheme == "http" {
			t.Error("plain HTTP to", r.URL.Host)
		}
		return nil, errors.New("no network")
	})})
	_, err = pull(private, "10.0.0.1:5000/a:b")
	refused(t, err, images.Unreachable, "10.0.0.1:5000")
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestPlatforms(t *testing.T) {
	t.Parallel()
	h, s := newHub(t), open(t, images.Options{})
	other := "arm64"
	if runtime.GOARCH == "arm64" {
		other = "amd64"
	}
	foreign := configured(t, imageOf(t, layerOf(t, archive(t, file("a", "foreign")))), other, v1.Config{})
	own := imageOf(t, layerOf(t, archive(t, file("a", "own"))))
	_, err := pull(s, h.push(t, "app:foreign", foreign))
	refused(t, err, images.Platform, "it is for linux/"+other+"; this machine runs linux/"+runtime.GOARCH)

	index := func(as string, list ...v1.Image) string {
		var adds []mutate.IndexAddendum
		for _, image := range list {
			f, err := image.ConfigFile()
			if err != nil {
				t.Fatal(err)
			}
			adds = append(adds, mutate.IndexAddendum{Add: image, Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: f.OS, Architecture: f.Architecture}}})
		}
		ref, err := name.ParseReference(h.host + "/" + as)
		if err != nil {
			t.Fatal(err)
		}
		if err := remote.WriteIndex(ref, mutate.AppendManifests(empty.Index, adds...)); err != nil {
			t.Fatal(err)
		}
		return ref.Name()
	}
	src, err := s.Resolve(context.Background(), index("app:both", foreign, own))
	if err != nil || !src.Index {
		t.Fatalf("source %+v, %v", src, err)
	}
	image, err := s.Pull(context.Background(), src, nil)
	if err != nil || read(t, image, "a") != "own" {
		t.Errorf("of an index the wrong image: %v", err)
	}
	_, err = pull(s, index("app:none", foreign))
	refused(t, err, images.Platform, other)
}

func TestWhatTheRegistryGetsWrong(t *testing.T) {
	t.Parallel()
	text := archive(t, file("a", strings.Repeat("contents ", 1000)))
	for name, tc := range map[string]struct {
		change func(b []byte) []byte
		kind   images.Kind
		text   string
	}{
		"a byte differs": {func(b []byte) []byte { b[len(b)/2] ^= 1; return b }, images.Corrupt, "layer sha256:"},
		"cut off":        {func(b []byte) []byte { return b[:len(b)/2] }, images.Corrupt, "layer sha256:"},
		"longer":         {func(b []byte) []byte { return append(b, "more"...) }, images.Corrupt, "layer sha256:"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h, dir := newHub(t), t.TempDir()
			s := open(t, images.Options{Dir: dir})
			layer := layerOf(t, text)
			digest, err := layer.Digest()
			if err != nil {
				t.Fatal(err)
			}
			ref := h.push(t, "app:v1", imageOf(t, layer))
			r, err := layer.Compressed()
			if err != nil {
				t.Fatal(err)
			}
			var packed bytes.Buffer
			if _, err := packed.ReadFrom(r); err != nil {
				t.Fatal(err)
			}
			h.change = func(w http.ResponseWriter, r *http.Request) http.ResponseWriter {
				if !isBlob(r, digest.String()) {
					return w
				}
				b := tc.change(bytes.Clone(packed.Bytes()))
				w.Header().Set("Content-Length", strconv.Itoa(len(b)))
				_, _ = w.Write(b)
				return nil
			}
			_, err = pull(s, ref)
			e := refused(t, err, tc.kind, tc.text)
			if !strings.HasPrefix(e.LambdaMessage(), "ImageLayerFailure: UnsupportedImageLayerDetected - Layer Digest "+digest.String()) {
				t.Error(e.LambdaMessage())
			}
			for _, place := range []string{"layers", "trees", "tmp"} {
				if left, err := os.ReadDir(filepath.Join(dir, place)); err != nil || len(left) > 0 {
					t.Errorf("%s keeps %v of what was refused (%v)", place, left, err)
				}
			}
			h.change = nil
			mustPull(t, s, ref)
		})
	}
}

func TestUnsupportedLayer(t *testing.T) {
	t.Parallel()
	h, s := newHub(t), open(t, images.Options{})
	image := imageOf(t, static.NewLayer([]byte("no archive"), "application/x-other"))
	ref := h.push(t, "app:v1", image)
	_, err := pull(s, ref)
	e := refused(t, err, images.Unsupported, "application/x-other")
	if want := "The image manifest, config or layer media type for the source image " + ref + " is not supported."; e.LambdaMessage() != want {
		t.Errorf("%q, want %q", e.LambdaMessage(), want)
	}
	_, err = pull(s, h.push(t, "app:v2", imageOf(t, static.NewLayer([]byte("no archive"), types.OCIUncompressedLayer))))
	refused(t, err, images.Corrupt, "not a layer")
}

// Credentials are looked for only where DOCKER_CONFIG names a folder.
func TestCredentials(t *testing.T) {
	h := newHub(t)
	ref := h.push(t, "app:v1", imageOf(t, layerOf(t, archive(t, file("a", "b")))))
	var sent []string
	var mu sync.Mutex
	h.change = func(w http.ResponseWriter, r *http.Request) http.ResponseWriter {
		user, secret, ok := r.BasicAuth()
		mu.Lock()
		sent = append(sent, r.Header.Get("Authorization"))
		mu.Unlock()
		if !ok || user != "me" || secret != "hush" {
			w.Header().Set("Www-Authenticate", `Basic realm="x"`)
			w.WriteHeader(http.StatusUnauthorized)
			return nil
		}
		return w
	}
	home := t.TempDir()
	config := `{"auths":{"` + h.host + `":{"auth":"` + base64.StdEncoding.EncodeToString([]byte("me:hush")) + `"}}}`
	if err := os.MkdirAll(filepath.Join(home, ".docker"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, at := range []string{filepath.Join(home, ".docker", "config.json"), filepath.Join(home, "config.json")} {
		if err := os.WriteFile(at, []byte(config), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("HOME", home)
	t.Setenv("DOCKER_CONFIG", "")
	s := open(t, images.Options{})
	_, err := pull(s, ref)
	e := refused(t, err, images.Denied, "DOCKER_CONFIG")
	if strings.Join(sent, "") != "" || e.LambdaType() != "AccessDeniedException" {
		t.Errorf("sent %q; %s", sent, e.LambdaType())
	}
	t.Setenv("DOCKER_CONFIG", home)
	mustPull(t, s, ref)
}

func TestCloseEndsAPull(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	s, err := images.Open(images.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	layer := layerOf(t, archive(t, file("a", "b")))
	digest, err := layer.Digest()
	if err != nil {
		t.Fatal(err)
	}
	ref := h.push(t, "app:v1", imageOf(t, layer))
	asked := make(chan struct{})
	h.change = func(w http.ResponseWriter, r *http.Request) http.ResponseWriter {
		if !isBlob(r, digest.String()) {
			return w
		}
		close(asked)
		<-r.Context().Done()
		return nil
	}
	failed := make(chan error, 1)
	go func() {
		_, err := pull(s, ref)
		failed <- err
	}()
	<-asked
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if err := <-failed; err == nil {
		t.Error("a pull survived the end of its store")
	}
	if _, err := pull(s, ref); err == nil {
		t.Error("a closed store pulls")
	}
}
