package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"coldbench/parsers"
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
		RunE: func(cmd *cobra.Command, args []string) error { return p.run(cmd, args) },
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
