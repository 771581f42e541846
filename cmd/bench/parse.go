package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"coldbench/parsers"
	"coldbench/record"
	"coldbench/reports"
)

func newParse() *cobra.Command {
	var p parseFlags
	cmd := &cobra.Command{
		Use:   "parse [FILE|FOLDER|-]...",
		Short: "Read Lambda's platform log lines: cold rate, init, billed, bill, memory head-room",
		Long: `parse reads log text from files or standard input and recognises the envelope
by itself: plain CloudWatch text, JSON log format, aws logs tail, sam logs,
get/filter-log-events answers, Logs Insights rows, console CSV, S3 exports,
gzip, zstd, UTF-16. A folder is read with all files below it. No load is sent.

What can't be read is told in one line each, the rest is reported all the same,
and the exit status is 1: a file that is missing, empty, binary, or ends early.
A log without platform lines was read: the report says so, exit status 0.`,
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
	w := cmd.OutOrStdout()
	switch {
	case f.event:
		return in.oneEvent(w)
	case f.records:
		in.ownKinds = true
		return errors.Join(in.printRecords(cmd.Context(), w), in.fault())
	}
	b := reports.NewParsedBuilder(reports.ParsedOptions{Region: f.region, Arch: f.arch, Counts: func() parsers.Counts { return in.counts }})
	in.read(cmd.Context(), func(v *parsers.View) bool {
		b.Add(v)
		return true
	})
	parsed := b.Parsed()
	parsed.Envelopes = in.envelopes.Names()
	parsed.Warnings = append(in.warnings(), parsed.Warnings...)
	var err error
	if f.json {
		err = parsed.WriteJSON(w)
	} else {
		err = parsed.WriteText(w, reports.TextOptions{Width: terminalWidth(w), Color: colourful(w, f.noColor)})
	}
	return errors.Join(err, in.fault())
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
func (in *logInput) printRecords(ctx context.Context, w io.Writer) (err error) {
	buf := bufio.NewWriterSize(w, 1<<16)
	enc := json.NewEncoder(buf)
	enc.SetEscapeHTML(false)
	var p record.Platform
	in.read(ctx, func(v *parsers.View) bool {
		v.Platform(&p)
		err = enc.Encode(resultOf(p))
		return err == nil
	})
	return errors.Join(err, buf.Flush())
}

// maxEventBytes is more than CloudWatch takes (1 MB for an event).
const maxEventBytes = 16 << 20

// oneEvent takes the whole input as one log event.
func (in *logInput) oneEvent(w io.Writer) error {
	r := in.stdin
	if name := in.files[0]; name != "-" {
		file, err := os.Open(name)
		if err != nil {
			return err
		}
		defer func() { _ = file.Close() }()
		r = file
	}
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
