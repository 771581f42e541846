package emulator_test

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"coldbench/emulator"
)

func (b *bed) updateImage(uri string) *lambda.UpdateFunctionCodeOutput {
	b.t.Helper()
	out, err := b.lambda.UpdateFunctionCode(context.Background(), &lambda.UpdateFunctionCodeInput{FunctionName: aws.String("fn"), ImageUri: &uri})
	if err != nil {
		b.t.Fatal(err)
	}
	return out
}

// awaitUpdate is the SDK's own waiter for an update.
func (b *bed) awaitUpdate(function string) error {
	return lambda.NewFunctionUpdatedV2Waiter(b.lambda).Wait(context.Background(), &lambda.GetFunctionInput{FunctionName: &function}, time.Minute,
		func(o *lambda.FunctionUpdatedV2WaiterOptions) {
			o.MinDelay, o.MaxDelay = time.Millisecond, 20*time.Millisecond
		})
}

func (b *bed) waitUpdated(function string) {
	b.t.Helper()
	if err := b.awaitUpdate(function); err != nil {
		b.t.Fatal(err)
	}
}

// layerDigest is that of an image's first layer.
func layerDigest(t *testing.T, image v1.Image) string {
	t.Helper()
	layers, err := image.Layers()
	if err != nil {
		t.Fatal(err)
	}
	digest, err := layers[0].Digest()
	if err != nil {
		t.Fatal(err)
	}
	return digest.String()
}

// afterConfig holds the layers of the next image until it is told to release
// them; the configuration is a blob too and passes.
func (h *hub) afterConfig() (release func()) {
	hold := make(chan struct{})
	h.hold.Store(&hold)
	go func() { hold <- struct{}{} }()
	return func() {
		h.hold.Store(nil)
		close(hold)
	}
}

// While an update pulls its image, the function's previous code serves, and a
// second update is refused; so it stays where the pull fails, with the reason.
func testImageUpdate(t *testing.T, h *hub, cache string) {
	b := newImageBed(t, emulator.Options{ImageCache: cache})
	sees := func(image v1.Image, value string) v1.Image {
		f, err := image.ConfigFile()
		if err != nil {
			t.Fatal(err)
		}
		c := f.Config.DeepCopy()
		c.Env = append(c.Env, "WHICH="+value)
		return configure(t, image, *c)
	}
	serving := func(want string) {
		t.Helper()
		if a := b.invoke(order{Do: "see"}); !strings.Contains(a.payload, `"WHICH":"`+want+`"`) {
			t.Errorf("want the function of image %s, got %+v", want, a)
		}
	}
	base := programImage(t)
	one, first := h.push("team/update:one", sees(base, "one"))
	two, second := h.push("team/update:two", sees(withFile(t, base, "srv/two", "two"), "two"))
	three, third := h.push("team/update:three", sees(withFile(t, base, "srv/three", "three"), "three"))
	if _, err := b.createImage("fn", one, nil); err != nil {
		t.Fatal(err)
	}
	b.waitActive("fn")
	serving("one")

	release := h.afterConfig()
	if out := b.updateImage(two); *out.CodeSha256 != second || out.State != types.StateActive || out.LastUpdateStatus != types.LastUpdateStatusInProgress || out.LastUpdateStatusReasonCode != types.LastUpdateStatusReasonCode("Creating") {
		t.Errorf("answer to the update: %+v", out)
	}
	serving("one")
	_, err := b.lambda.UpdateFunctionConfiguration(context.Background(), &lambda.UpdateFunctionConfigurationInput{FunctionName: aws.String("fn"), Timeout: aws.Int32(9)})
	wantAPIError(t, err, "ResourceConflictException", "The operation cannot be performed at this time. An update is in progress for resource: arn:aws:lambda:us-east-1:123456789012:function:fn")
	release()
	b.waitUpdated("fn")
	serving("two")

	for _, c := range []struct {
		fault  func()
		status int32
		code   types.LastUpdateStatusReasonCode
		reason string
	}{
		{func() { h.spoil.Store(true) }, 0, types.LastUpdateStatusReasonCodeInvalidImage, "InvalidImage: ImageLayerFailure: UnsupportedImageLayerDetected - Layer Digest sha256:"},
		{nil, http.StatusForbidden, types.LastUpdateStatusReasonCodeImageAccessDenied, "ImageAccessDenied: Lambda does not have permission to access the ECR image. Check the ECR permissions."},
		{nil, http.StatusNotFound, types.LastUpdateStatusReasonCodeImageDeleted, "ImageDeleted: Source image " + three + " does not exist. Provide a valid source image."},
	} {
		release := h.afterConfig()
		if out := b.updateImage(three); *out.CodeSha256 != third || out.LastUpdateStatus != types.LastUpdateStatusInProgress {
			t.Errorf("answer to the update: %+v", out)
		}
		if c.fault != nil {
			c.fault()
		}
		h.deny.Store(c.status)
		release()
		err := b.awaitUpdate("fn")
		got := b.get("fn")
		g := got.Configuration
		if err == nil || g.LastUpdateStatus != types.LastUpdateStatusFailed || g.LastUpdateStatusReasonCode != c.code || !strings.HasPrefix(aws.ToString(g.LastUpdateStatusReason), c.reason) {
			t.Errorf("waited: %v; %s %s %q", err, g.LastUpdateStatus, g.LastUpdateStatusReasonCode, aws.ToString(g.LastUpdateStatusReason))
		}
		if g.State != types.StateActive || *g.CodeSha256 != second || *got.Code.ImageUri != two {
			t.Errorf("after an update that failed: %s %+v", g.State, got.Code)
		}
		serving("two")
		h.spoil.Store(false)
		h.deny.Store(0)
	}
	b.updateImage(one)
	b.waitUpdated("fn")
	serving("one")
	if g := b.get("fn").Configuration; g.LastUpdateStatus != types.LastUpdateStatusSuccessful || *g.CodeSha256 != first {
		t.Errorf("after the next update: %+v", g)
	}
}

// A cache that is to keep nothing unused has the images of the functions that
// are there, and of no others.
func TestImageCacheLetsGo(t *testing.T) {
	h, cache := newHub(t), t.TempDir()
	b := newBed(t, emulator.Options{Sandbox: onPaper{}, ImageCache: cache, ImageCacheBytes: 1})
	for i, text := range []string{"one", "two", "three"} {
		uri, _ := h.push("team/app:"+text, tiny(t, text))
		if i == 0 {
			if _, err := b.createImage("fn", uri, nil); err != nil {
				t.Fatal(err)
			}
			b.waitActive("fn")
			continue
		}
		b.updateImage(uri)
		b.waitUpdated("fn")
	}
	// The second was in use when the third was pulled; the first no more.
	texts := map[string]bool{}
	found, err := filepath.Glob(filepath.Join(cache, "trees/*/hello"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range found {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		texts[string(text)] = true
	}
	if len(texts) != 2 || texts["one"] {
		t.Errorf("the cache has %v", texts)
	}
}
