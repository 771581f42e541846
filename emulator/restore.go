package emulator

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"

	"coldbench/emulator/folder"
)

// The data folder: a document for each function (stored.go), and their packages
// by digest. A package is on the disk before the document that names it, and
// goes after the last one that did, so that every document that can be read has
// its package.
const (
	shelfFunctions = "functions"
	shelfLayers    = "layers"
	shelfCode      = "code"
	dataWork       = "work"   // WorkDir
	dataImages     = "images" // ImageCache, where nothing else is said
)

// dataStore is an open data folder. A nil one keeps nothing.
type dataStore struct {
	folder *folder.Folder

	mu   sync.Mutex          // one save at a time; taken before Server.mu
	uses map[string][]string // digests of packages by document
	code map[string]bool     // packages on the disk

	saved  map[string]string        // documents of layers, as they are on the disk
	layers map[string]*layerVersion // while functions are restored
}

func openData(dir string) (*dataStore, error) {
	if dir == "" {
		return nil, nil
	}
	f, err := folder.Open(dir, storedSchema, []string{shelfFunctions, shelfLayers, shelfCode}, dataWork, dataImages)
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

// keeping makes what an operation changes last before it is answered.
func (s *Server) keeping(op operation) operation {
	if s.data == nil {
		return op
	}
	return func(w http.ResponseWriter, r *http.Request) (answer, *apiError) {
		a, bad := op(w, r)
		if bad != nil || r.Method == http.MethodGet {
			return a, bad
		}
		if err := s.save(r, a); err != nil {
			return answer{}, serviceError("The change is in force, but it will not survive a restart: %v", err)
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
	for _, doc := range s.snapshot(name) {
		if err := d.write(doc); err != nil {
			return err
		}
	}
	return d.sweep()
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
	if err := d.write(doc); err != nil {
		return err
	}
	return d.sweep()
}

// write puts a document on the disk, its packages first.
func (d *dataStore) write(doc document) error {
	key := doc.shelf + "/" + doc.name
	if doc.text == nil {
		delete(d.uses, key)
		return d.folder.Remove(doc.shelf, doc.name+".json")
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

// restore makes the functions of the data folder again. The error names the
// file that can't be used.
func (s *Server) restore() error {
	d := s.data
	if d == nil {
		return nil
	}
	packages, err := d.folder.Names(shelfCode)
	if err != nil {
		return err
	}
	for _, name := range packages {
		d.code[strings.TrimSuffix(name, ".zip")] = true
	}
	for _, shelf := range []struct {
		name string
		load func(string) error
	}{{shelfLayers, s.restoreLayer}, {shelfFunctions, s.restoreFile}} {
		documents, err := d.folder.Names(shelf.name)
		if err != nil {
			return err
		}
		for _, name := range documents {
			if err := shelf.load(name); err != nil {
				return fmt.Errorf("load %s: %w", d.folder.Path(shelf.name, name), err)
			}
		}
	}
	d.layers = nil
	return d.sweep()
}

func (s *Server) restoreFile(name string) error {
	b, err := s.data.folder.Read(shelfFunctions, name)
	if err != nil {
		return err
	}
	doc, err := parseStored(b)
	if err != nil {
		return err
	}
	if doc.Name+".json" != name {
		return fmt.Errorf("it is about the function %s", doc.Name)
	}
	key := shelfFunctions + "/" + doc.Name
	r := revival{codes: map[string]*code{}, layers: map[string][]*layerVersion{}, trees: map[string]*code{}}
	merged := map[string]*code{}
	for _, v := range slices.Concat(doc.Published, []storedVersion{doc.Latest}) {
		if r.layers[v.Number], r.trees[v.Number], err = s.layersOf(&v, merged); err != nil {
			return err
		}
		if r.codes[v.CodeSha256] != nil {
			continue
		}
		if r.codes[v.CodeSha256], err = s.restoreCode(&v); err != nil {
			return fmt.Errorf("version %s: %w", v.Number, err)
		}
		if !v.Local && v.Image == nil {
			s.data.uses[key] = append(s.data.uses[key], digestOf(v.CodeSha256))
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.revive(doc, r)
}

// revival is what a function's versions need besides their document.
type revival struct {
	codes  map[string]*code           // by CodeSha256
	layers map[string][]*layerVersion // by version
	trees  map[string]*code           // by version
}

// restoreCode unpacks a package of the data folder.
func (s *Server) restoreCode(v *storedVersion) (*code, error) {
	if v.Local {
		return &code{sha256: v.CodeSha256, size: v.CodeBytes}, nil
	}
	if v.Image != nil {
		return s.restoreImage(v), nil
	}
	zip, err := s.data.packageOf(v.CodeSha256)
	if err != nil {
		return nil, err
	}
	c, bad := s.storeZip(zip)
	if bad != nil {
		return nil, bad
	}
	return c, nil
}

// revive makes a function of its document. The lock is held.
func (s *Server) revive(doc *storedFunction, r revival) error {
	fn := s.newFunction(doc.Name)
	fn.restored, fn.count = true, doc.Count
	made := func(d *storedVersion) *version {
		c := d.Config.config()
		c.Local, c.Image = d.Local, d.Image.config()
		c.Layers, c.tree = r.layers[d.Number], r.trees[d.Number]
		v := s.newVersion(fn, c, r.codes[d.CodeSha256])
		v.number, v.revision, v.settled, v.modified = d.Number, d.Revision, d.Settled, d.Modified
		v.activeAt = d.Modified
		return v
	}
	fn.latest = made(&doc.Latest)
	for i := range doc.Published {
		v := made(&doc.Published[i])
		fn.published = append(fn.published, v)
		if v.number == doc.EqualTo {
			fn.latest.publishedAs = v
		}
	}
	fn.recursion, fn.updates = doc.Recursion, doc.Updates
	s.reviveAliases(fn, doc)
	for q, d := range doc.Events {
		fn.events[q] = eventRules{d.OnSuccess, d.OnFailure, d.Retries, d.MaxAgeS, d.Modified}
	}
	for q, d := range doc.Policies {
		p := d.policy()
		fn.policies[q] = &p
	}
	for k, v := range doc.Tags {
		fn.tags[k] = v
	}
	for _, u := range doc.URLs {
		t := target{fn.name, u.Qualifier}
		made := &functionURL{id: u.ID, target: t, base: u.Base, auth: u.Auth, mode: u.Mode, created: u.Created, changed: u.Changed}
		fn.urls[u.Qualifier], s.urls[u.ID] = made, made
	}
	if doc.Reserved != nil {
		if err := fn.fleet.Reserve(*doc.Reserved); err != nil {
			return fmt.Errorf("%w: raise the account's concurrency", err)
		}
	}
	s.functions[fn.name] = fn
	return s.reprovision(fn, doc)
}

func (s *Server) reviveAliases(fn *function, doc *storedFunction) {
	numbered := func(n string) *version {
		if n == latestVersion {
			return fn.latest
		}
		return fn.number(n)
	}
	for _, d := range doc.Aliases {
		a := &alias{name: d.Name, description: d.Description, version: numbered(d.Version), weights: d.Weights, others: map[string]*version{}, revision: d.Revision}
		for n := range d.Weights {
			a.others[n] = numbered(n)
		}
		fn.aliases[a.name] = a
	}
}

// reprovision allocates provisioned concurrency again. The environments of a
// LocalFunction start when it has its command. The lock is held.
func (s *Server) reprovision(fn *function, doc *storedFunction) error {
	for i := range doc.Published {
		d := &doc.Published[i]
		if d.Provisioned == nil {
			continue
		}
		v := fn.number(d.Number)
		v.provisioned = &provisioned{qualifier: d.Provisioned.Qualifier, requested: d.Provisioned.Requested, modified: d.Provisioned.Modified}
		if v.config.Local {
			continue
		}
		if err := s.provisionAgain(v); err != nil {
			return err
		}
	}
	return nil
}

func (s *Server) provisionAgain(v *version) error {
	p := v.provisioned
	if err := s.provision(v, p.qualifier, p.requested); err != nil {
		return fmt.Errorf("version %s: %w: raise the account's concurrency", v.number, err)
	}
	v.provisioned.modified = p.modified
	return nil
}

// equip gives the versions of a restored LocalFunction their command. The lock
// is held.
func (s *Server) equip(fn *function, c *config, made *code) error {
	for _, v := range fn.all() {
		if !v.config.Local {
			continue
		}
		v.config.Command, v.config.Dir, v.code.dir = c.Command, c.Dir, made.dir
	}
	// Behind all of that: what starts reads the code, which versions share.
	for _, v := range fn.published {
		if v.config.Local && v.provisioned != nil {
			if err := s.provisionAgain(v); err != nil {
				return err
			}
		}
	}
	return nil
}
