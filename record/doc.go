// Package record holds the nouns of coldbench and the run file: what was
// planned, what became of every scheduled arrival, what the platform said of
// it, and whether the whole may be quoted.
//
// It is the waist of the program. One half makes runs (experiment, loadgen,
// target, emulator, logsource), the other reads them (stats, cost, reports,
// history); neither half imports the other, and both speak in the types of
// this package.
//
// The path of one request through the nouns:
//
//  1. A Plan fixes everything before the first request, the seed included.
//  2. Each scheduled arrival becomes exactly one Invocation, whatever became
//     of it: answered, failed, throttled, timed out or never sent.
//  3. Log events that belong to the run are kept verbatim as Events; a parser
//     turns each into Platform values.
//  4. Join puts Invocation and Platform together by request id and decides,
//     from evidence, how the execution environment had started (Start).
//  5. Check weighs the Evidence: a Verdict says whether the run may be quoted,
//     or why not.
//
// Offsets of an Invocation are on one monotonic clock that starts at zero when
// the run starts. Platform durations are on the platform's clock. The two are
// never subtracted from each other; they meet only through a request id.
//
// Create writes a run directory and Open reads it: docs/format.md specifies the
// files. Rows and events are written without making the sender wait for the
// compressor or the disk, at most a second of them is lost to a kill, and they
// are read as streams: memory does not grow with their number, nor does that of
// a Join, which spills to files beyond a bound. Example shows the whole path.
//
// The package imports the standard library and the compressor of the run file.
// It does not schedule, send, parse log lines, or compute statistics.
package record
