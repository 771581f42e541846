package reports

import (
	"bytes"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"coldbench/record"
)

func TestSummaryGolden(t *testing.T) {
	for name, s := range map[string]*scene{"spiky": spiky(), "few": fewScene(), "url": urlScene()} {
		var b bytes.Buffer
		if err := s.report(t).WriteJSON(&b); err != nil {
			t.Fatal(err)
		}
		golden(t, name+".json", b.Bytes())
	}
}

// The keys that programs rely on, whatever the run holds.
func TestSummaryKeys(t *testing.T) {
	for name, s := range map[string]*scene{"spiky": spiky(), "few": fewScene(), "url": urlScene(), "empty": newScene(record.Load{Shape: record.ShapeSteady})} {
		var b bytes.Buffer
		if err := s.report(t).WriteJSON(&b); err != nil {
			t.Fatal(err)
		}
		var m map[string]any
		if err := json.Unmarshal(b.Bytes(), &m); err != nil {
			t.Fatal(err)
		}
		for _, k := range []string{
			"schema", "provenance", "verdict", "warnings", "arrivals", "outcomes", "starts", "environments", "platform", "quantities", "bill",
		} {
			if _, ok := m[k]; !ok {
				t.Errorf("%s: no key %q", name, k)
			}
		}
		if m["schema"] != SummarySchema {
			t.Errorf("%s: schema %v", name, m["schema"])
		}
		if _, ok := m["verdict"].(map[string]any)["reasons"].([]any); !ok {
			t.Errorf("%s: reasons is no list", name)
		}
		if _, ok := m["warnings"].([]any); !ok {
			t.Errorf("%s: warnings is no list", name)
		}
		for _, q := range []string{
			"response_ms", "service_ms", "ttfb_ms", "lag_ms", "init_ms", "duration_ms", "billed_ms", "residue_ms", "max_memory_used_mb",
		} {
			split, ok := m["quantities"].(map[string]any)[q].(map[string]any)
			if !ok {
				t.Errorf("%s: no quantity %q", name, q)
				continue
			}
			for _, kind := range []string{"all", "cold", "warm"} {
				checkStats(t, name+" "+q+" "+kind, split[kind])
			}
		}
	}
}

func checkStats(t *testing.T, where string, v any) {
	t.Helper()
	m, ok := v.(map[string]any)
	if !ok {
		t.Errorf("%s: missing", where)
		return
	}
	for _, k := range []string{"n", "min", "p50", "p90", "p95", "p99", "p999", "max", "mean", "ci95"} {
		if _, ok := m[k]; !ok {
			t.Errorf("%s: no key %q", where, k)
		}
	}
	ci, _ := m["ci95"].(map[string]any)
	for _, k := range quantileKeys {
		pair, ok := ci[k]
		if !ok || (pair == nil) != (m[k] == nil) {
			t.Errorf("%s: %s is %v and its interval %v", where, k, m[k], pair)
		}
		if pair == nil {
			continue
		}
		lo, hi := pair.([]any)[0].(float64), pair.([]any)[1].(float64)
		if q := m[k].(float64); lo > q || q > hi {
			t.Errorf("%s: %s %v outside of %v", where, k, q, pair)
		}
	}
	if m["n"].(float64) == 0 && (m["min"] != nil || m["max"] != nil || m["mean"] != nil) {
		t.Errorf("%s: figures of an empty sample: %v", where, m)
	}
}

// A null quantile comes with a warning that says how many values it needs.
func TestSummaryWarnsOfNulls(t *testing.T) {
	s := spiky().report(t).Summary()
	if s.Quantities["init_ms"]["cold"].P95 != nil {
		t.Fatal("40 cold starts have a p95")
	}
	for _, w := range s.Warnings {
		if w.Code == warnTooFew && bytes.Contains([]byte(w.Text), []byte("cold")) && bytes.Contains([]byte(w.Text), []byte("p95 needs 72")) {
			return
		}
	}
	t.Errorf("no warning says that a p95 needs 72: %v", s.Warnings)
}

// Whatever becomes of the arrivals, the outcomes sum to them, starts never
// exceed them, and tags, errors and warm-up account for every row.
func TestCountsAreConserved(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := newScene(record.Load{Shape: record.ShapeSpiky, Burst: 3, Every: record.Duration(time.Second), Duration: record.Duration(time.Minute)})
		n := rapid.IntRange(0, 200).Draw(t, "rows")
		for i := range n {
			at := time.Duration(rapid.Int64Range(0, int64(time.Minute)).Draw(t, "at"))
			o := rapid.SampledFrom(record.Outcomes).Draw(t, "outcome")
			if o == record.OK {
				j := s.ok(at, rapid.SampledFrom([]record.Tag{"base", "burst", "ping"}).Draw(t, "tag"), rapid.SampledFrom(record.Starts).Draw(t, "start"), fmt.Sprint(i%7))
				if rapid.IntRange(0, 9).Draw(t, "warm-up") == 0 {
					j.Phase = record.PhaseWarmup
				}
				continue
			}
			s.failed(at, o, rapid.SampledFrom([]string{"", "A", "B"}).Draw(t, "type"), "")
		}
		src := s.source()
		r, err := assemble(src, Options{})
		if err != nil {
			t.Fatal(err)
		}
		var outcomes, starts, tags, errors int64
		for _, k := range r.Outcomes {
			outcomes += k
		}
		for _, k := range r.Starts {
			starts += k
		}
		for _, g := range r.Tags {
			tags += g.Arrivals
		}
		for _, e := range r.Errors {
			errors += e.N
		}
		if outcomes != r.Arrivals || r.Arrivals+r.Warmup != int64(n) || starts > r.Arrivals || (len(r.Tags) > 0 && tags != r.Arrivals) || errors != r.Failed() {
			t.Fatalf("%d rows: arrivals %d, warm-up %d, outcomes %d, starts %d, tags %d, errors %d of %d", n, r.Arrivals, r.Warmup, outcomes, starts, tags, errors, r.Failed())
		}
		for _, w := range []func() error{
			func() error { return r.WriteText(&bytes.Buffer{}, TextOptions{Color: true}) },
			func() error { return r.WriteHTML(&bytes.Buffer{}) },
			func() error { return r.WriteMarkdown(&bytes.Buffer{}) },
			func() error { return r.WriteJSON(&bytes.Buffer{}) },
		} {
			if err := w(); err != nil {
				t.Fatal(err)
			}
		}
	})
}
