package emulator

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The documents of layers: one for each layer, with its versions. A version that
// was deleted stays in it for as long as a function uses it.

type storedLayer struct {
	Schema   string               `json:"schema"`
	Name     string               `json:"name"`
	Count    int                  `json:"versions_ever"`
	Versions []storedLayerVersion `json:"versions"`
}

type storedLayerVersion struct {
	Number      int           `json:"number"`
	Deleted     bool          `json:"deleted,omitempty"`
	CodeSha256  string        `json:"code_sha256"` // base64
	Created     time.Time     `json:"created"`
	Description string        `json:"description,omitempty"`
	License     string        `json:"license,omitempty"`
	Runtimes    []string      `json:"runtimes"` // null = not given
	Archs       []string      `json:"archs"`    // null = not given
	Policy      *storedPolicy `json:"policy,omitempty"`
}

type storedPolicy struct {
	Revision   string      `json:"revision"`
	Statements []statement `json:"statements"`
}

func storePolicy(p *policy) *storedPolicy {
	if p == nil || len(p.statements) == 0 {
		return nil
	}
	return &storedPolicy{p.revision, p.statements}
}

func (d *storedPolicy) policy() policy {
	if d == nil {
		return policy{}
	}
	return policy{d.Revision, d.Statements}
}

// storeLayer puts a layer into its document, deleted versions that a function
// still uses included. The lock is held.
func (s *Server) storeLayer(l *layer) (storedLayer, []*layerVersion) {
	all := slices.Clone(l.versions)
	for _, fn := range s.functions {
		for _, v := range fn.all() {
			for _, lv := range v.config.Layers {
				if lv.layer == l && !slices.Contains(all, lv) {
					all = append(all, lv)
				}
			}
		}
	}
	slices.SortFunc(all, func(a, b *layerVersion) int { return cmp.Compare(a.number, b.number) })
	d := storedLayer{Schema: storedSchema, Name: l.name, Count: l.count, Versions: []storedLayerVersion{}}
	for _, v := range all {
		d.Versions = append(d.Versions, storedLayerVersion{
			v.number, l.version(v.number) == nil, v.code.sha256, v.created, v.description, v.license, v.runtimes, v.archs, storePolicy(&v.policy),
		})
	}
	return d, all
}

// parseStoredLayer reads and checks a document.
func parseStoredLayer(b []byte) (*storedLayer, error) {
	d := &storedLayer{}
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.DisallowUnknownFields()
	if err := dec.Decode(d); err != nil {
		return nil, fmt.Errorf("no whole document: %w", err)
	}
	switch {
	case d.Schema != storedSchema:
		return nil, fmt.Errorf("schema %q, want %q", d.Schema, storedSchema)
	case !plainName.MatchString(d.Name) || len(d.Name) > 140:
		return nil, fmt.Errorf("layer name %q", d.Name)
	}
	last := 0
	for _, v := range d.Versions {
		if v.Number <= last || v.Number > d.Count {
			return nil, fmt.Errorf("version %d after %d, of %d ever", v.Number, last, d.Count)
		}
		last = v.Number
	}
	return d, nil
}

// layerKey names a layer version in a function's document.
func layerKey(v *layerVersion) string { return v.layer.name + ":" + strconv.Itoa(v.number) }

// restoreLayer makes a layer of its file.
func (s *Server) restoreLayer(name string) error {
	doc, b, err := readStored(s.data, shelfLayers, name, parseStoredLayer, func(d *storedLayer) string { return d.Name })
	if err != nil {
		return err
	}
	l := &layer{name: doc.Name, count: doc.Count}
	key := shelfLayers + "/" + doc.Name
	s.data.saved[key] = string(b)
	for _, d := range doc.Versions {
		zip, err := s.data.packageOf(d.CodeSha256)
		if err != nil {
			return fmt.Errorf("version %d: %w", d.Number, err)
		}
		s.data.uses[key] = append(s.data.uses[key], digestOf(d.CodeSha256))
		id := randomHex(16)
		c := &code{zip: zip, sha256: d.CodeSha256, size: int64(len(zip)), id: id, forget: func() { s.downloads.Delete(id) }}
		c.retain()
		s.downloads.Store(id, c)
		v := &layerVersion{
			layer: l, number: d.Number, code: c, created: d.Created, description: d.Description, license: d.License,
			runtimes: d.Runtimes, archs: d.Archs, policy: d.Policy.policy(),
		}
		s.data.layers[layerKey(v)] = v
		if !d.Deleted {
			l.versions = append(l.versions, v)
		}
	}
	s.layers[l.name] = l
	return nil
}

// packageOf reads a package of the data folder and checks it.
func (d *dataStore) packageOf(sha string) ([]byte, error) {
	digest := digestOf(sha)
	if digest == "" {
		return nil, fmt.Errorf("%q is no digest of a package", sha)
	}
	zip, err := d.folder.Read(shelfCode, digest+".zip")
	if err != nil {
		return nil, err
	}
	if sum := sha256.Sum256(zip); hex.EncodeToString(sum[:]) != digest {
		return nil, fmt.Errorf("%s is damaged: its digest is not its name", d.folder.Path(shelfCode, digest+".zip"))
	}
	return zip, nil
}

// layersOf finds and merges the layers of a stored version; nil without any.
func (s *Server) layersOf(d *storedVersion, merged map[string]*code) (list []*layerVersion, tree *code, err error) {
	for _, key := range d.Config.Layers {
		v := s.data.layers[key]
		if v == nil {
			return nil, nil, fmt.Errorf("version %s: its layer %s is not there", d.Number, key)
		}
		list = append(list, v)
	}
	if len(list) == 0 {
		return nil, nil, nil
	}
	key := strings.Join(d.Config.Layers, " ")
	if merged[key] == nil {
		made, bad := s.merge(list)
		if bad != nil {
			return nil, nil, bad
		}
		merged[key] = made
	}
	return list, merged[key], nil
}
