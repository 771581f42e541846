package record

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
	"go.uber.org/goleak"
	"pgregory.net/rapid"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(killedDir); dir != "" {
		writeUntilKilled(dir)
		return
	}
	goleak.VerifyTestMain(m)
}

func testPlan(n int64) *Plan {
	return &Plan{
		Schema: PlanSchema, Name: "test", Verb: "steady", Seed: 7, Provenance: Emulated, Target: "emulated:hello",
		Functions: []Function{{Name: "hello", MemoryMB: 128}}, Load: Load{Shape: ShapeSteady, Rate: 100, Duration: Duration(time.Second)},
		Timeout: Duration(3 * time.Second), MaxInFlight: 10, Arrivals: n, ExpectReports: true,
		StartedAt: time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC), Tool: "coldbench test",
	}
}

// writeRun makes a run directory of the rows, with a frame after every
// frameRows of them.
func writeRun(t testing.TB, rows []Invocation, frameRows int) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "run")
	w, err := Create(dir, testPlan(int64(len(rows))))
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(w.Generator(GeneratorStats{Scheduled: int64(len(rows))}), w.Close()); err != nil {
		t.Fatal(err)
	}
	enc, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1))
	if err != nil {
		t.Fatal(err)
	}
	defer enc.Close()
	var file []byte
	for part := range slices.Chunk(rows, frameRows) {
		var lines []byte
		for _, r := range part {
			lines = append(r.AppendJSON(lines), '\n')
		}
		file = enc.EncodeAll(lines, file)
	}
	put(t, dir, RowsFile, file)
	return dir
}

func put(t testing.TB, dir, name string, b []byte) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), b, 0o666); err != nil {
		t.Fatal(err)
	}
}

func typicalRows(n int) []Invocation {
	rows := make([]Invocation, n)
	for i := range rows {
		rows[i] = typicalRow(int64(i))
	}
	return rows
}

// readRun returns what can be read and the codes of the warnings.
func readRun(t testing.TB, dir string) ([]Invocation, []string) {
	t.Helper()
	run, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	var rows []Invocation
	for row, err := range run.Rows() {
		if err != nil {
			t.Fatal(err)
		}
		rows = append(rows, row)
	}
	for _, err := range run.Events() {
		if err != nil {
			t.Fatal(err)
		}
	}
	var codes []string
	for _, w := range run.Warnings() {
		if w.Text == "" || w.Remedy == "" {
			t.Errorf("warning %s lacks a text or a remedy", w.Code)
		}
		codes = append(codes, w.Code)
	}
	return rows, codes
}

func TestARunReadsBackAsItWasWritten(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		dir := filepath.Join(t.TempDir(), "runs", "a")
		plan := testPlan(3)
		w, err := Create(dir, plan)
		if err != nil {
			rt.Fatal(err)
		}
		rows := rapid.SliceOfN(anyRow(), 0, 8).Draw(rt, "rows")
		events := rapid.SliceOfN(random[Event]("event"), 0, 8).Draw(rt, "events")
		host := Host{CPUs: 2, Kernel: "6.1", Versions: map[string]string{"node": "v22"}}
		stats := GeneratorStats{Scheduled: 3, Sent: 3, AchievedPerSecond: []SecondCount{{1, 1}, {2, 2}}, End: time.Second}
		for i := range rows {
			rows[i].Error, rows[i].ErrorType, rows[i].RequestID = valid(rows[i].Error), valid(rows[i].ErrorType), valid(rows[i].RequestID)
			rows[i].Tag, rows[i].Phase, rows[i].Version = Tag(valid(string(rows[i].Tag))), Phase(valid(string(rows[i].Phase))), valid(rows[i].Version)
			if err := w.Record(&rows[i]); err != nil {
				rt.Fatal(err)
			}
		}
		for i := range events {
			e := &events[i]
			e.EventID, e.LogStream, e.Message, e.Source, e.RequestID = valid(e.EventID), valid(e.LogStream), valid(e.Message), valid(e.Source), valid(e.RequestID)
			if err := w.Event(*e); err != nil {
				rt.Fatal(err)
			}
		}
		if err := errors.Join(w.Host(host), w.Generator(stats), w.Close(), w.Close()); err != nil {
			rt.Fatal(err)
		}
		run, err := Open(dir)
		if err != nil {
			rt.Fatal(err)
		}
		if !reflect.DeepEqual(run.Plan, plan) || !reflect.DeepEqual(*run.Host, host) || !reflect.DeepEqual(*run.Generator, stats) {
			rt.Fatalf("plan, host or generator differ: %+v %+v %+v", run.Plan, run.Host, run.Generator)
		}
		for range 2 { // every iteration starts anew
			if got := collect(rt, run.Rows()); !slices.Equal(got, rows) {
				rt.Fatalf("rows differ:\n%+v\n%+v", got, rows)
			}
			if got := collect(rt, run.Events()); !slices.Equal(got, events) {
				rt.Fatalf("events differ:\n%+v\n%+v", got, events)
			}
		}
		if ws := run.Warnings(); len(ws) != 0 {
			rt.Fatalf("warnings: %+v", ws)
		}
	})
}

func valid(s string) string { return string([]rune(s)) }

func collect[T any](t interface{ Fatal(...any) }, seq func(func(T, error) bool)) []T {
	var all []T
	for v, err := range seq {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, v)
	}
	return all
}

func TestManyGoroutinesRecordEveryRowOnce(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	const workers, each = 8, 2000
	w, err := Create(dir, testPlan(workers*each))
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for k := range workers {
		wg.Go(func() {
			for i := range each {
				row := typicalRow(int64(k*each + i))
				if err := w.Record(&row); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if err := errors.Join(w.Generator(GeneratorStats{}), w.Close()); err != nil {
		t.Fatal(err)
	}
	rows, codes := readRun(t, dir)
	var c Conservation
	for _, r := range rows {
		c.Add(r.Seq)
	}
	if c.N() != workers*each || c.Check() != nil || len(codes) != 0 {
		t.Errorf("%d rows, %v, warnings %q", c.N(), c.Check(), codes)
	}
}

func TestARunIsNeverWrittenOver(t *testing.T) {
	dir := writeRun(t, typicalRows(2), 2)
	if _, err := Create(dir, testPlan(1)); !errors.Is(err, fs.ErrExist) || !strings.Contains(err.Error(), "never written over") {
		t.Errorf("create over a run: %v", err)
	}
	file := filepath.Join(dir, PlanFile)
	if _, err := Create(file, testPlan(1)); err == nil {
		t.Error("create on a file: no error")
	}
	if rows, _ := readRun(t, dir); len(rows) != 2 {
		t.Errorf("%d rows left, want 2", len(rows))
	}
	plan := testPlan(1)
	plan.Schema = "coldbench.plan/v9"
	if _, err := Create(filepath.Join(dir, "new"), plan); err == nil || !strings.Contains(err.Error(), "coldbench.plan/v9") {
		t.Errorf("create with another schema: %v", err)
	}
}

func TestRecordRefusesARowWithoutOutcome(t *testing.T) {
	w, err := Create(filepath.Join(t.TempDir(), "run"), testPlan(1))
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Record(&Invocation{Seq: 5}); err == nil || !strings.Contains(err.Error(), "row 5") {
		t.Errorf("error %v", err)
	}
	if err := w.Close(); err != nil {
		t.Error(err)
	}
	row := typicalRow(0)
	if err := w.Record(&row); !errors.Is(err, errClosed) {
		t.Errorf("record after close: %v", err)
	}
}

func TestOpenSaysWhatIsWrong(t *testing.T) {
	for name, c := range map[string]struct {
		make func(dir string) string
		want string
		is   error
	}{
		"missing":    {func(dir string) string { return filepath.Join(dir, "no") }, "/no: file does not exist", fs.ErrNotExist},
		"a file":     {func(dir string) string { return filepath.Join(dir, PlanFile) }, "is a file, not a run directory", nil},
		"no plan":    {func(dir string) string { _ = os.Remove(filepath.Join(dir, PlanFile)); return dir }, "holds no plan.json", fs.ErrNotExist},
		"empty plan": {func(dir string) string { put(t, dir, PlanFile, nil); return dir }, "plan.json: unexpected end of JSON input", nil},
		"truncated plan": {func(dir string) string {
			put(t, dir, PlanFile, []byte(`{"schema":"coldbench.plan/v1","na`))
			return dir
		}, "plan.json: unexpected end", nil},
		"garbage plan": {func(dir string) string { put(t, dir, PlanFile, []byte("\x00\x01\x02")); return dir }, "plan.json: invalid character", nil},
		"other version": {func(dir string) string {
			put(t, dir, PlanFile, []byte(`{"schema":"coldbench.plan/v2","seed":{}}`))
			return dir
		}, `schema "coldbench.plan/v2": this version reads "coldbench.plan/v1"`, ErrSchema},
		"wrong type": {func(dir string) string {
			put(t, dir, PlanFile, []byte(`{"schema":"coldbench.plan/v1","seed":"x"}`))
			return dir
		}, "plan.json: json: cannot unmarshal", nil},
	} {
		_, err := Open(c.make(writeRun(t, typicalRows(1), 1)))
		if err == nil || !strings.HasPrefix(err.Error(), "open run: ") || !strings.Contains(err.Error(), c.want) || (c.is != nil && !errors.Is(err, c.is)) {
			t.Errorf("%s: error %v, want %q in it", name, err, c.want)
		}
	}
}

func TestSmallFilesMayBeMissingOrBroken(t *testing.T) {
	dir := writeRun(t, typicalRows(3), 2)
	put(t, dir, HostFile, []byte("{"))
	if err := os.Remove(filepath.Join(dir, GeneratorFile)); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(dir, EventsFile)); err != nil {
		t.Fatal(err)
	}
	rows, codes := readRun(t, dir)
	if len(rows) != 3 || !slices.Equal(codes, []string{"unreadable", "never_closed"}) {
		t.Errorf("%d rows, warnings %q", len(rows), codes)
	}
}

func TestMissingRowsAreAnError(t *testing.T) {
	dir := writeRun(t, typicalRows(3), 2)
	if err := os.Remove(filepath.Join(dir, RowsFile)); err != nil {
		t.Fatal(err)
	}
	run, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, err := range run.Rows() {
		n++
		if !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "read rows: ") || !strings.Contains(err.Error(), RowsFile) {
			t.Errorf("error %v", err)
		}
	}
	if n != 1 {
		t.Errorf("%d errors, want one", n)
	}
}

func TestAnIterationMayStop(t *testing.T) {
	run, err := Open(writeRun(t, typicalRows(30), 10))
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for range run.Rows() {
		if n++; n == 5 {
			break
		}
	}
	if n != 5 || len(run.Warnings()) != 0 {
		t.Errorf("%d rows, warnings %v", n, run.Warnings())
	}
}
