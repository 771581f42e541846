package record

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestValidateReportsAllFaultsAtOnce(t *testing.T) {
	if err := testPlan(100).Validate(); err != nil {
		t.Errorf("sound plan: %v", err)
	}
	p := &Plan{
		Schema: "x", Provenance: "guessed", Warmup: -1, FunctionTimeout: Duration(901 * time.Second), Arrivals: -1, PayloadLen: MaxPayload + 1,
		Functions: []Function{{MemoryMB: 127}, {Arch: "vax"}}, Load: Load{Shape: ShapeSteady, Rate: math.NaN()},
	}
	err := fmt.Errorf("check plan: %w", p.Validate())
	var places []string
	for _, f := range Faults(err) {
		places = append(places, f.Where)
	}
	want := []string{
		"schema", "provenance", "target", "functions[0].memory", "functions[1].arch", "timeout", "function-timeout", "warmup", "max-in-flight",
		"arrivals", "payload", "rate", "duration",
	}
	if !slices.Equal(places, want) {
		t.Errorf("places %q, want %q\n%v", places, want, err)
	}
	var fault *Fault
	if !errors.As(err, &fault) || fault.Error() != `schema: "x" is not "coldbench.plan/v1"` {
		t.Errorf("first fault: %v", fault)
	}
	if fs := Faults(errors.New("other")); fs != nil {
		t.Errorf("faults of another error: %v", fs)
	}
}

func TestValidateLoad(t *testing.T) {
	sec := Duration(time.Second)
	for _, c := range []struct {
		load Load
		want []string
	}{
		{Load{Shape: ShapeSteady, Rate: 1, Duration: sec}, nil},
		{Load{Shape: ShapeSteady, Duration: sec}, []string{"rate"}},
		{Load{Shape: ShapeSteady, Rate: 1e12, Duration: -1}, []string{"rate", "duration"}},
		{Load{Shape: ShapeSteady, Rate: math.Inf(1), Duration: sec, Arrivals: "bursty"}, []string{"rate", "arrivals"}},
		{Load{Shape: ShapeRamp, RateTo: 5, Duration: sec}, nil},
		{Load{Shape: ShapeRamp, Duration: sec}, []string{"rate"}},
		{Load{Shape: ShapeSpiky, Burst: 5, Every: sec, Spread: sec, Duration: sec}, nil},
		{Load{Shape: ShapeSpiky, Burst: 5, Every: sec, Spread: sec + 1, Offset: -1, Duration: sec}, []string{"spread", "offset"}},
		{Load{Shape: ShapeSpiky, BaseRate: -1, Duration: sec}, []string{"base-rate", "burst", "every"}},
		{Load{Shape: ShapeWarmer, Rate: 1, PingEvery: sec, PingConcurrency: 1, Duration: sec}, nil},
		{Load{Shape: ShapeWarmer, Duration: sec}, []string{"rate", "ping-every", "ping-concurrency"}},
		{Load{Shape: ShapeReplay, Trace: "t.csv"}, nil},
		{Load{Shape: ShapeReplay, Speed: math.NaN()}, []string{"trace", "speed"}},
		{Load{Shape: "zigzag", Duration: sec}, []string{"shape"}},
	} {
		var places []string
		for _, f := range Faults(c.load.Validate()) {
			places = append(places, f.Where)
		}
		if !slices.Equal(places, c.want) {
			t.Errorf("%+v: faults in %q, want %q", c.load, places, c.want)
		}
	}
}

func TestDurationReadsWhatItWrites(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := Duration(rapid.Int64().Draw(t, "ns"))
		b, err := json.Marshal(d)
		var back Duration
		if err != nil || json.Unmarshal(b, &back) != nil || back != d {
			t.Fatalf("%d became %s and %d", d, b, back)
		}
	})
	var d Duration
	if err := json.Unmarshal([]byte(`"5"`), &d); err == nil {
		t.Error("5 without a unit is taken")
	}
}

func TestOptKeepsAbsentAndZeroApart(t *testing.T) {
	type box struct {
		A Opt[float64] `json:"a,omitzero"`
		B Opt[float64] `json:"b"`
		C Opt[bool]    `json:"c,omitzero"`
	}
	for text, want := range map[string]box{
		`{"b":null}`:                    {},
		`{"a":0,"b":1.5,"c":false}`:     {Some(0.0), Some(1.5), Some(false)},
		`{"a":-0.25,"b":null,"c":true}`: {Some(-0.25), Opt[float64]{}, Some(true)},
	} {
		var got box
		if err := json.Unmarshal([]byte(text), &got); err != nil || got != want {
			t.Errorf("%s: %+v, %v; want %+v", text, got, err, want)
		}
		if b, err := json.Marshal(want); err != nil || string(b) != text {
			t.Errorf("%+v: %s, %v; want %s", want, b, err, text)
		}
	}
	o := Some(7.0)
	if err := json.Unmarshal([]byte("null"), &o); err != nil || o.Valid || o.Value != 0 {
		t.Errorf("null leaves %+v, %v", o, err)
	}
	if err := json.Unmarshal([]byte(`"7"`), &o); err == nil {
		t.Error("a string is taken for a number")
	}
	if _, err := json.Marshal(Some(math.NaN())); err == nil {
		t.Error("NaN is written")
	}
}

func TestPlatformSurvivesJSON(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := random[Platform]("platform").Draw(t, "platform")
		p.Raw = "" // is kept as the event's message
		for _, s := range []*string{&p.RequestID, &p.Status, &p.ErrorType, &p.XRayTraceID, &p.XRaySegmentID, &p.Phase, &p.RuntimeVersion, &p.RuntimeVersionARN, &p.LogStream, &p.StartRule, &p.Pos.File} {
			*s = valid(*s)
		}
		p.Kind, p.Start = PlatformKind(valid(string(p.Kind))), Start(valid(string(p.Start)))
		b, err := json.Marshal(p)
		var back Platform
		if err != nil || json.Unmarshal(b, &back) != nil || back != p {
			t.Fatalf("changed by %s (%v):\n%+v\n%+v", b, err, p, back)
		}
	})
}
