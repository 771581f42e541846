package parsers

import (
	"errors"
	"fmt"
	"iter"
	"strings"
	"testing"

	"coldbench/record"
)

// eventsOf makes one event of each line, all of one log stream, a millisecond
// apart.
func eventsOf(stream string, lines ...string) []record.Event {
	var events []record.Event
	for i, line := range lines {
		events = append(events, record.Event{LogStream: stream, Timestamp: 1_700_000_000_000 + int64(i), Message: line + "\n"})
	}
	return events
}

func sequence(events []record.Event) iter.Seq2[record.Event, error] {
	return func(yield func(record.Event, error) bool) {
		for _, e := range events {
			if !yield(e, nil) {
				return
			}
		}
	}
}

// paired returns "kind id start rule" of each record.
func paired(t *testing.T, q *Pairing, events []record.Event) []string {
	t.Helper()
	var got []string
	for p, err := range q.Platforms(sequence(events)) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, strings.TrimSpace(strings.Join([]string{string(p.Kind), p.RequestID, string(p.Start), p.StartRule}, " ")))
	}
	return got
}

const (
	initStartLine = "INIT_START Runtime Version: nodejs:22.v53\tRuntime Version ARN: arn:aws:lambda:eu-west-1::runtime:95d75816ec5ca62f98dd61443748491f631a78c967b17393a9c60b763a4cb014"
	figures       = "\tDuration: 5.00 ms\tBilled Duration: 6 ms\tMemory Size: 128 MB\tMax Memory Used: 70 MB\t"
)

func start(id string) string { return "START RequestId: " + id + " Version: $LATEST" }
func end(id string) string   { return "END RequestId: " + id }
func report(id string) string {
	return "REPORT RequestId: " + id + figures
}
func coldReport(id string) string { return report(id) + "Init Duration: 150.00 ms\t" }
func timeoutReport(id string) string {
	return "REPORT RequestId: " + id + "\tDuration: 3000.00 ms\tBilled Duration: 3000 ms\tMemory Size: 128 MB\tMax Memory Used: 70 MB\tStatus: timeout"
}

func TestStartRules(t *testing.T) {
	tests := []struct {
		name  string
		lines []string
		want  []string // of the reports: "id start rule"
	}{
		{"cold, then warm", []string{
			initStartLine, start("a"), end("a"), coldReport("a"),
			start("b"), end("b"), report("b"),
		}, []string{"a cold init_duration", "b warm served_before"}},
		{"time-out, then the init within the invocation", []string{
			start("a"), end("a"), timeoutReport("a"), start("b"), end("b"), report("b"),
		}, []string{"a unknown failed_start_unseen", "b cold suppressed_init"}},
		{"old time-out line behind the REPORT", []string{
			start("a"), end("a"), report("a"), "2020-06-09T15:02:26.150Z a Task timed out after 3.00 seconds",
			start("b"), end("b"), report("b"),
		}, []string{"a warm no_init_duration", "b cold suppressed_init"}},
		{"init timed out and was redone", []string{
			initStartLine, "INIT_REPORT Init Duration: 10000.12 ms\tPhase: init\tStatus: timeout",
			"INIT_REPORT Init Duration: 812.00 ms\tPhase: invoke\tStatus: error\tError Type: Runtime.ExitError",
			start("a"), end("a"), report("a"),
		}, []string{"a cold suppressed_init"}},
		{"restored", []string{
			"RESTORE_START Runtime Version: java:21.v38", "RESTORE_REPORT Restore Duration: 398.97 ms",
			start("a"), end("a"), report("a"), start("b"), end("b"), report("b"),
		}, []string{"a restored restore_line", "b warm served_before"}},
		{"provisioned", []string{
			initStartLine, "INIT_REPORT Init Duration: 800.00 ms",
			start("a"), end("a"), coldReport("a"), start("b"), end("b"), report("b"),
		}, []string{"a provisioned init_report_success", "b warm served_before"}},
		{"no lines before it", []string{start("a"), end("a"), report("a")}, []string{"a warm no_init_duration"}},
		{"window begins within an invocation", []string{end("a"), report("a")}, []string{"a warm no_init_duration; START line not in the log"}},
		{"REPORTs alone", []string{report("a"), coldReport("b"), report("b")}, []string{
			"a warm no_init_duration", "b cold init_duration", "b warm served_before",
		}},
		{"retry of one id", []string{start("a"), end("a"), report("a"), start("a"), end("a"), report("a")}, []string{
			"a warm no_init_duration", "a warm served_before",
		}},
		{"forged, foreign id", []string{start("a"), coldReport("ffff"), end("a"), report("a")}, []string{"a warm no_init_duration"}},
		{"forged, right id", []string{start("a"), coldReport("a"), end("a"), report("a")}, []string{"a warm no_init_duration"}},
		{"forged after its REPORT", []string{start("a"), end("a"), report("a"), start("b"), coldReport("a"), end("b"), report("b")}, []string{
			"a warm no_init_duration", "b warm served_before",
		}},
		{"cut", []string{"REPORT RequestId: a\tDuration: 5.00 ms\tBilled Duration: 6 ms\tMemory Si"}, []string{"a unknown truncated_report"}},
		{"second Init Duration without an init", []string{
			initStartLine, start("a"), end("a"), coldReport("a"), start("b"), end("b"), coldReport("b"),
		}, []string{"a cold init_duration", "b unknown evidence_disagrees"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var got []string
			for _, line := range paired(t, new(Pairing), eventsOf("2026/11/23/[$LATEST]abc", tt.lines...)) {
				if rest, ok := strings.CutPrefix(line, "report "); ok {
					got = append(got, rest)
				}
			}
			if strings.Join(got, "\n") != strings.Join(tt.want, "\n") {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(tt.want, "\n"))
			}
		})
	}
}

func TestProactiveInit(t *testing.T) {
	events := eventsOf("s", initStartLine, start("a"), end("a"), coldReport("a"))
	for i := range events[1:] {
		events[1+i].Timestamp += 90_000 // the request came a minute and a half after the init
	}
	got := paired(t, new(Pairing), events)
	if want := "report a cold proactive_init"; got[3] != want {
		t.Errorf("got %q, want %q", got[3], want)
	}
}

func TestManagedInstancesHaveNoEnd(t *testing.T) {
	line := func(kind, record string) string {
		return `{"time":"2026-01-08T18:22:35.343Z","type":"platform.` + kind + `","record":` + record + `}`
	}
	// The init's evidence goes to the first START, which is that of a.
	got := paired(t, new(Pairing), eventsOf("s",
		line("initStart", `{"initializationType":"lambda-managed-instances","phase":"init"}`),
		line("start", `{"requestId":"a"}`), line("start", `{"requestId":"b"}`),
		line("report", `{"requestId":"b","status":"success","metrics":{"durationMs":2.5}}`),
		line("report", `{"requestId":"a","status":"success","metrics":{"durationMs":3.5}}`)))
	want := []string{
		"init_start", "start a", "start b", "report b unknown no_evidence; END line not in the log",
		"report a provisioned managed_instance; END line not in the log",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestDuplicatesAndDisorder(t *testing.T) {
	events := eventsOf("s", start("a"), end("a"), report("a"), start("b"), end("b"), report("b"))
	events = append(events, events...)
	// END and REPORT of a share their millisecond and came in the wrong order.
	events[1], events[2] = events[2], events[1]
	events[1].Timestamp = events[2].Timestamp
	var q Pairing
	n := 0
	for _, line := range paired(t, &q, events) {
		if strings.HasPrefix(line, "report") {
			n++
		}
	}
	// The copies of END and REPORT of a have another instant than the originals
	// that were shifted; nothing of them may count as a third REPORT.
	if n != 2 {
		t.Errorf("%d REPORTs, want 2; counts %+v", n, q.Counts())
	}
}

func TestTail(t *testing.T) {
	tail := "ut off at 4 KB\nSTART RequestId: a Version: $LATEST\nhello\nEND RequestId: a\n" + coldReport("a") +
		"\nXRAY TraceId: 1-5e61292c-cc1229a4dfbeae1043928548\tSegmentId: 07a85e713f6302b2\tSampled: true\t\n"
	var got []record.Platform
	for p, err := range Platforms(sequence([]record.Event{{Message: tail, Source: "tail", RequestID: "a"}})) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, p)
	}
	if len(got) != 3 || got[2].XRaySegmentID != "07a85e713f6302b2" || got[2].Start != record.StartCold {
		t.Errorf("got %+v", got)
	}
}

// TestTailsAreNoEnvironments: two attempts of one request may have run in two
// environments, so that the second is not warm for having come second.
func TestTailsAreNoEnvironments(t *testing.T) {
	var events []record.Event
	for _, line := range []string{start("a"), end("a"), report("a"), start("a"), end("a"), report("a")} {
		events = append(events, record.Event{Message: line, Source: "tail", RequestID: "a"})
	}
	got := paired(t, new(Pairing), events)
	if len(got) != 6 || got[2] != "report a warm no_init_duration" || got[5] != got[2] {
		t.Errorf("got %q", got)
	}
}

func TestXRayEventOfItsOwn(t *testing.T) {
	var got []record.Platform
	for p := range Platforms(sequence(eventsOf("s", report("a"), "XRAY TraceId: 1-5e61292c-cc1229a4dfbeae1043928548\tSegmentId: 07a85e713f6302b2\tSampled: false"))) {
		got = append(got, p)
	}
	if len(got) != 1 || got[0].XRayTraceID == "" || !got[0].XRaySampled.Valid || got[0].XRaySampled.Value {
		t.Errorf("got %+v", got)
	}
}

func TestPlatformsPassesErrorsOn(t *testing.T) {
	broke := errors.New("broke")
	events := func(yield func(record.Event, error) bool) {
		_ = yield(eventsOf("s", report("a"))[0], nil) && yield(record.Event{}, broke)
	}
	var reports, errs int
	for p, err := range Platforms(events) {
		if errors.Is(err, broke) {
			errs++
		} else if p.Kind == record.KindReport {
			reports++
		}
	}
	if reports != 1 || errs != 1 {
		t.Errorf("%d reports, %d errors, want one of each", reports, errs)
	}
}

// TestPairingIsBounded feeds what never ends: invocations without END, REPORTs
// without START, and ever new streams.
func TestPairingIsBounded(t *testing.T) {
	var q Pairing
	drop := func(*View) bool { return true }
	const each = 3 * maxStreams
	for i := range each {
		v := View{Kind: record.KindStart, RequestID: fmt.Appendf(nil, "id-%d", i)}
		q.Add(&v, drop)
		v.Kind = record.KindReport
		v.RequestID = fmt.Appendf(nil, "other-%d", i)
		q.Add(&v, drop)
		v.LogStream = fmt.Appendf(nil, "stream-%d", i)
		q.Add(&v, drop)
	}
	if len(q.streams) > maxStreams || len(q.queue) > maxWaiting+1 || len(q.spare) > 2*maxWaiting || len(q.streams[""].open) > maxOpen {
		t.Errorf("%d streams, %d waiting, %d spare, %d open", len(q.streams), len(q.queue), len(q.spare), len(q.streams[""].open))
	}
	q.Flush(drop)
	if c := q.Counts(); c.Reports+c.Refused != 2*each {
		t.Errorf("%+v: not every REPORT was decided", c)
	}
}

// ExamplePairing reads a log, in whatever envelope, and counts cold starts.
func ExamplePairing() {
	log := `INIT_START Runtime Version: nodejs:22.v53
START RequestId: a Version: $LATEST
END RequestId: a
REPORT RequestId: a	Duration: 5.00 ms	Billed Duration: 156 ms	Memory Size: 128 MB	Max Memory Used: 70 MB	Init Duration: 150.00 ms
START RequestId: b Version: $LATEST
REPORT RequestId: b	Duration: 0.01 ms	Billed Duration: 1 ms	Memory Size: 128 MB	Max Memory Used: 1 MB	Init Duration: 9.99 ms
END RequestId: b
REPORT RequestId: b	Duration: 4.00 ms	Billed Duration: 4 ms	Memory Size: 128 MB	Max Memory Used: 70 MB
`
	var pairing Pairing
	show := func(v *View) bool {
		if v.IsReport() {
			fmt.Printf("%s: %s by %s\n", v.RequestID, v.Start, v.StartRule)
		}
		return true
	}
	result, err := Each(strings.NewReader(log), Options{}, func(v *View, broken *SyntaxError) error {
		if v != nil {
			pairing.Add(v, show)
		}
		return nil
	})
	pairing.Flush(show)
	fmt.Println(result.Lines, "lines,", pairing.Counts().Refused, "REPORT refused,", result.Envelopes, err)
	// Output:
	// a: cold by init_duration
	// b: warm by no_init_duration
	// 8 lines, 1 REPORT refused, text <nil>
}
