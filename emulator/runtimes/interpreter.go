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
var overrides = map[Family]string{NodeJS: "COLDBENCH_NODE", Python: "COLDBENCH_PYTHON", Java: "COLDBENCH_JAVA"}

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

var product = map[Family]string{NodeJS: "Node.js v", Python: "CPython ", Java: "Java "}

func remedy(family Family, version string) string {
	switch family {
	case NodeJS:
		return "install Node.js " + version + " (nodejs.org/en/download) or name one with COLDBENCH_NODE=/path/to/node"
	case Java:
		return "install a JRE " + version + " (adoptium.net, or Debian's openjdk-" + version + "-jre-headless) or name one with COLDBENCH_JAVA=/path/to/java"
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
	if family == Java {
		return javaCandidates(version, home)
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
	Java:   {"-XshowSettings:properties", "-version"}, // on stderr
}

// probe runs a candidate and returns its true path and version.
func probe(family Family, candidate string) (path, version string, err error) {
	found, err := exec.LookPath(candidate)
	if err != nil {
		return "", "", fmt.Errorf("not in PATH")
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	ask := exec.CommandContext(ctx, found, questions[family]...)
	run := ask.Output
	if family == Java {
		run = ask.CombinedOutput
	}
	out, err := run()
	if err != nil {
		return "", "", fmt.Errorf("%s does not run: %w", found, err)
	}
	path, version, _ = strings.Cut(strings.TrimSpace(string(out)), "\n")
	if family == Java {
		path, version = javaVersion(string(out))
	}
	if !filepath.IsAbs(path) || version == "" || strings.Contains(version, "\n") {
		return "", "", fmt.Errorf("%s does not say its version", found)
	}
	return path, version, nil
}

// matches reports whether got, such as 3.12.1, is a release of version 3.12, or
// 1.8.0_402 of Java 8.
func matches(got, version string) bool {
	if version == "8" {
		version = "1.8"
	}
	return got == version || strings.HasPrefix(got, version+".")
}
