package reports

import (
	"testing"

	"coldbench/record"
)

func TestCommandRepeatsTheArguments(t *testing.T) {
	r := &Report{Plan: &record.Plan{Verb: "spiky", Args: []string{
		"spiky", "--dir=my app", "--runtime=nodejs22.x", "--env=A=...", "--http2=true", "--out=x", "--json=true", "--burst=5",
	}}}
	if got, want := r.Command(), `bench spiky --dir 'my app' --runtime nodejs22.x --env A=... --http2 --burst 5`; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if got, want := r.command([]argument{{"burst", "9"}, {"keep-alive", "fixed:2s"}}), `bench spiky --dir 'my app' --runtime nodejs22.x --env A=... --http2 --burst 9 --keep-alive fixed:2s`; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if got, want := r.spiky(), `bench spiky --dir 'my app' --runtime nodejs22.x --env A=...`; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	r.Plan.Args = []string{"replay", "trace.csv", "--speed=60"}
	r.Plan.Verb = "replay"
	if got, want := r.Command(), `bench replay trace.csv --speed 60`; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}
