package emulator

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"

	"coldbench/emulator/images"
)

// packedImage is the code of a function that is a container image. What is
// not source is valid once pulled is closed.
type packedImage struct {
	uri    string         // as given
	source *images.Source // nil of a restored function until it is pulled
	pulled chan struct{}

	done, total atomic.Int64 // bytes, while it is pulled

	image *images.Image
	err   error
}

// progress keeps how far the pull is; calls may overtake each other.
func (p *packedImage) progress(done, total int64) {
	p.total.Store(total)
	for {
		before := p.done.Load()
		if done <= before || p.done.CompareAndSwap(before, done) {
			return
		}
	}
}

// ready says whether nothing is being pulled.
func (p *packedImage) ready() bool {
	select {
	case <-p.pulled:
		return true
	default:
		return false
	}
}

// ready says whether the code is on the disk; false of an image that is being
// pulled.
func (c *code) ready() bool { return c.image == nil || c.image.ready() }

// image is the pulled image of a version; nil for a zip, and where pulling
// has failed.
func (v *version) image() *images.Image {
	p := v.code.image
	if p == nil || !p.ready() {
		return nil
	}
	return p.image
}

// imageFailure is why a version's image could not be pulled; nil where it was,
// or is being, or where there is none.
func (v *version) imageFailure() error {
	p := v.code.image
	if p == nil || !p.ready() {
		return nil
	}
	return p.err
}

// imageStore is the store of images, opened when the first image is named.
type imageStore struct {
	once  sync.Once
	store *images.Store
	err   error
}

func (s *Server) openImages() (*images.Store, error) {
	s.images.once.Do(func() {
		dir := s.set.ImageCache
		if s.data != nil {
			setDefault(&dir, filepath.Join(s.set.DataDir, dataImages))
		}
		setDefault(&dir, filepath.Join(s.set.WorkDir, "images"))
		s.images.store, s.images.err = images.Open(images.Options{Dir: dir, Registry: s.set.Registry, CacheBytes: s.set.ImageCacheBytes})
	})
	return s.images.store, s.images.err
}

// closeImages ends what is being pulled. No image can be named after it.
func (s *Server) closeImages() error {
	s.images.once.Do(func() { s.images.err = errors.New("the emulator is stopping") })
	if s.images.store == nil {
		return nil
	}
	return s.images.store.Close()
}

// Images says whether this machine can run container images.
func (s *Server) Images() bool { return s.set.Sandbox.Private() }

// whyNoImages is what the sandbox says of it.
func (s *Server) whyNoImages() string {
	for _, w := range s.Warnings() {
		if strings.Contains(w, "container images") {
			return w
		}
	}
	return "they need a root file system of their own, and so a sandbox with mount namespaces"
}

// lookUpImage reads an image's manifest and makes code of it that has not been
// pulled.
func (s *Server) lookUpImage(ctx context.Context, uri string) (*code, *apiError) {
	if !s.Images() {
		return nil, invalidParameter("This machine can't run container images: %s", s.whyNoImages())
	}
	store, err := s.openImages()
	if err != nil {
		return nil, serviceError("%v", err)
	}
	source, err := store.Resolve(ctx, uri)
	if err != nil {
		return nil, s.imageError(err)
	}
	if source.Index {
		s.set.Logger.Warn("the image is an index of several platforms, which Lambda refuses; this machine's platform is taken", "image", uri)
	}
	return &code{
		sha256: strings.TrimPrefix(source.Digest, "sha256:"),
		image:  &packedImage{uri: uri, source: source, pulled: make(chan struct{})},
	}, nil
}

// imageError answers for an image that is refused before anything is pulled.
func (s *Server) imageError(err error) *apiError {
	var refused *images.Error
	if !errors.As(err, &refused) {
		return serviceError("%v", err)
	}
	s.set.Logger.Info("container image refused", "error", err)
	bad := invalidParameter("%s", refused.LambdaMessage())
	if bad.Kind = refused.LambdaType(); refused.Kind == images.Denied {
		bad.Status = http.StatusForbidden
	}
	return bad
}

// pull pulls the image of code that was looked up, and is called once. Its time
// is in no Init Duration.
func (s *Server) pull(ctx context.Context, c *code) error {
	p := c.image
	defer close(p.pulled)
	store, err := s.openImages()
	if err != nil {
		p.err = err
		return err
	}
	if p.source == nil {
		p.source, p.err = lookUpAgain(ctx, store, p.uri, c.sha256)
	}
	if p.err == nil {
		p.image, p.err = store.Pull(ctx, p.source, p.progress)
	}
	if p.err != nil {
		s.set.Logger.Warn("container image not pulled", "image", p.uri, "error", p.err)
		return p.err
	}
	c.dir = p.image.Root
	c.uses(p.image)
	s.set.Logger.Info("container image pulled", "image", p.uri, "digest", p.image.Digest, "report", p.image.Report.String())
	return nil
}

// uses keeps an image in the cache as long as the code is needed.
func (c *code) uses(image *images.Image) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.gone {
		image.Release()
		return
	}
	c.forget = image.Release
}

// pullLater pulls the image of a new version, which is Pending until then, and
// calls settle, if it is not nil, with what came of it. The lock is held.
func (s *Server) pullLater(c *code, settle func(error)) {
	if s.closing {
		c.image.err = errors.New("the emulator is stopping")
		close(c.image.pulled)
		return
	}
	s.work.Add(1)
	go func() {
		defer s.work.Done()
		err := s.pull(context.Background(), c) // kept for StateReason
		if settle != nil {
			settle(err)
		}
	}()
}

// replaceLater puts a new $LATEST in the place of the old one, which serves
// until the new one's image is pulled and comes back where it can't be.
// Source: AWS Lambda developer guide, "Lambda function states", "Function states
// while updating". The lock is held.
func (s *Server) replaceLater(fn *function, v *version) {
	v.before, fn.latest = fn.latest, v
	s.pullLater(v.code, func(err error) {
		if s.settleUpdate(v, err) && s.data != nil {
			if err := s.saveFunction(fn.name); err != nil {
				s.set.Logger.Warn("an update was taken back, but will be there again after a restart", "function", fn.name, "error", err)
			}
		}
	})
}

// settleUpdate ends an update whose image has been pulled, or has not; undone
// says that the function is what it was before.
func (s *Server) settleUpdate(v *version, err error) (undone bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	before := v.before
	if before == nil || s.closing {
		return false // it was deleted or replaced meanwhile, or will be pulled again after a restart
	}
	v.before = nil
	if err == nil {
		s.retire(before)
		return false
	}
	before.refused, before.settled = err, newUUID()
	v.function.latest = before
	s.retire(v)
	return true
}

// restoreImage is the code of a function of the data folder. It is pulled again,
// out of the cache as a rule, while the server serves.
func (s *Server) restoreImage(v *storedVersion) *code {
	c := &code{sha256: v.CodeSha256, image: &packedImage{uri: v.Image.URI, pulled: make(chan struct{})}}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pullLater(c, nil)
	return c
}

// lookUpAgain finds the very image that a function was made of.
func lookUpAgain(ctx context.Context, store *images.Store, uri, sha256 string) (*images.Source, error) {
	if !images.IsLocal(uri) {
		uri = pinned(uri) + "@sha256:" + sha256
	}
	source, err := store.Resolve(ctx, uri)
	if err == nil && source.Digest != "sha256:"+sha256 {
		return nil, fmt.Errorf("image %s: it was sha256:%s when the function was made, and is %s now", uri, sha256, source.Digest)
	}
	return source, err
}

// createdCode stores the code of a CreateFunction, or looks its image up.
func (s *Server) createdCode(r *http.Request, req *createRequest) (*code, *apiError) {
	if req.PackageType == packageImage {
		return s.lookUpImage(r.Context(), req.Code.ImageURI)
	}
	return s.store(&req.Code)
}

// updatedCode stores the code of an UpdateFunctionCode, or looks its image up.
func (s *Server) updatedCode(r *http.Request, c *codeRequest) (*code, *apiError) {
	t, bad := s.named(r)
	if bad != nil {
		return nil, bad
	}
	s.mu.Lock()
	_, old, bad := s.find(t, "")
	isImage := bad == nil && old.code.image != nil
	s.mu.Unlock()
	switch {
	case bad != nil:
		return nil, bad
	case isImage && c.ImageURI == "":
		return nil, invalidParameter("Please provide ImageUri when updating a function with packageType Image.")
	case !isImage && c.ImageURI != "":
		return nil, invalidParameter("Please don't provide ImageUri when updating a function with packageType Zip.")
	case !isImage:
		return s.store(c)
	}
	return s.lookUpImage(r.Context(), c.ImageURI)
}

// asTried is code as a dry run shows it, which pulls nothing.
func (c *code) asTried() *code {
	if !c.ready() {
		close(c.image.pulled)
	}
	return c
}
