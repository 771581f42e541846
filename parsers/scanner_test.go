package parsers

import (
	"bytes"
	"encoding/json"
	"io"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"

	"coldbench/record"
)

// scanned reads everything from text; broken lines come back as errors.
func scanned(t testing.TB, r io.Reader, o Options) (records []record.Platform, broken []*SyntaxError, s *Scanner) {
	t.Helper()
	s = NewScanner(r, o)
	for s.Scan() {
		if err := s.SyntaxError(); err != nil {
			broken = append(broken, err)
			continue
		}
		records = append(records, *s.Platform())
	}
	return records, broken, s
}

func TestCorpusContainers(t *testing.T) {
	score, total := map[string]int{}, map[string]int{}
	for _, row := range corpus(t) {
		if !strings.HasPrefix(row.variant, "container_") {
			continue
		}
		total[row.variant]++
		var want []map[string]any
		if err := json.Unmarshal(row.expected, &want); err != nil {
			t.Fatal(err)
		}
		for i := range want {
			want[i] = normal(want[i])
			want[i]["kind"] = string(TextKind(record.PlatformKind(want[i]["kind"].(string))))
		}
		var got []map[string]any
		for p, err := range new(Pairing).Scanned(NewScanner(iotest.OneByteReader(strings.NewReader(row.line)), Options{})) {
			if err != nil {
				t.Errorf("row %s: %v", row.id, err)
				continue
			}
			got = append(got, resultOf(t, p, true))
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("row %s %s: %q\n got %v\nwant %v", row.id, row.variant, row.line, got, want)
			continue
		}
		score[row.variant]++
	}
	t.Log("\n" + scoreTable(score, total))
}

// TestScannerReadsCorpusEvents feeds each single event of the corpus as a
// stream of its own: what ParseEvent reads, a Scanner finds.
func TestScannerReadsCorpusEvents(t *testing.T) {
	for _, row := range corpus(t) {
		if strings.HasPrefix(row.variant, "container_") {
			continue
		}
		var want record.Platform
		ok := ParseEvent([]byte(row.line), &want)
		got, _, s := scanned(t, strings.NewReader(row.line), Options{})
		if !ok {
			if len(got) > 0 && row.variant != "two_records_on_one_line" {
				t.Errorf("row %s %s: %q: got %+v, want nothing", row.id, row.variant, row.line, got)
			}
			continue
		}
		if len(got) != 1 || !reflect.DeepEqual(resultOf(t, got[0], true), resultOf(t, want, true)) {
			t.Errorf("row %s %s: %q\n got %+v\nwant %+v", row.id, row.variant, row.line, got, want)
		}
		if c := s.Counts(); c.Lines != int64(strings.Count(strings.TrimRight(row.line, "\n"), "\n"))+1+int64(len(row.line)-len(strings.TrimRight(row.line, "\n")))-boolInt(strings.HasSuffix(row.line, "\n")) {
			t.Errorf("row %s: %d lines in %q", row.id, c.Lines, row.line)
		}
	}
}

func boolInt(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

var _ = bytes.Equal
