package emulator

import (
	"net/http"
	"slices"
	"strings"
	"sync"
)

// A change that can't be saved is taken back, so that the memory is what the disk
// is. A function is made again of the document that it had, with what it has in
// memory besides: code, commands, environments that the change has not ended.

// earlier is what a change was about, as it was before. Its lock is held until
// done, so that no other change of the same name builds on one that is taken back.
type earlier struct {
	mu   *sync.Mutex // nil where the change makes a function
	undo func(answer) error
	held []*version // whose files stay until done
}

func (e *earlier) done() {
	for _, v := range e.held {
		v.release()
	}
	if e.mu != nil {
		e.mu.Unlock()
	}
}

// remember keeps what a request may change.
func (s *Server) remember(r *http.Request) *earlier {
	if r.PathValue("layer") != "" {
		name, bad := s.layerName(r)
		if bad != nil {
			name = ""
		}
		e := s.data.lockChange(shelfLayers + "/" + name)
		s.mu.Lock()
		defer s.mu.Unlock()
		e.undo = s.rememberLayer(name)
		return e
	}
	name := s.changed(r, answer{})
	if name == "" { // CreateFunction, or a name that will be refused
		return &earlier{undo: func(a answer) error {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.unmake(s.changed(r, a))
			return nil
		}}
	}
	e := s.data.lockChange(shelfFunctions + "/" + name)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rememberFunction(e, name)
	return e
}

// lockChange waits until no other change of what is named so is on its way.
func (d *dataStore) lockChange(key string) *earlier {
	mu, _ := d.changes.LoadOrStore(key, &sync.Mutex{})
	e := &earlier{mu: mu.(*sync.Mutex)}
	e.mu.Lock()
	return e
}

// unmake takes a function away that has just been made. The lock is held.
func (s *Server) unmake(name string) {
	fn := s.functions[name]
	if fn == nil {
		return
	}
	delete(s.functions, name)
	s.retireLatest(fn)
	for _, v := range fn.published {
		s.retire(v)
	}
}

// rememberFunction keeps the document and the versions of a function. The lock is
// held.
func (s *Server) rememberFunction(e *earlier, name string) {
	fn := s.functions[name]
	if fn == nil { // the change will be refused
		e.undo = func(answer) error { return nil }
		return
	}
	document := encodeJSON(storeFunction(fn))
	was := map[string]*version{}
	for _, v := range fn.all() {
		v.retain()
		e.held = append(e.held, v)
		was[v.number] = v
	}
	e.undo = func(answer) error {
		doc, err := parseStored(document)
		if err != nil {
			return err
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.takeBack(fn, doc, was)
	}
}

// takeBack makes a function what it was. The lock is held.
func (s *Server) takeBack(fn *function, doc *storedFunction, was map[string]*version) error {
	if fn.latest.before == was[latestVersion] {
		fn.latest.before = nil // it is to be $LATEST again
	}
	for _, v := range fn.all() {
		if was[v.number] != v && !v.retired {
			s.retire(v)
		}
	}
	for i := range doc.Published {
		d := &doc.Published[i]
		if v := was[d.Number]; !v.retired && v.provisioned != nil && (d.Provisioned == nil || !d.Provisioned.same(v.provisioned)) {
			s.unprovision(v)
		}
	}
	for _, u := range fn.urls {
		delete(s.urls, u.id)
	}
	return s.revive(doc, revival{function: fn, was: was})
}

// same says whether nothing but the state of the environments may differ.
func (d *storedProvisioned) same(p *provisioned) bool {
	return p != nil && p.qualifier == d.Qualifier && p.requested == d.Requested
}

// rememberLayer keeps a layer and the policies of its versions. The lock is held.
func (s *Server) rememberLayer(name string) (undo func(answer) error) {
	l := s.layers[name]
	if l == nil {
		return func(answer) error {
			s.mu.Lock()
			defer s.mu.Unlock()
			delete(s.layers, name)
			return nil
		}
	}
	count, versions, policies := l.count, slices.Clone(l.versions), make([]policy, len(l.versions))
	for i, v := range versions {
		policies[i] = policy{v.policy.revision, slices.Clone(v.policy.statements)}
	}
	return func(answer) error {
		s.mu.Lock()
		defer s.mu.Unlock()
		for _, v := range l.versions {
			if !slices.Contains(versions, v) {
				v.code.release()
			}
		}
		for i, v := range versions {
			v.policy = policies[i]
			if !slices.Contains(l.versions, v) { // its deletion gave up its address
				v.code.retain()
				s.downloads.Store(v.code.id, v.code)
			}
		}
		l.count, l.versions = count, versions
		return nil
	}
}

// unsaved is the answer to a change that could not be saved, and is taken back.
func unsaved(saving, undoing error) *apiError {
	text := []string{"The change is not made, as it could not be saved: " + saving.Error()}
	if undoing != nil {
		text = append(text, "It is in force until a restart, as it could not be taken back either: "+undoing.Error())
	}
	return serviceError("%s", strings.Join(text, ". "))
}
