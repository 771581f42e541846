package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"

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
		if in.broken > maxBroken {
			in.tell("%d more broken lines", in.broken-maxBroken)
		}
	}
}

func (in *logInput) file(name string, yield func(record.Platform, error) bool) bool {
	r, err := in.open(name)
	if err != nil {
		in.fail(err)
		return true
	}
	defer func() { _ = r.Close() }()
	s := parsers.NewScanner(r, parsers.Options{File: name})
	defer func() { in.counts.Add(s.Counts()) }()
	var pairing parsers.Pairing
	for p, err := range pairing.Scanned(s) {
		var broken *parsers.SyntaxError
		switch {
		case errors.As(err, &broken):
			if in.broken++; in.broken <= maxBroken {
				in.tell("%v", broken)
			}
			continue
		case err != nil:
			in.fail(fmt.Errorf("%w; everything before it was read", err))
			continue
		}
		if !yield(p, nil) {
			return false
		}
	}
	return true
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

// resultOf keeps what the line itself said.
func resultOf(p record.Platform) record.Platform {
	p.LogStream, p.Start, p.StartRule, p.Emulator, p.Truncated, p.Pos = "", "", "", false, false, record.Pos{}
	return p
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
