package record

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// stdJSON is what encoding/json writes with HTML escaping off.
func stdJSON(t interface{ Fatal(...any) }, v any) []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		t.Fatal(err)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

func TestAppendJSONWritesWhatEncodingJSONWrites(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		row := random[Invocation]("row").Draw(t, "row")
		got := row.AppendJSON([]byte("before"))
		if want := "before" + string(stdJSON(t, row)); string(got) != want {
			t.Fatalf("row:\n got %s\nwant %s", got, want)
		}
		e := random[Event]("event").Draw(t, "event")
		if got, want := e.appendJSON(nil), stdJSON(t, e); !bytes.Equal(got, want) {
			t.Fatalf("event:\n got %s\nwant %s", got, want)
		}
	})
}

func TestRowsSurviveEncodingAndDecoding(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		row := anyRow().Draw(t, "row")
		line := row.AppendJSON(nil)
		var byHand, byStd Invocation
		var d rowDecoder
		if err := d.decode(line, &byHand); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(line, &byStd); err != nil {
			t.Fatal(err)
		}
		if byHand != byStd {
			t.Fatalf("decoders differ on %s:\n%+v\n%+v", line, byHand, byStd)
		}
		// Only bytes that are no UTF-8 change on the way.
		for _, s := range []*string{(*string)(&row.Tag), (*string)(&row.Phase), &row.ErrorType, &row.Error, &row.RequestID, &row.Version} {
			*s = string([]rune(*s)) // each bad byte becomes U+FFFD
		}
		if byHand != row {
			t.Fatalf("row changed:\n%+v\n%+v", byHand, row)
		}
	})
}

// TestDecodeTakesTheFastPath guards the speed of reading: our own lines must
// not silently fall back to encoding/json.
func TestDecodeTakesTheFastPath(t *testing.T) {
	rows := []Invocation{typicalRow(0), typicalRow(1 << 30), {Outcome: NotSent, ErrorType: ErrFileLimit, Error: "zu viele Dateien: ü"}}
	rows[1].Conn = Conn{DNS: 1, Connect: 2, TLS: 3, Wait: 4}
	for _, row := range rows {
		var d rowDecoder
		var got Invocation
		line := row.AppendJSON(nil)
		if !d.fast(line, &got) || got != row {
			t.Errorf("%s: fast path gave %+v", line, got)
		}
	}
}

func TestDecodeRefuses(t *testing.T) {
	for line, want := range map[string]string{
		``:                           "unexpected end",
		`garbage`:                    "invalid character",
		`null`:                       `outcome ""`,
		`{}`:                         `outcome ""`,
		`{"seq":1,"outcome":"lost"}`: `outcome "lost"`,
		`{"seq":1.5,"outcome":"ok"}`: "cannot unmarshal",
		`{"seq":1,"fn":0,"intended_ns":0,"outcome":"ok"} x`: "invalid character",
	} {
		var d rowDecoder
		var row Invocation
		if err := d.decode([]byte(line), &row); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error %v, want %q in it", line, err, want)
		}
	}
}

// FuzzDecodeRow: whatever the line, the fast path either declines or gives the
// row that encoding/json gives.
func FuzzDecodeRow(f *testing.F) {
	for _, row := range []Invocation{typicalRow(7), {Outcome: NotSent}, {Seq: -1, Outcome: OK, Error: "a\"b", Conn: Conn{TLS: -5}}} {
		f.Add(row.AppendJSON(nil))
	}
	for _, s := range []string{
		`{"seq":01,"fn":0,"intended_ns":0,"outcome":"ok"}`, `{"seq":-0,"fn":0,"intended_ns":0,"outcome":"ok"}`,
		`{"seq":1,"fn":0,"intended_ns":0,"outcome":"ok","conn":{}}`, `{"seq":1,"fn":0,"intended_ns":0,"outcome":"ok","conn":{,"dns_ns":1}}`,
		`{"seq":1234567890123456789,"fn":0,"intended_ns":0,"outcome":"ok"}`, `{"seq":1,"fn":0,"tag":"` + "\xff" + `","intended_ns":0,"outcome":"ok"}`,
		`{"seq":1,"fn":0,"intended_ns":0,"outcome":"ok","status":1e3}`, `{"seq":1,"fn":0,"intended_ns":0,"outcome":"ok","conn":{"reused":true,"wait_ns":5}}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		var d rowDecoder
		var fast, std Invocation
		if !d.fast(line, &fast) {
			return
		}
		if err := json.Unmarshal(line, &std); err != nil {
			t.Fatalf("fast path took %q, encoding/json says %v", line, err)
		}
		if fast != std {
			t.Fatalf("%q:\nfast %+v\n std %+v", line, fast, std)
		}
	})
}

func TestAppendJSONDoesNotAllocate(t *testing.T) {
	row := typicalRow(3)
	buf := make([]byte, 0, 1024)
	if n := testing.AllocsPerRun(100, func() { buf = row.AppendJSON(buf[:0]) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkAppendJSON(b *testing.B) {
	row := typicalRow(1234567)
	buf := make([]byte, 0, 1024)
	b.ReportAllocs()
	for b.Loop() {
		buf = row.AppendJSON(buf[:0])
	}
	b.SetBytes(int64(len(buf)))
}

func BenchmarkDecodeRow(b *testing.B) {
	row := typicalRow(1234567)
	line := row.AppendJSON(nil)
	b.SetBytes(int64(len(line)))
	b.Run("fast", func(b *testing.B) {
		b.ReportAllocs()
		var d rowDecoder
		for b.Loop() {
			if err := d.decode(line, &row); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("encoding_json", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			row = Invocation{}
			if err := json.Unmarshal(line, &row); err != nil {
				b.Fatal(err)
			}
		}
	})
}
