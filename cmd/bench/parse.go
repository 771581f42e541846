package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"runtime"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"coldbench/parsers"
	"coldbench/record"
	"coldbench/reports"
)

func newParse() *cobra.Command {
	var p parseFlags
	cmd := &cobra.Command{
		Use:   "parse [FILE|-]...",
		Short: "Read Lambda's platform log lines: cold rate, init, billed, bill, memory head-room",
		Long: `parse reads log text from files or standard input and recognises the envelope
by itself: plain CloudWatch text, JSON log format, aws logs tail, sam logs,
get/filter-log-events answers, Logs Insights rows, console CSV, S3 exports,
compressed or not. It says what it could not read, and sends no load.`,
		Example: `  aws logs tail /aws/lambda/checkout --since 1d | bench parse
  bench parse export.csv lambda.log.gz
  bench parse --records lambda.log | jq 'select(.init_duration_ms)'
  bench parse --event < one-event.txt`,
		Args: cobra.ArbitraryArgs,
		RunE: p.run,
	}
	fs := cmd.Flags()
	fs.BoolVar(&p.records, "records", false, "print one JSON object per platform record")
	fs.BoolVar(&p.event, "event", false, "take the whole input as one log event; print its record, or null")
	fs.BoolVar(&p.json, "json", false, "print the summary as JSON")
	fs.StringVar(&p.region, "region", "us-east-1", "region of the price table")
	fs.StringVar(&p.arch, "arch", "x86_64", "architecture that the bill is for: x86_64 or arm64")
	fs.BoolVar(&p.noColor, "no-color", false, "no colour (NO_COLOR is respected too)")
	cmd.MarkFlagsMutuallyExclusive("records", "event", "json")
	return cmd
}

type parseFlags struct {
	records, event, json, noColor bool
	region, arch                  string
}

func (f *parseFlags) run(cmd *cobra.Command, args []string) error {
	switch {
	case f.arch != "x86_64" && f.arch != "arm64":
		return usagef("--arch: %q is neither x86_64 nor arm64", f.arch)
	case f.event && len(args) > 1:
		return usagef("--event reads one input, not %d", len(args))
	}
	if len(args) == 0 {
		args = []string{"-"}
	}
	in := &logInput{files: args, stdin: cmd.InOrStdin(), stderr: cmd.ErrOrStderr()}
	switch {
	case f.event:
		return in.oneEvent(cmd.OutOrStdout())
	case f.records:
		in.ownKinds = true
		return errors.Join(in.printRecords(cmd.OutOrStdout()), in.failure)
	}
	parsed, err := reports.BuildParsed(in.records(), reports.ParsedOptions{Region: f.region, Arch: f.arch, Counts: func() parsers.Counts { return in.counts }})
	if err != nil {
		return err
	}
	w := cmd.OutOrStdout()
	if f.json {
		err = parsed.WriteJSON(w)
	} else {
		err = parsed.WriteText(w, reports.TextOptions{Width: terminalWidth(w), Color: colourful(w, f.noColor)})
	}
	return errors.Join(err, in.failure)
}

// logInput reads platform records from files, one after the other. What a
// file can't be read of is said on stderr; the rest is read all the same.
type logInput struct {
	files  []string
	stdin  io.Reader
	stderr io.Writer

	counts  parsers.Counts
	failure error // the first file that could not be read to its end
	broken  int64
	refused int64

	ownKinds  bool // JSON lines keep their kind: platform.report
	envelopes parsers.Envelope
	tails     map[reportKey]struct{}
}

// maxBroken is how many broken lines are told one by one.
const maxBroken = 10

// records yields the platform records of all files, paired by log stream.
func (in *logInput) records() iter.Seq2[record.Platform, error] {
	return func(yield func(record.Platform, error) bool) {
		for _, name := range in.files {
			if !in.file(name, yield) {
				return
			}
		}
		in.epilogue()
	}
}

func (in *logInput) file(name string, yield func(record.Platform, error) bool) bool {
	r, err := in.open(name)
	if err != nil {
		in.fail(err)
		return true
	}
	defer func() { _ = r.Close() }()
	stopped := false
	emit := func(v *parsers.View) bool {
		var p record.Platform
		v.Platform(&p)
		if !in.again(&p) && !yield(p, nil) {
			stopped = true
		}
		return !stopped
	}
	pairing := parsers.Pairing{KeepKinds: in.ownKinds}
	o := parsers.Options{File: name, Workers: runtime.GOMAXPROCS(0)}
	result, err := parsers.Each(r, o, func(v *parsers.View, broken *parsers.SyntaxError) error {
		if broken != nil {
			in.tellBroken(broken)
			return nil
		}
		if !pairing.Add(v, emit) {
			return errStopped
		}
		return nil
	})
	if !stopped {
		pairing.Flush(emit)
	}
	in.counts.Add(result.Counts)
	in.refused += pairing.Counts().Refused
	in.envelopes |= result.Envelopes
	if err != nil && !stopped {
		in.fail(fmt.Errorf("%w; everything before it was read", err))
	}
	return !stopped
}

var errStopped = errors.New("no more records are wanted")

func (in *logInput) tellBroken(err *parsers.SyntaxError) {
	if in.broken++; in.broken <= maxBroken {
		in.tell("%v", err)
	}
}

// epilogue tells what was read, when all of it was.
func (in *logInput) epilogue() {
	if in.broken > maxBroken {
		in.tell("%d more broken lines", in.broken-maxBroken)
	}
	if in.refused > 0 {
		in.tell("%d REPORT lines without the START or END of their request were refused: the function's own output can look like one", in.refused)
	}
	if names := in.envelopes.Names(); len(names) > 0 && in.counts.Platform > 0 {
		in.tell("read as %s", strings.Join(names, ", "))
	}
}

// reportKey tells REPORTs apart without their text.
type reportKey struct {
	id                     string
	duration, billed, init record.Opt[float64]
}

// maxTails bounds the REPORTs without a log stream that are remembered.
const maxTails = 200_000

// again says whether a REPORT of a log stream has come before without one. The
// log of a run holds a REPORT twice: as the response brought it, so that it
// survives kill -9, and as the log group has it.
func (in *logInput) again(p *record.Platform) bool {
	if parsers.TextKind(p.Kind) != record.KindReport || p.RequestID == "" {
		return false
	}
	key := reportKey{p.RequestID, p.DurationMs, p.BilledDurationMs, p.InitDurationMs}
	if p.LogStream != "" {
		_, ok := in.tails[key]
		return ok
	}
	if in.tails == nil {
		in.tails = map[reportKey]struct{}{}
	}
	if len(in.tails) < maxTails {
		in.tails[key] = struct{}{}
	}
	return false
}

func (in *logInput) open(name string) (io.ReadCloser, error) {
	if name == "-" {
		return io.NopCloser(in.stdin), nil
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	if st, err := f.Stat(); err == nil && st.IsDir() {
		_ = f.Close()
		return nil, fmt.Errorf("%s is a folder; name the files in it", name)
	}
	return f, nil
}

func (in *logInput) fail(err error) {
	if in.failure == nil {
		in.failure = err
		return
	}
	in.tell("%v", err)
}

func (in *logInput) tell(format string, a ...any) {
	_, _ = fmt.Fprintf(in.stderr, "bench: "+format+"\n", a...)
}

// printed is a record as --records and --event print it: what the line itself
// said, with the milliseconds of its time in full.
type printed struct {
	record.Platform
	Timestamp string `json:"timestamp,omitempty"`
}

func resultOf(p record.Platform) printed {
	p.LogStream, p.Start, p.StartRule, p.Emulator, p.Truncated, p.Pos = "", "", "", false, false, record.Pos{}
	out := printed{Platform: p}
	if t := p.Timestamp; !t.IsZero() {
		layout := "2006-01-02T15:04:05.000Z"
		if t.Nanosecond()%int(time.Millisecond) != 0 {
			layout = time.RFC3339Nano
		}
		out.Timestamp = t.UTC().Format(layout)
	}
	return out
}

// printRecords prints each record as one line of JSON.
func (in *logInput) printRecords(w io.Writer) error {
	buf := bufio.NewWriterSize(w, 1<<16)
	enc := json.NewEncoder(buf)
	enc.SetEscapeHTML(false)
	for p, err := range in.records() {
		if err != nil {
			return err
		}
		if err := enc.Encode(resultOf(p)); err != nil {
			return err
		}
	}
	return buf.Flush()
}

// maxEventBytes is more than CloudWatch takes (1 MB for an event).
const maxEventBytes = 16 << 20

// oneEvent takes the whole input as one log event.
func (in *logInput) oneEvent(w io.Writer) error {
	r, err := in.open(in.files[0])
	if err != nil {
		return err
	}
	defer func() { _ = r.Close() }()
	text, err := io.ReadAll(io.LimitReader(r, maxEventBytes+1))
	if err != nil {
		return fmt.Errorf("read event: %w", err)
	}
	if len(text) > maxEventBytes {
		return fmt.Errorf("read event: more than %d bytes; leave --event out for a stream", maxEventBytes)
	}
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	var p record.Platform
	if !parsers.ParseEvent(text, &p) {
		return enc.Encode(nil)
	}
	return enc.Encode(resultOf(p))
}
