package emulator

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"time"
)

// The documents of a data folder: one for each function, with all that belongs
// to it. A document is written as a whole, so a function never comes back half
// changed.

// storedSchema is the version of the folder and of its documents.
const storedSchema = "coldbench.lambda/v1"

type storedFunction struct {
	Schema    string                 `json:"schema"`
	Name      string                 `json:"name"`
	Count     int                    `json:"versions_ever"`
	Latest    storedVersion          `json:"latest"`
	Published []storedVersion        `json:"published"`
	EqualTo   string                 `json:"latest_equals,omitempty"` // a published version
	Aliases   []storedAlias          `json:"aliases,omitempty"`
	Tags      map[string]string      `json:"tags,omitempty"`
	Reserved  *int                   `json:"reserved_concurrency,omitempty"`
	Events    map[string]storedRules `json:"event_invoke_configs,omitempty"` // by qualifier
	URLs      []storedURL            `json:"urls,omitempty"`

	Policies  map[string]*storedPolicy  `json:"policies,omitempty"` // by qualifier
	Recursion string                    `json:"recursion,omitempty"`
	Updates   map[string]runtimeUpdates `json:"runtime_updates,omitempty"` // by qualifier
}

type storedVersion struct {
	Number      string             `json:"number"`
	Config      storedConfig       `json:"config"`
	CodeSha256  string             `json:"code_sha256"`     // base64; hexadecimal of an image
	Image       *storedImage       `json:"image,omitempty"` // nil for a zip
	CodeBytes   int64              `json:"code_bytes"`
	Local       bool               `json:"local,omitempty"` // a LocalFunction: its code is not ours to keep
	Revision    string             `json:"revision"`
	Settled     string             `json:"settled_revision"`
	Modified    time.Time          `json:"modified"`
	Provisioned *storedProvisioned `json:"provisioned,omitempty"`
	Snapshot    *storedSnapshot    `json:"snapshot,omitempty"` // of SnapStart
}

type storedConfig struct {
	Runtime     string            `json:"runtime"`
	Role        string            `json:"role"`
	Handler     string            `json:"handler"`
	Description string            `json:"description"`
	TimeoutMs   int64             `json:"timeout_ms"`
	MemoryMB    int               `json:"memory_mb"`
	Variables   map[string]string `json:"variables,omitempty"`
	HasVars     bool              `json:"has_variables,omitempty"`
	Arch        string            `json:"arch"`
	EphemeralMB int               `json:"ephemeral_mb"`
	Tracing     string            `json:"tracing"`
	LogFormat   string            `json:"log_format"`
	AppLevel    string            `json:"app_level,omitempty"`
	SystemLevel string            `json:"system_level,omitempty"`
	LogGroup    string            `json:"log_group"`
	SnapStart   string            `json:"snap_start"`
	Layers      []string          `json:"layers,omitempty"` // name:number
	Tenancy     string            `json:"tenancy,omitempty"`
}

// storedImage is a container image: the digest is CodeSha256, and the layers are
// in the image cache or pulled again.
type storedImage struct {
	URI              string   `json:"uri"`
	Command          []string `json:"command,omitempty"`
	EntryPoint       []string `json:"entry_point,omitempty"`
	WorkingDirectory string   `json:"working_directory,omitempty"`
}

func storeImage(v *version) *storedImage {
	p := v.code.image
	if p == nil {
		return nil
	}
	d := &storedImage{URI: p.uri}
	if c := v.config.Image; c != nil {
		d.Command, d.EntryPoint, d.WorkingDirectory = c.Command, c.EntryPoint, c.WorkingDirectory
	}
	return d
}

// config is what a function lays over its image; nil where it does not.
func (d *storedImage) config() *imageConfigJSON {
	if d == nil || len(d.Command)+len(d.EntryPoint)+len(d.WorkingDirectory) == 0 {
		return nil
	}
	return &imageConfigJSON{d.Command, d.EntryPoint, d.WorkingDirectory}
}

type storedProvisioned struct {
	Qualifier string    `json:"qualifier"`
	Requested int       `json:"requested"`
	Modified  time.Time `json:"modified"`
}

type storedAlias struct {
	Name        string             `json:"name"`
	Description string             `json:"description,omitempty"`
	Version     string             `json:"version"`
	Weights     map[string]float64 `json:"weights,omitempty"`
	Revision    string             `json:"revision"`
}

type storedRules struct {
	OnSuccess string    `json:"on_success,omitempty"`
	OnFailure string    `json:"on_failure,omitempty"`
	Retries   *int      `json:"retries,omitempty"`
	MaxAgeS   *int      `json:"max_age_s,omitempty"`
	Modified  time.Time `json:"modified"`
}

func storeRules(r eventRules) storedRules {
	return storedRules{r.OnSuccess, r.OnFailure, r.Retries, r.MaxAge, r.modified}
}

func (d storedRules) rules() eventRules {
	return eventRules{d.OnSuccess, d.OnFailure, d.Retries, d.MaxAgeS, d.Modified}
}

type storedURL struct {
	ID        string    `json:"id"`
	Qualifier string    `json:"qualifier,omitempty"`
	Base      string    `json:"base"`
	Auth      string    `json:"auth"`
	Mode      string    `json:"mode,omitempty"`
	Created   time.Time `json:"created"`
	Changed   time.Time `json:"changed"`
}

// storeFunction puts a function into its document. The lock is held.
func storeFunction(fn *function) storedFunction {
	d := storedFunction{
		Schema: storedSchema, Name: fn.name, Count: fn.count, Latest: storeVersion(fn.latest),
		Published: []storedVersion{}, Tags: fn.tags, Events: map[string]storedRules{}, Recursion: fn.recursion, Updates: fn.updates,
	}
	for _, v := range fn.published {
		d.Published = append(d.Published, storeVersion(v))
	}
	if v := fn.latest.publishedAs; v != nil {
		d.EqualTo = v.number
	}
	for _, name := range slices.Sorted(maps.Keys(fn.aliases)) {
		a := fn.aliases[name]
		d.Aliases = append(d.Aliases, storedAlias{a.name, a.description, a.version.number, a.weights, a.revision})
	}
	if n, ok := fn.fleet.Reserved(); ok {
		d.Reserved = &n
	}
	for q, r := range fn.events {
		d.Events[q] = storeRules(r)
	}
	for _, q := range slices.Sorted(maps.Keys(fn.urls)) {
		u := fn.urls[q]
		d.URLs = append(d.URLs, storedURL{u.id, u.target.qualifier, u.base, u.auth, u.mode, u.created, u.changed})
	}
	for q, p := range fn.policies {
		if stored := storePolicy(p); stored != nil {
			setIn(&d.Policies, q, stored)
		}
	}
	return d
}

// setIn sets a member of a map that may not be there yet.
func setIn[V any](m *map[string]V, k string, v V) {
	if *m == nil {
		*m = map[string]V{}
	}
	(*m)[k] = v
}

func storeVersion(v *version) storedVersion {
	c := &v.config
	d := storedVersion{
		Number: v.number, CodeSha256: v.code.sha256, CodeBytes: v.code.size, Local: c.Local,
		Revision: v.revision, Settled: v.settled, Modified: v.modified, Image: storeImage(v), Snapshot: v.storeSnapshot(),
		Config: storedConfig{
			c.Runtime, c.Role, c.Handler, c.Description, c.Timeout.Milliseconds(), c.MemoryMB, c.Variables, c.HasVars, c.Arch,
			c.EphemeralMB, c.Tracing, c.LogFormat, c.AppLevel, c.SystemLevel, c.LogGroup, c.SnapStart, nil, c.Tenancy,
		},
	}
	for _, l := range c.Layers {
		d.Config.Layers = append(d.Config.Layers, layerKey(l))
	}
	if p := v.provisioned; p != nil {
		d.Provisioned = &storedProvisioned{p.qualifier, p.requested, p.modified}
	}
	return d
}

// config of a stored version.
func (d storedConfig) config() config {
	return config{
		Runtime: d.Runtime, Role: d.Role, Handler: d.Handler, Description: d.Description, Timeout: time.Duration(d.TimeoutMs) * time.Millisecond,
		MemoryMB: d.MemoryMB, Variables: d.Variables, HasVars: d.HasVars, Arch: d.Arch, EphemeralMB: d.EphemeralMB, Tracing: d.Tracing,
		LogFormat: d.LogFormat, AppLevel: d.AppLevel, SystemLevel: d.SystemLevel, LogGroup: d.LogGroup, SnapStart: d.SnapStart, Tenancy: d.Tenancy,
	}
}

// parseStored reads a document and checks all that the rest of the program
// takes for granted.
func parseStored(b []byte) (*storedFunction, error) {
	d := &storedFunction{}
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.DisallowUnknownFields()
	if err := dec.Decode(d); err != nil {
		return nil, fmt.Errorf("no whole document: %w", err)
	}
	if d.Schema != storedSchema {
		return nil, fmt.Errorf("schema %q, want %q", d.Schema, storedSchema)
	}
	return d, d.check()
}

func (d *storedFunction) check() error {
	if !plainName.MatchString(d.Name) || len(d.Name) > 64 {
		return fmt.Errorf("function name %q", d.Name)
	}
	known := map[string]bool{latestVersion: true}
	if d.Latest.Number != latestVersion {
		return fmt.Errorf("latest version %q, want %s", d.Latest.Number, latestVersion)
	}
	if err := d.Latest.check(); err != nil {
		return err
	}
	last := 0
	for i := range d.Published {
		v := &d.Published[i]
		n, err := strconv.Atoi(v.Number)
		if err != nil || n <= last || n > d.Count || strconv.Itoa(n) != v.Number {
			return fmt.Errorf("published version %q after %d, of %d ever", v.Number, last, d.Count)
		}
		if err := v.check(); err != nil {
			return err
		}
		last, known[v.Number] = n, true
	}
	return d.checkRest(known)
}

func (d *storedFunction) checkRest(known map[string]bool) error {
	if d.EqualTo != "" && (!known[d.EqualTo] || d.EqualTo == latestVersion) {
		return fmt.Errorf("$LATEST equals version %q, which is not there", d.EqualTo)
	}
	names := map[string]bool{}
	for _, a := range d.Aliases {
		if !plainName.MatchString(a.Name) || numberForm.MatchString(a.Name) || names[a.Name] || !known[a.Version] {
			return fmt.Errorf("alias %q of version %q", a.Name, a.Version)
		}
		names[a.Name] = true
		for n, w := range a.Weights {
			if !known[n] || n == latestVersion || !(w >= 0 && w <= 1) || len(a.Weights) > 1 {
				return fmt.Errorf("alias %q gives version %q the weight %v", a.Name, n, w)
			}
		}
	}
	if d.Reserved != nil && *d.Reserved < 0 {
		return fmt.Errorf("reserved concurrency %d", *d.Reserved)
	}
	for _, u := range d.URLs {
		if u.ID == "" || (u.Qualifier != "" && !names[u.Qualifier]) {
			return fmt.Errorf("URL %q of qualifier %q", u.ID, u.Qualifier)
		}
	}
	return nil
}

var imageDigest = regexp.MustCompile(`^[0-9a-f]{64}$`)

func (v *storedVersion) check() error {
	c := &v.Config
	switch {
	case c.TimeoutMs < 1 || c.TimeoutMs > 900_000:
		return fmt.Errorf("version %s: time-out of %d ms", v.Number, c.TimeoutMs)
	case c.MemoryMB < 128 || c.MemoryMB > 10240:
		return fmt.Errorf("version %s: memory of %d MB", v.Number, c.MemoryMB)
	case c.EphemeralMB < 512 || c.EphemeralMB > 10240:
		return fmt.Errorf("version %s: ephemeral storage of %d MB", v.Number, c.EphemeralMB)
	case c.Tenancy != "" && c.Tenancy != perTenant:
		return fmt.Errorf("version %s: tenancy %s", v.Number, c.Tenancy)
	case c.LogGroup == "":
		return fmt.Errorf("version %s: no log group", v.Number)
	case !v.Local && len(v.CodeSha256) == 0:
		return fmt.Errorf("version %s: no code", v.Number)
	case v.Image != nil && (v.Image.URI == "" || !imageDigest.MatchString(v.CodeSha256)):
		return fmt.Errorf("version %s: image %q with digest %q", v.Number, v.Image.URI, v.CodeSha256)
	}
	if p := v.Provisioned; p != nil && (p.Requested < 1 || p.Qualifier == "" || v.Number == latestVersion) {
		return errors.New("version " + v.Number + ": provisioned concurrency that can't be")
	}
	return nil
}
