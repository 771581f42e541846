package emulator_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"coldbench/emulator"
	"coldbench/fixtures"
)

// Functions in containers of runc, from a package and from an image: with an
// extension, killed by a signal, out of memory, and served again.
func TestContainersOfRunc(t *testing.T) {
	if _, err := exec.LookPath("runc"); err != nil || os.Geteuid() != 0 {
		t.Skipf("needs runc and root: %v", err)
	}
	b := newBed(t, emulator.Options{OCIRuntime: "runc"})
	if !strings.Contains(b.server.Limits(), "memory") || b.server.Knobs()["sandbox"] != "runc" {
		t.Fatalf("limits %s, knobs %v", b.server.Limits(), b.server.Knobs())
	}
	b.install(emulator.LocalFunction{MemoryMB: 128, Layer: layer(t, map[string]string{"watch": "tell=1"})})
	cold := b.invoke(order{Do: "print", Text: "hello"})
	if cold.payload != `"printed"` || !strings.Contains(cold.log, "Init Duration") || !strings.Contains(cold.log, "watch: INVOKE ") {
		t.Errorf("got %+v", cold)
	}
	b.served("2")
	b.failure(order{Do: "eat", Bytes: 1 << 30}, "signal: killed", "\tMax Memory Used: 128 MB\tStatus: error\tError Type: Runtime.OutOfMemory\n")
	b.failure(order{Do: "signal", Code: 9}, "signal: killed", "\tStatus: error\tError Type: Runtime.ExitError\n")
	b.served("1")

	dir := filepath.Join(t.TempDir(), "layout")
	if err := fixtures.WriteLayout(dir, programImage(t)); err != nil {
		t.Fatal(err)
	}
	if _, err := b.createImage("image", "oci:"+dir, nil); err != nil {
		t.Fatal(err)
	}
	b.waitActive("image")
	var s sight
	a, err := b.try("image", order{Do: "see"})
	if err != nil || json.Unmarshal([]byte(a.payload), &s) != nil || !s.TmpWritable || s.RootWritable {
		t.Errorf("an image sees %+v, %v", a, err)
	}
}
