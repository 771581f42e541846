// Command compare measures this load generator and its peers against a witness:
// a server whose kernel stamps say when each request was really sent.
//
//	go run ./loadgen/internal/compare -series lateness,rate,stall,poisson,rows,saturated
//
// How one figure comes about:
//
//  1. A server process is started, pinned to the last processor, and answers
//     with 200 bytes at once (../witness).
//  2. One generator runs, in a process of its own and unpinned: this one
//     (net/http and the lean client), vegeta, fortio; wrk, which has no rate, in
//     the series saturated alone, where all are pinned to the first processor.
//     A peer that is not installed is named and left out. Which are run is up to
//     -peers, a folder with their binaries, and PATH.
//  3. The server hands its stamps over; they are compared with the schedule.
//     Processor time and memory are those of the generator's process, by
//     getrusage. From /proc/stat follows what everything else on the machine
//     used meanwhile. A run is begun on an idle machine, and taken again if
//     others disturbed it (-quiet, -tries).
//  4. All generators run once, then all again; the table has the medians.
//
// The table is Markdown, for docs/performance.md.
package main
