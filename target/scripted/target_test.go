package scripted_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"coldbench/loadgen"
	"coldbench/record"
	"coldbench/target/scripted"
)

var _ loadgen.Target = (*scripted.Target)(nil)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const script = `
# a cold start, then warm ones
{"seq": 7, "service": "30ms", "outcome": "transport_error", "error": "reset"}
{"tag": "ping", "fn": 1, "service": "2ms"}

{"init": "300ms", "service": "20ms", "ttfb": "310ms", "tail": "REPORT RequestId: {id}\tDuration: 20.00 ms", "version": "3", "response_bytes": 9}
{"service": "5ms", "times": 2, "outcome": "function_error", "status": 200, "error_type": "Runtime.ExitError", "request_id": "given"}
`

func TestScript(t *testing.T) {
	path := filepath.Join(t.TempDir(), "script.jsonl")
	if err := os.WriteFile(path, []byte(script), 0o600); err != nil {
		t.Fatal(err)
	}
	target, err := scripted.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	const ms = time.Millisecond
	synctest.Test(t, func(t *testing.T) {
		// The cycle is: cold, error, error.
		for _, c := range []struct {
			req         loadgen.Request
			first, done time.Duration // 0 = never
			outcome     record.Outcome
			id, tail    string
		}{
			{loadgen.Request{Seq: 0}, 310 * ms, 320 * ms, record.OK, scripted.RequestID(0), "REPORT RequestId: " + scripted.RequestID(0) + "\tDuration: 20.00 ms"},
			{loadgen.Request{Seq: 1}, 5 * ms, 5 * ms, record.FunctionError, "given", ""},
			{loadgen.Request{Seq: 2}, 5 * ms, 5 * ms, record.FunctionError, "given", ""},
			{loadgen.Request{Seq: 3, Tag: record.TagPing}, 310 * ms, 320 * ms, record.OK, scripted.RequestID(3), "REPORT RequestId: " + scripted.RequestID(3) + "\tDuration: 20.00 ms"},
			{loadgen.Request{Seq: 3, Tag: record.TagPing, Function: 1}, 2 * ms, 2 * ms, record.OK, scripted.RequestID(3), ""},
			{loadgen.Request{Seq: 7}, 0, 0, record.TransportError, scripted.RequestID(7), ""},
		} {
			begin := time.Now()
			r := target.Invoke(t.Context(), c.req)
			since := func(at time.Time) time.Duration {
				if at.IsZero() {
					return 0
				}
				return at.Sub(begin)
			}
			if !r.Sent.Equal(begin) || since(r.FirstByte) != c.first || since(r.Done) != c.done || r.Outcome != c.outcome || r.RequestID != c.id || string(r.Tail) != c.tail {
				t.Errorf("%+v: %+v", c.req, r)
			}
			if c.done > 0 && time.Since(begin) != c.done {
				t.Errorf("%+v took %v", c.req, time.Since(begin))
			}
		}
	})
	if target.Calls() != 6 || target.MaxInFlight() != 1 {
		t.Errorf("%d calls, %d in flight", target.Calls(), target.MaxInFlight())
	}
}

func TestContextCutsAStep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, c := range []struct {
			step scripted.Step
			took time.Duration
		}{
			{scripted.Step{Service: record.Duration(time.Hour)}, time.Second},
			{scripted.Step{Service: record.Duration(time.Hour), TTFB: record.Duration(time.Millisecond)}, time.Second},
			{scripted.Step{Fault: scripted.Hang}, time.Second},
			{scripted.Step{Fault: scripted.Deaf, Service: record.Duration(time.Hour)}, time.Hour},
		} {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			begin := time.Now()
			r := scripted.New(c.step).Invoke(ctx, loadgen.Request{})
			cancel()
			if took := time.Since(begin); took != c.took {
				t.Errorf("%+v took %v", c.step, took)
			}
			if c.took == time.Second && r.Outcome != "" {
				t.Errorf("%+v: %+v", c.step, r)
			}
		}
	})
}

func TestFaultyScripts(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"", "s.jsonl: there is no step"},
		{"# only\n", "no step"},
		{"{}\n{\"service\": \"5\"}\n", `s.jsonl:2: duration "5"`},
		{"{\"servce\": \"5ms\"}\n", `s.jsonl:1: unknown field "servce"`},
		{"{\"service\": \"-5ms\"}\n", "s.jsonl:1: a time is negative"},
		{"{\"ttfb\": \"5ms\"}\n", "s.jsonl:1: ttfb 5ms is after the end"},
		{"{\"outcome\": \"fine\"}\n", `s.jsonl:1: outcome "fine" is none of`},
		{"{\"fault\": \"odd\"}\n", `s.jsonl:1: fault "odd" is none of`},
		{"{\"times\": -1}\n", "s.jsonl:1: times -1"},
		{"{\"times\": 2, \"seq\": 1}\n", "s.jsonl:1: times has no meaning"},
		{"{} {}\n", "s.jsonl:1: more than one value"},
		{"{}\n\n[", "s.jsonl:3: "},
		{"{\"tail\": \"" + strings.Repeat("x", 1<<20) + "\"}", "s.jsonl:1: bufio.Scanner: token too long"},
	} {
		_, err := scripted.Read(strings.NewReader(c.text), "s.jsonl")
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%.40q: %v, want %q", c.text, err, c.want)
		}
	}
	if _, err := scripted.Open(filepath.Join(t.TempDir(), "none")); err == nil {
		t.Error("a missing script opens")
	}
}

func FuzzRead(f *testing.F) {
	f.Add(script)
	f.Add(`{"seq":-1}`)
	f.Fuzz(func(t *testing.T, text string) {
		steps, err := scripted.Read(strings.NewReader(text), "fuzz")
		if err != nil {
			return
		}
		if len(steps) == 0 {
			t.Fatal("no step and no error")
		}
		scripted.New(steps...) // every valid script can be played
	})
}
