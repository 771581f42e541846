package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A built-in function packed as an image, and measured as one: the label says
// image, the pull is told apart from every figure.
func TestSpikyOnAnImage(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	packed := bench(t, dir, "fixtures", "--function", "hello", "--image", "oci:made")
	if packed.code != 0 || !strings.HasPrefix(packed.stdout, "oci:made@sha256:") {
		t.Fatalf("fixtures: %+v", packed)
	}
	r := bench(t, dir, "spiky", "--json", "--image", "oci:made", "--burst", "2", "--base-rate", "0", "--duration", "1s", "--every", "1s", "--offset", "0s", "--memory", "1769",
		"--env", "GORACE=atexit_sleep_ms=0")
	if strings.Contains(r.stderr, "This machine can't run container images") {
		t.Skip("no mount namespaces on this machine")
	}
	s := measured(t, r)
	refusedOnlyForLag(t, s)
	if s.Provenance != "emulated" || s.Outcomes["ok"] != 2 || s.Starts["cold"] != 2 || s.Platform.Missing != 0 {
		t.Errorf("provenance %s, outcomes %v, starts %v\n%s", s.Provenance, s.Outcomes, s.Starts, r.stderr)
	}
	digest := strings.TrimSpace(strings.TrimPrefix(packed.stdout, "oci:made@"))
	if want := "image " + digest + ": 1 layers (0 cached)"; !strings.Contains(r.stderr, want) || !strings.Contains(r.stderr, "in no figure below") {
		t.Errorf("stderr lacks %q:\n%s", want, r.stderr)
	}
	plan, err := os.ReadFile(filepath.Join(dir, "runs", "latest", "plan.json"))
	if err != nil || !strings.Contains(string(plan), `"package": "image"`) || !strings.Contains(string(plan), `"image": "`+digest) {
		t.Errorf("plan (%v): %s", err, plan)
	}
}

func TestImageFlags(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		args []string
		want string
	}{
		{[]string{"spiky", "--image", "nginx"}, `--image: "nginx": want HOST/NAME:TAG`},
		{[]string{"spiky", "--image", "oci:x", "--runtime", "nodejs22.x"}, "--runtime: an image brings its own"},
		{[]string{"spiky", "--image", "oci:x", "--handler", "a.b"}, "--handler: an image has none"},
		{[]string{"spiky", "--image", "oci:x", "--dir", "y"}, "give one of --zip, --dir and --image"},
		{[]string{"fixtures", "--image", "tar:x"}, "want oci:DIR"},
		{[]string{"fixtures", "--dir", "x"}, "give that too"},
	} {
		if r := bench(t, t.TempDir(), tc.args...); r.code != 2 || !strings.Contains(r.stderr, tc.want) {
			t.Errorf("%v: exit %d, %s", tc.args, r.code, r.stderr)
		}
	}
	for ref, want := range map[string]string{
		"oci:/tmp/made": "made", "oci:made:v1": "made", "docker-archive:saved.tar": "saved.tar",
		"127.0.0.1:5000/team/app:v1": "app", "x.dkr.ecr.us-east-1.amazonaws.com/app@sha256:00": "app",
	} {
		if got := imageName(ref); got != want {
			t.Errorf("%s is called %s, want %s", ref, got, want)
		}
	}
}
