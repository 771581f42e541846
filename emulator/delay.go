package emulator

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"time"
)

// The modelled delay of a cold start: placement of the environment and download
// of the package, drawn from published measurements. Every number stands with
// its source in aws-2026.json.

//go:embed aws-2026.json
var aws2026 []byte

// ModelAWS2026 is the name of the one model for Options.Latency that there is.
const ModelAWS2026 = "aws-2026"

// curve is a list of (quantile, value), ascending in both.
type curve [][2]float64

// at gives the value at quantile u. Between two points the logarithm of the
// value is interpolated; outside of them nothing is claimed, so the ends hold.
func (c curve) at(u float64) float64 {
	if len(c) == 0 {
		return 0
	}
	for i, p := range c {
		switch {
		case u > p[0] && i < len(c)-1:
			continue
		case i == 0 || u >= p[0]:
			return p[1]
		}
		before := c[i-1]
		share := (u - before[0]) / (p[0] - before[0])
		return math.Exp(math.Log(before[1]) + share*(math.Log(p[1])-math.Log(before[1])))
	}
	return 0
}

// packageDelay is the model of one kind of package.
type packageDelay struct {
	Placement curve `json:"placement_ms"`
	PerMB     curve `json:"download_ms_per_mb"`
}

// delayModel draws delays. Its draws depend on the seed and their number alone.
// Server.mu guards it; nil draws 0.
type delayModel struct {
	Name       string       `json:"name"`
	Collected  string       `json:"collected"`
	Zip        packageDelay `json:"zip"`
	Image      packageDelay `json:"image"`
	Provenance []struct {
		Of, Source, Measured, Derived string
	} `json:"provenance"`

	random *rand.Rand
}

// newDelayModel reads the model of that name; "" and "off" are none.
func newDelayModel(name string, seed uint64) (*delayModel, error) {
	switch name {
	case "", "off":
		return nil, nil
	case ModelAWS2026:
	default:
		return nil, fmt.Errorf("parse latency model %q: want off or %s", name, ModelAWS2026)
	}
	m := &delayModel{random: rand.New(rand.NewPCG(seed, 0x636f6c64))}
	if err := json.Unmarshal(aws2026, m); err != nil {
		return nil, fmt.Errorf("read the latency model %s: %w", name, err)
	}
	return m, nil
}

// draw gives the delay of one cold start. A slow placement has a slow download:
// one draw decides both.
func (m *delayModel) draw(p deployment) time.Duration {
	if m == nil {
		return 0
	}
	u, d := m.random.Float64(), &m.Zip
	if p.image {
		d = &m.Image
	}
	ms := d.Placement.at(u) + d.PerMB.at(u)*float64(p.bytes)/1e6
	return time.Duration(ms * float64(time.Millisecond))
}

// deployment is what must be downloaded for a cold start.
type deployment struct {
	image bool
	bytes int64 // compressed
}

// deployment of a version. A function of this machine counts as an empty zip:
// nobody would deploy the program that it is part of.
func (v *version) deployment() deployment {
	if v.config.Local {
		return deployment{}
	}
	return deployment{image: v.code.image != nil, bytes: v.code.size}
}

// placed waits for the modelled placement and download, if any, or until the
// environment is over.
func (e *environment) placed() {
	if e.delay == 0 {
		return
	}
	timer := time.NewTimer(e.delay)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-e.over:
	}
}
