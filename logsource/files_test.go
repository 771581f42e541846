package logsource_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
	"pgregory.net/rapid"

	"coldbench/logsource"
	"coldbench/record"
)

func write(t *testing.T, path, text string) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func zipped(parts ...string) string {
	var b bytes.Buffer
	for _, p := range parts { // one gzip member each
		z := gzip.NewWriter(&b)
		_, _ = io.WriteString(z, p)
		_ = z.Close()
	}
	return b.String()
}

// readAll gives the messages of all events, and the error at their end.
func readAll(src logsource.Source, w logsource.Window) (events []record.Event, err error) {
	for e, fault := range src.Events(context.Background(), w) {
		if fault != nil {
			return events, fault
		}
		events = append(events, e)
	}
	return events, nil
}

func messages(events []record.Event) string {
	var b strings.Builder
	for _, e := range events {
		b.WriteString(e.Message)
	}
	return b.String()
}

func TestFilesReadsWhatIsThere(t *testing.T) {
	dir := t.TempDir()
	enc, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "a.log"), "a1\na2\n")
	write(t, filepath.Join(dir, "sub/deep/b.log.gz"), zipped("b1\n", "b2\n"))
	write(t, filepath.Join(dir, "sub/c"), zipped("c1\n")) // compressed, without saying so
	write(t, filepath.Join(dir, "sub/d.zst"), string(enc.EncodeAll([]byte("d1\n"), nil)))
	write(t, filepath.Join(dir, "sub/empty"), "")
	write(t, filepath.Join(dir, "z.log"), "z1 without newline")
	if err := os.Symlink(filepath.Join(dir, "a.log"), filepath.Join(dir, "y.log")); err != nil {
		t.Logf("no links here: %v", err)
	}
	_ = os.Symlink(dir, filepath.Join(dir, "sub/loop"))
	events, err := readAll(logsource.NewFiles(strings.NewReader("in1\nin2\n"), "-", dir), logsource.Window{})
	if want := "in1\nin2\na1\na2\nc1\nd1\nb1\nb2\na1\na2\nz1 without newline"; err != nil || sortedLines(messages(events)) != sortedLines(want) {
		t.Errorf("got %q, %v", messages(events), err)
	}
	// Again: a Source may be asked twice. Standard input is gone by then.
	again, err := readAll(logsource.NewFiles(nil, dir), logsource.Window{})
	if err != nil || len(again) != len(events)-2 {
		t.Errorf("%d events, %v", len(again), err)
	}
}

func sortedLines(s string) string {
	l := strings.Split(strings.TrimSpace(s), "\n")
	for i := range l {
		for j := i; j > 0 && l[j] < l[j-1]; j-- {
			l[j], l[j-1] = l[j-1], l[j]
		}
	}
	return strings.Join(l, "\n")
}

func TestExportLayout(t *testing.T) {
	const hash = "0123456789abcdef0123456789abcdef"
	tests := []struct{ path, want string }{
		{"e7a1/2026-11-23-[$LATEST]" + hash + "/000000.gz", "2026/11/23/[$LATEST]" + hash},
		{"prefix/e7a1/2026-11-23-[12]" + hash + "/000001.gz", "2026/11/23/[12]" + hash},
		{"e7a1/2026-11-23-checkout[$LATEST]" + hash + "/000000", "2026/11/23/checkout[$LATEST]" + hash},
		{"e7a1/2026/11/23/[$LATEST]" + hash + "/000000.gz", "2026/11/23/[$LATEST]" + hash},
		{"e7a1/my-stream/000000.gz", "my-stream"},
		{"e7a1/my-stream/lambda.log.gz", ""},
		{"e7a1/2026-11-23-[$LATEST]" + hash + "/lambda.log", ""},
	}
	const text = "2026-11-23T10:47:56.920Z START RequestId: a Version: $LATEST\n" +
		"2026-11-23T10:47:57.001Z REPORT RequestId: a\tDuration: 1.00 ms\t\n" +
		"XRAY TraceId: 1-5\tSegmentId: 7\tSampled: true\t\n\n" +
		"2026-11-23T10:47:58.000Z a line\n  that goes on\n"
	for _, tt := range tests {
		dir := t.TempDir()
		write(t, filepath.Join(dir, tt.path), zipped(text))
		write(t, filepath.Join(dir, "e7a1/aws-logs-write-test"), "Permission Check Successful")
		events, err := readAll(logsource.NewFiles(nil, dir), logsource.Window{})
		if err != nil || len(events) == 0 || events[0].LogStream != tt.want {
			t.Errorf("%s: stream %q, %d events, %v, want %q", tt.path, events[0].LogStream, len(events), err, tt.want)
			continue
		}
		if tt.want == "" {
			continue
		}
		if len(events) != 3 || events[0].Timestamp != 1_795_430_876_920 || events[0].Message != "START RequestId: a Version: $LATEST\n" {
			t.Errorf("%s: %d events, first %+v", tt.path, len(events), events[0])
			continue
		}
		if want := "REPORT RequestId: a\tDuration: 1.00 ms\t\nXRAY TraceId: 1-5\tSegmentId: 7\tSampled: true\t\n\n"; events[1].Message != want {
			t.Errorf("%s: second %q, want %q", tt.path, events[1].Message, want)
		}
		if events[2].Message != "a line\n  that goes on\n" {
			t.Errorf("%s: third %q", tt.path, events[2].Message)
		}
		within, err := readAll(logsource.NewFiles(nil, dir), logsource.Window{From: time.UnixMilli(1_795_430_876_921), To: time.UnixMilli(1_795_430_877_999)})
		if err != nil || len(within) != 1 || within[0].Message[:6] != "REPORT" {
			t.Errorf("%s: %d events in the window, %v", tt.path, len(within), err)
		}
	}
}

func TestXRayLineBelongsToItsReport(t *testing.T) {
	events, err := readAll(logsource.NewFiles(strings.NewReader("REPORT RequestId: a\t\nXRAY TraceId: 1\t\nEND RequestId: b\n"), "-"), logsource.Window{})
	if err != nil || len(events) != 2 || events[0].Message != "REPORT RequestId: a\t\nXRAY TraceId: 1\t\n" {
		t.Errorf("%+v, %v", events, err)
	}
}

// TestBadFilesAreToldAndTheRestIsRead gives each bad file beside two good ones.
func TestBadFilesAreToldAndTheRestIsRead(t *testing.T) {
	dir := t.TempDir()
	lots := strings.Repeat("line of a log that is long enough to be compressed\n", 5000)
	whole := zipped(lots)
	tests := []struct {
		name, text, want string
		least            int // events of the bad file that must come all the same
	}{
		{"empty.log", "", "read logs: %s: the file is empty", 0},
		{"cut.gz", whole[:len(whole)-20], "read logs: %s: the compressed data is cut off: unexpected EOF; everything before was read", 4000},
		{"header.gz", whole[:5], "read logs: %s: the compressed data is cut off: unexpected EOF", 0},
		{"flipped.gz", whole[:len(whole)-8] + "\x00\x00\x00\x00" + whole[len(whole)-4:], "read logs: %s: gzip: invalid checksum; everything before was read", 5000},
		{"garbage.gz", "\x1f\x8bgarbage that is no gzip", "read logs: %s: gzip: invalid header", 0},
		{"cut.zst", "\x28\xb5\x2f\xfd\x04\x00", "read logs: %s: the compressed data is cut off: unexpected EOF; everything before was read", 0},
		{"vanished.log", "-", "read logs: stat %s: no such file or directory", 0},
		{"long.log", "before\n" + strings.Repeat("x", 3<<20) + "\nafter\n", "read logs: %s:2: the line is longer than 2097152 bytes and was passed over", 2},
	}
	good := write(t, filepath.Join(dir, "good"), "good\n")
	for _, tt := range tests {
		path := filepath.Join(dir, tt.name)
		if tt.text != "-" {
			write(t, path, tt.text)
		}
		events, err := readAll(logsource.NewFiles(nil, good, path, good), logsource.Window{})
		var partial *logsource.PartialError
		if !errors.As(err, &partial) || partial.N != 1 || err.Error() != fmt.Sprintf(tt.want, path) {
			t.Errorf("%s:\n got %v\nwant %s", tt.name, err, fmt.Sprintf(tt.want, path))
		}
		if len(events) < tt.least+2 || events[0].Message != "good\n" || events[len(events)-1].Message != "good\n" {
			t.Errorf("%s: %d events", tt.name, len(events))
		}
	}
}

func TestEmptyFolderAndManyFaults(t *testing.T) {
	dir := t.TempDir()
	_, err := readAll(logsource.NewFiles(nil, dir), logsource.Window{})
	if err == nil || err.Error() != "read logs: "+dir+": the folder holds no file" {
		t.Errorf("got %v", err)
	}
	paths := make([]string, 250)
	for i := range paths {
		paths[i] = filepath.Join(dir, fmt.Sprint(i))
	}
	_, err = readAll(logsource.NewFiles(nil, paths...), logsource.Window{})
	var partial *logsource.PartialError
	if !errors.As(err, &partial) || partial.N != 250 || len(partial.Faults) != 100 || !strings.HasSuffix(err.Error(), "\nand 150 more") || !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v", err)
	}
}

func TestFileThatVanishesInAFolder(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "a"), "a\n")
	gone := write(t, filepath.Join(dir, "b"), "b\n")
	write(t, filepath.Join(dir, "c"), "c\n")
	var got []string
	var last error
	for e, err := range logsource.NewFiles(nil, dir).Events(t.Context(), logsource.Window{}) {
		if err != nil {
			last = err
			continue
		}
		if got = append(got, e.Message); len(got) == 1 {
			if err := os.Remove(gone); err != nil {
				t.Fatal(err)
			}
		}
	}
	if strings.Join(got, "") != "a\nc\n" || last == nil || !strings.Contains(last.Error(), "b: no such file") {
		t.Errorf("%q, %v", got, last)
	}
}

func TestBinaryFileIsLines(t *testing.T) {
	blob := make([]byte, 5<<20)
	for i := range blob {
		blob[i] = byte(i * 7 >> 3)
	}
	dir := t.TempDir()
	events, err := readAll(logsource.NewFiles(nil, write(t, filepath.Join(dir, "x.bin"), string(blob))), logsource.Window{})
	n := 0
	for _, e := range events {
		n += len(e.Message)
	}
	if err != nil || n > len(blob) {
		t.Errorf("%d bytes, %v", n, err)
	}
}

// TestLinesAreKept: however text is cut into lines, files and members, the
// events together are the text.
func TestLinesAreKept(t *testing.T) {
	dir := t.TempDir()
	rapid.Check(t, func(rt *rapid.T) {
		lines := rapid.SliceOf(rapid.StringMatching(`[ -~]{1,90}`)).Draw(rt, "lines")
		text := strings.Join(lines, "\n")
		want := strings.Join(nonBlank(lines), "\n")
		cut := rapid.IntRange(0, len(text)).Draw(rt, "cut")
		name := write(t, filepath.Join(dir, "x.gz"), zipped(text[:cut], text[cut:]))
		events, err := readAll(logsource.NewFiles(nil, name), logsource.Window{})
		if got := strings.TrimSuffix(messages(events), "\n"); len(want) > 0 && (err != nil || got != want) {
			rt.Fatalf("%q, %v, want %q", got, err, want)
		}
	})
}

func nonBlank(in []string) (out []string) {
	for _, s := range in {
		if strings.TrimSpace(s) != "" {
			out = append(out, s)
		}
	}
	return out
}

func TestFilesEndWithTheContext(t *testing.T) {
	dir := t.TempDir()
	for i := range 10 {
		write(t, filepath.Join(dir, fmt.Sprint(i)), "x\n")
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	n := 0
	var last error
	for _, err := range logsource.NewFiles(nil, dir).Events(ctx, logsource.Window{}) {
		n++
		last = err
		cancel()
	}
	if n != 2 || !errors.Is(last, context.Canceled) {
		t.Errorf("%d steps, %v", n, last)
	}
}
