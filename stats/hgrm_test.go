package stats_test

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	hdr "github.com/HdrHistogram/hdrhistogram-go"

	"coldbench/stats"
)

var update = flag.Bool("update", false, "write the golden files anew")

func hgrm(t *testing.T, d *stats.Dist, scale float64) string {
	t.Helper()
	var out bytes.Buffer
	if err := d.WriteHgrm(&out, scale); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// squares gives n values of 0..1000 in steps of a microsecond, that are the same
// on every machine: no function of floating point is behind them.
func squares(n int) []float64 {
	r := rand.New(rand.NewPCG(1, uint64(n)))
	values := make([]float64, n)
	for i := range values {
		k := r.IntN(1000)
		values[i] = float64(k*k) / 1000
	}
	return values
}

func TestHgrmGolden(t *testing.T) {
	for name, d := range map[string]*stats.Dist{
		"empty": stats.NewDist("ms"),
		"one":   distOf(12.5),
		"exact": distOf(squares(240)...),
		"large": distOf(squares(stats.ExactLimit + 1)...),
	} {
		file := "testdata/" + name + ".hgrm"
		got := hgrm(t, d, 1)
		if *update {
			if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if got != string(want) {
			t.Errorf("%s:\n%s\nwant:\n%s", file, got, want)
		}
	}
}

// The lines are those of HdrHistogram's own writer for the same values: the
// same levels, counts and values. Only the maximum differs: ours is the largest
// value, theirs the top of its bucket.
func TestHgrmAgainstHdrHistogram(t *testing.T) {
	for _, c := range []struct {
		n    int
		size float64 // of a value in ns; buckets hold up to 2047 ns singly
	}{{1, 1}, {3, 1}, {240, 1}, {3 * stats.ExactLimit, 1}, {3 * stats.ExactLimit, 1e4}} {
		h := hdr.New(1, int64(stats.MaxValue*1e6), 3)
		d := stats.NewDist("ms")
		for _, v := range lognormal(uint64(c.n), c.n) {
			ns := math.Trunc(v * c.size)
			d.Add(ns / 1e6)
			if err := h.RecordValue(int64(ns)); err != nil {
				t.Fatal(err)
			}
		}
		var ref bytes.Buffer
		if _, err := h.PercentilesPrint(&ref, 5, 1); err != nil {
			t.Fatal(err)
		}
		got, want := hgrmRows(t, hgrm(t, d, 1e-6)), hgrmRows(t, ref.String())
		if len(got) != len(want) {
			t.Fatalf("%+v: %d lines, want %d", c, len(got), len(want))
		}
		for i := range got {
			if got[i].count == d.N() {
				want[i].value = fmt.Sprintf("%.3f", d.Max()*1e6)
			}
			if got[i] != want[i] {
				t.Errorf("%+v: line %d: %+v, want %+v", c, i, got[i], want[i])
			}
		}
	}
}

type hgrmRow struct {
	value string
	p     string
	count int64
}

// hgrmRows reads the way the plotter does: lines of numbers, the rest ignored.
func hgrmRows(t *testing.T, text string) []hgrmRow {
	t.Helper()
	var rows []hgrmRow
	for line := range strings.Lines(text) {
		var value, p float64
		var count int64
		if n, _ := fmt.Sscan(line, &value, &p, &count); n == 3 {
			rows = append(rows, hgrmRow{fmt.Sprintf("%.3f", value), fmt.Sprintf("%.6f", p), count})
		}
	}
	return rows
}

func TestHgrmScale(t *testing.T) {
	if got := hgrm(t, distOf(1500), 1000); !strings.Contains(got, "       1.500 1.000000000000          1\n") {
		t.Errorf("1500 ms in s:\n%s", got)
	}
	for _, scale := range []float64{0, -1, math.NaN(), math.Inf(1)} {
		if err := distOf(1).WriteHgrm(&bytes.Buffer{}, scale); err == nil {
			t.Errorf("scale %g: no error", scale)
		}
	}
}

type fullDisk struct{}

var errFull = errors.New("no space left")

func (fullDisk) Write([]byte) (int, error) { return 0, errFull }

func TestHgrmWriteError(t *testing.T) {
	if err := distOf(1).WriteHgrm(fullDisk{}, 1); !errors.Is(err, errFull) {
		t.Errorf("error = %v, want %v", err, errFull)
	}
}
