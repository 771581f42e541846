package emulator_test

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/smithy-go"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/static"
	ociTypes "github.com/google/go-containerregistry/pkg/v1/types"

	"coldbench/emulator"
	"coldbench/fixtures"
	"coldbench/sandbox"
)

// hub is the library's registry on loopback.
type hub struct {
	t     *testing.T
	host  string
	blobs atomic.Int64
	hold  atomic.Pointer[chan struct{}] // GETs of layers wait for it
	spoil atomic.Bool                   // GETs of layers fail
	deny  atomic.Int32                  // a status that GETs of layers get, 0 = none
}

func newHub(t *testing.T) *hub {
	t.Helper()
	h := &hub{t: t}
	inner := registry.New(registry.Logger(log.New(io.Discard, "", 0)))
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet && strings.Contains(r.URL.Path, "/blobs/") {
			h.blobs.Add(1)
			if hold := h.hold.Load(); hold != nil {
				select {
				case <-*hold:
				case <-r.Context().Done():
				}
			}
			if status := h.deny.Load(); status != 0 {
				w.WriteHeader(int(status))
				return
			}
			if h.spoil.Load() {
				w = spoiler{w}
			}
		}
		inner.ServeHTTP(w, r)
	}))
	t.Cleanup(web.Close)
	h.host = strings.TrimPrefix(web.URL, "http://")
	return h
}

// spoiler sends zeros in place of what it is given.
type spoiler struct{ http.ResponseWriter }

func (s spoiler) Write(p []byte) (int, error) { return s.ResponseWriter.Write(make([]byte, len(p))) }

func (h *hub) push(as string, image v1.Image) (reference, digest string) {
	h.t.Helper()
	ref, err := name.ParseReference(h.host + "/" + as)
	if err == nil {
		transport := &http.Transport{DisableKeepAlives: true} // nothing of it may outlive the test
		err = remote.Write(ref, image, remote.WithTransport(transport))
	}
	if err != nil {
		h.t.Fatal(err)
	}
	d, err := image.Digest()
	if err != nil {
		h.t.Fatal(err)
	}
	return ref.Name(), d.Hex
}

// tiny is an image with one file in it, which is no program.
func tiny(t *testing.T, text string) v1.Image {
	t.Helper()
	return withFile(t, configure(t, empty.Image, v1.Config{Entrypoint: []string{"/hello"}}), "hello", text)
}

func withFile(t *testing.T, base v1.Image, file, text string) v1.Image {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	err := w.WriteHeader(&tar.Header{Name: file, Mode: 0o755, Size: int64(len(text)), Typeflag: tar.TypeReg})
	if err == nil {
		_, err = io.WriteString(w, text)
	}
	if err := errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	image, err := mutate.AppendLayers(base, static.NewLayer(b.Bytes(), ociTypes.OCIUncompressedLayer))
	if err != nil {
		t.Fatal(err)
	}
	return image
}

func configure(t *testing.T, image v1.Image, c v1.Config) v1.Image {
	t.Helper()
	f, err := image.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	f = f.DeepCopy()
	f.OS, f.Architecture, f.Config = "linux", runtime.GOARCH, c
	if image, err = mutate.ConfigFile(image, f); err != nil {
		t.Fatal(err)
	}
	return image
}

// program is the image of this test binary as a function, made once.
var program = sync.OnceValues(func() (v1.Image, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	return fixtures.ImageProgram(self, "TEST_FUNCTION=1", "GORACE=atexit_sleep_ms=0", "FROM_IMAGE=yes")
})

func programImage(t *testing.T) v1.Image {
	t.Helper()
	image, err := program()
	if err != nil {
		t.Fatal(err)
	}
	return image
}

// onPaper is a sandbox for tests that start nothing: it claims what images
// need.
type onPaper struct{}

func (onPaper) Private() bool { return true }

func (onPaper) RemoveTmp(string) error { return nil }

func (onPaper) Start(context.Context, sandbox.Spec) (emulator.Process, error) {
	return nil, errors.New("nothing is started here")
}

func newImageBed(t *testing.T, o emulator.Options) *bed {
	t.Helper()
	b := newBed(t, o)
	if !b.server.Images() {
		t.Skip("this machine can't run container images: " + strings.Join(b.server.Warnings(), " "))
	}
	return b
}

const testRole = "arn:aws:iam::123456789012:role/x"

func (b *bed) createImage(function, uri string, change func(*lambda.CreateFunctionInput)) (*lambda.CreateFunctionOutput, error) {
	b.t.Helper()
	in := &lambda.CreateFunctionInput{
		FunctionName: &function, Role: aws.String(testRole), PackageType: types.PackageTypeImage,
		Code: &types.FunctionCode{ImageUri: &uri}, MemorySize: aws.Int32(1769), Timeout: aws.Int32(30),
	}
	if change != nil {
		change(in)
	}
	return b.lambda.CreateFunction(context.Background(), in)
}

func (b *bed) waitActive(function string) {
	b.t.Helper()
	err := lambda.NewFunctionActiveV2Waiter(b.lambda).Wait(context.Background(), &lambda.GetFunctionInput{FunctionName: &function}, time.Minute,
		func(o *lambda.FunctionActiveV2WaiterOptions) {
			o.MinDelay, o.MaxDelay = time.Millisecond, 20*time.Millisecond
		})
	if err != nil {
		b.t.Fatal(err)
	}
}

func (b *bed) get(function string) *lambda.GetFunctionOutput {
	b.t.Helper()
	out, err := b.lambda.GetFunction(context.Background(), &lambda.GetFunctionInput{FunctionName: &function})
	if err != nil {
		b.t.Fatal(err)
	}
	return out
}

// wantAPIError checks the code and text of a refusal.
func wantAPIError(t *testing.T, err error, code, text string) {
	t.Helper()
	var api smithy.APIError
	if !errors.As(err, &api) || api.ErrorCode() != code || api.ErrorMessage() != text {
		t.Errorf("error %v\nwant %s: %s", err, code, text)
	}
}

// Functions that run. They share a registry and a cache, so that the program,
// which is this large test binary, is sent and unpacked once.
func TestImage(t *testing.T) {
	h, cache := newHub(t), t.TempDir()
	t.Run("serves", func(t *testing.T) { testImageServes(t, h, cache) })
	t.Run("settings", func(t *testing.T) { testImageSettings(t, h, cache) })
	t.Run("update", func(t *testing.T) { testImageUpdate(t, h, cache) })
	t.Run("shape of AWS", func(t *testing.T) { testImageLikeAWS(t, h, cache) })
	t.Run("extension", func(t *testing.T) { testImageWithAnExtension(t, h, cache) })
}

// Two functions of one image, from a registry and from a layout: the second
// downloads nothing, and both serve.
func testImageServes(t *testing.T, h *hub, cache string) {
	b := newImageBed(t, emulator.Options{Registry: h.host, ImageCache: cache})
	_, digest := h.push("team/fn:v1", programImage(t))
	ecr := "123456789012.dkr.ecr.us-east-1.amazonaws.com/team/fn:v1"
	if _, err := b.createImage("fn", ecr, nil); err != nil {
		t.Fatal(err)
	}
	b.waitActive("fn")
	if got := b.get("fn").Code; *got.ResolvedImageUri != strings.TrimSuffix(ecr, ":v1")+"@sha256:"+digest {
		t.Errorf("resolved %s", *got.ResolvedImageUri)
	}
	cold := b.invoke(order{Do: "print", Text: "hello"})
	if cold.status != 200 || cold.payload != `"printed"` || cold.failed != "" {
		t.Fatalf("cold: %+v", cold)
	}
	start, end := "START RequestId: "+uuidForm+` Version: \$LATEST`+"\n", "END RequestId: "+uuidForm+"\n"
	mustMatch(t, start+"hello\nto stderr\n"+end+reportForm+initForm+"\n", cold.log)
	if warm := b.invoke(order{Do: "served"}); warm.payload != "2" {
		t.Errorf("warm: %+v", warm)
	}
	if events := b.events(); strings.HasPrefix(events[0], "INIT_START") {
		t.Errorf("an image has no runtime version: %q", events[0])
	}
	pulled := b.report("fn")
	if p := pulled.Pull; pulled.Digest != "sha256:"+digest || p.Layers != 1 || p.DownloadedBytes == 0 || p.LayersCached != 0 || p.Unpack <= 0 {
		t.Errorf("report %+v", pulled)
	}

	dir := filepath.Join(t.TempDir(), "layout")
	if err := fixtures.WriteLayout(dir, programImage(t)); err != nil {
		t.Fatal(err)
	}
	before := h.blobs.Load()
	if _, err := b.createImage("second", "oci:"+dir, nil); err != nil {
		t.Fatal(err)
	}
	b.waitActive("second")
	if p := b.report("second").Pull; p.LayersCached != 1 || p.DownloadedBytes != 0 || h.blobs.Load() != before {
		t.Errorf("the second function: %+v", p)
	}
	if got, err := b.try("second", order{Do: "served"}); err != nil || got.payload != "1" {
		t.Errorf("the second function: %+v, %v", got, err)
	}
}

func (b *bed) report(function string) emulator.ImageReport {
	b.t.Helper()
	r, err := b.client.Get(b.url + emulator.ImagePrefix + function)
	if err != nil {
		b.t.Fatal(err)
	}
	defer func() { _ = r.Body.Close() }()
	var report emulator.ImageReport
	if err := json.NewDecoder(r.Body).Decode(&report); err != nil || r.StatusCode != http.StatusOK {
		b.t.Fatalf("%s: %v", r.Status, err)
	}
	return report
}

// The settings of an image, and what a function lays over them.
func testImageSettings(t *testing.T, h *hub, cache string) {
	b := newImageBed(t, emulator.Options{ImageCache: cache})
	base := programImage(t)
	f, err := base.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	c := f.Config.DeepCopy()
	c.Cmd, c.WorkingDir, c.User = []string{"from", "image"}, "/srv/job", "nobody"
	c.Env = append(c.Env, "A=image", "B=image", "PATH=/bin:/var/task", "AWS_REGION=image")
	image := withFile(t, configure(t, base, *c), "srv/job/file", "x")
	uri, _ := h.push("team/fn:v2", image)
	see := func(function string) (s sight) {
		t.Helper()
		b.waitActive(function)
		got, err := b.try(function, order{Do: "see"})
		if err != nil || got.failed != "" || json.Unmarshal([]byte(got.payload), &s) != nil {
			t.Fatalf("%s: %+v, %v", function, got, err)
		}
		return s
	}
	if _, err := b.createImage("fn", uri, func(in *lambda.CreateFunctionInput) {
		in.Environment = &types.Environment{Variables: map[string]string{"B": "function"}}
		in.EphemeralStorage = &types.EphemeralStorage{Size: aws.Int32(600)}
	}); err != nil {
		t.Fatal(err)
	}
	s := see("fn")
	if strings.Join(s.Args, " ") != "/var/task/bootstrap from image" || s.Dir != "/srv/job" {
		t.Errorf("runs %q in %s", s.Args, s.Dir)
	}
	for k, want := range map[string]string{"A": "image", "B": "function", "AWS_REGION": "us-east-1", "PATH": "/bin:/var/task", "FROM_IMAGE": "yes", "LANG": "", "AWS_EXECUTION_ENV": "", "TMPDIR": ""} {
		if s.Env[k] != want {
			t.Errorf("%s=%q, want %q", k, s.Env[k], want)
		}
	}
	if !s.TmpWritable || s.RootWritable {
		t.Errorf("/tmp writable: %v, the rest: %v", s.TmpWritable, s.RootWritable)
	}
	limited := !strings.Contains(strings.Join(b.server.Warnings(), " "), "size of /tmp is not limited")
	if limited && (s.TmpMB <= 570 || s.TmpMB > 600) { // inodes take some
		t.Errorf("/tmp has %d MB, want about 600", s.TmpMB)
	}

	if _, err := b.createImage("over", uri, func(in *lambda.CreateFunctionInput) {
		in.ImageConfig = &types.ImageConfig{EntryPoint: []string{"bootstrap", "own"}, Command: []string{"command"}, WorkingDirectory: aws.String("/var")}
	}); err != nil {
		t.Fatal(err)
	}
	if s := see("over"); strings.Join(s.Args, " ") != "/var/task/bootstrap own command" || s.Dir != "/var" {
		t.Errorf("runs %q in %s", s.Args, s.Dir)
	}
	for _, tc := range []struct {
		config  types.ImageConfig
		failure string
	}{
		{types.ImageConfig{EntryPoint: []string{"/no/such"}}, `"errorType":"Runtime.InvalidEntrypoint","errorMessage":"RequestId: ` + uuidForm + ` Error: fork/exec /no/such: no such file or directory"`},
		{types.ImageConfig{EntryPoint: []string{"/srv/job/file"}}, `"errorType":"Runtime.InvalidEntrypoint","errorMessage":"RequestId: ` + uuidForm + ` Error: fork/exec /srv/job/file: exec format error"`},
		{types.ImageConfig{WorkingDirectory: aws.String("/nowhere")}, `"errorType":"Runtime.InvalidWorkingDir","errorMessage":"RequestId: ` + uuidForm + ` Error: chdir /nowhere: no such file or directory"`},
	} {
		if _, err := b.lambda.UpdateFunctionConfiguration(context.Background(), &lambda.UpdateFunctionConfigurationInput{FunctionName: aws.String("fn"), ImageConfig: &tc.config}); err != nil {
			t.Fatal(err)
		}
		got := b.invoke(order{})
		mustMatch(t, `\{`+tc.failure+`\}`, got.payload)
	}
}

// An image's own extensions start with it.
func testImageWithAnExtension(t *testing.T, h *hub, cache string) {
	b := newImageBed(t, emulator.Options{ImageCache: cache})
	var layer bytes.Buffer
	w := tar.NewWriter(&layer)
	link := &tar.Header{Name: "opt/extensions/watch", Typeflag: tar.TypeSymlink, Linkname: "/var/task/bootstrap", Mode: 0o777}
	if err := errors.Join(w.WriteHeader(link), w.Close()); err != nil {
		t.Fatal(err)
	}
	image, err := mutate.AppendLayers(programImage(t), static.NewLayer(layer.Bytes(), ociTypes.OCIUncompressedLayer))
	if err != nil {
		t.Fatal(err)
	}
	uri, _ := h.push("team/fn:v2", image)
	if _, err := b.createImage("fn", uri, nil); err != nil {
		t.Fatal(err)
	}
	b.waitActive("fn")
	cold := b.invoke(order{Do: "print", Text: "hello"})
	if cold.payload != `"printed"` || !strings.Contains(cold.log, "watch: INVOKE ") {
		t.Errorf("got %+v", cold)
	}
	b.logged("EXTENSION\tName: watch\tState: Ready\tEvents: [INVOKE, SHUTDOWN]")
}

// sight is what a function in an image sees.
type sight struct {
	Args                      []string
	Dir                       string
	Env                       map[string]string
	TmpWritable, RootWritable bool
	TmpMB                     int
}

func see() sight {
	s := sight{Args: os.Args, Env: map[string]string{}}
	s.Dir, _ = os.Getwd()
	for _, kv := range os.Environ() {
		k, v, _ := strings.Cut(kv, "=")
		s.Env[k] = v
	}
	s.TmpWritable = os.WriteFile("/tmp/x", nil, 0o600) == nil
	var disk syscall.Statfs_t
	if syscall.Statfs("/tmp", &disk) == nil {
		s.TmpMB = int(disk.Blocks * uint64(disk.Bsize) >> 20)
	}
	s.RootWritable = os.WriteFile("/var/task/x", nil, 0o600) == nil || os.WriteFile("/x", nil, 0o600) == nil
	return s
}

// Without namespaces of its own an image is refused with the reason.
func TestImageNeedsNamespaces(t *testing.T) {
	b := newBed(t, emulator.Options{Sandbox: bare{}})
	_, err := b.createImage("fn", "oci:anything", nil)
	if err == nil || !strings.Contains(err.Error(), "This machine can't run container images") {
		t.Errorf("error %v", err)
	}
}

type bare struct{ onPaper }

func (bare) Private() bool { return false }
