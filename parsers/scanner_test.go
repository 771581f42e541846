package parsers

import (
	"encoding/json"
	"io"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"

	"coldbench/record"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
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
		}
		var got []map[string]any
		for p, err := range (&Pairing{KeepKinds: true}).Scanned(NewScanner(iotest.OneByteReader(strings.NewReader(row.line)), Options{})) {
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

// pieceOf draws what an input may be made of: lines of the corpus, application
// lines, parts of documents, and dirt.
func pieceOf(rows []corpusRow) *rapid.Generator[string] {
	var lines []string
	for _, row := range rows {
		lines = append(lines, row.line+"\n")
	}
	event := `{"timestamp":1639766691014,"message":"REPORT RequestId: a\\tDuration: 1.18 ms\\tBilled Duration: 2 ms","ingestionTime":1639766691392}`
	return rapid.OneOf(
		rapid.SampledFrom(lines),
		rapid.SampledFrom([]string{
			"2024-01-18T17:44:34.299Z\t4f7f240b-e714-464c-b043-c31deef80e6c\tINFO\thello\n", "    at f (x.js:1:2)\n", "\n", "\r\n",
			"plain output\n", "{\n", "[\n", "}\n", "{\"a\":\n", "{\"events\": [\n" + event + ",\n", event + ",\n" + event + "\n]}\n",
			"[" + event + "," + event + "]\n", "timestamp,message\n", "1681985224227,\"START RequestId: x\nREPORT RequestId: x\n\"\n",
			"EVENTS\t1\t1705599880101\tSTART RequestId: y\n\t1705599874327\n", "\"", "\x00\xff\x1b[31m", strings.Repeat("x", 3000),
			"REPORT RequestId: cut\tDuration: 5", "XRAY TraceId: 1-5e61292c-cc1229a4dfbeae1043928548\tSegmentId: 07a85e713f6302b2\n",
		}),
		rapid.StringN(0, 20, 60),
	)
}

// found is all that a reading of an input gave.
type found struct {
	Records []record.Platform
	Broken  []string
	Result  Result
}

func readEach(t *rapid.T, r io.Reader, o Options) found {
	var f found
	result, err := Each(r, o, func(v *View, e *SyntaxError) error {
		if e != nil {
			f.Broken = append(f.Broken, e.Error())
			return nil
		}
		var p record.Platform
		v.Platform(&p)
		f.Records = append(f.Records, p)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	f.Result = result
	return f
}

// TestReadingIsOneReading: however the bytes arrive, and however many workers
// parse them, the records, their positions and the counts are the same.
func TestReadingIsOneReading(t *testing.T) {
	rows := corpus(t)
	rapid.Check(t, func(t *rapid.T) {
		input := strings.Join(rapid.SliceOfN(pieceOf(rows), 0, 40).Draw(t, "pieces"), "")
		o := Options{File: "in", MaxEvent: rapid.SampledFrom([]int{0, 2000}).Draw(t, "max")}
		want := readEach(t, strings.NewReader(input), o)
		if o.MaxEvent == 0 {
			// Which part of an overlong line is seen first depends on the reads.
			if got := readEach(t, iotest.OneByteReader(strings.NewReader(input)), o); !reflect.DeepEqual(got, want) {
				t.Fatalf("byte by byte:\n%s", cmp.Diff(want, got))
			}
		}
		o.Workers, o.chunk = 2, rapid.IntRange(64, 4096).Draw(t, "chunk")
		if o.MaxEvent == 0 {
			if got := readEach(t, strings.NewReader(input), o); !reflect.DeepEqual(got, want) {
				t.Fatalf("two workers:\n%s", cmp.Diff(want, got))
			}
		}
		if lines := int64(strings.Count(input, "\n")) + boolInt(input != "" && !strings.HasSuffix(input, "\n")); want.Result.Lines != lines {
			t.Fatalf("%d lines, want %d", want.Result.Lines, lines)
		}
	})
}
