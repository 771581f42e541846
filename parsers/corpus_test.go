package parsers

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"reflect"
	"sort"
	"strings"
	"testing"
	"time"

	"coldbench/record"
)

// corpusRow is one row of fixtures/corpus/dev.tsv.
type corpusRow struct {
	id, kind, variant string
	expected          json.RawMessage
	line              string
}

func corpus(t testing.TB) []corpusRow {
	t.Helper()
	f, err := os.Open("../fixtures/corpus/dev.tsv")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var rows []corpusRow
	sc := bufio.NewScanner(f)
	sc.Buffer(nil, 1<<20)
	for header := true; sc.Scan(); header = false {
		if header {
			continue
		}
		cols := strings.Split(sc.Text(), "\t")
		row := corpusRow{id: cols[0], kind: cols[1], variant: cols[2], expected: json.RawMessage(cols[4])}
		if err := json.Unmarshal([]byte(cols[5]), &row.line); err != nil {
			t.Fatalf("row %s: %v", row.id, err)
		}
		rows = append(rows, row)
	}
	return rows
}

// resultKeys are the keys of an expectation. Everything else that a Platform
// carries is evidence about the line, not what it said.
var resultKeys = []string{
	"request_id", "duration_ms", "billed_duration_ms", "memory_size_mb", "max_memory_used_mb", "init_duration_ms",
	"restore_duration_ms", "billed_restore_duration_ms", "status", "error_type", "xray_trace_id", "xray_segment_id",
	"xray_sampled", "phase", "runtime_version", "runtime_version_arn", "timestamp",
}

// resultOf is the JSON object of p with the result keys alone.
func resultOf(t testing.TB, p record.Platform, kind bool) map[string]any {
	t.Helper()
	b, err := json.Marshal(struct {
		*record.Platform
		RequestID               any `json:"request_id,omitempty"`
		DurationMs              any `json:"duration_ms,omitempty"`
		BilledDurationMs        any `json:"billed_duration_ms,omitempty"`
		MemorySizeMB            any `json:"memory_size_mb,omitempty"`
		MaxMemoryUsedMB         any `json:"max_memory_used_mb,omitempty"`
		InitDurationMs          any `json:"init_duration_ms,omitempty"`
		RestoreDurationMs       any `json:"restore_duration_ms,omitempty"`
		BilledRestoreDurationMs any `json:"billed_restore_duration_ms,omitempty"`
		XRaySampled             any `json:"xray_sampled,omitempty"`
	}{
		&p, text(p.RequestID), opt(p.DurationMs), opt(p.BilledDurationMs), opt(p.MemorySizeMB), opt(p.MaxMemoryUsedMB),
		opt(p.InitDurationMs), opt(p.RestoreDurationMs), opt(p.BilledRestoreDurationMs), opt(p.XRaySampled),
	})
	if err != nil {
		t.Fatal(err)
	}
	var all map[string]any
	if err := json.Unmarshal(b, &all); err != nil {
		t.Fatal(err)
	}
	got := map[string]any{}
	for _, k := range resultKeys {
		if v, ok := all[k]; ok {
			got[k] = v
		}
	}
	if kind {
		got["kind"] = string(p.Kind)
	}
	return normal(got)
}

func text(s string) any {
	if s == "" {
		return nil
	}
	return s
}

func opt[T any](o record.Opt[T]) any {
	if !o.Valid {
		return nil
	}
	return o.Value
}

// normal makes instants comparable.
func normal(m map[string]any) map[string]any {
	if s, ok := m["timestamp"].(string); ok {
		if t, err := time.Parse(time.RFC3339Nano, s); err == nil {
			m["timestamp"] = t.UTC().Format(time.RFC3339Nano)
		}
	}
	return m
}

func TestCorpusEvents(t *testing.T) {
	score, total := map[string]int{}, map[string]int{}
	for _, row := range corpus(t) {
		if strings.HasPrefix(row.variant, "container_") {
			continue
		}
		total[row.kind]++
		var want map[string]any
		if err := json.Unmarshal(row.expected, &want); err != nil {
			t.Fatal(err)
		}
		var p record.Platform
		ok := ParseEvent([]byte(row.line), &p)
		var got map[string]any
		if ok {
			got = resultOf(t, p, false)
		}
		kind := row.kind == string(p.Kind) || want == nil
		if ok != (want != nil) || ok && !reflect.DeepEqual(got, normal(want)) || !kind {
			t.Errorf("row %s %s/%s: %q\n got %s %v\nwant %v", row.id, row.kind, row.variant, row.line, p.Kind, got, want)
			continue
		}
		score[row.kind]++
	}
	t.Log("\n" + scoreTable(score, total))
}

// scoreTable prints exact rows of all rows, kind by kind.
func scoreTable(score, total map[string]int) string {
	var kinds []string
	for k := range total {
		kinds = append(kinds, k)
	}
	sort.Strings(kinds)
	var b strings.Builder
	sum, all := 0, 0
	for _, k := range kinds {
		fmt.Fprintf(&b, "%-30s %3d of %3d\n", k, score[k], total[k])
		sum, all = sum+score[k], all+total[k]
	}
	fmt.Fprintf(&b, "%-30s %3d of %3d\n", "all", sum, all)
	return b.String()
}
