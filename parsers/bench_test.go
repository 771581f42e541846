package parsers

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// The inputs of the benchmarks: real shapes, numbers that vary.

func reportLines(n int) []byte {
	var b bytes.Buffer
	for i := range n {
		fmt.Fprintf(&b, "REPORT RequestId: %08x-dd22-422a-a566-8965da5a%04x\tDuration: %d.%02d ms\tBilled Duration: %d ms\tMemory Size: 512 MB\tMax Memory Used: %d MB\t",
			i*2654435761&0xffffffff, i&0xffff, i%900, i%100, i%900+1, 60+i%100)
		if i%10 == 0 {
			fmt.Fprintf(&b, "Init Duration: %d.%02d ms\t", 150+i%400, i%97)
		}
		b.WriteByte('\n')
	}
	return b.Bytes()
}

// cloudWatchText is a log in which 1 line of 100 is a REPORT, with its START
// and END, and the rest is what Node.js, Python and plain prints leave.
func cloudWatchText(n int) []byte {
	var b bytes.Buffer
	for i := 0; i < n; i += 100 {
		id := fmt.Sprintf("%08x-dd22-422a-a566-8965da5a%04x", i*2654435761&0xffffffff, i&0xffff)
		fmt.Fprintf(&b, "START RequestId: %s Version: $LATEST\n", id)
		for j := range 97 {
			switch j % 4 {
			case 0:
				fmt.Fprintf(&b, "2024-01-18T17:44:34.%03dZ\t%s\tINFO\tprocessing item %d of the order, took %d ms\n", j, id, j, j*3)
			case 1:
				fmt.Fprintf(&b, "[INFO]\t2024-01-18T17:44:34.%03dZ\t%s\tProcessed record %d in batch\n", j, id, j)
			case 2:
				fmt.Fprintf(&b, "Loading module number %d from the layer, please wait\n", j)
			default:
				fmt.Fprintf(&b, "    at Object.handler (/var/task/index.js:%d:%d)\n", j, j*2)
			}
		}
		fmt.Fprintf(&b, "END RequestId: %s\n", id)
		fmt.Fprintf(&b, "REPORT RequestId: %s\tDuration: %d.%02d ms\tBilled Duration: %d ms\tMemory Size: 512 MB\tMax Memory Used: 90 MB\t\n", id, i%900, i%97, i%900+1)
	}
	return b.Bytes()
}

func jsonReportLines(n int) []byte {
	var b bytes.Buffer
	for i := range n {
		fmt.Fprintf(&b, `{"time":"2024-05-20T16:29:45.%03dZ","type":"platform.report","record":{"requestId":"%08x-dd22-422a-a566-8965da5a%04x","metrics":{"durationMs":%d.%03d,"billedDurationMs":%d,"memorySizeMB":128,"maxMemoryUsedMB":67`,
			i%1000, i*2654435761&0xffffffff, i&0xffff, i%900, i%1000, i%900+1)
		if i%10 == 0 {
			fmt.Fprintf(&b, `,"initDurationMs":%d.%03d`, 150+i%400, i%997)
		}
		b.WriteString("},\"status\":\"success\"}}\n")
	}
	return b.Bytes()
}

func benchmarkScan(b *testing.B, data []byte, want int64) {
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	var sum float64
	for b.Loop() {
		s := NewScanner(bytes.NewReader(data), Options{})
		for s.Scan() {
			sum += s.View().DurationMs.Value
		}
		if got := s.Counts().Reports; got != want {
			b.Fatalf("%d REPORTs, want %d", got, want)
		}
	}
	_ = sum
}

func BenchmarkScanReports(b *testing.B) { benchmarkScan(b, reportLines(100_000), 100_000) }
func BenchmarkScanText1in100(b *testing.B) {
	benchmarkScan(b, cloudWatchText(200_000), 2_000)
}
func BenchmarkScanJSONReports(b *testing.B) { benchmarkScan(b, jsonReportLines(50_000), 50_000) }

// BenchmarkFile reads a file of 1 REPORT in 100 lines from the page cache, as
// bench parse does, next to GNU grep, which only counts the REPORTs.
func BenchmarkFile(b *testing.B) {
	data := cloudWatchText(1_000_000)
	name := filepath.Join(b.TempDir(), "app.log")
	if err := os.WriteFile(name, data, 0o600); err != nil {
		b.Fatal(err)
	}
	for workers := range 3 {
		b.Run(fmt.Sprintf("workers=%d", workers), func(b *testing.B) {
			b.SetBytes(int64(len(data)))
			b.ReportAllocs()
			for b.Loop() {
				readFile(b, name, workers)
			}
		})
	}
	b.Run("grep", func(b *testing.B) {
		grep, err := exec.LookPath("grep")
		if err != nil {
			b.Skip("grep is not on this machine")
		}
		b.SetBytes(int64(len(data)))
		for b.Loop() {
			cmd := exec.CommandContext(b.Context(), grep, "-c", "REPORT RequestId", name)
			cmd.Env = append(os.Environ(), "LC_ALL=C")
			if out, err := cmd.Output(); err != nil || strings.TrimSpace(string(out)) != "10000" {
				b.Fatalf("grep: %q, %v", out, err)
			}
		}
	})
}

func readFile(b *testing.B, name string, workers int) {
	f, err := os.Open(name)
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	var sum float64
	result, err := Each(f, Options{Workers: workers}, func(v *View, _ *SyntaxError) error {
		if v != nil {
			sum += v.DurationMs.Value
		}
		return nil
	})
	if err != nil || result.Reports != 10000 {
		b.Fatalf("%+v, %v", result, err)
	}
}

// benchmarkPairing is the stream level behind a Scanner.
func benchmarkPairing(b *testing.B, data []byte, want int64) {
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	var sum float64
	emit := func(v *View) bool {
		sum += v.DurationMs.Value
		return true
	}
	for b.Loop() {
		var q Pairing
		s := NewScanner(bytes.NewReader(data), Options{})
		for s.Scan() {
			q.Add(s.View(), emit)
		}
		q.Flush(emit)
		if q.Counts().Reports != want {
			b.Fatalf("%+v", q.Counts())
		}
	}
	_ = sum
}

func BenchmarkPairReports(b *testing.B)    { benchmarkPairing(b, reportLines(100_000), 100_000) }
func BenchmarkPairText1in100(b *testing.B) { benchmarkPairing(b, cloudWatchText(200_000), 2_000) }
