package emulator

import (
	"errors"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"syscall"

	"coldbench/emulator/images"
	"coldbench/emulator/runtimes"
	"coldbench/sandbox"
)

// imageStart is how an image's process is started: the image's own settings
// under the function's.
type imageStart struct {
	entryPoint, command []string
	dir                 string
}

// imageStart lays the function's settings over the image's, each by itself: an
// entry point of the function leaves the image's command as it is.
func (c *config) imageStart(i images.Config) imageStart {
	s := imageStart{i.EntryPoint, i.Command, i.WorkingDirectory}
	if o := c.Image; o != nil {
		if len(o.EntryPoint) > 0 {
			s.entryPoint = o.EntryPoint
		}
		if len(o.Command) > 0 {
			s.command = o.Command
		}
		if o.WorkingDirectory != "" {
			s.dir = o.WorkingDirectory
		}
	}
	s.dir = path.Join("/", s.dir)
	return s
}

const (
	errorWorkingDir = "Runtime.InvalidWorkingDir"
	// usualPath is what a container has where its image sets no PATH.
	usualPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
)

// imageCommand gives the command that runs a version's image, with the program
// as a path inside the image. The errors are those of the function's log on
// Lambda.
func (v *version) imageCommand() ([]string, error) {
	// Only a restored function can be here before its image is.
	if <-v.code.image.pulled; v.code.image.err != nil {
		return nil, v.code.image.err
	}
	image := v.image()
	s := v.config.imageStart(image.Config)
	argv := slices.Concat(s.entryPoint, s.command)
	if len(argv) == 0 {
		return nil, &runtimes.FunctionError{Type: errorEntry, Message: "entrypoint requires the handler name to be the first argument"}
	}
	if !image.Dir(s.dir) {
		return nil, &runtimes.FunctionError{Type: errorWorkingDir, Message: "chdir " + s.dir + ": no such file or directory"}
	}
	search := usualPath
	for _, kv := range slices.Concat(image.Config.Env, assignments(v.config.Variables)) {
		if value, ok := strings.CutPrefix(kv, "PATH="); ok {
			search = value
		}
	}
	program, err := image.Find(argv[0], s.dir, search)
	if err != nil {
		return nil, &runtimes.FunctionError{Type: errorEntry, Message: launchMessage(&sandbox.StartError{Program: argv[0], Err: err})}
	}
	return append([]string{program}, argv[1:]...), nil
}

// launchMessage words the failure to start a program as Lambda does.
// Source: aws/aws-lambda-base-images#34, silverton-io/buz#489.
func launchMessage(err error) string {
	var start *sandbox.StartError
	if !errors.As(err, &start) {
		return err.Error()
	}
	reason := start.Reason
	switch {
	case errors.Is(err, syscall.ENOEXEC):
		reason = "exec format error"
	case errors.Is(err, fs.ErrPermission):
		reason = "permission denied"
	case errors.Is(err, fs.ErrNotExist):
		reason = "no such file or directory"
	}
	return "fork/exec " + start.Program + ": " + reason
}

// imageVariables are the environment of an image's process: the image's own,
// what Lambda adds to it, and the function's. Of Lambda's variables those are
// left out that belong to its managed runtimes: AWS's base images set them
// themselves.
func imageVariables(image *images.Image, lambda, function map[string]string) []string {
	env := map[string]string{"PATH": usualPath}
	for _, kv := range image.Config.Env {
		if k, v, ok := strings.Cut(kv, "="); ok && k != "" {
			env[k] = v
		}
	}
	for k, v := range lambda {
		if !slices.Contains(managedVariables, k) {
			env[k] = v
		}
	}
	maps.Copy(env, function)
	return assignments(env)
}

// managedVariables are those that only functions without an image get.
var managedVariables = []string{
	"LAMBDA_RUNTIME_DIR", "LAMBDA_TASK_ROOT", "LANG", "LD_LIBRARY_PATH", "PATH", "PWD", "SHLVL", "TMPDIR", "TZ", "_HANDLER",
}

// assignments are variables as KEY=value, sorted.
func assignments(env map[string]string) []string {
	list := make([]string, 0, len(env))
	for _, k := range slices.Sorted(maps.Keys(env)) {
		list = append(list, k+"="+env[k])
	}
	return list
}
