package emulator

import (
	"fmt"
	"slices"
	"strings"
)

// restore makes the functions of the data folder again, and reads its events. The error names the
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
	}{{shelfLayers, s.restoreLayer}, {shelfFunctions, s.restoreFile}, {shelfEvents, s.restoreEvent}} {
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

// readStored reads a document of a shelf, and its text. It must be about what its
// file is named after.
func readStored[D any](from *dataStore, shelf, file string, parse func([]byte) (D, error), name func(D) string) (doc D, text []byte, err error) {
	if text, err = from.folder.Read(shelf, file); err != nil {
		return doc, nil, err
	}
	if doc, err = parse(text); err == nil && name(doc)+".json" != file {
		err = fmt.Errorf("it is about %s", name(doc))
	}
	return doc, text, err
}

func (s *Server) restoreFile(name string) error {
	doc, _, err := readStored(s.data, shelfFunctions, name, parseStored, func(d *storedFunction) string { return d.Name })
	if err != nil {
		return err
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
	// Of a function that is made what it was:
	function *function           // nil = a new one
	was      map[string]*version // by number
	// Of one from the disk:
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
	fn := r.function
	if fn == nil {
		fn = s.newFunction(doc.Name)
		fn.restored = true
	}
	fn.blank()
	fn.count, fn.latest = doc.Count, s.reviveVersion(fn, &doc.Latest, r)
	fn.latest.publishedAs = nil
	for i := range doc.Published {
		v := s.reviveVersion(fn, &doc.Published[i], r)
		fn.published = append(fn.published, v)
		if v.number == doc.EqualTo {
			fn.latest.publishedAs = v
		}
	}
	fn.recursion, fn.updates = doc.Recursion, doc.Updates
	s.reviveAliases(fn, doc)
	for q, d := range doc.Events {
		fn.events[q] = d.rules()
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
	s.functions[fn.name] = fn
	if doc.Reserved == nil {
		fn.fleet.Unreserve()
	} else if err := fn.fleet.Reserve(*doc.Reserved); err != nil {
		return fmt.Errorf("%w: raise the account's concurrency", err)
	}
	return s.reprovision(fn, doc)
}

// reviveVersion makes a version of its document; one that is still there stays
// itself. The lock is held.
func (s *Server) reviveVersion(fn *function, d *storedVersion, r revival) *version {
	v := r.was[d.Number]
	switch {
	case v != nil && !v.retired:
		v.settled = d.Settled
		return v
	case v == nil:
		c := d.Config.config()
		c.Local, c.Image = d.Local, d.Image.config()
		c.Layers, c.tree = r.layers[d.Number], r.trees[d.Number]
		v = s.newVersion(fn, c, r.codes[d.CodeSha256])
		v.activeAt = d.Modified
	default:
		again := s.newVersion(fn, v.config, v.code)
		again.activeAt, again.created, again.snapshot = v.activeAt, v.created, v.snapshot
		v = again
	}
	v.number, v.revision, v.settled, v.modified = d.Number, d.Revision, d.Settled, d.Modified
	if r.was == nil {
		s.reviveSnapshot(v, d.Snapshot)
	}
	return v
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

// reprovision allocates provisioned concurrency again, where it is not there. The
// environments of a LocalFunction start when it has its command. The lock is held.
func (s *Server) reprovision(fn *function, doc *storedFunction) error {
	for i := range doc.Published {
		d := &doc.Published[i]
		if d.Provisioned == nil {
			continue
		}
		v := fn.number(d.Number)
		if d.Provisioned.same(v.provisioned) {
			continue
		}
		v.provisioned = &provisioned{qualifier: d.Provisioned.Qualifier, requested: d.Provisioned.Requested, modified: d.Provisioned.Modified}
		if v.config.Local && v.config.Command == nil {
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
	s.takeMissing(fn)
	return nil
}
