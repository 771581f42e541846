package sandbox

import (
	"bytes"
	"context"
	"strings"
	"testing"
)

func newHost(t testing.TB, o Options) *Host {
	t.Helper()
	h, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := h.Close(); err != nil {
			t.Error(err)
		}
	})
	return h
}

func TestEnvironmentIsExactlySpecEnv(t *testing.T) {
	h := newHost(t, Options{NoCgroups: true})
	var out bytes.Buffer
	e, err := h.Start(context.Background(), Spec{ID: "env", Command: []string{"env"}, Env: []string{"A=1", "B=2"}, Stdout: &out})
	if err != nil {
		t.Fatal(err)
	}
	<-e.Done()
	if got := strings.Fields(out.String()); len(got) != 2 || got[0] != "A=1" || got[1] != "B=2" {
		t.Errorf("environment %q, want A=1 B=2", got)
	}
	if x := e.ExitError(); x.Code != 0 || x.Signal != 0 || x.Killed {
		t.Errorf("exit %+v", x)
	}
}
