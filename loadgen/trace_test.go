package loadgen_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"coldbench/loadgen"
	"coldbench/record"
)

func trace(t testing.TB, text string) *loadgen.Trace {
	t.Helper()
	tr, err := loadgen.ReadTrace(strings.NewReader(text), "t.csv", 0)
	if err != nil {
		t.Fatal(err)
	}
	return tr
}

// perMinute counts the arrivals of each function in each minute.
func perMinute(s loadgen.Schedule) map[[2]int]int {
	got := map[[2]int]int{}
	for a := range s {
		got[[2]int{int(a.At / time.Minute), a.Function}]++
	}
	return got
}

const azure2019 = "HashOwner,HashApp,HashFunction,Trigger,1,2,3,4\r\n" +
	"o,a,f1,http,3,0,200,0\r\n" +
	"o,a,f2,timer,1,1,1,1\r\n"

func TestMinuteCounts(t *testing.T) {
	zipped := &bytes.Buffer{}
	z := gzip.NewWriter(zipped)
	fmt.Fprint(z, azure2019)
	z.Close()
	for name, text := range map[string]string{
		"azure":         azure2019,
		"named":         "HashFunction,HashOwner,3_minute,1_minute,2_minute,4_minute\nf1,o,200,3,0,0\nf2,o,1,1,1,1\n",
		"part":          "\xef\xbb\xbfHashFunction,480,481,482,483\nf1,3,0,200,0\nf2,1.0,1,1,1\n",
		"zipped":        zipped.String(),
		"timed":         "Timestamp,Function,Invocations\n2026-01-01T00:02:00Z,f1,200\n2026-01-01T00:00:00Z,f1,3\n2026-01-01T00:00:00Z,f2,1\n2026-01-01T00:01:00Z,f2,1\n2026-01-01T00:02:00Z,f2,1\n2026-01-01T00:03:00Z,f2,1\n",
		"timed, Unix":   "time,func,count\n120,f1,200\n0,f1,3\n0,f2,1\n60,f2,1\n120,f2,1\n180,f2,1\n",
		"timed, minute": "minute,func,count\n7,f1,200\n5,f1,3\n5,f2,1\n6,f2,1\n7,f2,1\n8,f2,1\n",
	} {
		t.Run(name, func(t *testing.T) {
			tr := trace(t, text)
			if tr.Count != 207 || tr.Duration != 4*time.Minute || len(tr.Functions) != 2 {
				t.Fatalf("%d arrivals of %v in %v", tr.Count, tr.Functions, tr.Duration)
			}
			f1 := slices.Index(tr.Functions, "f1")
			got := perMinute(tr.Schedule(1, 1, 2))
			want := map[[2]int]int{{0, f1}: 3, {2, f1}: 200, {0, 1 - f1}: 1, {1, 1 - f1}: 1, {2, 1 - f1}: 1, {3, 1 - f1}: 1}
			if fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("%v, want %v", got, want)
			}
			at := offsets(tr.Schedule(1, 1, 2))
			if !slices.IsSorted(at) || !slices.Equal(at, offsets(tr.Schedule(1, 1, 1))) || slices.Equal(at, offsets(tr.Schedule(1, 2, 2))) {
				t.Error("order, or dependence on the seed alone")
			}
			// Not at the minute's first instant: 200 uniform places leave no
			// gap of 20 s but with a probability of 2e-33.
			p := loadgen.Describe(loadgen.Cut(tr.Schedule(1, 1, 2), 2*time.Minute, 3*time.Minute), 20*time.Second)
			if slices.Contains(p.Counts[6:9], 0) {
				t.Errorf("places %v", p.Counts)
			}
			if fast := offsets(tr.Schedule(60, 1, 2)); len(fast) != 207 || fast[206] >= 4*time.Second {
				t.Errorf("60 times as fast ends at %v", fast[206])
			}
			for a := range tr.Schedule(1, 1, 1) {
				if a.Function != 0 || a.Tag != record.TagBase {
					t.Fatalf("%+v", a)
				}
			}
		})
	}
}

func TestPlainMinuteCounts(t *testing.T) {
	tr := trace(t, "\"InvocationsPerMinute\"\n2\n0\n1\n\n")
	if tr.Count != 3 || tr.Duration != 3*time.Minute || len(perMinute(tr.Schedule(1, 1, 1))) != 2 {
		t.Errorf("%+v", tr)
	}
}

func TestInstants(t *testing.T) {
	for name, text := range map[string]string{
		"azure 2021": "app,func,end_timestamp,duration\na,g,12.5,0.25\na,f,11,1\na,f,13,0.5\n",
		"unix":       "timestamp,function\n1700000002.25,g\n1700000000,f\n1700000002.5,f\n",
		"rfc":        "at,function\n2026-01-01T00:00:02.25Z,g\n2026-01-01T00:00:00Z,f\n2026-01-01T01:00:02.5+01:00,f\n",
	} {
		tr := trace(t, text)
		got := all(tr.Schedule(1, 1, 2))
		want := []loadgen.Arrival{
			{At: 0, Tag: record.TagBase, Function: 1},
			{At: 2250 * ms, Tag: record.TagBase, Function: 0},
			{At: 2500 * ms, Tag: record.TagBase, Function: 1},
		}
		if name == "azure 2021" { // begins at 10, 12.25 and 12.5
			want[1].At, want[2].At = 2250*ms, 2500*ms
		}
		if !slices.Equal(got, want) || tr.Duration != 2500*ms+1 {
			t.Errorf("%s: %+v in %v", name, got, tr.Duration)
		}
	}
}

func TestFaultyTraces(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"", "t.csv: the file is empty"},
		{"a,b\n1,2\n", "t.csv:1: header \"a,b\" is none that is known"},
		{"minute\n1\n", "t.csv:1: header"},
		{"HashFunction,1,2\nf,1\n", "t.csv:2: minute 2 is missing: the row has 2 columns"},
		{"HashFunction,1,2\nf,1,2\nf,1,1O\n", "t.csv:3: minute 2: count \"1O\": not a whole number"},
		{"HashFunction,1\nf,-1\n", "t.csv:2: minute 1: count -1 is not in"},
		{"HashFunction,1\nf,1.5\n", "t.csv:2: minute 1: count \"1.5\": not a whole number"},
		{"HashFunction,1\nf,99999999999999999999\n", "t.csv:2: minute 1: count"},
		{"HashFunction,1,2\nf,1000000000,1\n", "1000000001 arrivals are more"},
		{"HashFunction,1,2000000000\nf,1,1\n", "t.csv:1: the minutes 1 to 2000000000 span"},
		{"Count\n1\nx\n", "t.csv:3: count \"x\""},
		{"time,count\n0,1\n4000000000,1\n", "span more than"},
		{"time\nyesterday\n", "t.csv:2: time \"yesterday\": want seconds"},
		{"time\n170000000000000\n", "t.csv:2: time \"170000000000000\": neither seconds nor Unix milliseconds"},
		{"10\n0\n20\n5\n", "t.csv:1: header \"10\": numbers are the titles of minutes"},
		{"10,0,20,10\n", "t.csv:1: header \"10,0,20,10\": numbers are"},
		{"Count\n1\n\n2\n", "t.csv:3: the count is empty: write 0"},
		{"minute,count\n0,1\n1,\n", "t.csv:3: the count is empty"},
		{"HashFunction,7,8\nf,1,\n", "t.csv:2: minute 8: the count is empty"},
		{"time\nNaN\n", "t.csv:2: time \"NaN\""},
		{"func,end_timestamp,duration\nf,1,-1\n", "t.csv:2: duration \"-1\""},
		{"func,end_timestamp,duration\nf,1\n", "t.csv:2: the duration is missing"},
		// The offending row is named, not the last one.
		{"time,count\n0,1\n60,1\n150,1\n210,1\n270,1\n", "t.csv:4: this time is 30s beyond a multiple of 1m0s"},
		{"time\n0\n4000000000\n1\n2\n", "t.csv:3: the times from line 2 (earliest) to line 3 (latest) span more than"},
		{"time,count\n4000000000,1\n0,1\n1,1\n", "t.csv:3: the times from line 3 (earliest) to line 2 (latest) span"},
		{"time\n\"1\n", "t.csv:2: extraneous or missing \" in quoted-field"},
		{"\x1f\x8bnot gzip", "t.csv: "},
	} {
		_, err := loadgen.ReadTrace(strings.NewReader(c.text), "t.csv", 0)
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%.40q: %v, want %q", c.text, err, c.want)
		}
	}
}

func TestWindows(t *testing.T) {
	// Windows of 300 s with a gap of one.
	tr := trace(t, "Timestamp,Sum\n2026-01-01 00:00:00,2\n2026-01-01 00:15:00,3\n2026-01-01 00:05:00,1\n")
	p := loadgen.Describe(tr.Schedule(1, 1, 1), 5*time.Minute)
	if !slices.Equal(p.Counts, []int64{2, 1, 0, 3}) || tr.Duration != 20*time.Minute {
		t.Errorf("%v in %v", p.Counts, tr.Duration)
	}
	// A period that no two neighbours show is given.
	text := "time,count\n0,1\n120,1\n300,1\n"
	if _, err := loadgen.ReadTrace(strings.NewReader(text), "t.csv", 0); err == nil || !strings.Contains(err.Error(), "t.csv:4: this time is 1m0s beyond a multiple of 2m0s") {
		t.Error(err)
	}
	tr, err := loadgen.ReadTrace(strings.NewReader(text), "t.csv", time.Minute)
	if err != nil || tr.Count != 3 || tr.Duration != 6*time.Minute {
		t.Errorf("%+v, %v", tr, err)
	}
	tr, err = loadgen.ReadTrace(strings.NewReader("Count\n1\n2\n"), "t.csv", time.Hour)
	if err != nil || tr.Duration != 2*time.Hour {
		t.Errorf("%+v, %v", tr, err)
	}
	if _, err = loadgen.ReadTrace(strings.NewReader("Count\n1\n2\n"), "t.csv", -1); err == nil {
		t.Error("a negative period passes")
	}
}

// A billion arrivals in one cell are a schedule like any other: they are made
// one after the other.
func TestHugeCell(t *testing.T) {
	tr := trace(t, "HashFunction,1\nf,999999999\ng,1\n")
	n := 0
	for a := range tr.Schedule(1, 1, 1) {
		if a.At < 0 || a.At >= time.Minute {
			t.Fatal(a)
		}
		if n++; n == 1000 {
			break
		}
	}
}

// Replaying a recorded run gives its arrivals again.
func TestReplayOfARun(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, err := loadgen.FromLoad(anyLoad(t), rapid.Uint64().Draw(t, "seed"))
		if err != nil {
			t.Fatal(err)
		}
		want := all(s)
		rows := make([]record.Invocation, len(want))
		for i, a := range want {
			rows[i] = record.Invocation{Seq: int64(i), Intended: a.At, Tag: a.Tag, Function: a.Function}
		}
		// A run records rows in the order of their ends: shuffle.
		tr := fromRows(t, rapid.Permutation(rows).Draw(t, "order"))
		if got := all(tr.Schedule(1, 1, 1)); !slices.Equal(got, want) || tr.Count != int64(len(want)) {
			t.Fatalf("%d arrivals of %d", len(got), len(want))
		}
	})
}

func fromRows(t interface{ Fatal(args ...any) }, rows []record.Invocation) *loadgen.Trace {
	tr, err := loadgen.FromRows(func(yield func(record.Invocation, error) bool) {
		for _, row := range rows {
			if !yield(row, nil) {
				return
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return tr
}

// What was due at one instant is replayed in the order in which it was
// scheduled, whichever reply came first.
func TestReplayKeepsTheOrderOfAnInstant(t *testing.T) {
	tr := fromRows(t, []record.Invocation{{Seq: 2, Tag: record.TagBase}, {Seq: 1, Tag: record.TagPing}, {Seq: 0, Tag: record.TagPing}})
	var tags []record.Tag
	for a := range tr.Schedule(1, 1, 1) {
		tags = append(tags, a.Tag)
	}
	if want := []record.Tag{record.TagPing, record.TagPing, record.TagBase}; !slices.Equal(tags, want) {
		t.Errorf("%v, want %v", tags, want)
	}
}

// Places within a window are uniform, those of each function too, and so are
// those of a burst that is spread at random.
func TestPlacesAreUniform(t *testing.T) {
	tr := trace(t, "HashFunction,1\nf,3000\ng,900\n")
	for seed := range uint64(8) {
		var both, second []float64
		for a := range tr.Schedule(1, seed, 2) {
			both = append(both, a.At.Minutes())
			if a.Function == 1 {
				second = append(second, a.At.Minutes())
			}
		}
		var burst []float64
		for _, at := range offsets(loadgen.Spread(loadgen.Every(1, 0, 1), 2000, time.Second, true, seed)) {
			burst = append(burst, at.Seconds())
		}
		for i, places := range [][]float64{both, second, burst} {
			if d := ksDistance(places, func(x float64) float64 { return x }); d > 1.95 {
				t.Errorf("seed %d, %d: Kolmogorov-Smirnov statistic %v", seed, i, d)
			}
		}
		if len(second) != 900 || len(burst) != 2000 {
			t.Errorf("%d and %d places", len(second), len(burst))
		}
	}
}

func FuzzReadTrace(f *testing.F) {
	f.Add([]byte(azure2019))
	f.Add([]byte("app,func,end_timestamp,duration\na,g,12.5,0.25\n"))
	f.Add([]byte("\"InvocationsPerMinute\"\n2\n"))
	f.Add([]byte("Timestamp,Sum\n2026-01-01 00:00:00,2\n2026-01-01 00:15:00,3\n"))
	f.Add([]byte("time\n1e9\n0x1p3\n"))
	f.Add([]byte(statistics))
	f.Add([]byte(metricData))
	f.Fuzz(func(t *testing.T, text []byte) {
		tr, err := loadgen.ReadTrace(bytes.NewReader(text), "fuzz", 0)
		if err != nil {
			if strings.Contains(err.Error(), "\n") {
				t.Fatalf("error of several lines: %q", err)
			}
			return
		}
		var n int64
		last := time.Duration(0)
		for a := range tr.Schedule(1, 1, 3) {
			if a.At < last || a.At >= tr.Duration || a.Function < 0 || a.Function > 2 {
				t.Fatalf("arrival %+v after %v in a trace of %v", a, last, tr.Duration)
			}
			last = a.At
			if n++; n > 10_000 {
				return
			}
		}
		if n != tr.Count {
			t.Fatalf("%d arrivals, the trace says %d", n, tr.Count)
		}
	})
}
