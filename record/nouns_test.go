package record

import (
	"testing"
	"time"
)

func TestTimesOfARow(t *testing.T) {
	r := Invocation{Intended: 10 * time.Millisecond, Sent: 11 * time.Millisecond, FirstByte: 31 * time.Millisecond, Done: 35 * time.Millisecond}
	for name, c := range map[string]struct{ got, ms time.Duration }{
		"response": {r.Response(), 25}, // 35 - 10
		"service":  {r.Service(), 24},  // 35 - 11
		"lag":      {r.Lag(), 1},       // 11 - 10
		"TTFB":     {r.TTFB(), 20},     // 31 - 11
	} {
		if c.got != c.ms*time.Millisecond {
			t.Errorf("%s is %v, want %d ms", name, c.got, c.ms)
		}
	}
	if cut := (Invocation{Sent: 1}); !r.Answered() || cut.Answered() {
		t.Error("answered is a row with a send and an end")
	}
}

func TestPosNamesFileAndLine(t *testing.T) {
	for want, p := range map[string]Pos{"": {}, "a.log": {File: "a.log"}, "line 3": {Line: 3}, "a.log:3": {"a.log", 3}} {
		if got := p.String(); got != want {
			t.Errorf("%+v is %q, want %q", p, got, want)
		}
	}
}

func TestEnvironmentIsTheLogStream(t *testing.T) {
	with, without := Joined{Platform: &Platform{LogStream: "s"}}, Joined{}
	if with.Environment() != "s" || without.Environment() != "" {
		t.Errorf("%q, %q", with.Environment(), without.Environment())
	}
}
