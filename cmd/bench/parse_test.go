package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"unicode/utf16"
)

// reportLine is a whole REPORT line of a cold start.
func reportLine(i int) string {
	return fmt.Sprintf("REPORT RequestId: 32f5cbf1-dd22-422a-a566-%012d\tDuration: 1.32 ms\tBilled Duration: 30 ms\tMemory Size: 128 MB\tMax Memory Used: 14 MB\tInit Duration: 28.41 ms\t\n", i)
}

func reportLines(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(reportLine(i))
	}
	return b.String()
}

// parsedSummary is the part of coldbench.parsed/v1 that the tests look at.
type parsedSummary struct {
	Schema    string
	Reports   int64
	Starts    map[string]int64
	Envelopes []string
	Read      struct{ Lines, Platform, Application, Broken, Overlong, Refused int64 }
	Warnings  []struct{ Code, Text, Remedy string }
}

func (s *parsedSummary) warns(code string) bool {
	for _, w := range s.Warnings {
		if w.Code == code {
			return true
		}
	}
	return false
}

// parseJSON runs bench parse --json in this process.
func parseJSON(t *testing.T, stdin io.Reader, args ...string) (s parsedSummary, stderr string, code int) {
	t.Helper()
	var out, errs bytes.Buffer
	code = run(t.Context(), append([]string{"parse", "--json"}, args...), stdin, &out, &errs)
	if err := json.Unmarshal(out.Bytes(), &s); err != nil {
		t.Fatalf("stdout is no summary: %v\n%s\nstderr: %s", err, out.String(), errs.String())
	}
	if s.Schema != "coldbench.parsed/v1" {
		t.Errorf("schema %q", s.Schema)
	}
	return s, errs.String(), code
}

func gzipped(t *testing.T, text string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := z.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// utf16le is text as Windows PowerShell redirects it.
func utf16le(text string) string {
	b := []byte("\xff\xfe")
	for _, u := range utf16.Encode([]rune(text)) {
		b = append(b, byte(u), byte(u>>8))
	}
	return string(b)
}

func utf16be(text string) string {
	b := []byte(utf16le(text))
	for i := 0; i < len(b); i += 2 {
		b[i], b[i+1] = b[i+1], b[i]
	}
	return string(b)
}

// What can't be read to its end is one line and exit status 1; what could be
// read is reported, and marked.
func TestParseBadInput(t *testing.T) {
	whole := gzipped(t, strings.Repeat("an application's line\n", 1000)+reportLines(2000))
	dir := writeFiles(t, map[string]string{
		"good.log":      reportLines(3),
		"empty.log":     "",
		"binary.log":    "\x7fELF\x02\x01\x01" + strings.Repeat("\x00\x01\n", 100),
		"cut.log.gz":    string(whole[:len(whole)/2]),
		"header.log.gz": "\x1f\x8b\x08\x00junk",
		"hole.log":      strings.Repeat("\x00", 4096) + "\n" + reportLines(2), // of a log that was cut by copying
		"odd\x1b[2J.gz": "\x1f\x8b\x08\x00junk",
		"folder/x.log":  reportLines(2),
		"void/a/.keep":  "",
	})
	if err := os.Symlink("loop", filepath.Join(dir, "loop")); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		file    string
		code    int
		says    string
		reports int64 // of the file alone; -1: some
	}{
		{"good.log", exitDone, "read as text", 3},
		{"empty.log", exitError, "empty.log: the file is empty", 0},
		{"binary.log", exitError, "binary data", 0},
		{"cut.log.gz", exitError, "cut.log.gz: the compressed data is cut off", -1},
		{"header.log.gz", exitError, "header.log.gz", 0},
		{"hole.log", exitDone, "read as text", 2},
		{"vanished.log", exitError, "vanished.log: no such file", 0},
		{"loop", exitError, "loop: too many levels", 0},
		{"odd\x1b[2J.gz", exitError, "odd\uFFFD[2J.gz", 0},
		{"folder", exitDone, "read as text", 2},
		{"void/a/b", exitError, "void/a/b: no such file", 0},
	}
	for _, tt := range tests {
		t.Run(tt.file, func(t *testing.T) {
			file := filepath.Join(dir, tt.file)
			s, stderr, code := parseJSON(t, nil, file)
			if code != tt.code || !strings.Contains(stderr, tt.says) {
				t.Errorf("exit status %d, want %d; stderr %q, want %q in it", code, tt.code, stderr, tt.says)
			}
			if tt.reports >= 0 && s.Reports != tt.reports || tt.reports < 0 && s.Reports == 0 {
				t.Errorf("%d REPORTs, want %d", s.Reports, tt.reports)
			}
			if s.warns("partial") != (code == exitError) {
				t.Errorf("exit status %d, warnings %+v", code, s.Warnings)
			}
			faults := 0
			for line := range strings.Lines(stderr) {
				if strings.ContainsRune(line, '\x1b') || !strings.HasPrefix(line, "bench: ") {
					t.Errorf("line %q", line)
				}
				if !strings.Contains(line, "read as ") {
					faults++
				}
			}
			if want := tt.code; faults != want {
				t.Errorf("%d lines of faults, want %d:\n%s", faults, want, stderr)
			}
			// The rest is reported, whatever the order.
			for _, files := range [][]string{{file, filepath.Join(dir, "good.log")}, {filepath.Join(dir, "good.log"), file}} {
				both, _, code := parseJSON(t, nil, files...)
				if both.Reports != s.Reports+3 || code != tt.code {
					t.Errorf("with another file: %d REPORTs, want %d; exit status %d", both.Reports, s.Reports+3, code)
				}
			}
		})
	}
}

// Records that were read before a fault are printed.
func TestParseRecordsOfACutFile(t *testing.T) {
	whole := gzipped(t, reportLines(2000))
	dir := writeFiles(t, map[string]string{"cut.log.gz": string(whole[:len(whole)/2])})
	var out, errs bytes.Buffer
	code := run(t.Context(), []string{"parse", "--records", filepath.Join(dir, "cut.log.gz")}, nil, &out, &errs)
	if n := strings.Count(out.String(), "\n"); code != exitError || n == 0 || !strings.Contains(errs.String(), "cut off") {
		t.Errorf("exit status %d, %d records, stderr %q", code, n, errs.String())
	}
}

func TestParseWithoutPermission(t *testing.T) {
	dir := writeFiles(t, map[string]string{"secret.log": reportLines(1), "open.log": reportLines(2), "locked/x.log": reportLines(1)})
	secret, locked := filepath.Join(dir, "secret.log"), filepath.Join(dir, "locked")
	if err := errors.Join(os.Chmod(secret, 0), os.Chmod(locked, 0)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Chmod(locked, 0o700) }) // so that it can be removed
	if f, err := os.Open(secret); err == nil {
		_ = f.Close()
		t.Skip("this user may read every file (root)")
	}
	s, stderr, code := parseJSON(t, nil, dir)
	if code != exitError || s.Reports != 2 || strings.Count(stderr, "permission denied") != 2 {
		t.Errorf("exit status %d, %d REPORTs, stderr %q", code, s.Reports, stderr)
	}
}

// denied fails as a file does that may not be read, or a disk that breaks,
// for root too.
type denied struct{ r io.Reader }

func (r *denied) Read(p []byte) (int, error) {
	n, err := r.r.Read(p)
	if errors.Is(err, io.EOF) {
		err = &fs.PathError{Op: "read", Path: "-", Err: syscall.EACCES}
	}
	return n, err
}

func TestParseOfAReaderThatFails(t *testing.T) {
	s, stderr, code := parseJSON(t, &denied{strings.NewReader(reportLines(5))})
	if code != exitError || s.Reports != 5 || !s.warns("partial") || !strings.Contains(stderr, "permission denied") {
		t.Errorf("exit status %d, %d REPORTs, stderr %q", code, s.Reports, stderr)
	}
}

func TestParseUTF16(t *testing.T) {
	text := "START RequestId: 32f5cbf1-dd22-422a-a566-8965da5a3465 Version: $LATEST\r\ngrüße 🐛\r\n" +
		"END RequestId: 32f5cbf1-dd22-422a-a566-8965da5a3465\r\n" + strings.Replace(reportLine(0), "000000000000", "8965da5a3465", 1)
	for name, in := range map[string]string{"little": utf16le(text), "big": utf16be(text), "UTF-8 with a mark": "\xef\xbb\xbf" + text} {
		s, stderr, code := parseJSON(t, strings.NewReader(in))
		if code != exitDone || s.Reports != 1 || s.Starts["cold"] != 1 || s.Read.Lines != 4 {
			t.Errorf("%s: exit status %d, %+v, stderr %q", name, code, s, stderr)
		}
		if got := strings.Contains(stderr, "utf-16"); got != strings.Contains(strings.Join(s.Envelopes, " "), "utf-16") || got == strings.HasPrefix(name, "UTF") {
			t.Errorf("%s: envelopes %v, stderr %q", name, s.Envelopes, stderr)
		}
	}
}

func TestParseCompressedPipe(t *testing.T) {
	s, stderr, code := parseJSON(t, bytes.NewReader(gzipped(t, reportLines(3))))
	if code != exitDone || s.Reports != 3 || strings.Join(s.Envelopes, " ") != "text gzip" || !strings.Contains(stderr, "read as text, gzip") {
		t.Errorf("exit status %d, %+v, stderr %q", code, s, stderr)
	}
}

// A folder is read with all below it; the layout of an S3 export names the log
// stream, whose files belong together.
func TestParseFolder(t *testing.T) {
	const stream = "2026-11-23-[$LATEST]5b81e4c0a643af4fa21579f838aa0001"
	id := "32f5cbf1-dd22-422a-a566-8965da5a3465"
	dir := writeFiles(t, map[string]string{
		"export/" + stream + "/000000.gz": string(gzipped(t, "2026-11-23T10:00:00.000Z START RequestId: "+id+" Version: $LATEST\n")),
		"export/" + stream + "/000001.gz": string(gzipped(t, "2026-11-23T10:00:01.000Z END RequestId: "+id+"\n2026-11-23T10:00:01.000Z "+strings.Replace(reportLine(0), "32f5cbf1-dd22-422a-a566-000000000000", id, 1))),
		"deep/er/app.log":                 reportLines(2),
		"deep/nothing.log":                "",
	})
	s, stderr, code := parseJSON(t, nil, dir)
	if code != exitDone || s.Reports != 3 || s.Read.Refused != 0 || s.warns("partial") {
		t.Errorf("exit status %d, %+v, stderr %q", code, s, stderr)
	}
	if !strings.Contains(strings.Join(s.Envelopes, " "), "gzip") {
		t.Errorf("envelopes %v", s.Envelopes)
	}
}

// A log without platform lines was read: the answer is that there are none,
// and where some are to be had.
func TestParseWithoutPlatformLines(t *testing.T) {
	s, _, code := parseJSON(t, strings.NewReader("hello\nworld\n"))
	if code != exitDone || s.Reports != 0 || s.Read.Application != 2 || !s.warns("no_reports") || !strings.Contains(s.Warnings[0].Remedy, "bench logs") {
		t.Errorf("exit status %d, %+v", code, s)
	}
	s, _, code = parseJSON(t, strings.NewReader(""))
	if code != exitDone || s.Reports != 0 || !s.warns("no_reports") {
		t.Errorf("an empty pipe: exit status %d, %+v", code, s)
	}
}

// A REPORT that the function printed itself is refused and counted.
func TestParseCountsRefused(t *testing.T) {
	id := "32f5cbf1-dd22-422a-a566-000000000000"
	log := "START RequestId: " + id + " Version: $LATEST\n" + reportLine(7) + "END RequestId: " + id + "\n" + reportLine(0)
	s, stderr, code := parseJSON(t, strings.NewReader(log))
	if code != exitDone || s.Reports != 1 || s.Read.Refused != 1 || !s.warns("forged_reports") || !strings.Contains(stderr, "refused 1 line ") {
		t.Errorf("exit status %d, %+v, stderr %q", code, s, stderr)
	}
}

// endless yields size bytes of one line without holding them.
type endless struct{ left int64 }

func (e *endless) Read(p []byte) (int, error) {
	if e.left == 0 {
		return 0, io.EOF
	}
	n := int(min(int64(len(p)), e.left))
	for i := range p[:n] {
		p[i] = 'x'
	}
	e.left -= int64(n)
	return n, nil
}

// One line of 1 GB costs neither memory nor what stands around it.
func TestParseLineOfOneGigabyte(t *testing.T) {
	size := int64(1 << 30)
	if raceDetector {
		size >>= 4 // the detector makes each byte ten times as dear
	}
	if testing.Short() {
		size = 64 << 20
	}
	for _, start := range []string{"", "REPORT RequestId: "} {
		in := io.MultiReader(strings.NewReader(reportLines(2)+start), &endless{size}, strings.NewReader("\n"+reportLine(3)))
		s, stderr, code := parseJSON(t, in)
		if code != exitDone || s.Reports != 3 || s.Read.Overlong+s.Read.Broken != 1 || s.Read.Lines != 4 {
			t.Errorf("after %q: exit status %d, %+v", start, code, s)
		}
		if n := strings.Count(stderr, "longer than any log event"); n != 1 {
			t.Errorf("after %q it is told %d times: %s", start, n, stderr)
		}
	}
}

// An interrupt is heard while a pipe has nothing to read, and what was read is
// reported.
func TestParseInterrupted(t *testing.T) {
	r, w := io.Pipe()
	defer func() { _ = w.Close() }()
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		_, _ = io.WriteString(w, reportLines(2))
		_, _ = io.WriteString(w, "\n") // taken when the REPORTs were
		cancel()
	}()
	var out, errs bytes.Buffer
	code := run(ctx, []string{"parse", "--json"}, r, &out, &errs)
	if code != exitError || !strings.Contains(errs.String(), "interrupted") || !strings.Contains(out.String(), `"partial"`) {
		t.Errorf("exit status %d, stderr %q, stdout %s", code, errs.String(), out.String())
	}
}

// The log of a run holds a REPORT twice: it counts once, and its Start is that
// of the log stream where the stream comes first.
func TestParseCountsARunsReportsOnce(t *testing.T) {
	line := strings.TrimSpace(reportLine(1))
	tail := fmt.Sprintf(`{"message":%q,"source":"tail","requestId":"32f5cbf1-dd22-422a-a566-000000000001"}`, line)
	group := fmt.Sprintf(`{"logStreamName":"2026/11/01/[$LATEST]5b81e4c0a643af4fa21579f838aa0001","timestamp":1793534400031,"message":%q,"source":"filter"}`, line)
	other := fmt.Sprintf(`{"logStreamName":"2026/11/01/[$LATEST]5b81e4c0a643af4fa21579f838aa0001","timestamp":1793534400131,"message":%q,"source":"filter"}`, strings.TrimSpace(reportLine(2)))
	s, _, code := parseJSON(t, strings.NewReader(tail+"\n"+group+"\n"+other+"\n"))
	if code != exitDone || s.Reports != 2 {
		t.Errorf("exit status %d, %+v", code, s)
	}
}

// A key set knows what it was given, and nothing else.
func TestKeySet(t *testing.T) {
	var s keySet
	key := func(i uint64) uint64 { return i * 0x9E3779B97F4A7C15 &^ 1 }
	for i := range uint64(maxTails) {
		s.add(key(i))
	}
	for i := range uint64(2 * maxTails) {
		if got := s.has(key(i)); got != (i < maxTails) {
			t.Fatalf("key %d: %v", i, got)
		}
	}
}
