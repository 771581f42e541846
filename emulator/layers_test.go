package emulator_test

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"coldbench/emulator"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/smithy-go"
)

// scripts makes an archive of executable files, given as name and text in turn.
func scripts(t *testing.T, files ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for i := 0; i < len(files); i += 2 {
		h := &zip.FileHeader{Name: files[i], Method: zip.Deflate}
		h.SetMode(0o755)
		w, err := z.CreateHeader(h)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.WriteString(w, files[i+1])
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func (b *bed) publishLayer(name string, content []byte) *lambda.PublishLayerVersionOutput {
	b.t.Helper()
	out, err := b.lambda.PublishLayerVersion(context.Background(), &lambda.PublishLayerVersionInput{
		LayerName: &name, Content: &types.LayerVersionContentInput{ZipFile: content},
	})
	if err != nil {
		b.t.Fatal(err)
	}
	return out
}

// TestLayers runs a function whose runtime is in a layer, and whose tool is in
// two of them: that of the later one runs, before and after both are deleted.
func TestLayers(t *testing.T) {
	ctx := context.Background()
	work := t.TempDir()
	b := newBed(t, emulator.Options{WorkDir: work})
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	one := b.publishLayer("one", scripts(t, "bin/tool", "#!/bin/sh\necho one\n", "bin/other", "#!/bin/sh\necho kept\n"))
	two := b.publishLayer("two", scripts(t, "bin/tool", "#!/bin/sh\necho two\n", "bootstrap", "#!/bin/sh\necho \"from layers: $(tool) $(other)\"\nexec \"$SELF\"\n"))
	_, err = b.lambda.CreateFunction(ctx, &lambda.CreateFunctionInput{
		FunctionName: aws.String("fn"), Role: aws.String("arn:aws:iam::123456789012:role/r"), Runtime: types.RuntimeProvidedal2023, Timeout: aws.Int32(20),
		Handler: aws.String("x"), MemorySize: aws.Int32(1769), Code: &types.FunctionCode{ZipFile: scripts(t, "data", "no bootstrap here")},
		Environment: &types.Environment{Variables: map[string]string{"TEST_FUNCTION": "1", "SELF": self, "GORACE": "atexit_sleep_ms=0"}},
		Layers:      []string{*one.LayerVersionArn, *two.LayerVersionArn},
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range []string{"one", "two"} {
		if _, err := b.lambda.DeleteLayerVersion(ctx, &lambda.DeleteLayerVersionInput{LayerName: &v, VersionNumber: aws.Int64(1)}); err != nil {
			t.Error(err)
		}
	}
	if a := b.invoke(order{}); !strings.Contains(strings.Join(b.events(), ""), "from layers: two kept") {
		t.Errorf("%+v %q", a, b.events())
	}
	// Without them there is no runtime, and their folder goes with the version.
	if _, err := b.lambda.UpdateFunctionConfiguration(ctx, &lambda.UpdateFunctionConfigurationInput{FunctionName: aws.String("fn"), Layers: []string{}}); err != nil {
		t.Fatal(err)
	}
	if a := b.invoke(order{}); a.failed == "" || !strings.Contains(a.payload, "Couldn't find valid bootstrap") {
		t.Errorf("without layers: %+v", a)
	}
	eventually(t, "the folder of the layers to go", func() bool {
		left, _ := filepath.Glob(filepath.Join(work, "layers", "*"))
		return len(left) == 0
	})
}

// TestCodeLocation downloads what was uploaded, and nothing once it is deleted.
func TestCodeLocation(t *testing.T) {
	ctx := context.Background()
	b := newBed(t, emulator.Options{})
	b.create("fn")
	content := scripts(t, "x", "y")
	published := b.publishLayer("layer", content)
	got, err := b.lambda.GetFunction(ctx, &lambda.GetFunctionInput{FunctionName: aws.String("fn")})
	if err != nil {
		t.Fatal(err)
	}
	for location, want := range map[string][]byte{*got.Code.Location: bootstrapZip(t), *published.Content.Location: content} {
		resp, err := b.client.Get(location)
		if err != nil {
			t.Fatal(err)
		}
		if text := body(t, resp); text != string(want) {
			t.Errorf("%s: %d, %d bytes, want %d", location, resp.StatusCode, len(text), len(want))
		}
		resp.Body.Close()
	}
	if _, err := b.lambda.DeleteFunction(ctx, &lambda.DeleteFunctionInput{FunctionName: aws.String("fn")}); err != nil {
		t.Fatal(err)
	}
	resp, err := b.client.Get(*got.Code.Location)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusNotFound {
		t.Errorf("after its deletion: %d", resp.StatusCode)
	}
}

// TestCodeFromS3 takes code from the folder that stands in for S3, and nothing
// from beside it.
func TestCodeFromS3(t *testing.T) {
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "s3", "bucket", "code"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"s3/bucket/code/fn.zip", "secret.zip", "s3/beside.zip"} {
		if err := os.WriteFile(filepath.Join(dir, name), bootstrapZip(t), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("../../secret.zip", filepath.Join(dir, "s3", "bucket", "link.zip")); err != nil {
		t.Fatal(err)
	}
	b := newBed(t, emulator.Options{S3Dir: filepath.Join(dir, "s3")})
	b.create("fn")
	for _, c := range []struct{ bucket, key, says string }{
		{"bucket", "code/fn.zip", ""},
		{"bucket", "/code/fn.zip", ""},
		{"bucket", "code", "NoSuchKey"},
		{"bucket", "link.zip", "NoSuchKey"},
		{"bucket", "../beside.zip", "NoSuchKey"},
		{"bucket", "../../secret.zip", "NoSuchKey"},
		{"..", "secret.zip", "NoSuchBucket"},
		{"none", "x", "NoSuchBucket"},
	} {
		_, err := b.lambda.UpdateFunctionCode(context.Background(), &lambda.UpdateFunctionCodeInput{FunctionName: aws.String("fn"), S3Bucket: &c.bucket, S3Key: &c.key})
		var api smithy.APIError
		if c.says == "" && err != nil || c.says != "" && (!errors.As(err, &api) || !strings.Contains(api.ErrorMessage(), "S3 Error Code: "+c.says+". ")) {
			t.Errorf("%s/%s: %v", c.bucket, c.key, err)
		}
	}
}
