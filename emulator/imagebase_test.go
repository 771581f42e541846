package emulator_test

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"errors"
	"maps"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/static"
	ociTypes "github.com/google/go-containerregistry/pkg/v1/types"

	"coldbench/emulator"
)

// withFiles lays executable files over an image.
func withFiles(t *testing.T, base v1.Image, files map[string]string) v1.Image {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o755, Size: int64(len(files[name])), Typeflag: tar.TypeReg})
		if err == nil {
			_, err = w.Write([]byte(files[name]))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	image, err := mutate.AppendLayers(base, static.NewLayer(b.Bytes(), ociTypes.OCIUncompressedLayer))
	if err := errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	return image
}

// addProgram adds a program of this machine, as the path at, with the libraries
// that it is linked to.
func addProgram(t *testing.T, files map[string]string, program, at string) {
	t.Helper()
	listed, err := exec.Command("ldd", program).Output()
	if err != nil {
		t.Skipf("needs ldd and %s: %v", program, err)
	}
	from := map[string]string{at: program}
	for _, lib := range regexp.MustCompile(`/\S+`).FindAllString(string(listed), -1) {
		from[strings.TrimPrefix(lib, "/")] = lib
	}
	for name, path := range from {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		files[name] = string(text)
	}
}

// The shape of AWS's base images (public.ecr.aws/lambda/nodejs:22 and the like),
// as their published Dockerfiles have it: an entry point that is a shell script
// of one argument, the handler, which starts /var/runtime/bootstrap, or the
// runtime interface emulator where there is no Runtime API.
const entryPointOfAWS = `#!/bin/sh
[ $# -eq 1 ] || { echo "entrypoint requires the handler name to be the first argument" >&2; exit 142; }
export _HANDLER="$1"
[ -n "$AWS_LAMBDA_RUNTIME_API" ] || exec /usr/local/bin/aws-lambda-rie /var/runtime/bootstrap
exec /var/runtime/bootstrap
`

// testImageLikeAWS: a managed-runtime image of that shape serves, with the settings of
// the function over its own. The program that is its runtime is this test's.
func testImageLikeAWS(t *testing.T, h *hub, cache string) {
	b := newImageBed(t, emulator.Options{ImageCache: cache})
	files := map[string]string{}
	addProgram(t, files, "/bin/sh", "bin/sh")
	files["lambda-entrypoint.sh"] = entryPointOfAWS
	files["var/runtime/bootstrap"] = "#!/bin/sh\nexec /var/task/bootstrap \"for $_HANDLER\"\n"
	files["srv/other.sh"] = "#!/bin/sh\nexport OTHER=yes\nexec /lambda-entrypoint.sh \"$@\"\n"
	base := programImage(t)
	f, err := base.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	c := *f.Config.DeepCopy()
	c.Entrypoint, c.Cmd, c.WorkingDir = []string{"/lambda-entrypoint.sh"}, []string{"app.handler"}, "/var/task"
	c.Env = append(c.Env, "LANG=en_US.UTF-8", "TZ=:/etc/localtime", "PATH=/var/lang/bin:/usr/local/bin:/usr/bin/:/bin:/opt/bin",
		"LD_LIBRARY_PATH=/var/lang/lib:/lib64:/usr/lib64:/var/runtime:/var/runtime/lib:/var/task:/var/task/lib:/opt/lib", "LAMBDA_TASK_ROOT=/var/task", "LAMBDA_RUNTIME_DIR=/var/runtime")
	uri, _ := h.push("lambda/nodejs:22", configure(t, withFiles(t, base, files), c))
	for _, test := range []struct {
		name          string
		over          *types.ImageConfig
		handler, dir  string
		other, failed string
	}{
		{name: "own", handler: "app.handler", dir: "/var/task"},
		{name: "command", over: &types.ImageConfig{Command: []string{"src/index.main"}}, handler: "src/index.main", dir: "/var/task"},
		{name: "all", over: &types.ImageConfig{EntryPoint: []string{"other.sh"}, Command: []string{"x.y"}, WorkingDirectory: aws.String("/srv")}, handler: "", failed: "fork/exec other.sh: no such file or directory"},
		{name: "entry", over: &types.ImageConfig{EntryPoint: []string{"/srv/other.sh"}, WorkingDirectory: aws.String("/srv")}, handler: "app.handler", dir: "/srv", other: "yes"},
		{name: "two", over: &types.ImageConfig{Command: []string{"a", "b"}}, failed: "Runtime exited with error: exit status 142"},
	} {
		name := "base-" + test.name
		if _, err := b.createImage(name, uri, func(in *lambda.CreateFunctionInput) { in.ImageConfig = test.over }); err != nil {
			t.Fatal(err)
		}
		b.waitActive(name)
		got, err := b.try(name, order{Do: "see"})
		if err != nil {
			t.Fatal(err)
		}
		if test.failed != "" {
			if !strings.Contains(got.payload, test.failed) {
				t.Errorf("%s: %+v, want %q", name, got, test.failed)
			}
			continue
		}
		var s sight
		if err := json.Unmarshal([]byte(got.payload), &s); err != nil {
			t.Fatalf("%s: %+v", name, got)
		}
		if s.Args[1] != "for "+test.handler || s.Env["_HANDLER"] != test.handler || s.Dir != test.dir || s.Env["OTHER"] != test.other ||
			s.Env["LAMBDA_TASK_ROOT"] != "/var/task" || s.Env["LAMBDA_RUNTIME_DIR"] != "/var/runtime" || s.Env["AWS_LAMBDA_FUNCTION_NAME"] != name || s.Env["TZ"] != ":/etc/localtime" {
			t.Errorf("%s: %+v", name, s)
		}
	}
}
