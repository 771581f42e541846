package record

import (
	"bytes"
	"strings"
	"testing"
)

// The example run of docs/format.md has three rows and five events.
func TestFind(t *testing.T) {
	run, err := Open("testdata/run-v1")
	if err != nil {
		t.Fatal(err)
	}
	var rows []Placed[Invocation]
	for row, err := range run.FindRows(func(line []byte) bool { return bytes.Contains(line, []byte("f612fbaf")) }) {
		if err != nil {
			t.Fatal(err)
		}
		rows = append(rows, row)
	}
	if len(rows) != 1 || rows[0].Value.Seq != 1 || rows[0].Pos.String() != "rows.jsonl.zst:3" {
		t.Errorf("rows %+v", rows)
	}
	var places []string
	for e, err := range run.FindEvents(func(line []byte) bool { return bytes.Contains(line, []byte("32f5cbf1")) }) {
		if err != nil {
			t.Fatal(err)
		}
		places = append(places, e.Pos.String())
	}
	if got := strings.Join(places, " "); got != "platform.log.zst:2 platform.log.zst:3 platform.log.zst:4" {
		t.Errorf("events at %s", got)
	}
}

func TestFindWithoutFiles(t *testing.T) {
	run := &Run{Dir: t.TempDir()}
	all := func([]byte) bool { return true }
	for _, err := range run.FindEvents(all) {
		t.Errorf("events of a run without a log: %v", err)
	}
	n := 0
	for _, err := range run.FindRows(all) {
		if n++; err == nil {
			t.Error("a row of a run without rows")
		}
	}
	if n != 1 {
		t.Errorf("%d errors, want 1", n)
	}
}
