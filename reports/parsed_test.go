package reports

import (
	"bytes"
	"encoding/json"
	"fmt"
	"iter"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"coldbench/parsers"
	"coldbench/record"
)

// logRecords are the records of a log with 50 cold and 450 warm starts, of
// which two failed.
func logRecords() iter.Seq2[record.Platform, error] {
	return func(yield func(record.Platform, error) bool) {
		s := spiky()
		for i := range 500 {
			start := record.StartWarm
			if i%10 == 0 {
				start = record.StartCold
			}
			p := *s.ok(0, "", start, fmt.Sprintf("2026/11/23/[$LATEST]%04x", i/10)).Platform
			p.RequestID = fmt.Sprintf("id-%d", i)
			p.Timestamp = time.Date(2026, 11, 23, 10, 0, i, 0, time.UTC)
			if i == 77 || i == 78 {
				p.Status, p.ErrorType = "error", "Runtime.ExitError"
			}
			if !yield(p, nil) {
				return
			}
		}
	}
}

func parsedOptions() ParsedOptions {
	return ParsedOptions{Region: "eu-west-1", Arch: "arm64", Counts: func() parsers.Counts {
		return parsers.Counts{Bytes: 90_000, Lines: 2100, Platform: 1550, Reports: 500, Application: 549, Broken: 1}
	}}
}

func TestParsedGolden(t *testing.T) {
	p, err := BuildParsed(logRecords(), parsedOptions())
	if err != nil {
		t.Fatal(err)
	}
	var text, json bytes.Buffer
	if err := p.WriteText(&text, TextOptions{Width: 80}); err != nil {
		t.Fatal(err)
	}
	if err := p.WriteJSON(&json); err != nil {
		t.Fatal(err)
	}
	golden(t, "parsed-80.txt", text.Bytes())
	golden(t, "parsed.json", json.Bytes())
	if p.Starts[record.StartCold] != 50 || p.ColdRate.Share() != 0.1 || p.Environments != 50 || p.Bill == nil || p.Bill.GBSeconds <= 0 {
		t.Errorf("starts %v, rate %v, environments %d, bill %v", p.Starts, p.ColdRate, p.Environments, p.Bill)
	}
}

func TestParsedEmpty(t *testing.T) {
	p, err := BuildParsed(func(func(record.Platform, error) bool) {}, ParsedOptions{})
	if err != nil {
		t.Fatal(err)
	}
	var text, json bytes.Buffer
	if err := p.WriteText(&text, TextOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := p.WriteJSON(&json); err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(text.Bytes(), []byte("No REPORT line was found")) {
		t.Errorf("an empty log says: %s", text.String())
	}
}

// Without START and INIT_START lines only the REPORT itself tells the start.
func TestParsedStartOfLine(t *testing.T) {
	ms := record.Some(3.0)
	for _, c := range []struct {
		p    record.Platform
		want record.Start
	}{
		{record.Platform{InitDurationMs: ms}, record.StartCold},
		{record.Platform{RestoreDurationMs: ms}, record.StartRestored},
		{record.Platform{}, record.StartWarm},
		{record.Platform{Truncated: true}, record.StartUnknown},
	} {
		var v parsers.View
		viewOf(&c.p, &v)
		if got := startOrder[startOfLine(&v)]; got != c.want {
			t.Errorf("%+v: %s, want %s", c.p, got, c.want)
		}
	}
}

// Every key of the two JSON forms stands in docs/format.md.
func TestJSONKeysAreDocumented(t *testing.T) {
	doc, err := os.ReadFile("../docs/format.md")
	if err != nil {
		t.Fatal(err)
	}
	for schema, file := range map[string]string{ParsedSchema: "parsed.json", ExplanationSchema: "explain-1.json"} {
		_, section, _ := strings.Cut(string(doc), "--json`: `"+schema+"`")
		section, _, _ = strings.Cut(section, "\n## ")
		text, err := os.ReadFile("testdata/" + file)
		if err != nil {
			t.Fatal(err)
		}
		var value map[string]any
		if err := json.Unmarshal(text, &value); err != nil {
			t.Fatal(err)
		}
		for key, v := range value {
			keys := []string{key}
			if inner, ok := v.(map[string]any); ok && key != "quantities" && key != "function" && key != "price_sources" {
				keys = slices.AppendSeq(keys, maps.Keys(inner))
			}
			for _, k := range keys {
				if key == "row" && strings.Contains(string(doc), "`"+k+"`") {
					continue // a key of rows.jsonl.zst
				}
				if !strings.Contains(section, "`"+k+"`") {
					t.Errorf("%s: the section of docs/format.md does not name `%s` of `%s`", schema, k, key)
				}
			}
		}
	}
}
