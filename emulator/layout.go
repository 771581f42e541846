package emulator

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"coldbench/sandbox"
)

// The folders that a function finds on Lambda.
const (
	taskRoot       = "/var/task"
	runtimeDir     = "/var/runtime"
	layersDir      = "/opt"
	interpreterDir = "/var/lang"
	tmpDir         = "/tmp"
)

// covered are the folders of this machine that a function does not see, because
// its own stand there.
var covered = []string{taskRoot, runtimeDir, layersDir, interpreterDir, tmpDir}

// layout is where the processes of a version find what they need: at Lambda's
// places where the sandbox can mount, at its real places on this machine
// elsewhere.
type layout struct {
	command []string
	task    string // LAMBDA_TASK_ROOT and working directory
	layers  string // of the environment variables; "" = there are none
	tmp     string // "" = the folder of the environment
	root    string // of an image; "" = this machine's file system
	mounts  []sandbox.Mount
}

// layout of the version's command. The folder work holds what the server has
// installed for all functions.
func (v *version) layout(private bool, work string) (layout, error) {
	argv, err := v.command()
	if err != nil {
		return layout{}, err
	}
	if image := v.image(); image != nil {
		return layout{command: argv, root: image.Root, task: v.config.imageStart(image.Config).dir, tmp: tmpDir}, nil
	}
	if !private {
		return layout{command: v.wrapped(argv, private), task: v.code.dir, layers: v.layerDir}, nil
	}
	l := layout{task: taskRoot, tmp: tmpDir}
	layers := v.layerDir
	if layers == "" {
		layers = filepath.Join(work, emptyDir)
	} else {
		l.layers = layersDir
	}
	l.mounts = []sandbox.Mount{
		{Source: v.code.dir, Target: taskRoot, ReadOnly: true},
		{Source: filepath.Join(work, runtimesDir), Target: runtimeDir, ReadOnly: true},
		{Source: layers, Target: layersDir, ReadOnly: true},
	}
	for i, arg := range argv {
		if i == 0 || argv[i-1] != "-classpath" {
			l.command = append(l.command, l.argument(i, arg))
			continue
		}
		jars := filepath.SplitList(arg)
		for n, jar := range jars {
			jars[n] = l.argument(i, jar)
		}
		l.command = append(l.command, strings.Join(jars, string(filepath.ListSeparator)))
	}
	l.command = v.wrapped(l.command, private)
	return l, nil
}

// argument gives the path at which the function sees what an argument of its
// command names, and mounts that if nothing else does.
func (l *layout) argument(i int, arg string) string {
	if !filepath.IsAbs(arg) {
		return arg
	}
	for _, m := range l.mounts {
		if rest, ok := below(arg, m.Source); ok {
			return m.Target + rest
		}
	}
	seen := arg
	if i == 0 {
		seen = visible(arg)
	}
	if _, hidden := hiddenBy(seen); !hidden {
		return arg
	}
	if _, err := os.Stat(seen); err != nil {
		return arg // not a file
	}
	m := sandbox.Mount{Source: seen, Target: fmt.Sprintf("/coldbench/%d/%s", i, filepath.Base(seen)), ReadOnly: true}
	if i == 0 {
		m = sandbox.Mount{Source: installation(seen), Target: interpreterDir, ReadOnly: true}
	}
	l.mounts = append(l.mounts, m)
	rest, _ := below(seen, m.Source)
	return m.Target + rest
}

// visible is the path of a program, or of the file that it is a link to where
// that would not be seen.
func visible(program string) string {
	if real, err := filepath.EvalSymlinks(program); err == nil {
		if _, hidden := hiddenBy(real); hidden {
			return real
		}
	}
	return program
}

// hiddenBy names the folder of the function's own that covers a path.
func hiddenBy(path string) (string, bool) {
	for _, dir := range covered {
		if _, ok := below(path, dir); ok {
			return dir, true
		}
	}
	return "", false
}

// installation is the folder that an interpreter needs as a whole: that above
// its bin folder. Interpreters find their libraries from their own path.
func installation(program string) string {
	dir := filepath.Dir(program)
	if up := filepath.Dir(dir); filepath.Base(dir) == "bin" {
		if cover, _ := hiddenBy(up); cover != up {
			return up
		}
	}
	return dir
}

// below gives the rest of a path that leads to dir or below it.
func below(path, dir string) (rest string, ok bool) {
	rest, ok = strings.CutPrefix(path, strings.TrimSuffix(dir, "/"))
	return rest, ok && (rest == "" || rest[0] == '/')
}
