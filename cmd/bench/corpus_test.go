package main

import (
	"bytes"
	"encoding/json"
	"os"
	"reflect"
	"strings"
	"testing"
)

// The whole corpus through the program: each row as `bench parse` is asked for
// it by a user.
func TestParseTheCorpus(t *testing.T) {
	text, err := os.ReadFile("../../fixtures/corpus/dev.tsv")
	if err != nil {
		t.Fatal(err)
	}
	exact := 0
	rows := strings.Split(strings.TrimSpace(string(text)), "\n")[1:]
	for _, row := range rows {
		cell := strings.Split(row, "\t") // id, kind, variant, source, expected, line
		var line string
		var want any
		if err := json.Unmarshal([]byte(cell[5]), &line); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal([]byte(cell[4]), &want); err != nil {
			t.Fatal(err)
		}
		got := parsedRow(t, strings.HasPrefix(cell[2], "container_"), line)
		if !reflect.DeepEqual(got, want) {
			t.Errorf("row %s %s/%s:\n got %v\nwant %v", cell[0], cell[1], cell[2], got, want)
			continue
		}
		exact++
	}
	t.Logf("%d of %d rows exact", exact, len(rows))
}

func parsedRow(t *testing.T, stream bool, line string) any {
	t.Helper()
	args := []string{"parse", "--event"}
	if stream {
		args[1] = "--records"
	}
	var stdout, stderr bytes.Buffer
	if code := run(t.Context(), args, strings.NewReader(line), &stdout, &stderr); code != exitDone {
		t.Fatalf("exit status %d: %s", code, stderr.String())
	}
	var records []any
	for l := range strings.SplitSeq(strings.TrimSpace(stdout.String()), "\n") {
		if l == "" {
			continue
		}
		var v any
		if err := json.Unmarshal([]byte(l), &v); err != nil {
			t.Fatalf("%v: %s", err, l)
		}
		if m, ok := v.(map[string]any); ok && !stream {
			delete(m, "kind")
		}
		records = append(records, v)
	}
	if stream {
		return records
	}
	return records[0]
}
