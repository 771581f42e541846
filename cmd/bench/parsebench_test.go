package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"

	"coldbench/parsers"
	"coldbench/reports"
)

// BenchmarkParse is bench parse of a file of REPORT lines: reading, parsing on
// all cores, pairing, and the summary.
func BenchmarkParse(b *testing.B) {
	const n = 200_000
	var log bytes.Buffer
	for i := range n {
		fmt.Fprintf(&log, "REPORT RequestId: %08x-dd22-422a-a566-8965da5a%04x\tDuration: %d.%02d ms\tBilled Duration: %d ms\tMemory Size: 512 MB\tMax Memory Used: %d MB\t",
			uint32(i*2654435761), i&0xffff, i%900, i%100, i%900+1, 60+i%100)
		if i%10 == 0 {
			fmt.Fprintf(&log, "Init Duration: %d.%02d ms\t", 150+i%400, i%97)
		}
		log.WriteByte('\n')
	}
	name := filepath.Join(b.TempDir(), "lambda.log")
	if err := os.WriteFile(name, log.Bytes(), 0o600); err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(log.Len()))
	b.ReportAllocs()
	for b.Loop() {
		in := &logInput{files: []string{name}, stderr: io.Discard}
		summary := reports.NewParsedBuilder(reports.ParsedOptions{})
		in.read(b.Context(), func(v *parsers.View) bool {
			summary.Add(v)
			return true
		})
		if p := summary.Parsed(); p.Reports != n || in.fault() != nil {
			b.Fatalf("%d REPORTs, %v", p.Reports, in.fault())
		}
	}
}
