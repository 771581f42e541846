package emulator

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"net/http"
	"strings"
	"sync"

	"coldbench/emulator/folder"
)

// The data folder: a document for each function (stored.go), and their packages
// by digest; and a document for each asynchronous event (stored_events.go). A
// package is on the disk before the document that names it, and goes after the
// last one that did, so that every document that can be read has its package.
const (
	shelfFunctions = "functions"
	shelfLayers    = "layers"
	shelfCode      = "code"
	shelfEvents    = "events"
	dataWork       = "work"   // WorkDir
	dataImages     = "images" // ImageCache, where nothing else is said
)

// dataStore is an open data folder. A nil one keeps nothing.
type dataStore struct {
	folder *folder.Folder

	mu   sync.Mutex          // one save at a time; taken before Server.mu
	uses map[string][]string // digests of packages by document
	code map[string]bool     // packages on the disk

	changes sync.Map // of *sync.Mutex, by shelf and name: one change of each at a time

	saved  map[string]string        // documents of layers, as they are on the disk
	layers map[string]*layerVersion // while functions are restored
	events []*asyncEvent            // until Resume; guarded by Server.mu
}

func openData(dir string) (*dataStore, error) {
	if dir == "" {
		return nil, nil
	}
	f, err := folder.Open(dir, storedSchema, []string{shelfFunctions, shelfLayers, shelfCode, shelfEvents}, dataWork, dataImages)
	if err != nil {
		return nil, err
	}
	return &dataStore{folder: f, uses: map[string][]string{}, code: map[string]bool{}, saved: map[string]string{}, layers: map[string]*layerVersion{}}, nil
}

func (d *dataStore) close() error {
	if d == nil || d.folder == nil {
		return nil
	}
	f := d.folder
	d.folder = nil
	return f.Close()
}

// keeping makes what an operation changes last before it is answered, or takes it
// back.
func (s *Server) keeping(op operation) operation {
	if s.data == nil {
		return op
	}
	return func(w http.ResponseWriter, r *http.Request) (answer, *apiError) {
		if r.Method == http.MethodGet {
			return op(w, r)
		}
		before := s.remember(r)
		defer before.done()
		a, bad := op(w, r)
		if bad != nil {
			return a, bad
		}
		if err := s.save(r, a); err != nil {
			return answer{}, unsaved(err, before.undo(a))
		}
		return a, nil
	}
}

// save puts what a request has changed on the disk.
func (s *Server) save(r *http.Request, a answer) error {
	if r.PathValue("layer") != "" {
		name, _ := s.layerName(r)
		return s.saveLayer(name)
	}
	return s.saveFunction(s.changed(r, a))
}

// changed names the function that a request was about.
func (s *Server) changed(r *http.Request, a answer) string {
	if c, ok := a.body.(functionConfiguration); ok {
		return c.FunctionName
	}
	if arn := r.PathValue("arn"); arn != "" {
		return strings.TrimPrefix(arn, s.functionARN(""))
	}
	t, _ := s.named(r)
	return t.name
}

// document is one that is on its way to the disk.
type document struct {
	shelf, name string
	text        []byte            // nil = it goes
	packages    map[string][]byte // by digest
}

// saveFunction puts a function as it is now on the disk, behind the layers that
// it needs, or takes it away where it is no more.
func (s *Server) saveFunction(name string) error {
	d := s.data
	d.mu.Lock()
	defer d.mu.Unlock()
	defer s.sweep()
	for _, doc := range s.snapshot(name) {
		if err := d.write(doc); err != nil {
			return err
		}
	}
	return nil
}

// sweep removes packages that no document names. One that can't be removed does
// no harm: the next start tries again. The store's lock is held.
func (s *Server) sweep() {
	if err := s.data.sweep(); err != nil {
		s.set.Logger.Warn("remove packages that nothing needs", "error", err)
	}
}

func (s *Server) saveLayer(name string) error {
	d := s.data
	d.mu.Lock()
	defer d.mu.Unlock()
	s.mu.Lock()
	l := s.layers[name]
	if l == nil {
		s.mu.Unlock()
		return nil
	}
	doc := s.layerDocument(l)
	s.mu.Unlock()
	defer s.sweep()
	return d.write(doc)
}

// write puts a document on the disk, its packages first.
func (d *dataStore) write(doc document) error {
	key := doc.shelf + "/" + doc.name
	if doc.text == nil {
		if err := d.folder.Remove(doc.shelf, doc.name+".json"); err != nil {
			return err
		}
		delete(d.uses, key)
		return nil
	}
	if doc.shelf == shelfLayers && d.saved[key] == string(doc.text) {
		return nil
	}
	uses := []string{}
	for digest, zip := range doc.packages {
		if !d.code[digest] {
			if err := d.folder.Write(shelfCode, digest+".zip", zip); err != nil {
				return err
			}
			d.code[digest] = true
		}
		uses = append(uses, digest)
	}
	if err := d.folder.Write(doc.shelf, doc.name+".json", doc.text); err != nil {
		return err
	}
	d.uses[key] = uses
	if doc.shelf == shelfLayers {
		d.saved[key] = string(doc.text)
	}
	return nil
}

// snapshot gives the documents of a function: the layers that it uses, and its
// own, which has no text where there is no such function.
func (s *Server) snapshot(name string) []document {
	s.mu.Lock()
	defer s.mu.Unlock()
	own := document{shelf: shelfFunctions, name: name, packages: map[string][]byte{}}
	fn := s.functions[name]
	if fn == nil {
		return []document{own}
	}
	var list []document
	seen := map[*layer]bool{}
	for _, v := range fn.all() {
		if !v.config.Local && v.code.image == nil {
			own.packages[digestOf(v.code.sha256)] = v.code.zip
		}
		for _, lv := range v.config.Layers {
			if !seen[lv.layer] {
				seen[lv.layer] = true
				list = append(list, s.layerDocument(lv.layer))
			}
		}
	}
	own.text = append(encodeJSON(storeFunction(fn)), '\n')
	return append(list, own)
}

// layerDocument of a layer as it is now. The lock is held.
func (s *Server) layerDocument(l *layer) document {
	stored, all := s.storeLayer(l)
	doc := document{shelf: shelfLayers, name: l.name, text: append(encodeJSON(stored), '\n'), packages: map[string][]byte{}}
	for _, v := range all {
		doc.packages[digestOf(v.code.sha256)] = v.code.zip
	}
	return doc
}

// digestOf is a CodeSha256 as a file name; "" where it is none.
func digestOf(sha string) string {
	b, err := base64.StdEncoding.DecodeString(sha)
	if err != nil || len(b) != sha256.Size {
		return ""
	}
	return hex.EncodeToString(b)
}

// sweep removes the packages that no document names.
func (d *dataStore) sweep() error {
	used := map[string]bool{}
	for _, list := range d.uses {
		for _, digest := range list {
			used[digest] = true
		}
	}
	var errs []error
	for digest := range d.code {
		if !used[digest] {
			errs = append(errs, d.folder.Remove(shelfCode, digest+".zip"))
			delete(d.code, digest)
		}
	}
	return errors.Join(errs...)
}
