package emulator_test

import (
	"context"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/static"

	"coldbench/emulator"
)

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
	b.waitUpdated("fn")
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
	// Of an update what shows in the manifest is refused at once, and a dry run
	// pulls nothing.
	_, err = b.lambda.UpdateFunctionCode(context.Background(), &lambda.UpdateFunctionCodeInput{FunctionName: aws.String("fn"), ImageUri: &odd})
	wantAPIError(t, err, invalid, "The image manifest, config or layer media type for the source image "+odd+" is not supported.")
	next, digest := h.push("team/app:v2", tiny(t, "two"))
	dry, err := b.lambda.UpdateFunctionCode(context.Background(), &lambda.UpdateFunctionCodeInput{FunctionName: aws.String("fn"), ImageUri: &next, DryRun: true})
	if err != nil || *dry.CodeSha256 != digest || dry.LastUpdateStatus != types.LastUpdateStatusSuccessful {
		t.Errorf("dry run: %+v, %v", dry, err)
	}
	if got := b.get("fn"); *got.Code.ImageUri != good || got.Configuration.State != types.StateActive {
		t.Errorf("after updates that were none: %+v", got.Code)
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
	digest := layerDigest(t, image)
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
	err := lambda.NewFunctionActiveV2Waiter(b.lambda).Wait(context.Background(), &lambda.GetFunctionInput{FunctionName: aws.String("fn")}, time.Minute,
		func(o *lambda.FunctionActiveV2WaiterOptions) {
			o.MinDelay, o.MaxDelay = time.Millisecond, 20*time.Millisecond
		})
	got := b.get("fn").Configuration
	if err == nil || got.State != types.StateFailed || got.StateReasonCode != types.StateReasonCodeInvalidImage ||
		!strings.HasPrefix(*got.StateReason, "InvalidImage: ImageLayerFailure: UnsupportedImageLayerDetected - Layer Digest "+digest) {
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
