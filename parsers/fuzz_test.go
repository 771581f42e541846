package parsers

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"reflect"
	"strings"
	"testing"

	"coldbench/record"

	"pgregory.net/rapid"
)

// seed adds the lines of the corpus, whole and cut.
func seed(f *testing.F, add func([]byte)) {
	for _, row := range corpus(f) {
		add([]byte(row.line))
		add([]byte(row.line[:len(row.line)*2/3]))
	}
}

// checkInvariants holds for every record, whatever it was read from: numbers
// are finite and not negative, and texts stood in the input.
func checkInvariants(t *testing.T, input []byte, p *record.Platform) {
	t.Helper()
	if p.Kind == "" {
		t.Fatalf("no kind: %+v", p)
	}
	for name, x := range map[string]record.Opt[float64]{
		"duration": p.DurationMs, "billed": p.BilledDurationMs, "memory": p.MemorySizeMB, "max memory": p.MaxMemoryUsedMB,
		"init": p.InitDurationMs, "restore": p.RestoreDurationMs, "billed restore": p.BilledRestoreDurationMs,
	} {
		if x.Valid && (x.Value < 0 || math.IsNaN(x.Value) || math.IsInf(x.Value, 0)) || !x.Valid && x.Value != 0 {
			t.Fatalf("%s is %v", name, x)
		}
	}
	if p.XRayTraceID == "" && p.Kind != record.KindOther && !strings.HasPrefix(string(p.Kind), "platform.") && p.XRaySegmentID != "" {
		t.Logf("segment without trace in %q", input)
	}
	// Escapes, colours and encodings change the bytes of a text; without any,
	// it must stand in the input as it is.
	if bytes.ContainsAny(input, "\\\x1b\ufeff\"") || !p.Timestamp.IsZero() && bytes.Contains(input, []byte("awslogs")) {
		return
	}
	for _, s := range []string{p.RequestID, p.ErrorType, p.XRayTraceID, p.XRaySegmentID, p.Phase, p.RuntimeVersion, p.RuntimeVersionARN, p.LogStream} {
		if s != "" && !bytes.Contains(input, []byte(s)) && !encodedIn(input, s) {
			t.Fatalf("%q is not in the input %q", s, input)
		}
	}
}

// encodedIn says whether s stands in a base64 line of the input.
func encodedIn(input []byte, s string) bool {
	for line := range bytes.Lines(input) {
		if data, err := base64.StdEncoding.DecodeString(string(bytes.Trim(line, " \t\r\n\""))); err == nil && (bytes.Contains(data, []byte(s)) || bytes.HasPrefix(data, []byte(gzipMagic)) || encodedIn(data, s)) {
			return true
		}
	}
	return false
}

// fastPathsAgree parses input by the short ways, where they take it, and by the
// general ones.
func fastPathsAgree(t testing.TB, input []byte) {
	t.Helper()
	var ps parser
	var fast, general View
	if rest, ok := bytes.CutPrefix(input, []byte("REPORT RequestId: ")); ok && fastReport(rest, &fast) {
		if ps.text(input, &general) != platform || !reflect.DeepEqual(fast, general) {
			t.Fatalf("%q:\nshort way %+v\n  general %+v", input, fast, general)
		}
	}
	fast, general = View{}, View{}
	if result, ok := ps.fastJSON(input, &fast); ok {
		var o outline
		j := jsonText{b: input}
		if !ps.outlineOf(&j, &o) || !j.done() || ps.outlined(input, &o, &general) != result || !reflect.DeepEqual(fast, general) {
			t.Fatalf("%q:\nshort way %+v\n  general %+v", input, fast, general)
		}
	}
}

func TestFastPathsAgree(t *testing.T) {
	taken := 0
	for _, row := range corpus(t) {
		fastPathsAgree(t, []byte(row.line))
		var v View
		if rest, ok := strings.CutPrefix(row.line, "REPORT RequestId: "); ok && fastReport([]byte(rest), &v) {
			taken++
		}
	}
	if taken < 10 {
		t.Errorf("the short way took %d REPORTs of the corpus, want 10 or more", taken)
	}
	rapid.Check(t, func(r *rapid.T) {
		line := []byte(fmt.Sprintf("REPORT RequestId: 32f5cbf1-dd22-422a-a566-8965da5a3465\tDuration: %s ms\tBilled Duration: %s ms\tMemory Size: %s MB\tMax Memory Used: %s MB\tInit Duration: %s ms\t",
			numberText(r), numberText(r), numberText(r), numberText(r), numberText(r)))
		for range rapid.IntRange(0, 2).Draw(r, "changes") {
			i := rapid.IntRange(18, len(line)-1).Draw(r, "at")
			line[i] = rapid.SampledFrom([]byte("0.- \t\nmMDx\\")).Draw(r, "byte")
		}
		fastPathsAgree(t, line)
	})
}

func numberText(r *rapid.T) string {
	return rapid.StringMatching(`[0-9]{1,7}(\.[0-9]{1,3})?`).Draw(r, "number")
}

// FuzzParseEvent: no panic, the invariants, and the raw text parses again to
// the same record.
func FuzzParseEvent(f *testing.F) {
	seed(f, func(b []byte) { f.Add(b) })
	f.Fuzz(func(t *testing.T, input []byte) {
		var p, again record.Platform
		before := bytes.Clone(input)
		ok := ParseEvent(input, &p)
		if !bytes.Equal(before, input) {
			t.Fatal("the input was changed")
		}
		fastPathsAgree(t, input)
		if !ok {
			if p != (record.Platform{}) {
				t.Fatalf("not zero: %+v", p)
			}
			return
		}
		checkInvariants(t, input, &p)
		if !ParseEvent([]byte(p.Raw), &again) || again != p {
			t.Fatalf("parsed again:\n%+v\nfirst\n%+v", again, p)
		}
		reencoded, err := json.Marshal(&p)
		if err != nil {
			t.Fatalf("encode: %v", err)
		}
		if !json.Valid(reencoded) {
			t.Fatalf("not JSON: %s", reencoded)
		}
	})
}

// FuzzScanner: no panic, every line is counted, memory is bounded, and reading
// byte by byte or with workers finds the same.
func FuzzScanner(f *testing.F) {
	seed(f, func(b []byte) { f.Add(b, uint8(7)) })
	f.Add([]byte("\xff\xfeE\x00N\x00D\x00 \x00R\x00e\x00q\x00u\x00e\x00s\x00t\x00I\x00d\x00:\x00 \x00a\x00\n\x00\x3d\xd8"), uint8(3))
	f.Fuzz(func(t *testing.T, input []byte, chunk uint8) {
		const maxEvent = 4096
		if has(input, gzipMagic) || has(input, zstdMagic) {
			t.Skip("compressed input grows beyond what the invariants know")
		}
		raw := input
		if has(raw, bomLittle) || has(raw, bomBig) {
			input = decoded(t, raw) // what holds, holds of the text
		}
		records, broken, s := scanned(t, bytes.NewReader(raw), Options{MaxEvent: maxEvent})
		if s.Err() != nil {
			t.Fatal(s.Err())
		}
		for i := range records {
			checkInvariants(t, input, &records[i])
		}
		c := s.Counts()
		if lines := int64(bytes.Count(input, []byte{'\n'})) + boolInt(len(input) > 0 && input[len(input)-1] != '\n'); c.Lines != lines {
			t.Fatalf("%d lines, want %d", c.Lines, lines)
		}
		if c.Platform != int64(len(records)) || c.Broken != int64(len(broken)) || c.Bytes != int64(len(input)) {
			t.Fatalf("counts %+v, %d records, %d broken", c, len(records), len(broken))
		}
		if cap(s.buf) > 2*(maxEvent+readSize) {
			t.Fatalf("buffer of %d bytes", cap(s.buf))
		}
		if len(input) >= maxEvent {
			return
		}
		n := 0
		result, err := Each(bytes.NewReader(raw), Options{MaxEvent: maxEvent, Workers: 2, chunk: 64 + int(chunk)}, func(v *View, e *SyntaxError) error {
			if v != nil {
				var p record.Platform
				if v.Platform(&p); p != records[n] {
					t.Fatalf("record %d with workers:\n%+v\nwithout\n%+v", n, p, records[n])
				}
				n++
			}
			return nil
		})
		if err != nil || n != len(records) || result.Counts != c {
			t.Fatalf("with workers: %d records, %+v, %v; without: %d, %+v", n, result.Counts, err, len(records), c)
		}
	})
}

// decoded is UTF-16 as text.
func decoded(t *testing.T, b []byte) []byte {
	t.Helper()
	r, _, err := decompressed(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// FuzzPlatforms: no panic, no REPORT twice, bounded memory, and the same
// records for the same events.
func FuzzPlatforms(f *testing.F) {
	seed(f, func(b []byte) { f.Add(b, int64(0), "s") })
	f.Fuzz(func(t *testing.T, input []byte, instant int64, stream string) {
		var events []record.Event
		for i, line := range bytes.Split(input, []byte("\n")) {
			events = append(events, record.Event{LogStream: stream, Timestamp: instant + int64(i%3), Message: string(line)})
		}
		read := func() (all []record.Platform, q Pairing) {
			for p, err := range q.Platforms(sequence(events)) {
				if err != nil {
					t.Fatal(err)
				}
				all = append(all, p)
			}
			return all, q
		}
		first, q := read()
		second, _ := read()
		var reports int64
		for i := range first {
			checkInvariants(t, append([]byte(stream+"\n"), input...), &first[i])
			if first[i] != second[i] {
				t.Fatal("two readings differ")
			}
			if first[i].Kind == record.KindReport {
				reports++
				if first[i].Start == "" || first[i].StartRule == "" {
					t.Fatalf("undecided: %+v", first[i])
				}
			}
		}
		if reports != q.Counts().Reports || len(q.queue) != 0 {
			t.Fatalf("%d REPORTs, counts %+v, %d waiting", reports, q.Counts(), len(q.queue))
		}
	})
}

// FuzzJSON: the walker takes for JSON what encoding/json takes for JSON.
func FuzzJSON(f *testing.F) {
	seed(f, func(b []byte) { f.Add(b) })
	f.Add([]byte(`{"a":[1,-0.5e+3,true,null,"\u00e9\n"]}`))
	f.Fuzz(func(t *testing.T, input []byte) {
		j := jsonText{b: input}
		got := j.skip(0) && j.done()
		want := json.Valid(input)
		if got != want && (got || !nestedDeeply(input)) {
			t.Fatalf("valid %v, want %v: %q", got, want, input)
		}
		var s string
		if want && json.Unmarshal(input, &s) == nil && len(input) > 0 && bytes.TrimSpace(input)[0] == '"' {
			j := jsonText{b: bytes.TrimSpace(input)}
			text, _ := j.str()
			if u := unescape(nil, text); strings.ToValidUTF8(string(u), "\ufffd") != strings.ToValidUTF8(s, "\ufffd") && !bytes.ContainsRune(u, 0xFFFD) && !strings.ContainsRune(s, 0xFFFD) {
				t.Fatalf("%q is %q, want %q", text, u, s)
			}
		}
	})
}

func nestedDeeply(b []byte) bool {
	return bytes.Count(b, []byte("["))+bytes.Count(b, []byte("{")) >= maxJSONDepth
}
