package emulator

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"coldbench/fleet"
)

// function is a name with its versions. Its fields are guarded by Server.mu.
type function struct {
	name      string
	fleet     *fleet.Function
	latest    *version
	published []*version // by number, ascending
	count     int        // of versions ever published
	aliases   map[string]*alias
	tags      map[string]string
	events    map[string]eventRules     // by qualifier
	urls      map[string]*functionURL   // by qualifier
	policies  map[string]*policy        // by qualifier
	recursion string                    // RecursiveLoop, "" = Terminate
	updates   map[string]runtimeUpdates // by qualifier; those not there are Auto
	restored  bool                      // from the data folder
}

func (s *Server) newFunction(name string) *function {
	fn := &function{name: name, fleet: s.account.Function()}
	fn.blank()
	return fn
}

// blank takes all away that belongs to the function but for its latest version.
func (f *function) blank() {
	f.published, f.aliases, f.tags, f.events = nil, map[string]*alias{}, map[string]string{}, map[string]eventRules{}
	f.urls, f.policies, f.updates = map[string]*functionURL{}, map[string]*policy{}, nil
}

// all are the published versions and $LATEST.
func (f *function) all() []*version { return slices.Concat(f.published, []*version{f.latest}) }

// version is one version of a function: configuration and code, which never
// change, and the environments that run it. An update of $LATEST makes a new
// version and retires the old one.
type version struct {
	function *function
	number   string // "$LATEST", "1", ...
	config   config
	code     *code
	layerDir string // where its layers are merged, "" = it has none
	revision string // while Pending or InProgress
	settled  string // RevisionId after that
	modified time.Time
	activeAt time.Time
	created  bool     // by CreateFunction, so that it is Pending until activeAt
	before   *version // of $LATEST while an update pulls its image: what serves until then
	refused  error    // why the update of this one came to nothing

	// Guarded by Server.mu.
	pool        *fleet.Pool
	envs        []*environment // by fleet.Env
	retired     bool
	publishedAs *version // of $LATEST: the published version that equals it
	provisioned *provisioned
	snapshot    *snapshot           // nil = none is needed
	parts       map[string]*version // by tenant, where these are isolated
	whole       *version            // of a tenant's part: the version it is of
	tenant      string              // likewise

	resolve sync.Once
	argv    []string
	runs    string // what really runs
	err     error
	runtime Runtimes
}

// config is what a function is configured to be.
type config struct {
	Runtime     string
	Role        string
	Handler     string
	Description string
	Timeout     time.Duration
	MemoryMB    int
	Variables   map[string]string
	HasVars     bool // an Environment was given, though it may be empty
	Arch        string
	EphemeralMB int
	Tracing     string
	LogFormat   string
	AppLevel    string
	SystemLevel string
	LogGroup    string
	SnapStart   string
	Tenancy     string // PER_TENANT, or "" where tenants share environments
	Layers      []*layerVersion
	tree        *code            // the layers merged, nil without
	Image       *imageConfigJSON // overrides of an image's settings, nil without

	Local   bool     // a LocalFunction, also where Install has not yet given its command
	Command []string // of a LocalFunction
	Dir     string   // of a LocalFunction
	Layer   string   // of a LocalFunction
}

// code is a function's code on disk, removed when nothing needs it any more.
type code struct {
	dir    string
	sha256 string // base64, as CodeSha256
	size   int64
	zip    []byte       // as uploaded, for GetFunction
	image  *packedImage // nil for a zip; dir is its root then
	owned  bool         // dir is the emulator's to remove

	unzipped int64  // bytes of all files' contents
	id       string // in the address to download it from, "" = none
	forget   func() // called when nothing needs it any more, nil = nothing to do

	mu   sync.Mutex
	refs int
	gone bool // refs has been 1 and is 0 again
}

func (c *code) retain() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.refs++
}

func (c *code) release() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.refs--; c.refs > 0 {
		return
	}
	c.gone = true
	if c.forget != nil {
		c.forget()
	}
	if c.owned {
		_ = os.RemoveAll(c.dir) // Close removes what is left
	}
}

// LocalFunction is a function whose code is a command on this machine that
// speaks the Runtime API.
type LocalFunction struct {
	Name     string
	Runtime  string // as shown; "" = provided.al2023
	Arch     string // x86_64 or arm64; "" = x86_64
	MemoryMB int    // 0 = 128
	Timeout  time.Duration
	Command  []string
	Dir      string // working directory and LAMBDA_TASK_ROOT; "" = that of the command's program
	Layer    string // folder that is the function's layers, merged: its /opt; "" = none
	Env      map[string]string
}

// Install makes a LocalFunction known. It is Active at once. A function of that
// name that exists is replaced; one that came back from the data folder stays as
// it was left there, and gets its command again: install before serving. The error says which member is not acceptable.
func (s *Server) Install(f LocalFunction) error {
	if bad := checkName(f.Name); bad != nil {
		return fmt.Errorf("install function %q: %w", f.Name, bad)
	}
	if len(f.Command) == 0 {
		return fmt.Errorf("install function %s: it has no command", f.Name)
	}
	c := defaultConfig(f.Name)
	c.Runtime, c.Handler, c.Local, c.Command, c.Dir, c.Layer = f.Runtime, "bootstrap", true, f.Command, f.Dir, f.Layer
	setDefault(&c.Runtime, "provided.al2023")
	if f.Arch != "" {
		c.Arch = f.Arch
	}
	if f.MemoryMB != 0 {
		c.MemoryMB = f.MemoryMB
	}
	if f.Timeout != 0 {
		c.Timeout = f.Timeout
	}
	c.Role = "arn:aws:iam::" + s.set.AccountID + ":role/local"
	c.Variables, c.HasVars = maps.Clone(f.Env), len(f.Env) > 0
	setDefault(&c.Dir, filepath.Dir(f.Command[0]))
	info, err := os.Stat(f.Command[0])
	if err == nil {
		c.Dir, err = filepath.Abs(c.Dir)
	}
	if err != nil {
		return fmt.Errorf("install function %s: %w", f.Name, err)
	}
	sum := sha256.Sum256([]byte(strings.Join(f.Command, "\x00")))
	s.mu.Lock()
	defer s.mu.Unlock()
	fn := s.functions[f.Name]
	made := &code{dir: c.Dir, sha256: base64.StdEncoding.EncodeToString(sum[:]), size: info.Size()}
	switch {
	case fn == nil:
		fn = s.newFunction(f.Name)
		s.functions[f.Name] = fn
	case fn.restored:
		return s.equip(fn, &c, made)
	}
	v := s.newVersion(fn, c, made)
	v.activeAt = time.Time{}
	s.replaceLatest(fn, v)
	return nil
}

func defaultConfig(name string) config {
	return config{
		Timeout: 3 * time.Second, MemoryMB: 128, Arch: "x86_64", EphemeralMB: 512,
		Tracing: "PassThrough", LogFormat: "Text", LogGroup: "/aws/lambda/" + name, SnapStart: "None",
	}
}

// newVersion makes a $LATEST that has no environment. It takes a reference on
// the code and the layers.
func (s *Server) newVersion(fn *function, c config, code *code) *version {
	now := time.Now()
	pool := s.set.pool
	pool.Seed += uint64(len(s.versions)) // equal seeds, equal runs, but not equal draws in each pool
	v := &version{
		function: fn, number: latestVersion, config: c, code: code,
		revision: newUUID(), settled: newUUID(), modified: now, activeAt: now.Add(s.set.StateDelay),
		pool: fn.fleet.Pool(pool), runtime: s.set.Runtimes,
	}
	if v.layerDir = c.Layer; c.tree != nil {
		v.layerDir = c.tree.dir
	}
	v.retain()
	return v
}

// retain and release count who needs the version's files: the version itself
// until it is retired, and each of its environments.
func (v *version) retain() {
	v.code.retain()
	if v.config.tree != nil {
		v.config.tree.retain()
	}
}

func (v *version) release() {
	v.code.release()
	if v.config.tree != nil {
		v.config.tree.release()
	}
}

// replaceLatest puts a new $LATEST in the place of the old one. The lock is held.
func (s *Server) replaceLatest(fn *function, v *version) {
	if fn.latest != nil {
		s.retireLatest(fn)
	}
	fn.latest = v
}

// retireLatest ends $LATEST, and what serves in its place. The lock is held.
func (s *Server) retireLatest(fn *function) {
	if before := fn.latest.before; before != nil {
		fn.latest.before = nil
		s.retire(before)
	}
	s.retire(fn.latest)
}

// active says whether the version has settled.
func (v *version) active(now time.Time) bool {
	return !now.Before(v.activeAt) && v.before == nil && v.code.ready() && v.snapshot.ready()
}

// command is what starts the runtime. It is found once.
func (v *version) command() ([]string, error) {
	if v.config.Local {
		if v.config.Command == nil {
			return nil, fmt.Errorf("start %s: it was a function of the program that served it then, and this one has none of that name", v.function.name)
		}
		return v.config.Command, nil
	}
	v.find()
	return v.argv, v.err
}

func (v *version) find() {
	v.resolve.Do(func() {
		if v.config.Local {
			v.runs = "local"
			return
		}
		if v.code.image != nil {
			v.argv, v.err = v.imageCommand()
			return
		}
		v.argv, v.runs, v.err = v.runtime.Command(v.config.Runtime, v.code.dir, v.config.Handler, v.config.MemoryMB)
		if v.err != nil && v.layerDir != "" && isFunctionError(v.err) {
			// A custom runtime may come from a layer: /opt/bootstrap.
			if argv, runs, err := v.runtime.Command(v.config.Runtime, v.layerDir, v.config.Handler, v.config.MemoryMB); err == nil {
				v.argv, v.runs, v.err = argv, runs, nil
			}
		}
	})
}

// runtimeVersion is what INIT_START shows: the runtime in Lambda's form, and in
// the place of the patch version what really runs here.
func (v *version) runtimeVersion() string {
	v.find()
	name, number := v.config.Runtime, ""
	if i := strings.IndexAny(name, "0123456789"); i > 0 && !strings.HasPrefix(name, "provided") {
		name, number = name[:i], strings.TrimSuffix(name[i:], ".x")
	} else if family, rest, ok := strings.Cut(name, "."); ok {
		name, number = family, rest
	}
	runs := strings.ReplaceAll(v.runs, " ", "-")
	if runs == "" {
		runs = "unknown"
	}
	return name + ":" + number + ".emulated-" + runs
}

func (v *version) runtimeARN(region string) string {
	sum := sha256.Sum256([]byte(v.runtimeVersion() + v.config.Arch))
	return "arn:aws:lambda:" + region + "::runtime:" + hex.EncodeToString(sum[:])
}

func (s *Server) functionARN(name string) string {
	return "arn:aws:lambda:" + s.set.Region + ":" + s.set.AccountID + ":function:" + name
}
