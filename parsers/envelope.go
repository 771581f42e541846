package parsers

import (
	"fmt"
	"strings"

	"coldbench/record"
)

// Envelope is a form in which log events come.
type Envelope uint32

// The envelopes that a Scanner knows. Several may be on one input.
const (
	EnvelopeText         Envelope = 1 << iota // lines, as CloudWatch shows them
	EnvelopeJSONLines                         // platform.* objects, one after the other
	EnvelopeEventsJSON                        // get-log-events, filter-log-events, or single log events as JSON
	EnvelopeSubscription                      // the payload of a subscription filter
	EnvelopeInsights                          // rows of Logs Insights
	EnvelopeCSV                               // the console's CSV export
	EnvelopeCLIText                           // --output text of the AWS CLI
	EnvelopeTail                              // aws logs tail
	EnvelopeSAM                               // sam logs
	EnvelopeTimed                             // a time before each line: S3 export, console copy
	EnvelopePrefixed                          // other prefixes: awslogs, docker compose, ..
	EnvelopeBase64                            // the LogResult of a response
	EnvelopeTelemetry                         // a batch of the Telemetry API
	EnvelopeRun                               // platform.log of a run directory
	EnvelopeGzip
	EnvelopeZstd
	EnvelopeUTF16 // as PowerShell writes files; recognised by its byte order mark
)

var envelopeNames = [...]string{
	"text", "json-lines", "log-events-json", "subscription", "insights", "csv", "aws-cli-text", "aws-logs-tail",
	"sam-logs", "timed-lines", "prefixed-lines", "base64-tail", "telemetry-batch", "run-events", "gzip", "zstd", "utf-16",
}

// Names lists the envelopes of a set, in a fixed order.
func (e Envelope) Names() []string {
	var names []string
	for i, name := range envelopeNames {
		if e&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	return names
}

// String joins the names by commas.
func (e Envelope) String() string { return strings.Join(e.Names(), ", ") }

// Counts says what a Scanner has read.
type Counts struct {
	Bytes       int64 `json:"bytes"`       // after decompression
	Lines       int64 `json:"lines"`       // line ends, and a last line without one
	Platform    int64 `json:"platform"`    // platform records
	Reports     int64 `json:"reports"`     // of these, REPORTs
	Truncated   int64 `json:"truncated"`   // of these, cut at their end
	Application int64 `json:"application"` // lines or events that are no platform line
	Broken      int64 `json:"broken"`      // platform lines that could not be read
	Overlong    int64 `json:"overlong"`    // of Application, lines longer than any log event
	Refused     int64 `json:"refused"`     // REPORT lines that a Pairing refused; a Scanner refuses none
}

// Add adds the counts of another input.
func (c *Counts) Add(o Counts) {
	c.Bytes += o.Bytes
	c.Lines += o.Lines
	c.Platform += o.Platform
	c.Reports += o.Reports
	c.Truncated += o.Truncated
	c.Application += o.Application
	c.Broken += o.Broken
	c.Overlong += o.Overlong
	c.Refused += o.Refused
}

// SyntaxError is a line that begins as a platform line and can't be trusted.
// It is a record of what was read, not the end of reading.
type SyntaxError struct {
	Pos    record.Pos
	What   string // the kind of line: "REPORT line", "platform JSON", ..
	Field  string // the field at fault, "" where it is the whole line
	Found  string // what stands there
	Reason string
}

// Error is one line: what was parsed, where, which field, what was found.
func (e *SyntaxError) Error() string {
	var b strings.Builder
	b.WriteString("parse " + e.What)
	if pos := e.Pos.String(); pos != "" {
		b.WriteString(": " + pos)
	}
	if e.Field != "" {
		b.WriteString(": " + e.Field)
		if e.Found != "" {
			fmt.Fprintf(&b, " %q", e.Found)
		}
	} else if e.Found != "" {
		fmt.Fprintf(&b, ": %q", e.Found)
	}
	b.WriteString(": " + e.Reason)
	return b.String()
}

func (f *fault) syntaxError(pos record.Pos) *SyntaxError {
	return &SyntaxError{Pos: pos, What: f.what, Field: labelNames[f.label], Found: string(f.found), Reason: f.reason}
}
