package images

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// Options configure a Store.
type Options struct {
	// Dir is where layers and trees are kept. It may be shared by programs that
	// run at the same time, and survives them.
	Dir    string
	Limits Limits
	// CacheBytes bounds the files of the layers that are kept. What images in use
	// need is kept beyond it. 0 = DefaultCacheBytes.
	CacheBytes int64
	// Registry, HOST:PORT, stands in for the private registries of AWS
	// (ACCOUNT.dkr.ecr.REGION.amazonaws.com). "" = none does.
	Registry string
	// Transport carries the requests to registries, and is the store's from then
	// on; nil = HTTP with the proxies of the environment.
	Transport http.RoundTripper
}

// Store is a cache of layers on disk. Its methods may be called from many
// goroutines.
type Store struct {
	options Options
	root    *os.Root
	slots   chan struct{} // bounds the layers at work
	ctx     context.Context
	stop    context.CancelFunc

	mu      sync.Mutex
	flights map[string]*flight // by what they make
	held    map[*os.File]struct{}
	working sync.WaitGroup

	evicting sync.Mutex
}

// atOnce is how many layers are fetched and unpacked at a time.
const atOnce = 3

// Open makes the folder of a store and clears away what a crash has left.
func Open(o Options) (*Store, error) {
	dir, err := filepath.Abs(o.Dir)
	if err != nil {
		return nil, fmt.Errorf("open image store: %w", err)
	}
	o.Dir, o.Limits = dir, o.Limits.orDefaults()
	if o.CacheBytes == 0 {
		o.CacheBytes = DefaultCacheBytes
	}
	if o.Transport == nil {
		o.Transport = ownTransport()
	}
	for _, dir := range []string{"layers", "trees", "tmp"} {
		if err := os.MkdirAll(filepath.Join(o.Dir, dir), 0o755); err != nil {
			return nil, fmt.Errorf("open image store: %w", err)
		}
	}
	root, err := os.OpenRoot(o.Dir)
	if err != nil {
		return nil, fmt.Errorf("open image store: %w", err)
	}
	s := &Store{options: o, root: root, slots: make(chan struct{}, atOnce), flights: map[string]*flight{}, held: map[*os.File]struct{}{}}
	s.ctx, s.stop = context.WithCancel(context.Background())
	return s, errors.Join(s.sweep(), s.evict())
}

// abandoned is the age from which a file in tmp has no program any more.
const abandoned = 24 * time.Hour

func (s *Store) sweep() error {
	entries, err := fs.ReadDir(s.root.FS(), "tmp")
	if err != nil {
		return fmt.Errorf("open image store: %w", err)
	}
	for _, e := range entries {
		if info, err := e.Info(); err == nil && time.Since(info.ModTime()) > abandoned {
			if err := s.root.RemoveAll(path.Join("tmp", e.Name())); err != nil {
				return fmt.Errorf("open image store: %w", err)
			}
		}
	}
	return nil
}

// Close ends what is being pulled and waits for it. The folder stays.
func (s *Store) Close() error {
	s.mu.Lock() // nothing begins after this
	s.stop()
	s.mu.Unlock()
	s.working.Wait()
	s.mu.Lock()
	held := slices.Collect(maps.Keys(s.held))
	s.mu.Unlock()
	s.letGo(held...)
	if t, ok := s.options.Transport.(*http.Transport); ok {
		t.CloseIdleConnections()
	}
	return s.root.Close()
}

// ownTransport is the library's, with connections that end with the store.
func ownTransport() http.RoundTripper {
	if t, ok := remote.DefaultTransport.(*http.Transport); ok {
		return t.Clone()
	}
	return remote.DefaultTransport
}

// Resolve reads an image's manifest and configuration. The error is an *Error,
// or that of ctx.
func (s *Store) Resolve(ctx context.Context, reference string) (*Source, error) {
	type answer struct {
		source *Source
		err    error
	}
	answers := make(chan answer, 1)
	s.mu.Lock()
	if s.ctx.Err() != nil {
		s.mu.Unlock()
		return nil, errClosed
	}
	s.working.Go(func() {
		// Not with ctx: the layers are read by the same connection settings,
		// long after ctx may have ended.
		src, err := s.resolve(s.ctx, reference)
		answers <- answer{src, err}
	})
	s.mu.Unlock()
	select {
	case a := <-answers:
		return a.source, a.err
	case <-ctx.Done():
		return nil, fmt.Errorf("look up image %s: %w", reference, ctx.Err())
	}
}

var errClosed = errors.New("the image store is closed")

// Report says what a pull did. Download and Unpack are the sums over its
// layers, which overlap; Elapsed is what a caller waited. None of it is part of
// an init.
type Report struct {
	Layers          int           `json:"layers"`
	LayersCached    int           `json:"layers_cached"` // needed neither download nor unpacking
	DownloadedBytes int64         `json:"downloaded_bytes"`
	PackedBytes     int64         `json:"packed_bytes"` // as the manifest has it, all layers; 0 where there is none
	ImageBytes      int64         `json:"image_bytes"`  // uncompressed, all layers
	Files           int64         `json:"files"`
	Skipped         int64         `json:"skipped"` // device nodes, pipes, sockets
	Download        time.Duration `json:"download_ns"`
	Unpack          time.Duration `json:"unpack_ns"`
	Merge           time.Duration `json:"merge_ns"`
	Elapsed         time.Duration `json:"elapsed_ns"`
}

func (r Report) String() string {
	return fmt.Sprintf("%d layers (%d cached), %.1f MB downloaded in %v, %.1f MB unpacked in %v, merged in %v",
		r.Layers, r.LayersCached, float64(r.DownloadedBytes)/1e6, r.Download.Round(time.Millisecond),
		float64(r.ImageBytes)/1e6, r.Unpack.Round(time.Millisecond), r.Merge.Round(time.Millisecond))
}

// Image is a pulled image.
type Image struct {
	Reference string
	Digest    string
	Config    Config
	Root      string // the merged tree, never to be written to
	Report    Report

	store *Store
	held  *os.File // the record of its tree
}

// Release says that the tree is of no more use to the caller. From then on, or
// from the end of the store on, it may be evicted.
func (i *Image) Release() { i.store.letGo(i.held) }

// Pull makes the image's tree, out of the cache as far as it can. The progress
// function, if not nil, is called with the bytes downloaded so far and in all,
// from several goroutines. The error is an *Error where the image is to blame.
// The image is the caller's until its Release.
func (s *Store) Pull(ctx context.Context, src *Source, progress func(done, total int64)) (image *Image, err error) {
	begin := time.Now()
	defer func() {
		if err != nil {
			return
		}
		if err = s.evict(); err != nil {
			image.Release()
			image = nil
		}
	}()
	p := &pull{store: s, source: src, budget: newBudget(s.options.Limits), progress: progress}
	for _, l := range src.layers {
		p.total += l.size
	}
	defer p.letGo()
	layers, err := p.layers(ctx)
	if err != nil {
		return nil, p.name(err)
	}
	r := Report{Layers: len(layers), PackedBytes: p.total}
	for _, l := range layers {
		r.ImageBytes, r.Files, r.Skipped = r.ImageBytes+l.Bytes, r.Files+l.Files, r.Skipped+l.Skipped
		if l.cached {
			r.LayersCached++
			continue
		}
		r.DownloadedBytes += l.downloaded
		r.Download, r.Unpack = r.Download+l.download, r.Unpack+l.unpack
	}
	merging := time.Now()
	tree, held, err := p.tree(ctx, layers)
	if err != nil {
		return nil, p.name(err)
	}
	r.Merge, r.Elapsed = time.Since(merging), time.Since(begin)
	return &Image{
		Reference: src.Reference, Digest: src.Digest, Config: src.Config,
		Root: s.path(tree), Report: r, store: s, held: held,
	}, nil
}

// flight is one making of a layer or a tree, which all who want it wait for.
type flight struct {
	done  chan struct{}
	layer layer
	err   error
}

// once runs work for what is named, unless that is being done: then its
// result is waited for. The work goes on when a waiting ctx ends, for others
// may wait as well; Close ends it.
func (s *Store) once(ctx context.Context, name string, work func(context.Context) (layer, error)) (layer, bool, error) {
	s.mu.Lock()
	f, shared := s.flights[name]
	if !shared {
		if s.ctx.Err() != nil {
			s.mu.Unlock()
			return layer{}, false, errClosed
		}
		f = &flight{done: make(chan struct{})}
		s.flights[name] = f
		s.working.Go(func() {
			f.layer, f.err = work(s.ctx)
			s.mu.Lock()
			delete(s.flights, name)
			s.mu.Unlock()
			close(f.done)
		})
	}
	s.mu.Unlock()
	select {
	case <-f.done:
		return f.layer, shared, f.err
	case <-ctx.Done():
		return layer{}, shared, ctx.Err()
	}
}

// scratch makes a folder beside the cache. The name is relative to the store.
func (s *Store) scratch() (string, error) {
	dir, err := os.MkdirTemp(filepath.Join(s.options.Dir, "tmp"), "")
	if err != nil {
		return "", err
	}
	return path.Join("tmp", filepath.Base(dir)), nil
}

// install renames what is complete to its place. Another program may have
// been faster with the same.
func (s *Store) install(from, to string) error {
	err := s.root.Rename(from, to)
	if err != nil && s.has(to) {
		return nil
	}
	return err
}

// path is the path of a name in the store.
func (s *Store) path(name string) string {
	return filepath.Join(s.options.Dir, filepath.FromSlash(name))
}

func (s *Store) has(name string) bool {
	_, err := s.root.Lstat(name)
	return err == nil
}

// cached reads what the cache knows of a layer.
func (s *Store) cached(at string) (layer, bool) {
	b, err := s.root.ReadFile(path.Join(at, contentsFile))
	if err != nil {
		return layer{}, false
	}
	l := layer{at: at, cached: true}
	return l, json.Unmarshal(b, &l.contents) == nil
}

const contentsFile = "contents.json"

func (s *Store) keep(dir string, c contents) error {
	b, err := json.Marshal(c)
	if err != nil {
		return err
	}
	return s.root.WriteFile(path.Join(dir, contentsFile), b, 0o600)
}

// layerPlace is where a layer of these contents stands.
func layerPlace(diffID string) string {
	return path.Join("layers", strings.TrimPrefix(diffID, "sha256:"))
}

// copyExactly downloads a layer to a file: all of it and not a byte more.
func copyExactly(to io.Writer, from io.Reader, size int64) error {
	n, err := io.Copy(to, io.LimitReader(from, size+1))
	var machine *fs.PathError
	switch {
	case errors.As(err, &machine):
		return err
	case err != nil:
		return &Error{Kind: Corrupt, Reason: fmt.Sprintf("cut off after %d of %d bytes: %v", n, size, err)}
	case n != size:
		return &Error{Kind: Corrupt, Reason: fmt.Sprintf("it has not the %d bytes that the manifest says", size)}
	}
	return nil
}
