//go:build clients

package clients

import (
	"archive/zip"
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// bed is a `bench emulate` in a process of its own, and a function to put on it.
type bed struct {
	endpoint string
	zip      string // a deployment package of testdata/function
	bench    string // the program
	access   string // its access log
	private  bool   // its environments have namespaces
}

// TestClients runs every client against one emulator, at the same time.
func TestClients(t *testing.T) {
	b := start(t)
	t.Run("all", func(t *testing.T) {
		for _, aws := range installed("aws") {
			t.Run("cli "+version(t, aws, "--version"), func(t *testing.T) { b.script(t, "sh", "cli.sh", "AWS="+aws) })
		}
		for _, python := range installed("python3") {
			if exec.Command(python, "-c", "import boto3").Run() == nil {
				t.Run("boto3 "+version(t, python, "-c", "import boto3; print(boto3.__version__)"), func(t *testing.T) { b.script(t, python, "boto.py") })
			}
		}
		t.Run("js", func(t *testing.T) {
			needModules(t)
			b.script(t, "node", "js.mjs")
		})
		t.Run("go", b.goSDK)
		t.Run("aws-lambda-ric", b.ric)
		t.Run("image", b.image)
		t.Run("base image", b.baseImage)
		t.Run("java", b.java)
		t.Run("guide", b.guide)
		if len(installed("aws")) == 0 {
			missing(t, "the AWS CLI")
		}
		if !hasBoto() {
			missing(t, "boto3")
		}
	})
	if flag.Lookup("test.run").Value.String() == "" { // else not all have run
		b.checkAccessLog(t)
	}
}

func hasBoto() bool {
	for _, python := range installed("python3") {
		if exec.Command(python, "-c", "import boto3").Run() == nil {
			return true
		}
	}
	return false
}

// missing skips what can't be run, or fails where all is asked for, as in CI.
func missing(t *testing.T, what string) {
	t.Helper()
	if os.Getenv("CLIENTS") == "all" {
		t.Errorf("%s is not installed", what)
	} else {
		t.Logf("skipped: %s is not installed", what)
	}
}

func needModules(t *testing.T) {
	t.Helper()
	if _, err := os.Stat("node_modules/@aws-sdk/client-lambda"); err != nil {
		missing(t, "the npm packages (npm ci in clients/)")
		t.SkipNow()
	}
}

// installed lists the programs of a name: the one that PATH finds first, and the
// system's, as a machine may have an old and a new one.
func installed(name string) (paths []string) {
	if p, err := exec.LookPath(name); err == nil {
		paths = append(paths, p)
	}
	if p := "/usr/bin/" + name; len(paths) == 0 || paths[0] != p {
		if _, err := os.Stat(p); err == nil {
			paths = append(paths, p)
		}
	}
	return paths
}

func version(t *testing.T, program string, args ...string) string {
	t.Helper()
	out, err := exec.Command(program, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %v: %v\n%s", program, args, err, out)
	}
	return strings.Fields(string(out))[0]
}

func (b *bed) environment(name string) []string {
	return append(os.Environ(), "ENDPOINT="+b.endpoint, "ZIP="+b.zip, "NAME="+name,
		"AWS_ACCESS_KEY_ID=any", "AWS_SECRET_ACCESS_KEY=any", "AWS_PAGER=", "AWS_REGION=us-east-1")
}

// script runs one client's script, whose silence is success.
func (b *bed) script(t *testing.T, interpreter, file string, more ...string) {
	t.Parallel()
	name := strings.NewReplacer("/", "-", " ", "-", ".", "_").Replace(t.Name())
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, interpreter, file)
	cmd.Env = append(b.environment(name), more...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", file, err, out)
	}
	if len(out) > 0 {
		t.Logf("%s", out)
	}
}

// start builds bench and the function, and starts bench emulate.
func start(t *testing.T) *bed {
	t.Helper()
	dir := t.TempDir()
	b := &bed{bench: filepath.Join(dir, "bench"), zip: filepath.Join(dir, "function.zip"), access: filepath.Join(dir, "access.log")}
	build(t, b.bench, "../cmd/bench")
	build(t, filepath.Join(dir, "bootstrap"), "./testdata/function")
	pack(t, b.zip, map[string]string{"bootstrap": filepath.Join(dir, "bootstrap")})

	cmd := exec.Command(b.bench, "emulate", "--listen", "127.0.0.1:0", "--announce", "--access-log", b.access)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = stdin.Close() // which ends it
		if err := cmd.Wait(); err != nil {
			t.Errorf("bench emulate: %v\n%s", err, stderr.String())
		}
	})
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		t.Fatalf("bench emulate: %v\n%s", err, stderr.String())
	}
	var about struct {
		Endpoint string
		Warnings []string
	}
	if err := json.Unmarshal([]byte(line), &about); err != nil {
		t.Fatal(err)
	}
	b.endpoint = about.Endpoint
	b.private = !strings.Contains(strings.Join(about.Warnings, "\n"), "no namespaces")
	return b
}

func build(t *testing.T, out, pkg string) {
	t.Helper()
	cmd := exec.Command("go", "build", "-trimpath", "-o", out, pkg)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("go build %s: %v\n%s", pkg, err, text)
	}
}

// pack makes a zip archive of files, by their names in it.
func pack(t *testing.T, archive string, files map[string]string) {
	t.Helper()
	var buf bytes.Buffer
	z := zip.NewWriter(&buf)
	for name, file := range files {
		add(t, z, name, file)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(archive, buf.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
}

func add(t *testing.T, z *zip.Writer, name, file string) {
	t.Helper()
	info, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	h := &zip.FileHeader{Name: name, Method: zip.Deflate}
	h.SetMode(info.Mode() &^ fs.ModeSymlink)
	w, err := z.CreateHeader(h)
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := io.Copy(w, f); err != nil {
		t.Fatal(err)
	}
}

// checkAccessLog: every operation of the list has been asked for, and none was
// one that the emulator does not know.
func (b *bed) checkAccessLog(t *testing.T) {
	t.Helper()
	log, err := os.ReadFile(b.access)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]int{}
	for line := range strings.Lines(string(log)) {
		var e struct{ Operation, Error, Path string }
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		if e.Error == "UnknownOperationException" {
			t.Errorf("unknown to the emulator: %s", line)
		}
		seen[e.Operation]++
	}
	for _, op := range []string{
		"CreateFunction", "GetFunction", "Invoke", "InvokeWithResponseStream", "PublishVersion", "CreateAlias",
		"PutFunctionConcurrency", "DeleteFunctionConcurrency", "CreateFunctionUrlConfig", "FunctionUrl", "DeleteFunctionUrlConfig",
		"DescribeLogStreams", "GetLogEvents", "FilterLogEvents", "StartQuery", "GetQueryResults", "StartLiveTail", "DeleteFunction",
	} {
		if seen[op] == 0 {
			t.Errorf("no client has called %s", op)
		}
	}
	t.Logf("requests: %v", seen)
}
