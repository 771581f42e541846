package reports

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"coldbench/parsers"
	"coldbench/record"
)

// explained writes a run of the rows and events and opens it.
func explained(t *testing.T, rows []record.Invocation, events []record.Event) *record.Run {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "run")
	w, err := record.Create(dir, &record.Plan{
		Schema: record.PlanSchema, Name: "x", Verb: "steady", Provenance: record.Measured, Target: "lambda:hello", Region: "eu-west-1",
		Functions: []record.Function{{Name: "hello", Arch: "arm64", MemoryMB: 256}},
		Load:      record.Load{Shape: record.ShapeSteady, Rate: 1, Duration: record.Duration(time.Minute)},
		Timeout:   record.Duration(time.Second), MaxInFlight: 9, Arrivals: int64(len(rows)), ExpectReports: true,
		StartedAt: time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC),
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range events {
		if err := w.Event(e); err != nil {
			t.Fatal(err)
		}
	}
	for i := range rows {
		if err := w.Record(&rows[i]); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(w.Generator(record.GeneratorStats{}), w.Close()); err != nil {
		t.Fatal(err)
	}
	run, err := record.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return run
}

const explainStream = "2026/11/01/[$LATEST]5b81e4c0a643af4fa21579f838aa0001"

// event is a line of the log group, ms after the start of the run.
func event(stream string, ms int64, format string, a ...any) record.Event {
	return record.Event{LogStream: stream, Timestamp: 1793534400000 + ms, Message: fmt.Sprintf(format, a...) + "\n", Source: "filter"}
}

func served(seq int64, id string) record.Invocation {
	at := time.Duration(seq) * time.Second
	return record.Invocation{
		Seq: seq, Tag: record.TagBase, Intended: at, Sent: at + 70*time.Microsecond, FirstByte: at + 31800*time.Microsecond,
		Done: at + 31900*time.Microsecond, Outcome: record.OK, Status: 200, RequestID: id, Conn: record.Conn{Connect: 90 * time.Microsecond},
	}
}

// Two requests of one environment, one that was not sent, one whose REPORT is
// not there, and one that only a hostile platform could have named so.
func explainScene(t *testing.T) *record.Run {
	const a, b = "32f5cbf1-dd22-422a-a566-8965da5a3465", "32aacbf1-dd22-422a-a566-8965da5a3466"
	rows := []record.Invocation{
		served(0, a), served(1, b),
		{Seq: 2, Intended: 2 * time.Second, Outcome: record.NotSent, ErrorType: record.ErrInFlightCap},
		served(3, "f612fbaf-65ce-4fd2-8d1b-6718fcb0b269"),
		{Seq: 4, Intended: 4e9, Sent: 4e9 + 1, Done: 4e9 + 2, Outcome: record.FunctionError, Error: "bad \x1b[31mred\u202e", RequestID: "evil\x1b]0;x\a"},
	}
	tail := event("", 0, "START RequestId: %s Version: $LATEST\nEND RequestId: %s\nREPORT RequestId: %s\tDuration: 1.32 ms\tBilled Duration: 30 ms\tMemory Size: 256 MB\tMax Memory Used: 14 MB\tInit Duration: 28.41 ms\t", a, a, a)
	tail.Timestamp, tail.Source, tail.RequestID = 0, "tail", a
	return explained(t, rows, []record.Event{
		tail, // line 1
		event(explainStream, 0, "INIT_START Runtime Version: provided:al2023.v100\tRuntime Version ARN: arn:aws:lambda:eu-west-1::runtime:x"),
		event(explainStream, 30, "START RequestId: %s Version: $LATEST", a),
		event("2026/11/01/[$LATEST]00000000000000000000000000000002", 30, "START RequestId: other Version: $LATEST"),
		event(explainStream, 31, "END RequestId: %s", a),
		event(explainStream, 31, "REPORT RequestId: %s\tDuration: 1.32 ms\tBilled Duration: 30 ms\tMemory Size: 256 MB\tMax Memory Used: 14 MB\tInit Duration: 28.41 ms\t", a),
		event(explainStream, 1000, "START RequestId: %s Version: $LATEST", b),
		event(explainStream, 1001, "an application's line that names %s", b),
		event(explainStream, 1020, "END RequestId: %s", b),
		event(explainStream, 1020, "REPORT RequestId: %s\tDuration: 20.5 ms\tBilled Duration: 21 ms\tMemory Size: 256 MB\tMax Memory Used: 15 MB\t", b),
		event(explainStream, 1100, "START RequestId: later Version: $LATEST"),
		event(explainStream, 1101, "END RequestId: later"),
		event(explainStream, 1101, "REPORT RequestId: later\tDuration: 1 ms\tBilled Duration: 1 ms\tMemory Size: 256 MB\tMax Memory Used: 15 MB\t"),
	})
}

func places(lines []EnvironmentLine) string {
	var out []string
	for _, l := range lines {
		out = append(out, fmt.Sprint(l.Pos.Line))
	}
	return strings.Join(out, " ")
}

func TestExplainColdStart(t *testing.T) {
	x, err := Explain(explainScene(t), Wanted{RequestID: "32f"})
	if err != nil {
		t.Fatal(err)
	}
	if x.Joined.Start != record.StartCold || x.Joined.StartRule != parsers.RuleInitDuration || x.Meaning == "" {
		t.Errorf("start %s by %q: %q", x.Joined.Start, x.Joined.StartRule, x.Meaning)
	}
	if x.Row.String() != "rows.jsonl.zst:1" || x.Report.String() != "platform.log.zst:6" || len(x.AlsoAt) != 1 || x.AlsoAt[0].Line != 1 {
		t.Errorf("row at %v, REPORT at %v and %v", x.Row, x.Report, x.AlsoAt)
	}
	if got := places(x.Around); got != "2 3 5 6" || x.Served != 0 {
		t.Errorf("around are lines %s, %d served before", got, x.Served)
	}
	// service 31.83 - init 28.41 - duration 1.32 = 2.10 ms
	if r := x.Residue; r == nil || math.Abs(r.Ms-2.1) > 1e-9 || r.InitMs != 28.41 || r.ServiceMs != 31.83 {
		t.Errorf("residue %+v", r)
	}
	// 30 ms / 1000 * 256 MB / 1024 = 0.0075 GB-s, on arm64
	if b := x.Bill; b == nil || b.Invocations != 1 || b.GBSeconds != 0.0075 || len(b.Lines) != 2 || b.Lines[1].What != "duration arm64" {
		t.Errorf("bill %+v", x.Bill)
	}
}

func TestExplainWarmStart(t *testing.T) {
	x, err := Explain(explainScene(t), Wanted{Seq: 1})
	if err != nil {
		t.Fatal(err)
	}
	if x.Joined.Start != record.StartWarm || x.Joined.StartRule != parsers.RuleServedBefore || x.Served != 1 {
		t.Errorf("start %s by %q after %d", x.Joined.Start, x.Joined.StartRule, x.Served)
	}
	// the init of the environment, the REPORT before, its own lines; not the later ones, not the application's
	if got := places(x.Around); got != "2 6 7 9 10" {
		t.Errorf("around are lines %s", got)
	}
}

func TestExplainWithoutReport(t *testing.T) {
	run := explainScene(t)
	for seq, says := range map[int64]string{2: "never sent", 3: "has no REPORT", 4: "has no REPORT"} {
		x, err := Explain(run, Wanted{Seq: seq})
		if err != nil {
			t.Fatal(err)
		}
		if x.Joined.Platform != nil || x.Joined.Start != record.StartUnknown || x.Bill != nil || x.Residue != nil || !strings.Contains(strings.Join(x.Unexplored, "\n"), says) {
			t.Errorf("seq %d: %+v", seq, x)
		}
	}
}

func TestExplainUnknown(t *testing.T) {
	run := explainScene(t)
	for _, c := range []struct {
		w    Wanted
		says string
	}{
		{Wanted{RequestID: "32f5cbf1-dd22-422a-a566-8965da5a3460"}, `4 of 5 rows have one, the nearest is "32f5cbf1-dd22-422a-a566-8965da5a3465" (seq 0)`},
		{Wanted{RequestID: "zz"}, "4 of 5 rows have one"},
		{Wanted{RequestID: "32"}, "2 request ids begin with \"32\": 32f5cbf1-dd22-422a-a566-8965da5a3465 32aacbf1-"},
		{Wanted{Seq: 77}, "no row has seq 77: the run has 5 rows"},
		{Wanted{RequestID: "\x1b[2J"}, "no request id begins with"},
	} {
		_, err := Explain(run, c.w)
		if !IsNoSuchRequest(err) || !strings.Contains(err.Error(), c.says) || strings.ContainsRune(err.Error(), '\x1b') {
			t.Errorf("%+v: %v", c.w, err)
		}
	}
}

func TestExplainGolden(t *testing.T) {
	run := explainScene(t)
	for seq := range int64(5) {
		x, err := Explain(run, Wanted{Seq: seq})
		if err != nil {
			t.Fatal(err)
		}
		x.Dir = "runs/example"
		var text, out bytes.Buffer
		if err := errors.Join(x.WriteText(&text, TextOptions{Width: 100}), x.WriteJSON(&out)); err != nil {
			t.Fatal(err)
		}
		if i := strings.IndexFunc(text.String(), func(r rune) bool { return r < ' ' && r != '\n' || r == '\u202e' || r == 0x7f }); i >= 0 {
			t.Errorf("seq %d: a control character is printed at byte %d:\n%q", seq, i, text.String())
		}
		golden(t, fmt.Sprintf("explain-%d.txt", seq), text.Bytes())
		if seq == 1 {
			golden(t, "explain-1.json", out.Bytes())
		}
		var s ExplanationSummary
		if err := json.Unmarshal(out.Bytes(), &s); err != nil || s.Schema != ExplanationSchema || s.Row.Seq != seq {
			t.Errorf("%v: %s", err, out.String())
		}
	}
}

// What Explain reads of a request alone is what a report of the whole run says
// of it, whatever stands between the lines.
func TestExplainAgreesWithTheWholeRun(t *testing.T) {
	for seed := range uint64(20) {
		run := randomRun(t, rand.New(rand.NewPCG(seed, 4)))
		var pairing parsers.Pairing
		join, err := record.NewJoin(pairing.Platforms(run.Events()), record.JoinOptions{ExpectReports: true})
		if err != nil {
			t.Fatal(err)
		}
		var all []record.Joined
		for j, err := range join.Rows(run.Rows()) {
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, j)
		}
		for _, j := range all {
			x, err := Explain(run, Wanted{Seq: j.Seq})
			if err != nil {
				t.Fatal(err)
			}
			got := x.Joined
			if got.Start != j.Start || got.StartRule != j.StartRule || (got.Platform == nil) != (j.Platform == nil) || got.Environment() != j.Environment() {
				t.Fatalf("seed %d, seq %d: %s by %q in %q; the run has %s by %q in %q", seed, j.Seq,
					got.Start, got.StartRule, got.Environment(), j.Start, j.StartRule, j.Environment())
			}
			if j.Platform != nil && (got.Platform.Raw != j.Platform.Raw || x.Report.Line == 0) {
				t.Fatalf("seed %d, seq %d: %q at %v; the run has %q", seed, j.Seq, got.Platform.Raw, x.Report, j.Platform.Raw)
			}
		}
	}
}

// randomRun has a few environments whose lines are interleaved, with inits that
// fail or ran ahead, time-outs, tails, forged REPORTs, and lines that are
// missing.
func randomRun(t *testing.T, r *rand.Rand) *record.Run {
	t.Helper()
	streams := make([][]record.Event, 4)
	var rows []record.Invocation
	var tails []record.Event
	for s := range streams {
		name := fmt.Sprintf("2026/11/01/[$LATEST]%032d", s)
		at := int64(r.IntN(5000))
		add := func(wait int64, format string, a ...any) {
			if at += wait; r.IntN(20) > 0 { // one line of 20 is lost
				streams[s] = append(streams[s], event(name, at, format, a...))
			}
		}
		add(0, "INIT_START Runtime Version: provided:al2023.v100")
		if r.IntN(4) == 0 {
			add(900, "INIT_REPORT Init Duration: 900.00 ms\tPhase: init\tStatus: error\tError Type: Runtime.ExitError")
		}
		for i := range 1 + r.IntN(5) {
			id := fmt.Sprintf("%08x-dd22-422a-a566-8965da5a3465", r.Uint32())
			report := fmt.Sprintf("REPORT RequestId: %s\tDuration: %d.25 ms\tBilled Duration: 30 ms\tMemory Size: 256 MB\tMax Memory Used: 14 MB\t", id, r.IntN(100))
			if i == 0 && r.IntN(3) > 0 {
				report += "Init Duration: 28.41 ms\t"
			}
			if r.IntN(6) == 0 {
				report += "Status: timeout"
			}
			add(int64(50+r.IntN(2)*9000), "START RequestId: %s Version: $LATEST", id)
			if r.IntN(5) == 0 {
				add(1, "REPORT RequestId: %s\tDuration: 1 ms\tBilled Duration: 1 ms\tMemory Size: 1 MB\tMax Memory Used: 1 MB\t", id)
			}
			add(5, "END RequestId: %s", id)
			add(0, "%s", report)
			if r.IntN(2) == 0 {
				tails = append(tails, record.Event{Message: "END RequestId: " + id + "\n" + report + "\n", Source: "tail", RequestID: id})
			}
			rows = append(rows, served(int64(len(rows)), id))
		}
	}
	events := tails
	for len(streams) > 0 {
		i := r.IntN(len(streams))
		if len(streams[i]) == 0 {
			streams = append(streams[:i], streams[i+1:]...)
			continue
		}
		events = append(events, streams[i][0])
		streams[i] = streams[i][1:]
	}
	return explained(t, rows, events)
}
