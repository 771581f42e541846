package reports

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"coldbench/record"
)

// Build reads what record has written: lines of the platform's log on one
// side, rows on the other.
func TestBuild(t *testing.T) {
	s := spiky()
	s.plan.Arrivals = int64(len(s.rows))
	dir := filepath.Join(t.TempDir(), "run")
	w, err := record.Create(dir, s.plan)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for i := range s.rows {
		j := &s.rows[i]
		for _, e := range logEvents(j, !seen[j.Platform.LogStream]) {
			if err := w.Event(e); err != nil {
				t.Fatal(err)
			}
		}
		seen[j.Platform.LogStream] = true
		row := j.Invocation
		if err := w.Record(&row); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Generator(record.GeneratorStats{Scheduled: s.plan.Arrivals, Sent: s.plan.Arrivals, End: 31 * time.Second}); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	run, err := record.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	r, err := Build(run, Options{TempDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	want := s.report(t)
	if r.Arrivals != want.Arrivals || r.Starts[record.StartCold] != want.Starts[record.StartCold] || r.Environments != want.Environments || !r.Verdict.Valid || r.Partial {
		t.Errorf("arrivals %d, starts %v, environments %d, verdict %+v, partial %v", r.Arrivals, r.Starts, r.Environments, r.Verdict, r.Partial)
	}
	if r.Join.Missing != 0 || r.Join.Matched != want.Arrivals || r.Bill == nil || r.Headroom == nil {
		t.Errorf("join %+v, bill %v, head-room %v", r.Join, r.Bill, r.Headroom)
	}
	got, _ := r.numbers("init", record.StartCold).At(0.5)
	expected, _ := want.numbers("init", record.StartCold).At(0.5)
	if d := got.Value - expected.Value; d > 0.006 || d < -0.006 { // the line has two decimals
		t.Errorf("init p50 %v, want %v", got.Value, expected.Value)
	}
}

// logEvents are the lines of one invocation as the service prints them.
func logEvents(j *record.Joined, first bool) []record.Event {
	p, id := j.Platform, j.RequestID
	at := time.Date(2026, 11, 23, 17, 30, 0, 0, time.UTC).Add(j.Sent).UnixMilli()
	event := func(n int, text string) record.Event {
		return record.Event{EventID: fmt.Sprintf("%s-%d", id, n), LogStream: p.LogStream, Timestamp: at, Message: text, Source: "filter"}
	}
	var out []record.Event
	if first && p.InitDurationMs.Valid {
		out = append(out, event(0, "INIT_START Runtime Version: provided:al2023.v98\tRuntime Version ARN: \n"))
	}
	report := fmt.Sprintf("REPORT RequestId: %s\tDuration: %.2f ms\tBilled Duration: %.0f ms\tMemory Size: %.0f MB\tMax Memory Used: %.0f MB\t",
		id, p.DurationMs.Value, p.BilledDurationMs.Value, p.MemorySizeMB.Value, p.MaxMemoryUsedMB.Value)
	if p.InitDurationMs.Valid {
		report += fmt.Sprintf("Init Duration: %.2f ms\t", p.InitDurationMs.Value)
	}
	return append(out,
		event(1, "START RequestId: "+id+" Version: $LATEST\n"),
		event(2, "END RequestId: "+id+"\n"),
		event(3, report+"\n"))
}
