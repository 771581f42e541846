// Package experiment runs a plan and writes its run directory.
//
//  1. loadgen prepares all that takes time: it opens connections and has the first
//     requests built. Then the start is fixed, unless it was given, and the run
//     directory is made and the plan written, with that start, before anything
//     is sent.
//  2. loadgen sends the schedule; every row and every platform line of a
//     response's tail goes to disk as it comes.
//  3. After the last reply it reads the function's log group, where there is
//     one, until each request id has its REPORT or a deadline passes.
//  4. It writes what the generator says of itself, and closes the run.
//
// Account numbers and access keys are struck out of everything that is
// written. The package computes no statistics: a run is read by reports.
package experiment
