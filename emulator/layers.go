package emulator

import (
	"cmp"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"coldbench/emulator/unpack"
)

// layer is a name with the versions that are published under it. The numbers
// go on after a deletion, so the layer stays. Guarded by Server.mu.
type layer struct {
	name     string
	count    int             // of versions ever published
	versions []*layerVersion // ascending
}

// layerVersion never changes, but for its policy. Functions that use it keep it
// when it is deleted, as on AWS.
type layerVersion struct {
	layer       *layer
	number      int
	code        *code // its folder is not kept
	created     time.Time
	description string
	license     string
	runtimes    []string // nil = not given
	archs       []string // nil = not given
	policy      policy
}

func (l *layer) version(number int) *layerVersion {
	for _, v := range l.versions {
		if v.number == number {
			return v
		}
	}
	return nil
}

func (s *Server) layerARN(name string) string {
	return "arn:aws:lambda:" + s.set.Region + ":" + s.set.AccountID + ":layer:" + name
}

func (s *Server) layerVersionARN(v *layerVersion) string {
	return s.layerARN(v.layer.name) + ":" + strconv.Itoa(v.number)
}

// Constraints as the service's validation errors print them (recorded January
// 2026).
const (
	layerVersionPattern = `(arn:(aws[a-zA-Z-]*)?:lambda:(eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1}:\d{12}:layer:[a-zA-Z0-9-_]+:[0-9]+)|(arn:[a-zA-Z0-9-]+:lambda:::awslayer:[a-zA-Z0-9-_]+)`
	layerNamePattern    = `((arn:[a-zA-Z0-9-]+:lambda:[a-zA-Z0-9-]+:\d{12}:layer:[a-zA-Z0-9-_]+)|[a-zA-Z0-9-_]+)`
)

var (
	layerVersionForm = regexp.MustCompile("^(?:" + layerVersionPattern + ")$")
	layerNameForm    = regexp.MustCompile("^" + layerNamePattern + "$")
)

// maxLayers is how many layers a function can have (AWS Lambda quotas).
const maxLayers = 5

// layersGiven are a function's layers as a request asks for them: resolved, and
// merged in a folder that has a reference of this request's.
type layersGiven struct {
	list []*layerVersion
	tree *code // nil without layers
}

func (g *layersGiven) release() {
	if g != nil && g.tree != nil {
		g.tree.release()
	}
}

// layersFor finds and merges layers. A nil list, one that was not given, gives
// nil. The lock is not held.
func (s *Server) layersFor(arns []string) (*layersGiven, *apiError) {
	if arns == nil {
		return nil, nil
	}
	list, bad := s.resolveLayers(arns)
	if bad != nil {
		return nil, bad
	}
	g := &layersGiven{list: list}
	if len(list) == 0 {
		return g, nil
	}
	if g.tree, bad = s.merge(list); bad != nil {
		return nil, bad
	}
	g.tree.retain()
	return g, nil
}

// merge unpacks layers over each other.
func (s *Server) merge(list []*layerVersion) (*code, *apiError) {
	zips := make([][]byte, len(list))
	for i, v := range list {
		zips[i] = v.code.zip
	}
	dir := filepath.Join(s.set.WorkDir, "layers", randomHex(8))
	n, err := unpack.Overlay(zips, dir, unpack.Limits{})
	if err != nil {
		err = errors.Join(err, os.RemoveAll(dir))
		var refused *unpack.Error
		if errors.As(err, &refused) {
			return nil, invalidParameter("Layers consume more than the available size of %d bytes", int64(unpack.DefaultMaxBytes))
		}
		return nil, serviceError("%v", err)
	}
	return &code{dir: dir, owned: true, unzipped: n}, nil
}

// resolveLayers checks the list in the service's order: forms, number, regions,
// existence, versions of one layer (recorded November 2025 and January 2026).
func (s *Server) resolveLayers(arns []string) ([]*layerVersion, *apiError) {
	for _, arn := range arns {
		if !layerVersionForm.MatchString(arn) {
			return nil, violated("["+strings.Join(arns, ", ")+"]", "layers", "Member must satisfy constraint: [Member must have length less than or equal to 2048, Member must have length greater than or equal to 1, Member must satisfy regular expression pattern: "+layerVersionPattern+", Member must not be null]")
		}
	}
	if len(arns) > maxLayers {
		return nil, invalidParameter("Cannot reference more than %d layers.", maxLayers)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []*layerVersion
	for _, arn := range arns {
		if part := strings.Split(arn, ":"); part[3] != s.set.Region {
			return nil, invalidParameter("Layers are not in the same region as the function. Layers are expected to be in region %s.", s.set.Region)
		}
		v := s.layerByARN(arn)
		if v == nil {
			return nil, invalidParameter("Layer version %s does not exist.", arn)
		}
		if i := slices.IndexFunc(list, func(o *layerVersion) bool { return o.layer == v.layer }); i >= 0 {
			return nil, invalidParameter("Two different versions of the same layer are not allowed to be referenced in the same function. %s and %s are versions of the same layer.", s.layerVersionARN(list[i]), arn)
		}
		list = append(list, v)
	}
	return list, nil
}

// layerByARN gives a version that is published, or nil. The lock is held.
func (s *Server) layerByARN(arn string) *layerVersion {
	i := strings.LastIndexByte(arn, ':')
	name, ours := strings.CutPrefix(arn[:max(i, 0)], s.layerARN(""))
	number, err := strconv.Atoi(arn[i+1:])
	if l := s.layers[name]; ours && err == nil && l != nil {
		return l.version(number)
	}
	return nil
}

// checkUnzipped refuses code that is too large together with its layers.
func checkUnzipped(c *code, tree *code) *apiError {
	if tree == nil {
		return nil
	}
	if sum := c.unzipped + tree.unzipped; sum > unpack.DefaultMaxBytes {
		return invalidParameter("Function code combined with layers exceeds the maximum allowed size of %d bytes. The actual size is %d bytes.", int64(unpack.DefaultMaxBytes), sum)
	}
	return nil
}

type layerJSON struct {
	Arn      string
	CodeSize int64
}

func (s *Server) describeLayers(list []*layerVersion) []layerJSON {
	var d []layerJSON
	for _, v := range list {
		d = append(d, layerJSON{s.layerVersionARN(v), v.code.size})
	}
	return d
}

// layerVariables name a function's layers, in the folder opt ("" = it has none),
// to its runtime. The folders under it are AWS's ("Packaging layers": PATH,
// LD_LIBRARY_PATH, NODE_PATH and Python's search path); PYTHONPATH is our means,
// since AWS's bootstrap changes sys.path itself.
func layerVariables(env map[string]string, runtime, opt string) {
	none := opt == ""
	if opt = cmp.Or(opt, layersDir); none && !strings.HasPrefix(runtime, "nodejs") {
		return // only Node.js is told where they would be
	}
	before := func(name string, folders ...string) {
		for i, f := range folders {
			folders[i] = opt + "/" + f
		}
		env[name] = strings.TrimSuffix(strings.Join(folders, ":")+":"+env[name], ":")
	}
	switch {
	case strings.HasPrefix(runtime, "nodejs"):
		major := strings.TrimSuffix(strings.TrimPrefix(runtime, "nodejs"), ".x")
		before("NODE_PATH", "nodejs/node"+major+"/node_modules", "nodejs/node_modules")
	case strings.HasPrefix(runtime, "python"):
		before("PYTHONPATH", "python", "python/lib/"+runtime+"/site-packages")
	case strings.HasPrefix(runtime, "java"):
		before("CLASSPATH", "java/lib/*")
	}
	if opt != layersDir { // those of /opt are in the path of every function
		before("PATH", "bin")
		before("LD_LIBRARY_PATH", "lib")
	}
}

// suits says whether a version passes the filters of a list, "" for none.
func (v *layerVersion) suits(runtime, arch string) bool {
	return (runtime == "" || slices.Contains(v.runtimes, runtime)) && (arch == "" || slices.Contains(v.archs, arch))
}

func (s *Server) sortedLayers() []*layer {
	list := make([]*layer, 0, len(s.layers))
	for _, l := range s.layers {
		list = append(list, l)
	}
	slices.SortFunc(list, func(a, b *layer) int { return cmp.Compare(a.name, b.name) })
	return list
}
