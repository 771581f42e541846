package emulator

import (
	"math"
	"testing"
	"time"
)

// TestDelayCurve: at its points a curve has their values; halfway between
// (0.5, 91) and (0.9, 223) the geometric mean, sqrt(91 · 223) = 142.45; beyond
// its ends nothing else than the ends.
func TestDelayCurve(t *testing.T) {
	m, err := newDelayModel(ModelAWS2026, 1)
	if err != nil {
		t.Fatal(err)
	}
	for u, want := range map[float64]float64{0: 69, 0.1: 69, 0.5: 91, 0.7: math.Sqrt(91 * 223), 0.9: 223, 0.99: 977, 1: 977} {
		if got := m.Zip.Placement.at(u); math.Abs(got-want) > 1e-9*want {
			t.Errorf("zip placement at %v: %v ms, want %v", u, got, want)
		}
	}
	if got := m.Image.PerMB.at(0.5); got != 0 {
		t.Errorf("bytes of an image cost %v ms a MB", got)
	}
	for _, c := range []curve{m.Zip.Placement, m.Zip.PerMB, m.Image.Placement} {
		for i := 1; i < len(c); i++ {
			if c[i][0] <= c[i-1][0] || c[i][1] < c[i-1][1] {
				t.Errorf("%v does not ascend", c)
			}
		}
	}
	if len(m.Provenance) != 4 {
		t.Errorf("%d sources for four numbers", len(m.Provenance))
	}
}

// TestDelayBySeedAndPackage: equal seeds draw alike; a zip of 100 MB waits by at
// least 830 ms longer than an empty one at the same draw; an image does not care.
func TestDelayBySeedAndPackage(t *testing.T) {
	model := func(seed uint64) *delayModel {
		m, err := newDelayModel(ModelAWS2026, seed)
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	a, b, big, other := model(7), model(7), model(7), model(8)
	image, fat := model(7), model(7)
	differ := false
	for range 200 {
		d := a.draw(deployment{})
		if d < 69*time.Millisecond || d > 977*time.Millisecond {
			t.Fatalf("drew %v", d)
		}
		if d != b.draw(deployment{}) {
			t.Fatal("equal seeds draw unequal delays")
		}
		if more := big.draw(deployment{bytes: 100e6}) - d; more < 830*time.Millisecond || more > 1480*time.Millisecond {
			t.Fatalf("100 MB cost %v", more)
		}
		if image.draw(deployment{image: true}) != fat.draw(deployment{image: true, bytes: 5e9}) {
			t.Fatal("the size of an image matters")
		}
		differ = differ || d != other.draw(deployment{})
	}
	if !differ {
		t.Error("another seed draws the same")
	}
	if m, err := newDelayModel("aws-1999", 0); err == nil {
		t.Errorf("unknown model: %v", m)
	}
	if d := (*delayModel)(nil).draw(deployment{bytes: 1e9}); d != 0 {
		t.Errorf("no model waits %v", d)
	}
}

// The shapes are those of fixtures/corpus.
func TestOldStyleLines(t *testing.T) {
	at := time.Date(2024, 3, 4, 17, 22, 38, 33e6, time.UTC)
	for _, c := range []struct {
		r      report
		behind string
	}{
		{report{RequestID: "id", Status: statusTimeout, Message: "Task timed out after 3.00 seconds"}, "2024-03-04T17:22:38.033Z id Task timed out after 3.00 seconds\n\n"},
		{report{RequestID: "id", Status: statusError, ErrorType: errorExit, Message: "Runtime exited without providing a reason"}, "RequestId: id Error: Runtime exited without providing a reason\nRuntime.ExitError\n"},
		{report{RequestID: "id", Status: statusError, ErrorType: errorOOM, Message: "Runtime exited with error: signal: killed"}, "RequestId: id Error: Runtime exited with error: signal: killed\nRuntime.ExitError\n"},
		{report{RequestID: "id"}, ""},
	} {
		line, behind := c.r.old(at)
		if plain := (report{RequestID: "id"}).String(); behind != c.behind || line != plain {
			t.Errorf("%+v: %q and %q, want %q", c.r, line, behind, c.behind)
		}
	}
}
