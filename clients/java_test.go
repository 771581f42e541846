//go:build clients

package clients

import (
	"archive/zip"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/smithy-go"
)

// java: a Java function whose package brings the runtime client in its lib
// folder. The client is a stand-in of ours: AWS's own was not run.
func (b *bed) java(t *testing.T) {
	t.Parallel()
	javac, err := exec.LookPath("javac")
	if err != nil {
		t.Skip("needs a JDK")
	}
	dir := t.TempDir()
	classes := filepath.Join(dir, "classes")
	if out, err := exec.Command(javac, "-d", classes, "testdata/java/AWSLambda.java", "testdata/java/App.java").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	jar(t, filepath.Join(dir, "client.jar"), filepath.Join(classes, "com"), "com")
	jar(t, filepath.Join(dir, "core.jar"), filepath.Join(dir, "none"), "")
	files := map[string]string{"example/App.class": filepath.Join(classes, "example", "App.class")}
	bare := filepath.Join(dir, "bare.zip")
	pack(t, bare, files)
	files["lib/aws-lambda-java-core-1.4.0.jar"] = filepath.Join(dir, "core.jar")
	files["lib/aws-lambda-java-runtime-interface-client-2.9.0.jar"] = filepath.Join(dir, "client.jar")
	whole := filepath.Join(dir, "whole.zip")
	pack(t, whole, files)

	s := b.sdk(t, "java")
	create := func(archive string) error {
		code, err := os.ReadFile(archive)
		if err != nil {
			t.Fatal(err)
		}
		_, err = s.lambda.CreateFunction(s.ctx, &lambda.CreateFunctionInput{
			FunctionName: s.name, Runtime: types.RuntimeJava17, Handler: aws.String("example.App::handle"), Role: aws.String(role),
			Code: &types.FunctionCode{ZipFile: code}, MemorySize: aws.Int32(512), Timeout: aws.Int32(60),
			Environment: &types.Environment{Variables: map[string]string{"JAVA_TOOL_OPTIONS": "-Dwrapped=yes"}},
		})
		return err
	}
	var refused smithy.APIError
	if err := create(bare); !errors.As(err, &refused) || refused.ErrorCode() != "InvalidParameterValueException" || !strings.Contains(refused.ErrorMessage(), "no aws-lambda-java-core-*.jar in lib/ of the package; download com.amazonaws:aws-lambda-java-runtime-interface-client") {
		t.Errorf("without a client: %v", err)
	}
	if err := create(whole); err != nil {
		t.Fatal(err)
	}
	s.awaitActive()
	for i := range 2 {
		out := s.invoke(`{}`, nil)
		var got struct {
			Served        int
			Seen, Wrapped string
		}
		log := tail(t, out)
		if err := json.Unmarshal(out.Payload, &got); err != nil {
			t.Fatalf("%v: %s\n%s", err, out.Payload, log)
		}
		if got.Served != i+1 || got.Wrapped != "yes" || !strings.Contains(log, "greeting from java\n") || strings.Contains(log, "Init Duration") != (i == 0) {
			t.Errorf("invocation %d: %+v\n%s", i, got, log)
		}
		root := "/var/task"
		if !b.private {
			root = ""
		}
		for _, want := range []string{"-XX:MaxHeapSize=445645k, -XX:+UseSerialGC, -XX:+TieredCompilation, -XX:TieredStopAtLevel=1", root + "/lib/aws-lambda-java-core-1.4.0.jar:", root + "/lib/aws-lambda-java-runtime-interface-client-2.9.0.jar"} {
			if !strings.Contains(got.Seen, want) {
				t.Errorf("%q is not in %s", want, got.Seen)
			}
		}
	}
	out := s.invoke(`{"fail":true}`, nil)
	if aws.ToString(out.FunctionError) != "Unhandled" || !strings.Contains(string(out.Payload), `"errorMessage":"told to fail","errorType":"java.lang.IllegalStateException"`) {
		t.Errorf("%s", out.Payload)
	}
}

// jar packs a folder of classes under a name; one that is not there gives an
// empty jar.
func jar(t *testing.T, to, dir, as string) {
	t.Helper()
	f, err := os.Create(to)
	if err != nil {
		t.Fatal(err)
	}
	w := zip.NewWriter(f)
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) || (err == nil && d.IsDir()) {
			return nil
		}
		if err != nil {
			return err
		}
		class, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		entry, err := w.Create(as + strings.TrimPrefix(path, dir))
		if err == nil {
			_, err = entry.Write(class)
		}
		return err
	})
	if err := errors.Join(err, w.Close(), f.Close()); err != nil {
		t.Fatal(err)
	}
}
