package record

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
	"pgregory.net/rapid"
)

func TestDamagedRows(t *testing.T) {
	whole := func(dir string) []byte {
		b, err := os.ReadFile(filepath.Join(dir, RowsFile))
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	skippable := []byte{0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 'a', 'b', 'c'}
	for name, c := range map[string]struct {
		change func(b []byte) []byte
		rows   int
		codes  []string
	}{
		"untouched":       {func(b []byte) []byte { return b }, 30, nil},
		"empty":           {func([]byte) []byte { return nil }, 0, nil},
		"garbage":         {func([]byte) []byte { return []byte(strings.Repeat("no zstd here ", 9000)) }, 0, []string{"damaged"}},
		"one byte":        {func([]byte) []byte { return []byte{0x28} }, 0, []string{"truncated"}},
		"garbage before":  {func(b []byte) []byte { return append([]byte("xx\x28\xb5\x2f\xfdyy"), b...) }, 30, []string{"damaged"}},
		"garbage after":   {func(b []byte) []byte { return append(b, "trailing words"...) }, 30, []string{"damaged"}},
		"skippable frame": {func(b []byte) []byte { return append(skippable, b...) }, 30, nil},
		"last byte lost":  {func(b []byte) []byte { return b[:len(b)-1] }, 20, []string{"truncated"}},
		"first frame hit": {func(b []byte) []byte { b[40] ^= 0x10; return b }, 20, []string{"damaged"}},
	} {
		dir := writeRun(t, typicalRows(30), 10)
		put(t, dir, RowsFile, c.change(whole(dir)))
		rows, codes := readRun(t, dir)
		if len(rows) != c.rows || !slices.Equal(codes, c.codes) {
			t.Errorf("%s: %d rows, warnings %q; want %d, %q", name, len(rows), codes, c.rows, c.codes)
		}
	}
}

// TestACutLargeFrameYieldsItsCompleteBlocks: a frame of 4,000 rows has about
// 1.3 MB, so about ten blocks of 128 KiB; half of it has at least four.
func TestACutLargeFrameYieldsItsCompleteBlocks(t *testing.T) {
	const n = 4000
	dir := writeRun(t, typicalRows(n), n)
	path := filepath.Join(dir, RowsFile)
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	put(t, dir, RowsFile, b[:len(b)/2])
	rows, codes := readRun(t, dir)
	if len(rows) < n*3/10 || len(rows) > n/2 || !slices.Equal(rows, typicalRows(len(rows))) || !slices.Equal(codes, []string{"truncated"}) {
		t.Errorf("%d rows of half the file, warnings %q", len(rows), codes)
	}
}

// TestWhateverHappensToTheBytesARowReadIsARowWritten cuts the file anywhere
// and flips a bit anywhere.
func TestWhateverHappensToTheBytesARowReadIsARowWritten(t *testing.T) {
	const n, perFrame = 60, 10
	want := typicalRows(n)
	dir := writeRun(t, want, perFrame)
	good, err := os.ReadFile(filepath.Join(dir, RowsFile))
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(rt *rapid.T) {
		b := slices.Clone(good)
		flip := rapid.Bool().Draw(rt, "flip")
		if flip {
			b[rapid.IntRange(0, len(b)-1).Draw(rt, "at")] ^= 1 << rapid.IntRange(0, 7).Draw(rt, "bit")
		} else {
			b = b[:rapid.IntRange(0, len(b)).Draw(rt, "length")]
		}
		put(t, dir, RowsFile, b)
		got, codes := readRun(t, dir)
		for i, r := range got {
			if r.Seq < 0 || r.Seq >= n || r != want[r.Seq] || (i > 0 && r.Seq <= got[i-1].Seq) {
				rt.Fatalf("row %d was never written: %+v", i, r)
			}
		}
		if flip && len(got) < n-perFrame {
			rt.Fatalf("%d rows after one flipped bit, want at least %d; warnings %q", len(got), n-perFrame, codes)
		}
		if flip && len(got) < n && len(codes) == 0 {
			rt.Fatal("rows are lost without a warning")
		}
		// A cut costs at most the frame it falls into.
		if min := len(b) * n / len(good) / perFrame; !flip && len(got) < (min-1)*perFrame {
			rt.Fatalf("%d rows after a cut at %d of %d bytes", len(got), len(b), len(good))
		}
	})
}

func TestGarbageLinesAreSkippedAndCounted(t *testing.T) {
	dir := writeRun(t, nil, 1)
	rows := typicalRows(3)
	text := string(rows[0].AppendJSON(nil)) + "\n\x00\xff garbage\n" + string(rows[1].AppendJSON(nil)) + "\n{\"seq\":\n" +
		`{"outcome":"ok", "seq":9, "intended_ns":5, "fn":1, "of_a_later_version":{"a":[1]}}` + "\n" + string(rows[2].AppendJSON(nil)) // no newline
	enc, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer enc.Close()
	// Cut in the middle of a line: a file that was compressed anew.
	put(t, dir, RowsFile, enc.EncodeAll([]byte(text[100:]), enc.EncodeAll([]byte(text[:100]), nil)))
	got, codes := readRun(t, dir)
	if len(got) != 4 || got[2] != (Invocation{Seq: 9, Function: 1, Intended: 5, Outcome: OK}) || got[3] != rows[2] {
		t.Errorf("rows %+v", got)
	}
	if !slices.Equal(codes, []string{"bad_lines"}) {
		t.Errorf("warnings %q", codes)
	}
	run, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	for range run.Rows() {
	}
	if text := run.Warnings()[0].Text; !strings.Contains(text, "2 lines") || !strings.Contains(text, "line 2") {
		t.Errorf("warning %q", text)
	}
}
