// Package coldbench is the root of a harness that measures what code feels
// like, and costs, on AWS Lambda: cold, warm and under spikes.
//
// The command is cmd/bench; ARCHITECTURE.md tells which package does what. The
// root holds only the tests of the house rules: which package may import which
// (architecture_test.go).
package coldbench
