//go:build clients

package clients

import (
	"archive/tar"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"

	"coldbench/fixtures"
)

// baseImage: an image of the shape of public.ecr.aws/lambda/nodejs, which can't
// be had without a network: this machine's node as /var/lang/bin/node, AWS's
// own runtime client, the entry point that takes the handler as its command.
func (b *bed) baseImage(t *testing.T) {
	t.Parallel()
	needModules(t)
	if !b.private {
		t.Skip("container images need namespaces, which this machine does not give")
	}
	const module = "node_modules/aws-lambda-ric"
	if _, err := os.Stat(filepath.Join(module, "dist", "rapid-client.node")); err != nil {
		missing(t, "the native part of aws-lambda-ric")
		t.SkipNow()
	}
	layer := newLayer(t)
	layer.program("/bin/sh", "bin/sh")
	node, err := exec.Command("node", "-p", "process.execPath").Output()
	if err != nil {
		t.Fatal(err)
	}
	layer.program(strings.TrimSpace(string(node)), "var/lang/bin/node")
	layer.libraries(filepath.Join(module, "dist", "rapid-client.node"))
	for _, part := range []string{"package.json", "bin", "dist"} {
		err := filepath.WalkDir(filepath.Join(module, part), func(path string, d fs.DirEntry, err error) error {
			if err == nil && !d.IsDir() {
				layer.file("var/runtime/"+path, path)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	layer.text("lambda-entrypoint.sh", "#!/bin/sh\n[ $# -eq 1 ] || exit 142\nexport _HANDLER=\"$1\"\n"+
		"[ -n \"$AWS_LAMBDA_RUNTIME_API\" ] || exec /usr/local/bin/aws-lambda-rie /var/runtime/bootstrap\nexec /var/runtime/bootstrap\n")
	layer.text("var/runtime/bootstrap", "#!/bin/sh\nexec /var/lang/bin/node /var/runtime/"+module+"/bin/index.mjs \"$_HANDLER\"\n")
	layer.file("var/task/app.mjs", "testdata/ric/index.mjs")
	uri := "oci:" + filepath.Join(t.TempDir(), "layout")
	if err := fixtures.WriteLayout(strings.TrimPrefix(uri, "oci:"), layer.image()); err != nil {
		t.Fatal(err)
	}
	s := b.sdk(t, "node-base-image")
	must(s.lambda.CreateFunction(s.ctx, &lambda.CreateFunctionInput{
		FunctionName: s.name, PackageType: types.PackageTypeImage, Code: &types.FunctionCode{ImageUri: &uri}, Role: aws.String(role),
		MemorySize: aws.Int32(1024), Timeout: aws.Int32(60),
	}))(t)
	s.awaitActive()
	for i := range 2 {
		out := s.invoke(`{"name":"base"}`, nil)
		log := tail(t, out)
		if !strings.Contains(string(out.Payload), `"hello":"base"`) || !strings.Contains(log, "INFO\tgreeting base\n") || strings.Contains(log, "Init Duration") != (i == 0) {
			t.Errorf("invocation %d: %s\n%s", i, out.Payload, log)
		}
	}
}

// layer is an image's only one while it is written.
type layer struct {
	t    *testing.T
	path string
	out  *os.File
	tar  *tar.Writer
	has  map[string]bool
}

func newLayer(t *testing.T) *layer {
	path := filepath.Join(t.TempDir(), "layer.tar")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	return &layer{t, path, f, tar.NewWriter(f), map[string]bool{}}
}

func (l *layer) write(name string, size int64, from io.Reader) {
	l.t.Helper()
	err := l.tar.WriteHeader(&tar.Header{Name: name, Mode: 0o755, Size: size, Typeflag: tar.TypeReg})
	if err == nil {
		_, err = io.Copy(l.tar, from)
	}
	if err != nil {
		l.t.Fatal(err)
	}
}

func (l *layer) text(name, text string) { l.write(name, int64(len(text)), strings.NewReader(text)) }

func (l *layer) file(name, path string) {
	l.t.Helper()
	if l.has[name] {
		return
	}
	l.has[name] = true
	f, err := os.Open(path)
	if err != nil {
		l.t.Fatal(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		l.t.Fatal(err)
	}
	l.write(name, info.Size(), f)
}

// program adds a program of this machine and its libraries.
func (l *layer) program(path, at string) {
	l.t.Helper()
	l.file(at, path)
	l.libraries(path)
}

func (l *layer) libraries(path string) {
	l.t.Helper()
	listed, err := exec.Command("ldd", path).Output()
	if err != nil {
		l.t.Skipf("needs ldd and %s: %v", path, err)
	}
	for _, lib := range regexp.MustCompile(`/\S+`).FindAllString(string(listed), -1) {
		l.file(strings.TrimPrefix(lib, "/"), lib)
	}
}

func (l *layer) image() v1.Image {
	l.t.Helper()
	if err := errors.Join(l.tar.Close(), l.out.Close()); err != nil {
		l.t.Fatal(err)
	}
	made, err := tarball.LayerFromFile(l.path)
	if err != nil {
		l.t.Fatal(err)
	}
	image, err := mutate.AppendLayers(empty.Image, made)
	if err != nil {
		l.t.Fatal(err)
	}
	f, err := image.ConfigFile()
	if err != nil {
		l.t.Fatal(err)
	}
	f = f.DeepCopy()
	f.OS, f.Architecture = "linux", runtime.GOARCH
	f.Config = v1.Config{
		Entrypoint: []string{"/lambda-entrypoint.sh"}, Cmd: []string{"app.handler"}, WorkingDir: "/var/task",
		Env: []string{"LANG=en_US.UTF-8", "PATH=/var/lang/bin:/usr/local/bin:/usr/bin/:/bin:/opt/bin", "LAMBDA_TASK_ROOT=/var/task", "LAMBDA_RUNTIME_DIR=/var/runtime"},
	}
	if image, err = mutate.ConfigFile(image, f); err != nil {
		l.t.Fatal(err)
	}
	return image
}
