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
	shelfCode      = "code"
	dataWork       = "work" // WorkDir
)

// dataStore is an open data folder. A nil one keeps nothing.
type dataStore struct {
	folder *folder.Folder

	mu   sync.Mutex // one save at a time; taken before Server.mu
	uses map[string][]string
	code map[string]bool // packages on the disk
}

func openData(dir string) (*dataStore, error) {
	if dir == "" {
		return nil, nil
	}
	f, err := folder.Open(dir, storedSchema, []string{shelfFunctions, shelfCode}, dataWork)
	if err != nil {
		return nil, err
	}
	return &dataStore{folder: f, uses: map[string][]string{}, code: map[string]bool{}}, nil
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
		if name := s.changed(r, a); name != "" {
			if err := s.save(name); err != nil {
				return answer{}, serviceError("The change is in force, but it will not survive a restart: %v", err)
			}
		}
		return a, nil
	}
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

// save puts a function as it is now on the disk, or takes it away where it is no
// more.
func (s *Server) save(name string) error {
	d := s.data
	d.mu.Lock()
	defer d.mu.Unlock()
	doc, packages := s.snapshot(name)
	if doc == nil {
		delete(d.uses, name)
		return errors.Join(d.folder.Remove(shelfFunctions, name+".json"), d.sweep())
	}
	uses := []string{}
	for digest, zip := range packages {
		if !d.code[digest] {
			if err := d.folder.Write(shelfCode, digest+".zip", zip); err != nil {
				return err
			}
			d.code[digest] = true
		}
		uses = append(uses, digest)
	}
	if err := d.folder.Write(shelfFunctions, name+".json", doc); err != nil {
		return err
	}
	d.uses[name] = uses
	return d.sweep()
}

// snapshot gives the document of a function and its packages by digest; nil
// where there is no such function.
func (s *Server) snapshot(name string) (doc []byte, packages map[string][]byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	fn := s.functions[name]
	if fn == nil {
		return nil, nil
	}
	packages = map[string][]byte{}
	for _, v := range fn.all() {
		if !v.config.Local {
			packages[digestOf(v.code.sha256)] = v.code.zip
		}
	}
	return append(encodeJSON(storeFunction(fn)), '\n'), packages
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
	documents, err := d.folder.Names(shelfFunctions)
	if err != nil {
		return err
	}
	for _, name := range documents {
		if err := s.restoreFile(name); err != nil {
			return fmt.Errorf("load %s: %w", d.folder.Path(shelfFunctions, name), err)
		}
	}
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
	codes := map[string]*code{}
	for _, v := range slices.Concat(doc.Published, []storedVersion{doc.Latest}) {
		if codes[v.CodeSha256] == nil {
			c, err := s.restoreCode(&v)
			if err != nil {
				return fmt.Errorf("version %s: %w", v.Number, err)
			}
			codes[v.CodeSha256] = c
			if !v.Local {
				s.data.uses[doc.Name] = append(s.data.uses[doc.Name], digestOf(v.CodeSha256))
			}
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.revive(doc, codes)
}

// restoreCode unpacks a package of the data folder.
func (s *Server) restoreCode(v *storedVersion) (*code, error) {
	if v.Local {
		return &code{sha256: v.CodeSha256, size: v.CodeBytes}, nil
	}
	digest := digestOf(v.CodeSha256)
	if digest == "" {
		return nil, fmt.Errorf("%q is no digest of a package", v.CodeSha256)
	}
	zip, err := s.data.folder.Read(shelfCode, digest+".zip")
	if err != nil {
		return nil, err
	}
	if sum := sha256.Sum256(zip); hex.EncodeToString(sum[:]) != digest {
		return nil, fmt.Errorf("%s is damaged: its digest is not its name", s.data.folder.Path(shelfCode, digest+".zip"))
	}
	c, bad := s.store(&codeRequest{ZipFile: zip})
	if bad != nil {
		return nil, bad
	}
	return c, nil
}

// revive makes a function of its document. The lock is held.
func (s *Server) revive(doc *storedFunction, codes map[string]*code) error {
	fn := s.newFunction(doc.Name)
	fn.restored, fn.count = true, doc.Count
	made := func(d *storedVersion) *version {
		c := d.Config.config()
		c.Local = d.Local
		v := s.newVersion(fn, c, codes[d.CodeSha256])
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
	s.reviveAliases(fn, doc)
	for q, r := range doc.Events {
		fn.events[q] = eventRules{r.OnSuccess, r.OnFailure, r.Retries, r.MaxAgeS, r.Modified}
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
		if v.provisioned != nil {
			if err := s.provisionAgain(v); err != nil {
				return err
			}
		}
	}
	return nil
}
