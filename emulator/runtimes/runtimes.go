package runtimes

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Family is the kind of process that a runtime is.
type Family string

// The families that this machine can run.
const (
	Provided Family = "provided" // an executable named bootstrap in the code
	NodeJS   Family = "nodejs"   // our bootstrap on Node.js
	Python   Family = "python"   // our bootstrap on CPython
	Java     Family = "java"     // AWS's runtime client on a JRE
)

// Runtime is one Lambda runtime as this machine will run it. It is a
// comparable value; the zero value runs nothing.
type Runtime struct {
	// Name is Lambda's identifier, such as "nodejs22.x".
	Name   string
	Family Family
	// Interpreter is the absolute path of the program that runs the code;
	// empty for provided runtimes.
	Interpreter string
	// Version is what really runs: "Node.js v20.20.2", "CPython 3.12.1", "Java
	// 17.0.15" or "bootstrap". It need not be the version in Name: see Exact.
	Version string
	// Exact is false where the interpreter's version is not the one that
	// Name asks for. Numbers then are those of another version.
	Exact bool
}

// bootstrap files, as Install writes them.
const (
	nodeBootstrap   = "bootstrap.cjs"
	nodeStream      = "stream.cjs" // which nodeBootstrap loads where it is needed
	pythonBootstrap = "bootstrap.py"
	pythonHooks     = "snapshot_restore_py.py" // which functions import
)

// names lists every runtime, with the version that it asks for.
var names = map[string]struct {
	family  Family
	version string
}{
	"provided.al2":    {Provided, ""},
	"provided.al2023": {Provided, ""},
	"nodejs18.x":      {NodeJS, "18"},
	"nodejs20.x":      {NodeJS, "20"},
	"nodejs22.x":      {NodeJS, "22"},
	"nodejs24.x":      {NodeJS, "24"},
	"python3.8":       {Python, "3.8"},
	"python3.9":       {Python, "3.9"},
	"python3.10":      {Python, "3.10"},
	"python3.11":      {Python, "3.11"},
	"python3.12":      {Python, "3.12"},
	"python3.13":      {Python, "3.13"},
	"python3.14":      {Python, "3.14"},
	"java8.al2":       {Java, "8"},
	"java11":          {Java, "11"},
	"java17":          {Java, "17"},
	"java21":          {Java, "21"},
	"java25":          {Java, "25"},
}

// Known lists the identifiers that Lookup accepts, sorted.
func Known() []string {
	known := make([]string, 0, len(names))
	for name := range names {
		known = append(known, name)
	}
	slices.Sort(known)
	return known
}

// UnknownError is returned for an identifier that is none of Known.
type UnknownError struct{ Name string }

func (e *UnknownError) Error() string {
	return fmt.Sprintf("runtime %q: not known; known are %s", e.Name, strings.Join(Known(), ", "))
}

// MissingError is returned where the interpreter is not on this machine.
type MissingError struct {
	Name   string   // the runtime
	Looked []string // what was tried, each with what was found
	Remedy string
}

func (e *MissingError) Error() string {
	return fmt.Sprintf("runtime %s: no interpreter on this machine (tried %s); %s",
		e.Name, strings.Join(e.Looked, "; "), e.Remedy)
}

// FunctionError is a fault of the function's code that shows before its
// process can start. Type and Message are in Lambda's words.
type FunctionError struct {
	Type    string // such as Runtime.InvalidEntrypoint
	Message string
}

func (e *FunctionError) Error() string { return e.Type + ": " + e.Message }

// Lookup finds what runs the runtime on this machine. The error is an
// *UnknownError or a *MissingError. Answers about interpreters are remembered
// for the life of the program, as finding their version means running them.
func Lookup(name string) (Runtime, error) {
	n, ok := names[name]
	if !ok {
		return Runtime{}, &UnknownError{Name: name}
	}
	if n.family == Provided {
		return Runtime{Name: name, Family: Provided, Version: "bootstrap", Exact: true}, nil
	}
	return interpreters.find(name, n.family, n.version)
}

// Start is what a command is made for.
type Start struct {
	CodeDir    string // where the function's package is; "" = not yet known
	Handler    string
	RuntimeDir string // one that Install has filled
	MemoryMB   int
}

// Command is what starts a function: its program and arguments. The handler
// reaches most processes by Lambda's own variable _HANDLER. A provided runtime's
// bootstrap must be an executable file: otherwise the error is a *FunctionError
// of type Runtime.InvalidEntrypoint. For Java it is a *ClientError where there
// is no runtime client.
func (r Runtime) Command(s Start) ([]string, error) {
	switch r.Family {
	case NodeJS:
		return []string{r.Interpreter, filepath.Join(s.RuntimeDir, nodeBootstrap)}, nil
	case Python:
		return []string{r.Interpreter, "-u", "-B", filepath.Join(s.RuntimeDir, pythonBootstrap)}, nil
	case Java:
		return r.java(s)
	case Provided:
		path := filepath.Join(s.CodeDir, "bootstrap")
		return []string{path}, checkBootstrap(path)
	}
	return nil, &UnknownError{Name: r.Name}
}

// checkBootstrap names the fault of a bootstrap that cannot be executed.
func checkBootstrap(path string) error {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return &FunctionError{
			Type:    "Runtime.InvalidEntrypoint",
			Message: "Couldn't find valid bootstrap(s): [/var/task/bootstrap /opt/bootstrap]",
		}
	case info.IsDir(), info.Mode()&0o111 == 0:
		return &FunctionError{
			Type:    "Runtime.InvalidEntrypoint",
			Message: "fork/exec /var/task/bootstrap: permission denied",
		}
	}
	return nil
}
