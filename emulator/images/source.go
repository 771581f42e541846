package images

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"os"
	"runtime"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/authn"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

const (
	maxLayers = 127     // as Docker has it
	maxConfig = 8 << 20 // bytes of an image's configuration, which is read into memory
)

// Config is what an image says of how to run it. Lambda ignores the user.
type Config struct {
	EntryPoint, Command, Env []string
	WorkingDirectory, User   string
	Architecture             string // as OCI names it: amd64, arm64
}

// Source is an image whose manifest and configuration have been read, and
// nothing else yet.
type Source struct {
	Reference string // as given
	// Digest is that of the manifest, sha256:..., which pins the image; that of
	// the configuration for a file of docker save, which has no manifest.
	Digest string
	// Index is true where the reference named several images, for several
	// platforms. Lambda refuses such a reference.
	Index  bool
	Config Config

	local  bool   // layers are read where they are
	host   string // of the registry, "" where it is local
	layers []source
}

// source is one layer.
type source struct {
	packed, unpacked string // digests; packed is "" where it has none
	size             int64  // packed; 0 where it isn't known
	open             func() (io.ReadCloser, error)
}

// resolve reads the manifest and configuration that a reference leads to.
func (s *Store) resolve(ctx context.Context, reference string) (*Source, error) {
	at, err := locate(reference, s.options.Registry)
	if err != nil {
		return nil, err
	}
	src := &Source{Reference: reference, local: at.remote == nil}
	var image v1.Image
	switch {
	case at.remote != nil:
		image, err = s.fetchRemote(ctx, src, at)
	case at.layout != "":
		image, err = fetchLayout(src, at)
	default:
		image, err = fetchArchive(src, at)
	}
	if err != nil {
		return nil, err
	}
	return src, src.read(image, s.options.Limits)
}

func (src *Source) refuse(k Kind, format string, args ...any) *Error {
	return &Error{Kind: k, Reference: src.Reference, Reason: fmt.Sprintf(format, args...)}
}

func (s *Store) fetchRemote(ctx context.Context, src *Source, at place) (v1.Image, error) {
	keys := authn.NewMultiKeychain()
	if os.Getenv("DOCKER_CONFIG") != "" {
		keys = authn.DefaultKeychain
	}
	host := at.remote.Context().RegistryStr()
	src.host = host
	d, err := remote.Get(at.remote, remote.WithContext(ctx), remote.WithAuthFromKeychain(keys),
		remote.WithTransport(&loopbackOnly{host: hostname(host), next: s.options.Transport}))
	if err != nil {
		return nil, src.registryError(host, err)
	}
	switch {
	case d.MediaType.IsImage():
		return d.Image()
	case d.MediaType.IsIndex():
		index, err := d.ImageIndex()
		if err != nil {
			return nil, src.refuse(Corrupt, "its index cannot be read: %v", err)
		}
		return src.choose(index, "")
	}
	return nil, src.refuse(Unsupported, "media type %s", d.MediaType)
}

// registryError puts what a registry answered into a kind. The text of the
// library's error holds the URL, without credentials.
func (src *Source) registryError(host string, err error) error {
	var answer *transport.Error
	var own *Error
	switch {
	case errors.As(err, &own):
		own.Reference = src.Reference
		return own
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	case !errors.As(err, &answer):
		return src.refuse(Unreachable, "registry %s: %v", host, err)
	}
	switch answer.StatusCode {
	case http.StatusNotFound:
		return src.refuse(NotFound, "registry %s has no such image", host)
	case http.StatusUnauthorized, http.StatusForbidden:
		return src.refuse(Denied, "registry %s denies access (HTTP %d); credentials come from the folder that DOCKER_CONFIG names", host, answer.StatusCode)
	}
	return src.refuse(Unreachable, "registry %s answers HTTP %d", host, answer.StatusCode)
}

// layerError says why a layer can't be had of its place.
func (src *Source) layerError(err error) error {
	var answer *transport.Error
	var network *url.Error
	if errors.As(err, &answer) || errors.As(err, &network) {
		return src.registryError(src.host, err)
	}
	return src.refuse(Corrupt, "it cannot be read: %v", err)
}

func fetchLayout(src *Source, at place) (v1.Image, error) {
	index, err := layout.ImageIndexFromPath(at.layout)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, src.refuse(NotFound, "no OCI layout in %s", at.layout)
	}
	if err != nil {
		return nil, src.refuse(Corrupt, "%s is no OCI layout: %v", at.layout, err)
	}
	return src.choose(index, at.tag)
}

// choose takes the image for this machine out of an index, and out of an index
// in it. In a layout, the tag is an annotation.
func (src *Source) choose(index v1.ImageIndex, tag string) (v1.Image, error) {
	return src.chooseIn(index, tag, 0)
}

const tagAnnotation = "org.opencontainers.image.ref.name"

func (src *Source) chooseIn(index v1.ImageIndex, tag string, depth int) (v1.Image, error) {
	m, err := index.IndexManifest()
	if err != nil {
		return nil, src.refuse(Corrupt, "its index cannot be read: %v", err)
	}
	list := slices.DeleteFunc(slices.Clone(m.Manifests), func(d v1.Descriptor) bool {
		return tag != "" && d.Annotations[tagAnnotation] != tag
	})
	if len(list) == 0 {
		return nil, src.refuse(NotFound, "its index has no image of that tag")
	}
	// A layout is an index of one image where nothing else has been put into it.
	src.Index = src.Index || len(list) > 1 || !src.local || depth > 0
	var others []string
	for _, d := range list {
		if d.Platform != nil && !runsHere(d.Platform.OS, d.Platform.Architecture) {
			others = append(others, d.Platform.String())
			continue
		}
		switch {
		case d.MediaType.IsImage():
			image, err := index.Image(d.Digest)
			if err != nil {
				return nil, src.refuse(Corrupt, "its manifest %s cannot be read: %v", d.Digest, err)
			}
			return image, nil
		case d.MediaType.IsIndex() && depth < 3:
			inner, err := index.ImageIndex(d.Digest)
			if err != nil {
				return nil, src.refuse(Corrupt, "its index %s cannot be read: %v", d.Digest, err)
			}
			return src.chooseIn(inner, "", depth+1)
		}
		return nil, src.refuse(Unsupported, "media type %s", d.MediaType)
	}
	return nil, src.refuse(Platform, "it is for %s; this machine runs linux/%s", strings.Join(others, ", "), runtime.GOARCH)
}

func runsHere(system, architecture string) bool {
	return (system == "" || system == "linux") && (architecture == "" || architecture == runtime.GOARCH)
}

func fetchArchive(src *Source, at place) (v1.Image, error) {
	image, err := tarball.ImageFromPath(at.archive, nil)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, src.refuse(NotFound, "no file %s", at.archive)
	}
	if err != nil {
		return nil, src.refuse(Corrupt, "%s is no archive of docker save with one image: %v", at.archive, err)
	}
	return image, nil
}

// layerTypes are what Lambda documents (Docker image manifest V2 schema 2, OCI
// 1.0) and zstd, of which nothing is documented.
var layerTypes = []types.MediaType{
	types.DockerLayer, types.DockerUncompressedLayer, types.OCILayer, types.OCIUncompressedLayer, types.OCILayerZStd,
}

// read takes from an image what a pull needs, and refuses what it can't do.
func (src *Source) read(image v1.Image, limits Limits) error {
	archive := strings.HasPrefix(src.Reference, archivePrefix)
	if !archive {
		m, err := image.Manifest()
		if err != nil {
			return src.unreadable("manifest", err)
		}
		if m.Config.Size > maxConfig {
			return src.refuse(TooLarge, "its configuration has %d bytes, more than %d", m.Config.Size, maxConfig)
		}
	}
	file, err := image.ConfigFile()
	if err != nil {
		return src.unreadable("configuration", err)
	}
	c := file.Config
	src.Config = Config{
		EntryPoint: c.Entrypoint, Command: c.Cmd, Env: c.Env, WorkingDirectory: c.WorkingDir, User: c.User, Architecture: file.Architecture,
	}
	if !runsHere(file.OS, file.Architecture) {
		return src.refuse(Platform, "it is for %s/%s; this machine runs linux/%s", file.OS, file.Architecture, runtime.GOARCH)
	}
	layers, err := image.Layers()
	if err != nil {
		return src.unreadable("list of layers", err)
	}
	switch {
	case len(layers) == 0:
		return src.refuse(Unsupported, "it has no layers")
	case len(layers) > maxLayers:
		return src.refuse(TooLarge, "it has %d layers, more than %d", len(layers), maxLayers)
	case len(layers) != len(file.RootFS.DiffIDs):
		return src.refuse(Corrupt, "it has %d layers and digests of %d", len(layers), len(file.RootFS.DiffIDs))
	}
	if archive {
		return src.readArchive(image, layers, file.RootFS.DiffIDs)
	}
	return src.readManifest(image, layers, file.RootFS.DiffIDs, limits)
}

func (src *Source) unreadable(what string, err error) error {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return src.refuse(Corrupt, "its %s cannot be read: %v", what, err)
}

func (src *Source) readManifest(image v1.Image, layers []v1.Layer, diffIDs []v1.Hash, limits Limits) error {
	digest, err := image.Digest()
	if err != nil {
		return src.unreadable("digest", err)
	}
	manifest, err := image.Manifest()
	if err != nil {
		return src.unreadable("manifest", err)
	}
	src.Digest = digest.String()
	var total int64
	for i, l := range layers {
		d := manifest.Layers[i]
		if !slices.Contains(layerTypes, d.MediaType) {
			return src.refuse(Unsupported, "layer %s has media type %s", d.Digest, d.MediaType)
		}
		if d.Digest.Algorithm != "sha256" || diffIDs[i].Algorithm != "sha256" {
			return src.refuse(Unsupported, "layer %s: digests other than sha256", d.Digest)
		}
		if total += max(0, d.Size); total > limits.MaxBytes {
			return src.refuse(TooLarge, "its layers are larger than %d bytes", limits.MaxBytes)
		}
		src.layers = append(src.layers, source{packed: d.Digest.String(), unpacked: diffIDs[i].String(), size: d.Size, open: l.Compressed})
	}
	return nil
}

func (src *Source) readArchive(image v1.Image, layers []v1.Layer, diffIDs []v1.Hash) error {
	digest, err := image.ConfigName()
	if err != nil {
		return src.unreadable("configuration", err)
	}
	src.Digest = digest.String()
	for i, l := range layers {
		src.layers = append(src.layers, source{unpacked: diffIDs[i].String(), open: l.Uncompressed})
	}
	return nil
}

// loopbackOnly lets HTTPS pass, and plain HTTP on loopback where the registry
// itself is there. The library would speak plain HTTP to private networks too.
type loopbackOnly struct {
	host string // of the registry, without a port
	next http.RoundTripper
}

func (t *loopbackOnly) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Scheme != "https" && (!isLoopback(t.host) || !isLoopback(r.URL.Hostname())) {
		return nil, &Error{Kind: Unreachable, Reason: "registry " + r.URL.Host + ": plain HTTP is spoken to registries on loopback only"}
	}
	return t.next.RoundTrip(r)
}

// hostname is HOST:PORT without the port.
func hostname(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		return name
	}
	return strings.Trim(host, "[]")
}

func isLoopback(host string) bool {
	return host == "localhost" || strings.HasSuffix(host, ".localhost") || net.ParseIP(host).IsLoopback()
}
