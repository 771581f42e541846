package parsers

import (
	"bytes"
	"encoding/binary"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf16"

	"pgregory.net/rapid"
)

// What is encoded comes back, however it is cut into reads, in either order of
// bytes; a unit without its pair is U+FFFD, as in package unicode/utf16.
func TestUTF16RoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		units := rapid.SliceOf(rapid.OneOf(
			rapid.Uint16(), rapid.Uint16Range(0xD800, 0xDFFF), rapid.Uint16Range('\n', 'z'),
		)).Draw(t, "units")
		order, mark := binary.ByteOrder(binary.LittleEndian), bomLittle
		if rapid.Bool().Draw(t, "big") {
			order, mark = binary.BigEndian, bomBig
		}
		var in bytes.Buffer
		in.WriteString(mark)
		for _, u := range units {
			_ = binary.Write(&in, order, u)
		}
		want := strings.ReplaceAll(string(utf16.Decode(units)), "\uFEFF", "")
		odd := rapid.Bool().Draw(t, "odd")
		if odd {
			in.WriteByte('x')
			if n := len(units); n == 0 || !utf16.IsSurrogate(rune(units[n-1])) || units[n-1] >= 0xDC00 {
				want += "\uFFFD" // half a unit; together with half a pair it is one
			}
		}
		var src io.Reader = &in
		if rapid.Bool().Draw(t, "slow") {
			src = iotest.OneByteReader(src)
		}
		r, envelope, err := decompressed(src)
		if err != nil || envelope != EnvelopeUTF16 {
			t.Fatalf("envelope %v, %v", envelope, err)
		}
		got, err := io.ReadAll(r)
		if err != nil || string(got) != want {
			t.Fatalf("%q, want %q, %v", got, want, err)
		}
	})
}
