package experiment_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"coldbench/experiment"
	"coldbench/record"
)

func TestFloorIsKeptForItsMachine(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("XDG_CACHE_HOME", dir)
	t.Setenv("HOME", dir) // where there is no XDG
	h := record.Host{OS: "linux", Kernel: "6.1", CPUs: 2}
	if f, err := experiment.Floor(&h); f != nil || err != nil {
		t.Fatalf("%+v, %v", f, err)
	}
	want := record.Floor{MeasuredAt: time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC), WakeUpP99: 130 * time.Microsecond, NetHTTPPerSecond: 50_000}
	file, err := experiment.KeepFloor(&h, want)
	if err != nil || !filepath.IsAbs(file) {
		t.Fatal(file, err)
	}
	if f, err := experiment.Floor(&h); err != nil || f == nil || *f != want {
		t.Errorf("%+v, %v", f, err)
	}
	if f, err := experiment.Floor(&record.Host{OS: "linux", Kernel: "6.1", CPUs: 4}); f != nil || err != nil {
		t.Errorf("of another machine: %+v, %v", f, err)
	}
	if err := os.WriteFile(file, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if f, err := experiment.Floor(&h); f != nil || err == nil {
		t.Errorf("from a broken file: %+v, %v", f, err)
	}
}
