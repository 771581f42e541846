package runtimes

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// interpreters remembers what was found.
var interpreters = finder{found: make(map[string]answer)}

type finder struct {
	mu    sync.Mutex
	found map[string]answer
}

type answer struct {
	runtime Runtime
	err     error
}

// find tries the candidates of one runtime in order and takes the first that
// has the version asked for, or else the first that works at all.
func (f *finder) find(name string, family Family, version string) (Runtime, error) {
	override := os.Getenv(overrides[family])
	key := name + "\x00" + override + "\x00" + os.Getenv("PATH")
	f.mu.Lock()
	defer f.mu.Unlock()
	if a, ok := f.found[key]; ok {
		return a.runtime, a.err
	}
	r, err := search(name, family, version, override)
	f.found[key] = answer{r, err}
	return r, err
}

// overrides name the variables that settle the choice.
var overrides = map[Family]string{NodeJS: "COLDBENCH_NODE", Python: "COLDBENCH_PYTHON"}

func search(name string, family Family, version, override string) (Runtime, error) {
	tried := candidates(family, version)
	if override != "" {
		tried = []string{override}
	}
	missing := &MissingError{Name: name, Remedy: remedy(family, version)}
	var other *Runtime
	for _, candidate := range tried {
		path, got, err := probe(family, candidate)
		if err != nil {
			missing.Looked = append(missing.Looked, candidate+": "+err.Error())
			continue
		}
		r := Runtime{Name: name, Family: family, Interpreter: path, Version: product[family] + got, Exact: matches(got, version)}
		if r.Exact {
			return r, nil
		}
		if other == nil {
			other = &r
		}
	}
	if other != nil {
		return *other, nil
	}
	return Runtime{}, missing
}

var product = map[Family]string{NodeJS: "Node.js v", Python: "CPython "}

func remedy(family Family, version string) string {
	switch family {
	case NodeJS:
		return "install Node.js " + version + " (nodejs.org/en/download) or name one with COLDBENCH_NODE=/path/to/node"
	default:
		return "install Python " + version + " (python.org/downloads) or name one with COLDBENCH_PYTHON=/path/to/python3"
	}
}

// candidates are programs by name or path, the exact version first. Version
// managers keep versions apart that are not in PATH, so their folders are
// looked at as well.
func candidates(family Family, version string) []string {
	home, _ := os.UserHomeDir()
	if family == NodeJS {
		list := []string{"node" + version, "nodejs" + version, "node", "nodejs"}
		return append(list, glob(envOr("NVM_DIR", filepath.Join(home, ".nvm")), "versions/node/v"+version+".*/bin/node")...)
	}
	list := append([]string{"python" + version}, glob(envOr("PYENV_ROOT", filepath.Join(home, ".pyenv")), "versions/"+version+".*/bin/python"+version)...)
	return append(list, "python3", "python")
}

func envOr(name, otherwise string) string {
	if v := os.Getenv(name); v != "" {
		return v
	}
	return otherwise
}

func glob(root, pattern string) []string {
	paths, _ := filepath.Glob(filepath.Join(root, pattern))
	return paths
}

// questions make an interpreter print its own path and version. Its own path
// matters: what PATH finds may be a shell script of a version manager, which
// would add its own time to every init.
var questions = map[Family][]string{
	NodeJS: {"-p", `process.execPath + "\n" + process.versions.node`},
	Python: {"-c", `import sys; print(sys.executable); print("%d.%d.%d" % sys.version_info[:3])`},
}

// probe runs a candidate and returns its true path and version.
func probe(family Family, candidate string) (path, version string, err error) {
	found, err := exec.LookPath(candidate)
	if err != nil {
		return "", "", fmt.Errorf("not in PATH")
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, found, questions[family]...).Output()
	if err != nil {
		return "", "", fmt.Errorf("%s does not run: %w", found, err)
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	if len(lines) != 2 || !filepath.IsAbs(lines[0]) {
		return "", "", fmt.Errorf("%s does not say its version", found)
	}
	return lines[0], lines[1], nil
}

// matches reports whether got, such as 3.12.1, is a release of version 3.12.
func matches(got, version string) bool {
	return got == version || strings.HasPrefix(got, version+".")
}
