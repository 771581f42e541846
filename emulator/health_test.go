package emulator_test

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"coldbench/emulator"
)

// TestHealth: 200 with counts while the server takes invocations, 503 after.
func TestHealth(t *testing.T) {
	b := newBed(t, emulator.Options{Version: "v1"})
	ask := func() (int, string) {
		resp, err := b.client.Get(b.url + "/healthz")
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		return resp.StatusCode, body(t, resp)
	}
	b.install(emulator.LocalFunction{})
	if status, text := ask(); status != http.StatusOK || text != `{"status":"ok","version":"v1","functions":1,"environments":0,"busy":0,"events":0,"sandbox_starts":0,"sandbox_start_ms":0}` {
		t.Errorf("%d %s", status, text)
	}
	b.invoke(order{})
	eventually(t, "an idle environment", func() bool {
		_, text := ask()
		return strings.HasPrefix(text, `{"status":"ok","version":"v1","functions":1,"environments":1,"busy":0,"events":0,"sandbox_starts":1,"sandbox_start_ms":`) &&
			!strings.HasSuffix(text, ":0}")
	})
	if err := b.server.Drain(context.Background()); err != nil {
		t.Fatal(err)
	}
	if status, text := ask(); status != http.StatusServiceUnavailable || text[:22] != `{"status":"stopping","` {
		t.Errorf("%d %s", status, text)
	}
}
