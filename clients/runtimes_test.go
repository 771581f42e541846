//go:build clients

package clients

import (
	"encoding/json"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
)

// ric: a Node.js function on AWS's own aws-lambda-ric, with its native part,
// from a package whose bootstrap runs it. That on aws-lambda-go is the one that
// the clients drive.
func (b *bed) ric(t *testing.T) {
	t.Parallel()
	needModules(t)
	const module = "node_modules/aws-lambda-ric"
	if _, err := os.Stat(filepath.Join(module, "dist", "rapid-client.node")); err != nil {
		missing(t, "the native part of aws-lambda-ric")
		t.SkipNow()
	}
	files := map[string]string{"bootstrap": "testdata/ric/bootstrap", "index.mjs": "testdata/ric/index.mjs"}
	for _, part := range []string{"package.json", "bin", "dist"} {
		err := filepath.WalkDir(filepath.Join(module, part), func(path string, d fs.DirEntry, err error) error {
			if err == nil && !d.IsDir() {
				files[path] = path
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	archive := filepath.Join(t.TempDir(), "ric.zip")
	pack(t, archive, files)
	s := b.sdk(t, "node-ric")
	s.create(archive, "index.handler")
	for i := range 3 {
		out := s.invoke(`{"name":"ric"}`, nil)
		var got struct {
			Hello, ID, ARN string
			Left           bool
		}
		log := tail(t, out)
		if err := json.Unmarshal(out.Payload, &got); err != nil {
			t.Fatalf("%v: %s\n%s", err, out.Payload, log)
		}
		if got.Hello != "ric" || !got.Left || !strings.HasSuffix(got.ARN, ":function:node-ric") || !strings.Contains(log, "END RequestId: "+got.ID) {
			t.Errorf("%+v\n%s", got, log)
		}
		if cold := strings.Contains(log, "Init Duration"); cold != (i == 0) || !strings.Contains(log, "INFO\tgreeting ric\n") {
			t.Errorf("invocation %d:\n%s", i, log)
		}
	}
	out := s.invoke(`{"name":"ric","fail":true}`, nil)
	if aws.ToString(out.FunctionError) != "Unhandled" || !strings.HasPrefix(string(out.Payload), `{"errorType":"TypeError","errorMessage":"told to fail","trace":["TypeError: told to fail"`) {
		t.Errorf("%s", out.Payload)
	}
	// A handler that streams, on that client and on the built-in runtime.
	s = b.sdk(t, "node-ric-stream")
	s.create(archive, "index.stream")
	s.stream()
	s = b.sdk(t, "node-stream")
	s.createOn(types.RuntimeNodejs22x, archive, "index.stream")
	s.stream()
}

// image: the function on aws-lambda-go as a container image, written by bench
// and created through the SDK like any other.
func (b *bed) image(t *testing.T) {
	t.Parallel()
	if !b.private {
		t.Skip("container images need namespaces, which this machine does not give")
	}
	dir := t.TempDir()
	build(t, filepath.Join(dir, "app", "bootstrap"), "./testdata/function")
	layout := "oci:" + filepath.Join(dir, "layout")
	if out, err := exec.Command(b.bench, "fixtures", "--dir", filepath.Join(dir, "app"), "--image", layout).CombinedOutput(); err != nil {
		t.Fatalf("bench fixtures: %v\n%s", err, out)
	}
	s := b.sdk(t, "go-image")
	must(s.lambda.CreateFunction(s.ctx, &lambda.CreateFunctionInput{
		FunctionName: s.name, PackageType: types.PackageTypeImage, Code: &types.FunctionCode{ImageUri: &layout}, Role: aws.String(role),
		MemorySize: aws.Int32(512), Timeout: aws.Int32(60),
	}))(t)
	s.awaitActive()
	out := s.invoke(`{"name":"image"}`, nil)
	if string(out.Payload) != `{"hello":"image"}` || !strings.Contains(tail(t, out), "Init Duration") {
		t.Errorf("%s\n%s", out.Payload, tail(t, out))
	}
}
