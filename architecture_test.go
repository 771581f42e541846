package coldbench_test

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// rule lists what a package may import of ours and of other modules, and why.
// Anything else fails the test: an arrow is added here, with its reason, or
// not at all.
type rule struct {
	ours    map[string]string
	modules map[string]string // by prefix
	std     []string          // standard packages that are refused
}

// pure packages have no clock, no operating system, no network.
var pureStd = []string{"os", "net", "net/http", "os/exec", "syscall", "math/rand"}

var rules = map[string]rule{
	".": {},
	"record": {
		modules: map[string]string{"github.com/klauspost/compress": "the run file is zstd"},
		std:     []string{"net", "net/http", "os/exec", "math/rand"},
	},
	"stats": {
		modules: map[string]string{
			"github.com/HdrHistogram/hdrhistogram-go": "bounded memory beyond the exact range, .hgrm export",
			"gonum.org/v1/gonum":                      "incomplete beta function for exact binomial ranks",
		},
		std: pureStd,
	},
	"cost": {std: pureStd},
	"parsers": {
		ours:    map[string]string{"record": "log bytes become record.Platform"},
		modules: map[string]string{"github.com/klauspost/compress": "compressed logs"},
		std:     []string{"net", "net/http", "os/exec", "math/rand"},
	},
	"fleet": {std: pureStd},
	"loadgen": {
		ours: map[string]string{"record": "every arrival becomes a record.Invocation"},
		modules: map[string]string{
			"github.com/HdrHistogram/hdrhistogram-go": "lag without a lock or an allocation on the hot path",
			"golang.org/x/sys":                        "timerfd, file limits",
		},
		std: []string{"net/http", "math/rand"},
	},
	"loadgen/internal/witness": {
		modules: map[string]string{"golang.org/x/sys": "sockets with kernel receive timestamps"},
		std:     []string{"net/http"},
	},
	"loadgen/internal/compare": {
		ours: map[string]string{
			"loadgen":                  "the generator that is measured",
			"loadgen/internal/witness": "the server that knows when requests were sent",
			"record":                   "loads and run directories",
			"target/url":               "its clients",
		},
	},
	"target/scripted": {
		ours: map[string]string{"loadgen": "implements loadgen.Target", "record": "outcomes"},
	},
	"target/wire": {
		ours: map[string]string{"loadgen": "fills loadgen.Reply", "record": "outcomes and error types of failures"},
	},
	"target/url": {
		ours: map[string]string{"loadgen": "implements loadgen.Target", "record": "outcomes", "target/wire": "phases of one request, connections opened ahead"},
		modules: map[string]string{
			"github.com/valyala/fasthttp": "the lean path",
			"golang.org/x/net":            "HTTP/2 on request",
		},
	},
	"target/lambda": {
		ours: map[string]string{"loadgen": "implements loadgen.Target", "record": "outcomes", "target/wire": "phases of one request, connections opened ahead"},
		modules: map[string]string{
			"github.com/aws/aws-sdk-go-v2": "the official client",
			"github.com/aws/smithy-go":     "its errors",
		},
	},
	"logsource": {
		ours: map[string]string{"record": "yields record.Event"},
		modules: map[string]string{
			"github.com/klauspost/compress": "compressed exports",
			"github.com/aws/aws-sdk-go-v2":  "CloudWatch Logs",
			"github.com/aws/smithy-go":      "its errors",
		},
	},
	"sandbox": {
		modules: map[string]string{
			"golang.org/x/sys": "namespaces, mounts, control groups, signals",
		},
	},
	"emulator/runtimes":  {},
	"emulator/telemetry": {},
	"emulator/unpack":    {},
	"clients":            {}, // tests only
	"emulator/accesslog": {},
	"emulator/folder":    {std: []string{"net", "net/http", "os/exec", "math/rand"}},
	"emulator/insights":  {std: pureStd},
	"emulator/patterns":  {std: pureStd},
	"emulator/images": {
		modules: map[string]string{
			"github.com/google/go-containerregistry": "references, manifests, registries",
			"github.com/klauspost/compress":          "gzip and zstd layers",
		},
	},
	"emulator": {
		ours: map[string]string{
			"fleet":              "the control plane",
			"sandbox":            "the execution environments",
			"emulator/runtimes":  "how a runtime's name becomes a command",
			"emulator/telemetry": "what extensions are told",
			"emulator/unpack":    "deployment packages",
			"emulator/folder":    "functions that survive a restart",
			"emulator/images":    "container images",
			"emulator/insights":  "the query language of Logs Insights",
			"emulator/patterns":  "filter patterns of the Logs API",
		},
		modules: map[string]string{"github.com/google/uuid": "request ids"},
	},
	"fixtures": {
		modules: map[string]string{
			"github.com/aws/aws-lambda-go":           "the runtime client of the built-in functions",
			"github.com/google/go-containerregistry": "functions as container images",
		},
	},
	"experiment": {
		ours: map[string]string{
			"record":    "writes the run directory",
			"loadgen":   "sends the load",
			"parsers":   "keeps platform lines, drops the function's own",
			"logsource": "late REPORT lines",
		},
		modules: map[string]string{"golang.org/x/sys": "what machine this is"},
	},
	"reports": {
		ours: map[string]string{
			"record":  "reads runs",
			"parsers": "raw platform lines of a run",
			"stats":   "quantiles and intervals",
			"cost":    "the bill",
		},
		modules: map[string]string{
			"github.com/jedib0t/go-pretty":  "terminal tables",
			"charm.land/lipgloss":           "terminal colour",
			"github.com/mattn/go-runewidth": "column widths",
		},
	},
	"cmd/bench": {
		ours:    map[string]string{"*": "wiring: the only package that may see everything"},
		modules: map[string]string{"": "wiring"},
	},
}

type listedPackage struct {
	ImportPath string
	Imports    []string
	Standard   bool
	Module     *struct{ Path string }
}

// TestArrows holds every package to its rule.
func TestArrows(t *testing.T) {
	seen := map[string]bool{}
	for _, p := range list(t, "./...") {
		name := strings.TrimPrefix(strings.TrimPrefix(p.ImportPath, "coldbench"), "/")
		if name == "" {
			name = "."
		}
		seen[name] = true
		r, ok := rules[name]
		if !ok {
			t.Errorf("package %s has no rule in architecture_test.go: say what it may import, and why", name)
			continue
		}
		for _, imp := range p.Imports {
			if !r.allows(imp) {
				t.Errorf("package %s must not import %s", name, imp)
			}
		}
	}
	for name := range rules {
		if !seen[name] {
			t.Errorf("architecture_test.go has a rule for %s, which does not exist", name)
		}
	}
}

func (r rule) allows(imp string) bool {
	if ours, ok := strings.CutPrefix(imp, "coldbench/"); ok {
		return r.ours[ours] != "" || r.ours["*"] != ""
	}
	first, _, _ := strings.Cut(imp, "/")
	if !strings.Contains(first, ".") { // the standard library
		return !slices.Contains(r.std, imp)
	}
	for prefix := range r.modules {
		if strings.HasPrefix(imp, prefix) {
			return true
		}
	}
	return false
}

// TestTwoWitnesses proves that what writes REPORT lines and what reads them
// share no code of ours.
func TestTwoWitnesses(t *testing.T) {
	ours := func(pkg string) map[string]bool {
		set := map[string]bool{}
		for _, p := range list(t, "-deps", pkg) {
			if strings.HasPrefix(p.ImportPath, "coldbench/") {
				set[p.ImportPath] = true
			}
		}
		return set
	}
	writer, reader := ours("./emulator"), ours("./parsers")
	for p := range writer {
		if reader[p] {
			t.Errorf("emulator and parsers both depend on %s", p)
		}
	}
}

func TestForbiddenNames(t *testing.T) {
	forbidden := []string{"util", "utils", "common", "helpers", "core", "base", "manager", "types", "models", "pkg"}
	for _, p := range list(t, "./...") {
		for _, part := range strings.Split(p.ImportPath, "/") {
			if slices.Contains(forbidden, part) {
				t.Errorf("package %s: the name %q says nothing", p.ImportPath, part)
			}
		}
	}
}

func list(t *testing.T, args ...string) []listedPackage {
	t.Helper()
	out, err := exec.Command("go", append([]string{"list", "-json=ImportPath,Imports,Standard,Module"}, args...)...).Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			t.Fatalf("go list: %v\n%s", err, exit.Stderr)
		}
		t.Fatalf("go list: %v", err)
	}
	var all []listedPackage
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p listedPackage
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
}
