// Package reports turns a run into what people and programs read: one Report
// model, many writers.
//
//  1. [Build] reads a run directory: the platform's log through parsers, the
//     rows through record.Join, each once, in memory that does not grow with
//     their number.
//  2. Every row goes into distributions (stats), counts, a bill (cost) and a
//     timeline whose marks are binned when there are many.
//  3. record.Check gives the [record.Verdict]; [Report.Banner] puts it into one
//     sentence with the figure first, and says what the provenance of the
//     figures allows to conclude.
//  4. The writers print the same model: [Report.WriteText] for a terminal,
//     [Report.WriteJSON] as summary.json ([Summary] documents its keys),
//     [Report.WriteHTML] as one page that works from a file, offline and without
//     scripts, [Report.WriteMarkdown] for a decision record, and
//     [Report.WriteFiles] all of them with the pictures and histograms.
//
// [BuildParsed] does the same for platform log lines without a run.
//
// What holds in every writer:
//
//   - A quantile whose two-sided 95 % interval does not exist is not printed.
//     Its cell says how many values it would take; in JSON it is null.
//   - Response, service, TTFB and residue are those of requests that ended well.
//     Errors are counted beside them and never mixed in. Rows that warmed up are
//     in no figure but the bill.
//   - Texts from outside (function names, error texts, URLs) pass through one of
//     the functions of hostile.go, whichever writer prints them.
//   - Pictures are drawn in Go, once for each width that a page may choose,
//     since text must not be scaled with a picture. Their script only adds a
//     cursor and the theme.
//
// The package computes no statistics of its own, decides nothing about cold or
// warm, and reads no clock: the same run gives the same bytes.
package reports
