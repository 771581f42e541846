package emulator

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"coldbench/sandbox"
)

// onPaper claims what images need; the replayed tests of images run nothing.
type onPaper struct{}

func (onPaper) Private() bool { return true }

func (onPaper) RemoveTmp(string) error { return nil }

func (onPaper) Start(context.Context, sandbox.Spec) (Process, error) {
	return nil, errors.New("nothing is started here")
}

// replayImages serves the repositories of the recorded tests and gives the
// address that stands in for ECR.
func replayImages(t *testing.T) string {
	t.Helper()
	web := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	t.Cleanup(web.Close)
	host := strings.TrimPrefix(web.URL, "http://")
	for _, repository := range []string{"one", "two"} {
		var b bytes.Buffer
		w := tar.NewWriter(&b)
		if err := errors.Join(w.WriteHeader(&tar.Header{Name: repository, Typeflag: tar.TypeDir, Mode: 0o755}), w.Close()); err != nil {
			t.Fatal(err)
		}
		image, err := mutate.AppendLayers(empty.Image, static.NewLayer(b.Bytes(), types.OCIUncompressedLayer))
		if err != nil {
			t.Fatal(err)
		}
		file, err := image.ConfigFile()
		if err != nil {
			t.Fatal(err)
		}
		file = file.DeepCopy()
		file.OS, file.Architecture = "linux", runtime.GOARCH
		if image, err = mutate.ConfigFile(image, file); err != nil {
			t.Fatal(err)
		}
		ref, err := name.ParseReference(host + "/" + repository + ":latest")
		if err == nil {
			err = remote.Write(ref, image, remote.WithTransport(&http.Transport{DisableKeepAlives: true}))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return host
}
