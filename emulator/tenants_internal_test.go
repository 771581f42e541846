package emulator

import (
	"os"
	"testing"
)

// TestPartsOfAVersion: a tenant's part is there as long as it has environments,
// or until the version goes.
func TestPartsOfAVersion(t *testing.T) {
	s, err := New(Options{WorkDir: t.TempDir(), Sandbox: onPaper{}})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close(t.Context())
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Install(LocalFunction{Name: "fn", Command: []string{self}}); err != nil {
		t.Fatal(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	v := s.functions["fn"].latest
	if s.of(v, "") != v || v.parts != nil {
		t.Error("a version that isolates no tenants has parts")
	}
	v.config.Tenancy = perTenant
	blue, green := s.of(v, "blue"), s.of(v, "green")
	if blue == green || s.of(v, "blue") != blue || v.code.refs != 3 {
		t.Errorf("%d parts and %d references", len(v.parts), v.code.refs)
	}
	d := blue.pool.Arrive(s.now())
	if s.settleLocked(blue); len(v.parts) != 2 {
		t.Error("a part with an environment is gone")
	}
	blue.pool.Drop(d.Env, s.now())
	if s.settleLocked(blue); len(v.parts) != 1 || v.code.refs != 2 {
		t.Errorf("without its environment: %d parts, %d references", len(v.parts), v.code.refs)
	}
	if s.retire(v); v.parts != nil || v.code.refs != 0 || len(s.versions) != 0 {
		t.Errorf("retired: %d parts, %d references, %d versions", len(v.parts), v.code.refs, len(s.versions))
	}
	delete(s.functions, "fn")
}
