package emulator

import (
	"path/filepath"
	"strings"
)

// wrapperVariable names a program that starts a managed runtime in the
// function's place: it gets the runtime's command as its arguments. Custom
// runtimes and images know nothing of it. Source: AWS Lambda developer guide,
// "Modifying the runtime environment".
const wrapperVariable = "AWS_LAMBDA_EXEC_WRAPPER"

// wrapped puts the wrapper, where there is one, before the runtime's command.
// The shell between them ends with 127 where the wrapper is missing, as AWS's
// start script does.
func (v *version) wrapped(argv []string, private bool) []string {
	c := &v.config
	wrapper := c.Variables[wrapperVariable]
	if wrapper == "" || c.Command != nil || c.Local || strings.HasPrefix(c.Runtime, "provided") {
		return argv
	}
	if !private {
		wrapper = v.realPath(wrapper)
	}
	return append([]string{"/bin/sh", "-c", `exec "$0" "$@"`, wrapper}, argv...)
}

// realPath is where a path of the function's own code or layers stands on this
// machine.
func (v *version) realPath(path string) string {
	if rest, ok := below(path, taskRoot); ok {
		return filepath.Join(v.code.dir, rest)
	}
	if rest, ok := below(path, layersDir); ok && v.layerDir != "" {
		return filepath.Join(v.layerDir, rest)
	}
	return path
}
