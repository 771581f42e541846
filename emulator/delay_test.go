package emulator_test

import (
	"iter"
	"net/http"
	"strings"
	"testing"
	"time"

	"coldbench/emulator"
	"coldbench/parsers"
	"coldbench/record"
)

// TestModelledDelayIsInNoReport: a cold start waits at least 69 ms, the least
// that the model draws, and neither Init Duration nor Duration has it.
func TestModelledDelayIsInNoReport(t *testing.T) {
	b := newBed(t, emulator.Options{Latency: emulator.ModelAWS2026, Seed: 3})
	b.install(emulator.LocalFunction{})
	begin := time.Now()
	a := b.invoke(order{})
	elapsed := float64(time.Since(begin)) / 1e6
	r := parseReport(t, a.log)
	if hidden := elapsed - r.init - r.duration; r.init == 0 || hidden < 69 {
		t.Errorf("%.1f ms of %.1f are in no REPORT, want at least 69: %q", hidden, elapsed, a.log)
	}
	if first := b.events()[0]; !strings.Contains(first, "-modelled-aws-2026\t") {
		t.Errorf("nothing in the log says that delays are modelled: %q", first)
	}
	if k := b.server.Knobs()["latency"]; !strings.Contains(k, "modelled") || !strings.Contains(k, emulator.ModelAWS2026) {
		t.Errorf("knob %q", k)
	}
	resp, err := b.client.Get(b.url + "/2015-03-31/functions/fn")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if got := resp.Header.Get(emulator.ModelledHeader); resp.StatusCode != http.StatusOK || got != emulator.ModelAWS2026 {
		t.Errorf("%s, %s: %q", resp.Status, emulator.ModelledHeader, got)
	}
}

// testOldLogStyleReadsBack: to the parsers what failed is the same as in the new
// style, though no REPORT says it.
func testOldLogStyleReadsBack(t *testing.T) {
	b := newBed(t, emulator.Options{LogStyle: "old"})
	b.install(emulator.LocalFunction{Timeout: 3 * time.Second})
	b.invoke(order{})
	b.invoke(order{Do: "exit", Code: 7})
	b.invoke(order{Do: "sleep", MS: 60000})
	b.invoke(order{})
	var starts, failures []string
	for p, err := range (&parsers.Pairing{}).Platforms(b.records()) {
		if err != nil {
			t.Fatal(err)
		}
		if p.Kind == record.KindReport {
			starts = append(starts, string(p.Start))
		}
		if p.Status != "" {
			failures = append(failures, strings.TrimSpace(p.Status+" "+p.ErrorType))
		}
	}
	if got, want := strings.Join(starts, " "), "cold warm cold cold"; got != want {
		t.Errorf("starts read back %q, want %q", got, want)
	}
	if got, want := strings.Join(failures, ", "), "error Runtime.ExitError, timeout"; got != want {
		t.Errorf("failures read back %q, want %q", got, want)
	}
	if reports := strings.Join(b.events(), ""); strings.Contains(reports, "\tStatus: ") {
		t.Errorf("a status in %q", reports)
	}
}

// records are the function's log events as a log source would yield them.
func (b *bed) records() iter.Seq2[record.Event, error] {
	return func(yield func(record.Event, error) bool) {
		for i, text := range b.events() {
			if !yield(record.Event{LogStream: "s", Timestamp: int64(i), Message: text}, nil) {
				return
			}
		}
	}
}
