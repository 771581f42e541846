package emulator_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"coldbench/emulator"
)

// TestProactiveInit: 0.5 is one environment ahead for each cold start. The
// request that meets it waits for nothing; its REPORT shows the init.
func TestProactiveInit(t *testing.T) {
	b := newBed(t, emulator.Options{Proactive: 0.5, Placement: "lru"})
	b.install(emulator.LocalFunction{})
	first := b.invoke(order{Do: "pid"})
	if !strings.Contains(first.log, "Init Duration") {
		t.Errorf("first: %q", first.log)
	}
	// LRU: once the other environment has fallen idle behind the first one, the
	// two take turns.
	var second answer
	eventually(t, "another process", func() bool {
		second = b.invoke(order{Do: "pid"})
		return second.payload != first.payload
	})
	r := parseReport(t, second.log)
	if r.init == 0 || r.billed < r.init {
		t.Errorf("the first request of an environment that was initialised ahead: %q", second.log)
	}
	if n := b.streams(); n != 2 {
		t.Errorf("%d environments", n)
	}
	for range 2 {
		if a := b.invoke(order{}); strings.Contains(a.log, "Init Duration") {
			t.Errorf("a later request: %q", a.log)
		}
	}
	if k := b.server.Knobs()["proactive"]; !strings.Contains(k, "modelled") {
		t.Errorf("knob %q", k)
	}
}

// TestRequestLeavesAnInit: the init of the second environment never ends, and
// the request that waits for it is served by the first, which falls idle.
func TestRequestLeavesAnInit(t *testing.T) {
	b := newBed(t, emulator.Options{Borrow: true})
	// The init of the first process ends at once, every other waits for the end
	// of the test; the first request waits for release.
	release, over := make(chan struct{}), make(chan struct{})
	var inits atomic.Int32
	running := make(chan struct{})
	gate := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/request":
			close(running)
			<-release
		case inits.Add(1) > 1:
			<-over
		}
	}))
	defer gate.Close()
	defer close(over)
	b.install(emulator.LocalFunction{Env: map[string]string{"TEST_INIT": "get:" + gate.URL + "/init"}})
	slow := make(chan answer, 1)
	go func() {
		a, err := b.try("fn", order{Do: "get", Text: gate.URL + "/request"})
		if err != nil {
			t.Error(err)
		}
		slow <- a
	}()
	<-running
	second := make(chan answer, 1)
	go func() {
		a, err := b.try("fn", order{Do: "served"})
		if err != nil {
			t.Error(err)
		}
		second <- a
	}()
	eventually(t, "second init", func() bool { return inits.Load() == 2 })
	close(release)
	<-slow
	if a := <-second; a.payload != "2" || strings.Contains(a.log, "Init Duration") {
		t.Errorf("the second request was served by %+v", a)
	}
}

// TestZones: requests that come one after the other need one environment in each
// zone.
func TestZones(t *testing.T) {
	b := newBed(t, emulator.Options{Zones: 2, Seed: 1})
	b.install(emulator.LocalFunction{})
	n := 0
	for range 20 {
		n += cold([]answer{b.invoke(order{})})
	}
	if n != 2 {
		t.Errorf("%d cold starts in two zones", n)
	}
}
