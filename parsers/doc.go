// Package parsers turns the log bytes of AWS Lambda's platform into
// record.Platform values: text lines (REPORT, START, END, INIT_START,
// INIT_REPORT, RESTORE_REPORT, faults), the JSON log format (platform.report
// and its kin), and what tools put around either.
//
// The pipeline:
//
//  1. Scanner reads bytes of any envelope (plain lines, the output of the
//     CLIs, CSV, JSON documents, base64, gzip) and finds the log events in
//     them.
//  2. An event is parsed into a View: by labels in text, by keys in JSON, never
//     by order or position. Unknown labels and keys are passed over.
//  3. A line that begins as a platform line and can't be trusted is a
//     *SyntaxError with its place and reason; scanning goes on. An application's
//     line is counted.
//  4. Pairing puts the lines of one log stream together, refuses REPORTs that
//     user code printed, and decides how each environment had started.
//
// What a line does not say stays absent. No figure is derived from another or
// repaired: Billed Duration may be less than Duration, may contain the init or
// not; both happen. A line that was cut keeps its whole fields and is marked
// Truncated. Ambiguous lines (one label twice, two records, a number without
// its unit) yield nothing but a SyntaxError.
//
// The grammar of the text lines, where <t> is a tab and [..] may be absent:
//
//	REPORT RequestId: <id><t>Duration: N ms<t>Billed Duration: N ms<t>Memory Size: N MB<t>Max Memory Used: N MB
//	  [<t>Init Duration: N ms] [<t>Restore Duration: N ms [<t>Billed Restore Duration: N ms]]
//	  [<t>Status: timeout|error [<t>Error Type: Word.Word]]
//	  [line end XRAY TraceId: 1-8-24<t>SegmentId: 16<t>Sampled: true|false]
//	INIT_START Runtime Version: <text>[<t>Runtime Version ARN: <arn>]
//	INIT_REPORT Init Duration: N ms [<t>Phase: init|invoke] [<t>Status: ..] [<t>Error Type: ..]
//	RESTORE_REPORT Restore Duration: N ms [<t>Status: ..]
//	START RequestId: <id> Version: <v>        END RequestId: <id>
//	<time> <id> Task timed out after N seconds
//
// Labels may come in any order, separated by any mix of tabs, blanks, line
// ends, no-break spaces, or by nothing.
//
// Sources: docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs.html
// and telemetry-schema-reference.html (2026-11), and the lines of
// fixtures/corpus with their origins.
//
// The package is pure: no clock, no files, no network. It does not join
// platform records with requests, and computes no statistics.
package parsers
