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

func (onPaper) Start(context.Context, sandbox.Spec) (emulator.Process, error) {
	return nil, errors.New("nothing is started here")
}

func newImageBed(t *testing.T, o emulator.Options) *bed {
	t.Helper()
	b := newBed(t, o)
	if !b.server.Images() {
		t.Skip("container images need mount namespaces, which this machine doesn't give: " + strings.Join(b.server.Warnings(), " "))
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

// What a client sees of an image while it is created, updated and published, as
// recorded from AWS on 2025-11-25.
func TestImageFunctionAPI(t *testing.T) {
	h := newHub(t)
	first, firstDigest := h.push("team/first:latest", tiny(t, "one"))
	second, secondDigest := h.push("team/second:latest", tiny(t, "two"))
	b := newBed(t, emulator.Options{Sandbox: onPaper{}})
	hold := make(chan struct{})
	created, err := func() (*lambda.CreateFunctionOutput, error) {
		h.hold.Store(&hold)
		defer h.hold.Store(nil)
		// The configuration is a blob too: let it pass.
		go func() { hold <- struct{}{} }()
		return b.createImage("fn", first, func(in *lambda.CreateFunctionInput) {
			in.ImageConfig = &types.ImageConfig{EntryPoint: []string{"sh"}, Command: []string{"-c", "echo test"}, WorkingDirectory: aws.String("/app1")}
		})
	}()
	if err != nil {
		t.Fatal(err)
	}
	if created.State != types.StatePending || created.StateReasonCode != types.StateReasonCodeCreating || created.PackageType != types.PackageTypeImage ||
		*created.CodeSha256 != firstDigest || created.Runtime != "" || created.Handler != nil || created.RuntimeVersionConfig != nil || created.CodeSize != 0 {
		t.Errorf("created: %+v", created)
	}
	_, err = b.try("fn", order{})
	wantAPIError(t, err, "ResourceConflictException", "The operation cannot be performed at this time. The function is currently in the following state: Pending")
	pulling, err := b.client.Get(b.url + emulator.ImagePrefix + "fn")
	if err != nil || pulling.StatusCode != http.StatusAccepted || pulling.Body.Close() != nil {
		t.Errorf("while it is pulled: %+v, %v", pulling, err)
	}
	close(hold)
	b.waitActive("fn")
	got := b.get("fn")
	if c := got.Code; *c.ImageUri != first || *c.RepositoryType != "ECR" || *c.ResolvedImageUri != strings.TrimSuffix(first, ":latest")+"@sha256:"+firstDigest || c.Location != nil {
		t.Errorf("code %+v", c)
	}
	ic := got.Configuration.ImageConfigResponse
	if ic == nil || ic.ImageConfig.EntryPoint[0] != "sh" || ic.ImageConfig.Command[1] != "echo test" || *ic.ImageConfig.WorkingDirectory != "/app1" {
		t.Errorf("image config %+v", ic)
	}
	one, err := b.lambda.PublishVersion(context.Background(), &lambda.PublishVersionInput{FunctionName: aws.String("fn"), CodeSha256: &firstDigest})
	if err != nil || *one.Version != "1" {
		t.Fatalf("%+v, %v", one, err)
	}
	updated, err := b.lambda.UpdateFunctionCode(context.Background(), &lambda.UpdateFunctionCodeInput{FunctionName: aws.String("fn"), ImageUri: &second})
	if err != nil || *updated.CodeSha256 != secondDigest || updated.LastUpdateStatus != types.LastUpdateStatusInProgress {
		t.Fatalf("%+v, %v", updated, err)
	}
	if got := b.get("fn:1"); *got.Configuration.CodeSha256 != firstDigest || *got.Code.ImageUri != first {
		t.Errorf("version 1 is not pinned: %+v", got.Code)
	}
	config := func(c *types.ImageConfig) *types.ImageConfigResponse {
		_, err := b.lambda.UpdateFunctionConfiguration(context.Background(), &lambda.UpdateFunctionConfigurationInput{FunctionName: aws.String("fn"), ImageConfig: c})
		if err != nil {
			t.Fatal(err)
		}
		return b.get("fn").Configuration.ImageConfigResponse
	}
	if r := config(&types.ImageConfig{Command: []string{"-c"}, WorkingDirectory: aws.String("/app1")}); r == nil || r.ImageConfig.EntryPoint != nil {
		t.Errorf("after a change: %+v", r)
	}
	if r := config(nil); r == nil {
		t.Error("a change of something else took the image config away")
	}
	if r := config(&types.ImageConfig{}); r != nil {
		t.Errorf("after its deletion: %+v", r)
	}
}

func TestImageRefusals(t *testing.T) {
	h := newHub(t)
	good, _ := h.push("team/app:v1", tiny(t, "one"))
	foreign := configure(t, tiny(t, "one"), v1.Config{})
	f, err := foreign.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	f = f.DeepCopy()
	f.Architecture = "riscv64"
	if foreign, err = mutate.ConfigFile(foreign, f); err != nil {
		t.Fatal(err)
	}
	other, _ := h.push("team/app:other", foreign)
	odd, _ := h.push("team/app:odd", configure(t, appended(t, static.NewLayer([]byte("x"), "text/plain")), v1.Config{}))
	b := newBed(t, emulator.Options{Sandbox: onPaper{}})
	const invalid = "InvalidParameterValueException"
	for uri, want := range map[string]string{
		h.host + "/team/app:none": "Source image " + h.host + "/team/app:none does not exist. Provide a valid source image.",
		"app:v1":                  "Source image app:v1 is not valid. Provide a valid source image.",
		odd:                       "The image manifest, config or layer media type for the source image " + odd + " is not supported.",
		other:                     "image " + other + ": it is for linux/riscv64; this machine runs linux/" + runtime.GOARCH,
		"":                        "Please provide a source for function code.",
	} {
		_, err := b.createImage("fn", uri, nil)
		wantAPIError(t, err, invalid, want)
	}
	_, err = b.createImage("fn", good, func(in *lambda.CreateFunctionInput) { in.Handler = aws.String("x.y") })
	wantAPIError(t, err, invalid, "Please don't provide Handler or Runtime or Layer when the intended function PackageType is Image.")
	_, err = b.createImage("fn", good, func(in *lambda.CreateFunctionInput) {
		in.PackageType, in.Handler, in.Runtime = types.PackageTypeZip, aws.String("x"), "provided.al2023"
	})
	wantAPIError(t, err, invalid, "Please provide a source for function code.")

	if _, err := b.createImage("fn", good, nil); err != nil {
		t.Fatal(err)
	}
	b.waitActive("fn")
	_, err = b.lambda.UpdateFunctionCode(context.Background(), &lambda.UpdateFunctionCodeInput{FunctionName: aws.String("fn"), ZipFile: []byte("x")})
	wantAPIError(t, err, invalid, "Please provide ImageUri when updating a function with packageType Image.")
	b.install(emulator.LocalFunction{Name: "zip"})
	_, err = b.lambda.UpdateFunctionCode(context.Background(), &lambda.UpdateFunctionCodeInput{FunctionName: aws.String("zip"), ImageUri: &good})
	wantAPIError(t, err, invalid, "Please don't provide ImageUri when updating a function with packageType Zip.")

	// An update that fails leaves the function as it was.
	next, _ := h.push("team/app:v2", tiny(t, "two"))
	h.spoil.Store(true)
	defer h.spoil.Store(false)
	if _, err := b.lambda.UpdateFunctionCode(context.Background(), &lambda.UpdateFunctionCodeInput{FunctionName: aws.String("fn"), ImageUri: &next}); err == nil {
		t.Error("a spoilt image was taken")
	}
	if got := b.get("fn"); *got.Code.ImageUri != good || got.Configuration.State != types.StateActive {
		t.Errorf("after an update that failed: %+v", got.Code)
	}
}

func appended(t *testing.T, l v1.Layer) v1.Image {
	t.Helper()
	image, err := mutate.AppendLayers(empty.Image, l)
	if err != nil {
		t.Fatal(err)
	}
	return image
}

// An image whose layers turn out to be no good makes the function Failed.
func TestImageThatCannotBePulled(t *testing.T) {
	h := newHub(t)
	image := tiny(t, "one")
	uri, _ := h.push("team/app:v1", image)
	layers, err := image.Layers()
	if err != nil {
		t.Fatal(err)
	}
	digest, err := layers[0].Digest()
	if err != nil {
		t.Fatal(err)
	}
	b := newBed(t, emulator.Options{Sandbox: onPaper{}})
	hold := make(chan struct{})
	h.hold.Store(&hold)
	go func() {
		hold <- struct{}{} // the configuration
		h.spoil.Store(true)
		close(hold)
	}()
	if _, err := b.createImage("fn", uri, nil); err != nil {
		t.Fatal(err)
	}
	err = lambda.NewFunctionActiveV2Waiter(b.lambda).Wait(context.Background(), &lambda.GetFunctionInput{FunctionName: aws.String("fn")}, time.Minute,
		func(o *lambda.FunctionActiveV2WaiterOptions) {
			o.MinDelay, o.MaxDelay = time.Millisecond, 20*time.Millisecond
		})
	got := b.get("fn").Configuration
	if err == nil || got.State != types.StateFailed || got.StateReasonCode != types.StateReasonCodeInvalidImage ||
		!strings.HasPrefix(*got.StateReason, "InvalidImage: ImageLayerFailure: UnsupportedImageLayerDetected - Layer Digest "+digest.String()) {
		t.Errorf("waited: %v; state %s, %s: %s", err, got.State, got.StateReasonCode, aws.ToString(got.StateReason))
	}
	_, err = b.try("fn", order{})
	wantAPIError(t, err, "ResourceConflictException", "The operation cannot be performed at this time. The function is currently in the following state: Failed")
}

func TestImageCloseWhilePulling(t *testing.T) {
	h := newHub(t)
	uri, _ := h.push("team/app:v1", tiny(t, "one"))
	b := newBed(t, emulator.Options{Sandbox: onPaper{}})
	hold := make(chan struct{})
	h.hold.Store(&hold)
	go func() { hold <- struct{}{} }()
	if _, err := b.createImage("fn", uri, nil); err != nil {
		t.Fatal(err)
	}
	// newBed closes the server, and sees that nothing is left.
}

// Two functions of one image, from a registry and from a layout: the second
// downloads nothing, and both serve.
func TestImageServes(t *testing.T) {
	h := newHub(t)
	b := newImageBed(t, emulator.Options{Registry: h.host})
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
func TestImageSettings(t *testing.T) {
	h := newHub(t)
	b := newImageBed(t, emulator.Options{})
	base := programImage(t)
	f, err := base.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	c := f.Config.DeepCopy()
	c.Cmd, c.WorkingDir, c.User = []string{"from", "image"}, "/srv/work", "nobody"
	c.Env = append(c.Env, "A=image", "B=image", "PATH=/bin:/var/task", "AWS_REGION=image")
	image := withFile(t, configure(t, base, *c), "srv/work/file", "x")
	uri, _ := h.push("team/fn:v1", image)
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
	}); err != nil {
		t.Fatal(err)
	}
	s := see("fn")
	if strings.Join(s.Args, " ") != "/var/task/bootstrap from image" || s.Dir != "/srv/work" {
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
		{types.ImageConfig{EntryPoint: []string{"/srv/work/file"}}, `"errorType":"Runtime.InvalidEntrypoint","errorMessage":"RequestId: ` + uuidForm + ` Error: fork/exec /srv/work/file: exec format error"`},
		{types.ImageConfig{WorkingDirectory: aws.String("/nowhere")}, `"errorType":"Runtime.InvalidWorkingDir","errorMessage":"RequestId: ` + uuidForm + ` Error: chdir /nowhere: no such file or directory"`},
	} {
		if _, err := b.lambda.UpdateFunctionConfiguration(context.Background(), &lambda.UpdateFunctionConfigurationInput{FunctionName: aws.String("fn"), ImageConfig: &tc.config}); err != nil {
			t.Fatal(err)
		}
		got := b.invoke(order{})
		mustMatch(t, `\{`+tc.failure+`\}`, got.payload)
	}
}

// sight is what a function in an image sees.
type sight struct {
	Args                      []string
	Dir                       string
	Env                       map[string]string
	TmpWritable, RootWritable bool
}

func see() sight {
	s := sight{Args: os.Args, Env: map[string]string{}}
	s.Dir, _ = os.Getwd()
	for _, kv := range os.Environ() {
		k, v, _ := strings.Cut(kv, "=")
		s.Env[k] = v
	}
	s.TmpWritable = os.WriteFile("/tmp/x", nil, 0o600) == nil
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

// A function of an image is there again after a restart, of the same digest
// though the tag has moved, and its layers come out of the cache.
func TestImageSurvivesARestart(t *testing.T) {
	h := newHub(t)
	uri, digest := h.push("team/app:v1", tiny(t, "one"))
	o := emulator.Options{Sandbox: onPaper{}, DataDir: t.TempDir()}
	b := newBed(t, o)
	if _, err := b.createImage("fn", uri, func(in *lambda.CreateFunctionInput) {
		in.ImageConfig = &types.ImageConfig{Command: []string{"x"}}
	}); err != nil {
		t.Fatal(err)
	}
	b.waitActive("fn")
	h.push("team/app:v1", tiny(t, "two"))

	b = b.restart(o)
	b.waitActive("fn")
	got := b.get("fn")
	if *got.Configuration.CodeSha256 != digest || *got.Code.ImageUri != uri || got.Configuration.ImageConfigResponse.ImageConfig.Command[0] != "x" {
		t.Errorf("restored: %+v, %+v", got.Code, got.Configuration.ImageConfigResponse)
	}
	if p := b.report("fn"); p.Digest != "sha256:"+digest || p.Pull.LayersCached != 1 {
		t.Errorf("pulled again: %+v", p)
	}
}
