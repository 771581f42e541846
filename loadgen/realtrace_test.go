package loadgen_test

import (
	"compress/gzip"
	"encoding/csv"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"coldbench/loadgen"
)

// Recorded traffic is replayed with the counts of its file, at any speed. The
// files of testdata/traces are here; COLDBENCH_TRACES names a folder with more.
func TestRealTraces(t *testing.T) {
	arrivals := map[string]int64{
		"azure2019-200f.csv.gz": 178_984, "azure2021-199.csv.gz": 199,
		"servitrace-steady.csv": 6813, "servitrace-fluctuating.csv": 19_076, "servitrace-spikes.csv": 1796, "servitrace-jump.csv": 3416,
	}
	found := 0
	for _, path := range traceFiles(t, filepath.Join("testdata", "traces"), os.Getenv("COLDBENCH_TRACES")) {
		t.Run(filepath.Base(path), func(t *testing.T) {
			want := tallyFile(t, path)
			if n, ok := arrivals[filepath.Base(path)]; ok {
				if found++; n != want.total() {
					t.Errorf("the file has %d arrivals, not %d", want.total(), n)
				}
			}
			file, err := os.Open(path)
			if err != nil {
				t.Fatal(err)
			}
			defer file.Close()
			tr, err := loadgen.ReadTrace(file, path, 0)
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("%s: %d arrivals of %d functions in %v", path, tr.Count, len(tr.Functions), tr.Duration)
			checkReplay(t, tr, want)
		})
	}
	if found != len(arrivals) {
		t.Errorf("%d of %d files are here", found, len(arrivals))
	}
}

func checkReplay(t *testing.T, tr *loadgen.Trace, want *tally) {
	// 60 times as fast: the same arrivals, each at a sixtieth of its offset.
	fast := all(tr.Schedule(60, 1, len(tr.Functions)))
	if n := want.total(); tr.Count != n || int64(len(fast)) != n {
		t.Fatalf("%d arrivals, %d of them at speed 60; the file has %d", tr.Count, len(fast), n)
	}
	minutes, functions := make([]int64, len(want.minutes)), make([]int64, len(tr.Functions))
	i := 0
	for a := range tr.Schedule(1, 1, len(tr.Functions)) {
		minutes[a.At/time.Minute]++
		functions[a.Function]++
		if want.instants != nil && math.Abs(a.At.Seconds()-want.instants[i]) > 1e-6 {
			t.Fatalf("arrival %d at %v, the file says %v s", i, a.At, want.instants[i])
		}
		if fast[i].Function != a.Function || fast[i].At != a.At/60 {
			t.Fatalf("arrival %d: %+v is not %+v 60 times as fast", i, fast[i], a)
		}
		i++
	}
	if i != len(fast) || !slices.Equal(minutes, want.minutes) {
		t.Errorf("%d arrivals, by the minute %v; the file says %v", i, minutes, want.minutes)
	}
	for k, name := range tr.Functions {
		if functions[k] != want.functions[name] {
			t.Errorf("%d arrivals of function %s, the file has %d", functions[k], name, want.functions[name])
		}
	}
}

// tally is what a file holds, counted without the reader under test.
type tally struct {
	minutes   []int64 // to the end of the trace
	functions map[string]int64
	instants  []float64 // in seconds from the first, sorted; nil where there are counts
}

func (f *tally) total() int64 {
	var n int64
	for _, m := range f.minutes {
		n += m
	}
	return n
}

func (f *tally) count(minute int, function string, n int64) {
	f.countMinute(minute, n)
	f.functions[function] += n
}

func (f *tally) countMinute(minute int, n int64) {
	for len(f.minutes) <= minute {
		f.minutes = append(f.minutes, 0)
	}
	f.minutes[minute] += n
}

var minuteTitle = regexp.MustCompile(`^[0-9]+(_minute)?$`)

func tallyFile(t *testing.T, path string) *tally {
	rows := readCSV(t, path)
	header, f := rows[0], &tally{functions: map[string]int64{}}
	name := slices.IndexFunc(header, func(title string) bool { return title == "HashFunction" || title == "func" })
	end := slices.Index(header, "end_timestamp")
	firstMinute := slices.IndexFunc(header, minuteTitle.MatchString)
	var begins []float64
	for i, row := range rows[1:] {
		switch {
		case end >= 0:
			begins = append(begins, number(t, row[end])-number(t, row[slices.Index(header, "duration")]))
			f.functions[row[name]]++
		case firstMinute >= 0: // the columns are in order in all of them
			for minute, cell := range row[firstMinute:] {
				f.count(minute, row[name], int64(number(t, cell)))
			}
		default:
			f.count(i, "", int64(number(t, row[0])))
		}
	}
	if begins != nil {
		slices.Sort(begins)
		for i := range begins {
			f.instants = append(f.instants, begins[i]-begins[0])
			f.countMinute(int(f.instants[i]/60), 1)
		}
	}
	return f
}

func readCSV(t *testing.T, path string) [][]string {
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var text io.Reader = file
	if strings.HasSuffix(path, ".gz") {
		if text, err = gzip.NewReader(file); err != nil {
			t.Fatal(err)
		}
	}
	rows, err := csv.NewReader(text).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

func number(t *testing.T, text string) float64 {
	v, err := strconv.ParseFloat(text, 64)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// traceFiles lists the files of the folders that hold arrivals; beside them lie
// some with durations and memory.
func traceFiles(t *testing.T, folders ...string) []string {
	var found []string
	for _, folder := range folders {
		if folder == "" {
			continue
		}
		err := filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
			if err != nil || !strings.HasSuffix(strings.TrimSuffix(path, ".gz"), ".csv") {
				return err
			}
			header := readCSV(t, path)[0]
			if header[0] == "InvocationsPerMinute" || slices.ContainsFunc(header, minuteTitle.MatchString) || slices.Contains(header, "end_timestamp") {
				found = append(found, path)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return found
}
