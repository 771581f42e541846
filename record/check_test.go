package record

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// evidence is that of n rows without a flaw: cold ones first, all matched.
func evidence(n, cold int) Evidence {
	e := Evidence{
		LagP50: Some(50 * time.Microsecond), LagP99: Some(300 * time.Microsecond),
		Join: JoinCounts{Matched: int64(n), Expected: int64(n), Environments: cold},
	}
	for i := range n {
		j := Joined{Invocation: typicalRow(int64(i)), Start: StartWarm, Platform: &Platform{MemorySizeMB: Some(128.0)}}
		if i < cold {
			j.Start = StartCold
		}
		e.Add(&j)
	}
	return e
}

// move changes the outcome of n rows of the evidence.
func move(e *Evidence, n int64, to Outcome, errorType string) {
	e.Outcomes[OK] -= n
	e.Outcomes[to] += n
	if to == NotSent {
		e.NotSentBy[errorType] += n
	} else {
		e.Errors[errorType] += n
	}
}

func TestCheck(t *testing.T) {
	for _, c := range []struct {
		name     string
		planned  int64
		change   func(p *Plan, e *Evidence)
		reasons  []string
		warnings []string
		text     string // in a reason or warning
		remedy   string
	}{
		{name: "sound"},
		{name: "nothing at all", change: func(_ *Plan, e *Evidence) { *e = Evidence{} }, reasons: []string{"no_arrivals"}, warnings: []string{"partial"}, text: "2000 were planned", remedy: "--rate"},
		{
			// 2 of 2,000 is 0.1 %, the limit itself; 3 is beyond it.
			name: "not sent at the limit", change: func(_ *Plan, e *Evidence) { move(e, 2, NotSent, ErrInFlightCap) },
		},
		{
			name:    "not sent beyond the limit",
			change:  func(_ *Plan, e *Evidence) { move(e, 2, NotSent, ErrInFlightCap); move(e, 1, NotSent, ErrFileLimit) },
			reasons: []string{"not_sent"}, text: "3 of 2000 arrivals (0.15 %) were not sent, limit 0.1 %; most for Generator.InFlightLimit (2)", remedy: "--max-in-flight",
		},
		{
			name:     "cut by a signal",
			change:   func(_ *Plan, e *Evidence) { move(e, 1000, NotSent, ErrInterrupted); e.Interrupted = true },
			warnings: []string{"interrupted"}, text: "2000 arrivals were planned, 2000 are recorded",
		},
		{
			// 21 of 2,000 are 1.05 %.
			name: "late", change: func(_ *Plan, e *Evidence) { e.Late = 21 },
			reasons: []string{"lag"}, text: "21 of 2000 requests (1.05 %) were sent more than 1.00 ms and a tenth of their own service time after they were due, limit 1 %; lag p99 is 0.3 ms", remedy: "--rate",
		},
		{
			name: "late at a rate that the machine can send", change: func(_ *Plan, e *Evidence) { e.Late, e.PeakPerSecond, e.Floor = 21, 100, floor(130*us) },
			reasons: []string{"lag"}, text: "at best this machine wakes the generator 0.13 ms late at p99 and sends 50000 requests/s (bench calibrate, 2026-11-24)", remedy: "nothing else uses the processors",
		},
		{
			name: "late at a high rate", change: func(_ *Plan, e *Evidence) { e.Late, e.PeakPerSecond, e.Floor = 21, 25_001, floor(130*us) },
			reasons: []string{"lag"}, text: "sends 50000 requests/s", remedy: "the busiest second has 25001 arrivals, more than half",
		},
		{
			name: "late with the lean client at a rate that is low for it", change: func(p *Plan, e *Evidence) {
				p.Client, e.Late, e.PeakPerSecond, e.Floor = ClientLean, 21, 25_001, floor(130*us)
			},
			reasons: []string{"lag"}, text: "sends 110000 requests/s", remedy: "nothing else uses the processors",
		},
		{
			name: "ready after its start", change: func(_ *Plan, e *Evidence) { e.StartMissed = 1500 * us },
			warnings: []string{"start_missed"}, text: "ready 1.50 ms after its start", remedy: "--start-at",
		},
		{name: "ready as good as on time", change: func(_ *Plan, e *Evidence) { e.StartMissed = MaxLagFloor }},
		{
			name: "connections that could not be opened ahead", change: func(_ *Plan, e *Evidence) { e.PreconnectError = "3 of 50: refused" },
			warnings: []string{"preconnect"}, text: "waited for theirs: 3 of 50: refused", remedy: "--target",
		},
		{
			name: "attempts that never ended", change: func(_ *Plan, e *Evidence) { e.Abandoned = 2 },
			warnings: []string{"abandoned"}, text: "2 attempts went on", remedy: "report this",
		},
		{
			name: "late on a late machine", change: func(_ *Plan, e *Evidence) { e.Late, e.Floor = 21, floor(1100*us) },
			reasons: []string{"lag"}, warnings: []string{"late_machine"}, text: "wakes the generator 1.10 ms late", remedy: "that late by itself",
		},
		{
			name: "on time on a late machine", change: func(_ *Plan, e *Evidence) { e.Floor = floor(1100 * us) },
			warnings: []string{"late_machine"}, text: "wakes a sleeper 1.10 ms late at p99; a verdict allows 1.00 ms",
		},
		{name: "late once among few", change: func(p *Plan, e *Evidence) { *e = evidence(40, 0); e.Late, p.Arrivals = 1, 40 }, warnings: []string{"few_cold_starts"}},
		{
			// 2 of 150 are 1.3 %, and more than one.
			name: "late twice among few", change: func(p *Plan, e *Evidence) {
				*e = evidence(150, 100)
				e.Late, p.Arrivals, p.Target = 2, 150, "http://127.0.0.1/"
			},
			reasons: []string{"lag"}, text: "2 of 150 requests (1.33 %)", remedy: "use --client lean",
		},
		{
			name: "late with the lean client", change: func(p *Plan, e *Evidence) {
				e.Late, p.Target, p.Client = 21, "http://127.0.0.1/", ClientLean
			},
			reasons: []string{"lag"}, remedy: "lower --rate or --burst, leave a core free",
		},
		{name: "redirects", change: func(_ *Plan, e *Evidence) { e.Redirects = 7 }, warnings: []string{"redirects"}, text: "7 of 2000 arrivals (0.35 %) were answered with a redirect", remedy: "--target"},
		{
			name: "failures of an HTTP target", change: func(p *Plan, e *Evidence) {
				p.Target = "https://example.com/"
				move(e, 20, FunctionError, "HTTP.500")
				move(e, 1, TransportError, "Client.Connect")
			},
			warnings: []string{"function_errors", "not_served"}, text: "20 of 2000 arrivals (1 %) ended in an HTTP error", remedy: "server of --target",
		},
		{name: "late now and then", change: func(_ *Plan, e *Evidence) { e.Late = 20 }},
		{
			name:    "missing",
			change:  func(_ *Plan, e *Evidence) { e.Join.Missing, e.Join.MissingIDs = 3, []string{"id-7", "id-8"} },
			reasons: []string{"missing_reports"}, text: "3 of 2000 REPORTs (0.15 %) are missing, limit 0.1 %; the first is of request id-7", remedy: "bench report",
		},
		{
			// 3 of 2,003 is 0.1498 %, 2 of 2,002 is 0.0999 %.
			name: "no request ids", change: func(_ *Plan, e *Evidence) { e.Join.NoRequestID = 3 },
			reasons: []string{"no_request_id"}, text: "3 of 2003 answered rows (0.15 %)",
		},
		{name: "missing a few", change: func(_ *Plan, e *Evidence) { e.Join.Missing = 2 }, warnings: []string{"missing_reports"}},
		{name: "missing where none is expected", change: func(p *Plan, e *Evidence) { p.ExpectReports = false; e.Join.Missing = 1000 }},
		{
			name:    "all failed",
			change:  func(_ *Plan, e *Evidence) { move(e, 2000, TransportError, "refused") },
			reasons: []string{"all_failed"}, warnings: []string{"not_served"}, text: "none of 2000 arrivals was answered without an error; most frequent: refused (2000)",
		},
		{
			name: "a warm-up counts as recorded and nowhere else", planned: 2010, change: func(_ *Plan, e *Evidence) {
				for i := range int64(10) {
					e.Add(&Joined{Invocation: Invocation{Seq: 2000 + i, Phase: PhaseWarmup, Outcome: NotSent}})
				}
			},
		},
		{name: "interrupted before the first", change: func(_ *Plan, e *Evidence) { *e = Evidence{Interrupted: true} }, reasons: []string{"no_arrivals"}, warnings: []string{"interrupted"}, text: "before the first of 2000", remedy: "first arrival"},
		{name: "only a warm-up", change: func(_ *Plan, e *Evidence) { *e = Evidence{Warmup: 2000} }, reasons: []string{"no_arrivals"}, text: "all 2000 arrivals belong to the warm-up"},
		{name: "partial", planned: 2500, warnings: []string{"partial"}, text: "2500 arrivals were planned, 2000 are recorded"},
		{name: "never closed", change: func(_ *Plan, e *Evidence) { e.NeverClosed = true }, warnings: []string{"partial"}},
		{name: "more than planned", planned: 1999, reasons: []string{"not_conserved"}, text: "2000 rows are recorded for 1999 planned arrivals"},
		{
			name:    "a row twice",
			change:  func(_ *Plan, e *Evidence) { e.Conservation = conserved(append(seqs(1999), 5)) },
			reasons: []string{"not_conserved"}, text: "from 0 to 1998, not from 0 to 1999",
		},
		{name: "outcomes do not sum", change: func(_ *Plan, e *Evidence) { e.Outcomes[OK]-- }, reasons: []string{"not_conserved"}, text: "2000 rows have 1999 outcomes"},
		{
			name: "failures", change: func(_ *Plan, e *Evidence) {
				move(e, 10, Throttled, "TooManyRequestsException")
				move(e, 20, FunctionError, "Unhandled")
				move(e, 5, TimedOut, ErrClientTimeout)
				move(e, 1, Rejected, "ResourceNotFoundException")
			},
			warnings: []string{"throttled", "function_errors", "timeouts", "not_served"}, text: "10 of 2000 arrivals (0.5 %) were throttled", remedy: "--concurrency",
		},
		{
			name: "few cold starts", change: func(_ *Plan, e *Evidence) { e.Starts = map[Start]int64{StartCold: 35, StartWarm: 1965} },
			warnings: []string{"few_cold_starts"}, text: "35 cold starts among 2000 requests with a REPORT: 36 are needed", remedy: "--burst",
		},
		{
			name:     "mixed memory",
			change:   func(_ *Plan, e *Evidence) { e.Memory[Cell{0, 1024}] = 7; e.Memory[Cell{0, 512}] = 1 },
			warnings: []string{"mixed_memory"}, text: "function hello ran with 3 memory sizes (128 MB: 2000, 512 MB: 1, 1024 MB: 7)",
		},
		{
			name: "two functions of different memory", change: func(p *Plan, e *Evidence) {
				p.Functions = append(p.Functions, Function{Name: "b"})
				e.Memory[Cell{1, 1024}] = 7
			},
		},
		{
			name: "doubtful REPORTs",
			change: func(_ *Plan, e *Evidence) {
				e.Join.Disagreeing, e.Join.NoRequestID, e.EmulatorReports, e.TruncatedReports = 3, 2, 5, 6
			},
			warnings: []string{"disagreeing_evidence", "foreign_emulator", "truncated_reports", "no_request_id"}, text: "3 of 2000 starts",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, e := testPlan(2000), evidence(2000, 40)
			if c.planned != 0 {
				p.Arrivals = c.planned
			}
			if c.change != nil {
				c.change(p, &e)
			}
			v, ws := Check(p, e)
			var reasons, warnings []string
			var texts, remedies strings.Builder
			for _, r := range v.Reasons {
				reasons = append(reasons, r.Code)
				texts.WriteString(r.Text + "\n")
				remedies.WriteString(r.Remedy + "\n")
			}
			for _, w := range ws {
				warnings = append(warnings, w.Code)
				texts.WriteString(w.Text + "\n")
				remedies.WriteString(w.Remedy + "\n")
			}
			if !slices.Equal(reasons, c.reasons) || !slices.Equal(warnings, c.warnings) {
				t.Errorf("reasons %q, warnings %q; want %q, %q", reasons, warnings, c.reasons, c.warnings)
			}
			if v.Valid != (len(c.reasons) == 0) {
				t.Errorf("valid is %v", v.Valid)
			}
			if !strings.Contains(texts.String(), c.text) || !strings.Contains(remedies.String(), c.remedy) {
				t.Errorf("texts:\n%sremedies:\n%swant %q and %q", &texts, &remedies, c.text, c.remedy)
			}
			if strings.Contains(remedies.String(), "\n\n") {
				t.Errorf("a remedy is empty:\n%s", &remedies)
			}
		})
	}
}

func TestAValidVerdictHasAnEmptyListInJSON(t *testing.T) {
	v, ws := Check(testPlan(2000), evidence(2000, 40))
	b, err := json.Marshal(struct {
		V Verdict
		W []Warning
	}{v, ws})
	if want := `{"V":{"valid":true,"reasons":[]},"W":[]}`; err != nil || string(b) != want {
		t.Errorf("%s, %v; want %s", b, err, want)
	}
}

// TestEvidenceConservesRows: whatever the rows, outcomes and starts sum to
// them.
func TestEvidenceConservesRows(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rows := rapid.SliceOfN(anyRow(), 0, 50).Draw(t, "rows")
		var e Evidence
		for i := range rows {
			rows[i].Seq = int64(i)
			rows[i].Phase = rapid.SampledFrom([]Phase{"", PhaseMeasure, PhaseWarmup}).Draw(t, "phase")
			j := Joined{Invocation: rows[i], Start: rapid.SampledFrom(Starts).Draw(t, "start")}
			e.Add(&j)
		}
		var outcomes, starts int64
		for _, n := range e.Outcomes {
			outcomes += n
		}
		for _, n := range e.Starts {
			starts += n
		}
		n := int64(len(rows))
		if outcomes != e.Rows || starts != e.Rows || e.Rows+e.Warmup != n || e.Conservation.Check() != nil {
			t.Fatalf("%d rows: %d outcomes, %d starts, %v", n, outcomes, starts, e.Conservation.Check())
		}
	})
}

func TestKindsFromOutsideAreBounded(t *testing.T) {
	m := map[int]int64{}
	for i := range 1000 {
		bump(m, i)
		bump(m, 0)
	}
	if len(m) != maxKinds || m[0] != 1001 {
		t.Errorf("%d kinds, %d of the first", len(m), m[0])
	}
}

func TestLateIsHeldAgainstTheRequestsOwnService(t *testing.T) {
	const ms = time.Millisecond
	tests := []struct {
		name string
		row  Invocation
		late bool
	}{
		{"punctual", Invocation{Intended: 10 * ms, Sent: 10 * ms, Done: 15 * ms}, false},
		{"at the floor", Invocation{Intended: 10 * ms, Sent: 11 * ms, Done: 12 * ms}, false},
		{"beyond the floor", Invocation{Intended: 10 * ms, Sent: 11*ms + 1, Done: 12 * ms}, true},
		{"a tenth of a slow answer", Invocation{Intended: 10 * ms, Sent: 15 * ms, Done: 65 * ms}, false},
		{"more than that", Invocation{Intended: 10 * ms, Sent: 16 * ms, Done: 65 * ms}, true},
		{"never answered", Invocation{Intended: 10 * ms, Sent: 12 * ms}, true},
		{"never sent", Invocation{Intended: 10 * ms}, false},
	}
	for _, tt := range tests {
		if got := late(&tt.row); got != tt.late {
			t.Errorf("%s: late = %v", tt.name, got)
		}
	}
}

const us = time.Microsecond

func floor(wakeUp time.Duration) *Floor {
	return &Floor{MeasuredAt: time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC), WakeUpP99: wakeUp, NetHTTPPerSecond: 50_000, LeanPerSecond: 110_000}
}
