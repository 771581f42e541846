package images

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// layer is one that stands in the cache, and what it took to get it there.
type layer struct {
	contents
	at               string // its folder, relative to the store
	cached           bool
	downloaded       int64
	download, unpack time.Duration
}

// filesFolder holds a layer's files, beside what it takes away.
const filesFolder = "files"

// pull is one call of Store.Pull.
type pull struct {
	store    *Store
	source   *Source
	budget   *budget
	progress func(done, total int64)
	total    int64
	done     atomic.Int64

	mu   sync.Mutex
	held []*os.File // records of layers
}

// hold gives a layer of the cache, which stays there until letGo.
func (p *pull) hold(at string) (l layer, ok bool, err error) {
	f, err := p.store.hold(path.Join(at, contentsFile), false)
	if f == nil {
		return l, false, err
	}
	p.mu.Lock()
	p.held = append(p.held, f)
	p.mu.Unlock()
	if err == nil {
		l, ok = p.store.cached(at)
	}
	return l, ok, err
}

func (p *pull) letGo() { p.store.letGo(p.held...) }

// name tells an error which image it is about.
func (p *pull) name(err error) error {
	var refused *Error
	switch {
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return fmt.Errorf("pull image %s: no space left on the disk of the image cache %s: free some, or name a folder elsewhere", p.source.Reference, p.store.options.Dir)
	case !errors.As(err, &refused):
		return fmt.Errorf("pull image %s: %w", p.source.Reference, err)
	}
	own := *refused // it may be shared with other pulls
	own.Reference = p.source.Reference
	return &own
}

// layers fetches all layers, several at a time. The first error ends them.
func (p *pull) layers(ctx context.Context) ([]layer, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	list := make([]layer, len(p.source.layers))
	var each sync.WaitGroup
	for i, src := range p.source.layers {
		each.Go(func() {
			l, err := p.layer(ctx, src)
			if err != nil {
				cancel(err)
			}
			list[i] = l
		})
	}
	each.Wait()
	return list, context.Cause(ctx)
}

// layer gives one layer, from the cache, from whoever fetches it already, or
// from its source. What is shared or cached counts against this image's limits
// too.
func (p *pull) layer(ctx context.Context, src source) (layer, error) {
	l, err := p.obtain(ctx, src)
	if err != nil {
		return l, layerError(err, src)
	}
	if l.cached {
		if e := p.budget.spend(l.Bytes, l.Files); e != nil {
			return l, e
		}
		p.advance(src.size)
	}
	return l, nil
}

func (p *pull) obtain(ctx context.Context, src source) (layer, error) {
	at := layerPlace(src.unpacked)
	for {
		if l, ok, err := p.hold(at); ok || err != nil {
			return l, err
		}
		l, shared, err := p.store.once(ctx, at, func(ctx context.Context) (layer, error) {
			if l, ok := p.store.cached(at); ok {
				return l, nil
			}
			return p.fetch(ctx, src, at)
		})
		var refused *Error
		if shared && errors.As(err, &refused) {
			continue // the other image's limits, or source, may be to blame
		}
		if err != nil {
			return l, err
		}
		if _, ok, err := p.hold(at); err != nil {
			return l, err
		} else if !ok {
			continue // it was evicted already
		}
		l.cached = l.cached || shared
		return l, nil
	}
}

// layerError tells an error which layer it is about.
func layerError(err error, src source) error {
	var refused *Error
	if !errors.As(err, &refused) {
		return err
	}
	own := *refused
	if own.Layer = src.packed; own.Layer == "" {
		own.Layer = src.unpacked
	}
	return &own
}

func (p *pull) advance(n int64) {
	if p.progress != nil {
		p.progress(p.done.Add(n), p.total)
	}
}

// fetch downloads and unpacks a layer beside the cache and renames it into it.
func (p *pull) fetch(ctx context.Context, src source, at string) (_ layer, err error) {
	s := p.store
	select {
	case s.slots <- struct{}{}:
		defer func() { <-s.slots }()
	case <-ctx.Done():
		return layer{}, ctx.Err()
	}
	dir, err := s.scratch()
	if err != nil {
		return layer{}, err
	}
	defer func() { err = errors.Join(err, s.root.RemoveAll(dir)) }()
	made := path.Join(dir, "layer")
	if err := s.root.MkdirAll(path.Join(made, filesFolder), 0o755); err != nil {
		return layer{}, err
	}
	l := layer{at: at}
	packed, err := p.packed(ctx, src, path.Join(dir, "packed"), &l)
	if err != nil {
		return layer{}, err
	}
	begin := time.Now()
	want := expected{src.packed, src.unpacked}
	l.contents, err = unpack(&interruptible{ctx, packed}, s.path(path.Join(made, filesFolder)), want, p.budget)
	_ = packed.Close()
	if err != nil {
		return layer{}, err
	}
	l.unpack = time.Since(begin)
	if err := s.keep(made, l.contents); err != nil {
		return layer{}, err
	}
	return l, s.install(made, at)
}

// packed opens a layer as it is shipped: a local one where it is, a remote one
// after downloading it to a file.
func (p *pull) packed(ctx context.Context, src source, file string, l *layer) (io.ReadCloser, error) {
	begin := time.Now()
	from, err := src.open()
	if err != nil {
		return nil, p.source.layerError(err)
	}
	if p.source.local {
		p.advance(src.size)
		return from, nil
	}
	defer func() { _ = from.Close() }()
	f, err := p.store.root.OpenFile(file, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	if err := copyExactly(f, &watched{interruptible{ctx, from}, p}, src.size); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	l.downloaded, l.download = src.size, time.Since(begin)
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// tree gives the merged tree of layers, relative to the store, and its record.
func (p *pull) tree(ctx context.Context, layers []layer) (at string, held *os.File, err error) {
	ids, places := make([]string, len(layers)), make([]string, len(layers))
	for i, src := range p.source.layers {
		ids[i], places[i] = src.unpacked, layers[i].at
	}
	s := p.store
	at = path.Join("trees", treeName(ids))
	if held, err = s.hold(at+recordSuffix, true); err != nil {
		return at, nil, err
	}
	defer func() {
		if err != nil {
			s.letGo(held)
		}
	}()
	if s.has(at) {
		return at, held, nil
	}
	_, _, err = s.once(ctx, at, func(ctx context.Context) (_ layer, err error) {
		dir, err := s.scratch()
		if err != nil {
			return layer{}, err
		}
		defer func() { err = errors.Join(err, s.root.RemoveAll(dir)) }()
		made := path.Join(dir, "tree")
		if err := s.merge(ctx, made, layers); err != nil {
			return layer{}, err
		}
		list, err := json.Marshal(places)
		if err != nil {
			return layer{}, err
		}
		if err := s.root.WriteFile(at+recordSuffix, list, 0o600); err != nil {
			return layer{}, err
		}
		return layer{}, s.install(made, at)
	})
	return at, held, err
}

func (s *Store) merge(ctx context.Context, to string, layers []layer) error {
	if err := s.root.Mkdir(to, 0o755); err != nil {
		return err
	}
	m, err := newMerger(s.root, to)
	if err != nil {
		return err
	}
	defer m.close()
	for _, l := range layers {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := m.add(path.Join(l.at, filesFolder), l.contents); err != nil {
			return err
		}
	}
	return nil
}

// interruptible is a reader that ends with ctx.
type interruptible struct {
	ctx context.Context
	io.ReadCloser
}

func (r *interruptible) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, onDisk(err)
	}
	return r.ReadCloser.Read(p)
}

// watched tells a pull how far its download is.
type watched struct {
	interruptible
	pull *pull
}

func (r *watched) Read(p []byte) (int, error) {
	n, err := r.interruptible.Read(p)
	r.pull.advance(int64(n))
	return n, err
}
