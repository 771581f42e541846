package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"math"
	"os"
	"runtime"
	"strings"
	"unicode"

	"coldbench/logsource"
	"coldbench/parsers"
	"coldbench/record"
)

// logInput reads platform records from files, one after the other. What of
// them can't be read is told on stderr; the rest is read all the same.
type logInput struct {
	files  []string
	stdin  io.Reader
	stderr io.Writer
	piped  *headReader // stdin, with its beginning

	counts   parsers.Counts
	failures []error // what could not be read to its end; the first is kept, the others are told at once
	broken   int64

	ownKinds  bool // JSON lines keep their kind: platform.report
	envelopes parsers.Envelope
	tails     keySet
	seed      maphash.Seed

	pairing *parsers.Pairing
	stream  string // the log stream that the path names, of the pairing
	stopped bool
}

// maxBroken is how many broken lines are told one by one.
const maxBroken = 10

// read calls emit for the platform records of all files, paired by log stream,
// until it reports false.
func (in *logInput) read(ctx context.Context, emit func(*parsers.View) bool) {
	in.seed = maphash.MakeSeed()
	unless := func(v *parsers.View) bool {
		if !in.again(v) && !emit(v) {
			in.stopped = true
		}
		return !in.stopped
	}
	in.piped = &headReader{r: in.stdin}
	for f, err := range logsource.NewFiles(in.piped, in.files...).All(ctx) {
		if err != nil {
			in.fail(err)
			continue
		}
		if in.file(ctx, f, unless); in.stopped {
			return
		}
	}
	in.settle(unless)
	in.epilogue()
}

// file reads one file. Files of one log stream, the pieces of an export, are
// paired as one.
func (in *logInput) file(ctx context.Context, f *logsource.File, emit func(*parsers.View) bool) {
	if in.pairing == nil || f.LogStream == "" || f.LogStream != in.stream {
		in.settle(emit)
		in.pairing, in.stream = &parsers.Pairing{KeepKinds: in.ownKinds}, f.LogStream
	}
	head := &headReader{r: f.Reader}
	r, stop := abortable(ctx, head)
	defer stop()
	stream := []byte(f.LogStream)
	o := parsers.Options{File: f.Name, Workers: runtime.GOMAXPROCS(0)}
	result, err := parsers.Each(r, o, func(v *parsers.View, broken *parsers.SyntaxError) error {
		if broken != nil {
			in.tellBroken(broken)
			return nil
		}
		if len(v.LogStream) == 0 && len(stream) > 0 {
			v.LogStream = stream
		}
		if !in.pairing.Add(v, emit) {
			return errStopped
		}
		return nil
	})
	in.counts.Add(result.Counts)
	in.envelopes |= result.Envelopes
	if !in.stopped && !errors.Is(err, errInterrupted) { // else the reader may be at work still
		in.envelopes |= in.compression(f.Name)
	}
	switch {
	case in.stopped:
	case err != nil:
		in.fail(fmt.Errorf("%w; what came before, %s, was read", errors.Unwrap(err), lines(result.Lines)))
	case result.Platform+result.Broken == 0 && head.binary():
		in.fail(fmt.Errorf("%s: binary data, in which no log line was found", f.Name))
	}
}

var errStopped = errors.New("no more records are wanted")

// settle ends the pairing of the files before.
func (in *logInput) settle(emit func(*parsers.View) bool) {
	if in.pairing == nil {
		return
	}
	in.pairing.Flush(emit)
	in.counts.Refused += in.pairing.Counts().Refused
	in.pairing = nil
}

func (in *logInput) tellBroken(err *parsers.SyntaxError) {
	if in.broken++; in.broken <= maxBroken {
		in.tell("%v", err)
	}
}

// epilogue tells what was read, when all of it was.
func (in *logInput) epilogue() {
	if in.broken > maxBroken {
		in.tell("%s more could not be read", lines(in.broken-maxBroken))
	}
	if n := in.counts.Overlong; n > 0 {
		in.tell("passed over %s longer than any log event (%d MB)", lines(n), parsers.DefaultMaxEvent>>20)
	}
	if n := in.counts.Refused; n > 0 {
		in.tell("refused %s that begin with REPORT, without the START or END of their request: the function's own output can look like one", lines(n))
	}
	if names := in.envelopes.Names(); len(names) > 0 && in.counts.Platform > 0 {
		in.tell("read as %s", strings.Join(names, ", "))
	}
}

func lines(n int64) string {
	if n == 1 {
		return "1 line"
	}
	return fmt.Sprintf("%d lines", n)
}

// maxTails bounds the REPORTs without a log stream that are remembered.
const maxTails = 200_000

// again says whether a REPORT of a log stream has come before without one. The
// log of a run holds a REPORT twice: as the response brought it, so that it
// survives kill -9, and as the log group has it.
func (in *logInput) again(v *parsers.View) bool {
	if len(v.RequestID) == 0 || parsers.TextKind(v.Kind) != record.KindReport {
		return false
	}
	if len(v.LogStream) > 0 {
		return in.tails.n > 0 && in.tails.has(in.reportKey(v))
	}
	if in.tails.n < maxTails {
		in.tails.add(in.reportKey(v))
	}
	return false
}

// keySet holds up to maxTails keys. It is a hash table without buckets: keys
// are random already, and most logs fill it without ever asking it.
type keySet struct {
	slots []uint64 // 0 is empty
	n     int
}

// find gives the slot of a key, or the empty one where it belongs.
func (s *keySet) find(key uint64) int {
	i := int(key >> 32 % uint64(len(s.slots)))
	for s.slots[i] != 0 && s.slots[i] != key {
		i = (i + 1) % len(s.slots)
	}
	return i
}

func (s *keySet) has(key uint64) bool { return s.slots[s.find(key|1)] != 0 }

func (s *keySet) add(key uint64) {
	if s.slots == nil {
		s.slots = make([]uint64, 2*maxTails)
	}
	if i := s.find(key | 1); s.slots[i] == 0 {
		s.slots[i] = key | 1
		s.n++
	}
}

// reportKey tells REPORTs apart without their text: by request and figures.
func (in *logInput) reportKey(v *parsers.View) uint64 {
	key := maphash.Bytes(in.seed, v.RequestID)
	for _, f := range [...]record.Opt[float64]{v.DurationMs, v.BilledDurationMs, v.InitDurationMs} {
		key = key*0x9E3779B97F4A7C15 + math.Float64bits(f.Value)
	}
	return key
}

// fail keeps a fault of the input. The first ends the program's output, with
// exit status 1.
func (in *logInput) fail(err error) {
	if text := printable(err.Error()); text != err.Error() {
		err = errors.New(text)
	}
	in.failures = append(in.failures, err)
	if len(in.failures) > 1 {
		in.tell("%v", err)
		in.failures[len(in.failures)-1] = nil
	}
}

// fault is the first thing that could not be read, nil where all could.
func (in *logInput) fault() error {
	if len(in.failures) == 0 {
		return nil
	}
	return in.failures[0]
}

// warnings say what changes the reading of the summary.
func (in *logInput) warnings() []record.Warning {
	var out []record.Warning
	if n := len(in.failures); n > 0 {
		text := fmt.Sprintf("the input was not read to its end: %v", in.failures[0])
		if n > 1 {
			text += fmt.Sprintf(" (and %d more)", n-1)
		}
		out = append(out, record.Warning{Code: "partial", Text: text, Remedy: "the figures hold what could be read; give the whole file"})
	}
	if n := in.counts.Refused; n > 0 {
		out = append(out, record.Warning{
			Code:   "forged_reports",
			Text:   fmt.Sprintf("%d REPORT lines are not the platform's: no START and END of their request stand before them", n),
			Remedy: "look in the function's own output for text that begins with REPORT",
		})
	}
	return out
}

func (in *logInput) tell(format string, a ...any) {
	_, _ = fmt.Fprintf(in.stderr, "bench: %s\n", printable(fmt.Sprintf(format, a...)))
}

// printable is s in one line without what could act on a terminal: names of
// files come from outside.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' {
			return ' '
		}
		if !unicode.IsPrint(r) {
			return unicode.ReplacementChar
		}
		return r
	}, s)
}

// headReader remembers the beginning of what it reads.
type headReader struct {
	r    io.Reader
	head []byte
}

// Read reads on.
func (h *headReader) Read(p []byte) (int, error) {
	n, err := h.r.Read(p)
	if room := 512 - len(h.head); room > 0 {
		h.head = append(h.head, p[:min(n, room)]...)
	}
	return n, err
}

// binary says whether the input began with what no text has.
func (h *headReader) binary() bool { return bytes.IndexByte(h.head, 0) >= 0 }

// compression recognises a compressed input by its first bytes, which are gone
// when it is parsed. A pipe is not opened again.
func (in *logInput) compression(name string) parsers.Envelope {
	magic := in.piped.head
	if name != "-" {
		magic = beginning(name)
	}
	switch {
	case bytes.HasPrefix(magic, []byte("\x1f\x8b")):
		return parsers.EnvelopeGzip
	case bytes.HasPrefix(magic, []byte("\x28\xb5\x2f\xfd")):
		return parsers.EnvelopeZstd
	}
	return 0
}

func beginning(name string) []byte {
	if st, err := os.Stat(name); err != nil || !st.Mode().IsRegular() {
		return nil
	}
	f, err := os.Open(name)
	if err != nil {
		return nil
	}
	defer func() { _ = f.Close() }()
	magic := make([]byte, 4)
	n, _ := io.ReadFull(f, magic)
	return magic[:n]
}
