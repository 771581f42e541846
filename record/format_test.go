package record

import (
	"bytes"
	"flag"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
)

var update = flag.Bool("update", false, "write testdata/run-v1 anew")

const (
	exampleDir = "testdata/run-v1"
	formatDoc  = "../docs/format.md"
)

// exampleRun is the worked example of docs/format.md: three arrivals at 10 a
// second, the first cold, the second warm and slow, the third beyond the cap of
// one in flight. Rows are in the order in which they were over.
func exampleRun() (*Plan, []Invocation, []Event, Host, GeneratorStats) {
	const ms = time.Millisecond
	const cold, warm = "32f5cbf1-dd22-422a-a566-8965da5a3465", "f612fbaf-65ce-4fd2-8d1b-6718fcb0b269"
	const stream, start = "2026/11/01/[$LATEST]5b81e4c0a643af4fa21579f838", 1793534400000
	p := &Plan{
		Schema: PlanSchema, Name: "hello", Verb: "steady", Seed: 1, Provenance: Emulated, Target: "emulated:hello",
		Functions: []Function{{Name: "hello", Runtime: "provided.al2023", Arch: "x86_64", MemoryMB: 128, Package: PackageBuiltin}},
		Load:      Load{Shape: ShapeSteady, Duration: Duration(300 * ms), Rate: 10},
		Timeout:   Duration(30 * time.Second), MaxInFlight: 1, Arrivals: 3, ExpectReports: true,
		StartedAt: time.UnixMilli(start).UTC(), Tool: "coldbench v0.1.0 go1.26.8 linux/amd64",
	}
	rows := []Invocation{
		{
			Seq: 1, Tag: TagBase, Intended: 100 * ms, Sent: 100*ms + 60_000, FirstByte: 209*ms + 900_000, Done: 210 * ms, Outcome: OK, Status: 200,
			RequestID: warm, Version: "$LATEST", RequestBytes: 2, ResponseBytes: 17, Conn: Conn{Reused: true, Wait: 109*ms + 800_000},
		},
		{Seq: 2, Tag: TagBase, Intended: 200 * ms, Outcome: NotSent, ErrorType: ErrInFlightCap, Error: "1 request was in flight, the limit is 1"},
		{
			Seq: 0, Tag: TagBase, Intended: 0, Sent: 70_000, FirstByte: 31*ms + 800_000, Done: 31*ms + 900_000, Outcome: OK, Status: 200,
			RequestID: cold, Version: "$LATEST", RequestBytes: 2, ResponseBytes: 17, Conn: Conn{Connect: 90_000, Wait: 31*ms + 500_000},
		},
	}
	slices.SortFunc(rows, func(a, b Invocation) int { return int(max(a.Done, a.Intended) - max(b.Done, b.Intended)) })
	event := func(at int64, message string) Event {
		return Event{LogStream: stream, Timestamp: start + at, Message: message, Source: "filter"}
	}
	events := []Event{
		event(1, "INIT_START Runtime Version: provided:al2023.v100\tRuntime Version ARN: arn:aws:lambda:us-east-1::runtime:example\n"),
		event(30, "START RequestId: "+cold+" Version: $LATEST\n"),
		event(31, "END RequestId: "+cold+"\n"),
		event(31, "REPORT RequestId: "+cold+"\tDuration: 1.32 ms\tBilled Duration: 30 ms\tMemory Size: 128 MB\tMax Memory Used: 14 MB\tInit Duration: 28.41 ms\t\n"),
		{Message: "REPORT RequestId: " + warm + "\tDuration: 108.08 ms\tBilled Duration: 109 ms\tMemory Size: 128 MB\tMax Memory Used: 14 MB\t\n", Source: "tail", RequestID: warm},
	}
	h := Host{OS: "linux", Arch: "amd64", Kernel: "6.12.0", CPUs: 2, GOMAXPROCS: 2, MemoryMB: 7_900, GoVersion: "go1.26.8", Tool: p.Tool, Clock: "timerfd", Sandbox: "cgroup v2"}
	g := GeneratorStats{Scheduled: 3, Sent: 2, NotSent: 1, MaxInFlight: 1, AchievedPerSecond: []SecondCount{{3, 2}}, CPUSeconds: 0.02, End: 210 * ms}
	return p, rows, events, h, g
}

func writeExample(t *testing.T) {
	if err := os.RemoveAll(exampleDir); err != nil {
		t.Fatal(err)
	}
	p, rows, events, h, g := exampleRun()
	w, err := Create(exampleDir, p)
	if err != nil {
		t.Fatal(err)
	}
	for i := range rows {
		if err := w.Record(&rows[i]); err != nil {
			t.Fatal(err)
		}
	}
	for _, e := range events {
		if err := w.Event(e); err != nil {
			t.Fatal(err)
		}
	}
	for _, err := range []error{w.Host(h), w.Generator(g), w.Close()} {
		if err != nil {
			t.Fatal(err)
		}
	}
}

// TestTheDocumentQuotesTheExample compares each block of docs/format.md that
// is introduced by a line "`FILE` of the example:" with the file.
func TestTheDocumentQuotesTheExample(t *testing.T) {
	if *update {
		writeExample(t)
	}
	doc, err := os.ReadFile(formatDoc)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{PlanFile, RowsFile, EventsFile, HostFile, GeneratorFile} {
		_, rest, found := strings.Cut(string(doc), "`"+name+"` of the example:\n\n```json\n")
		quoted, _, closed := strings.Cut(rest, "```\n")
		if !found || !closed {
			t.Errorf("%s: the document does not quote it", name)
			continue
		}
		if file := plainText(t, filepath.Join(exampleDir, name)); quoted != file {
			t.Errorf("%s: the document says\n%s\nthe file says\n%s", name, quoted, file)
		}
	}
}

// TestTheDocumentNamesEveryKey: a key that is added has to be specified.
func TestTheDocumentNamesEveryKey(t *testing.T) {
	doc, err := os.ReadFile(formatDoc)
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range slices.Concat(keysOf[Plan](), keysOf[Function](), keysOf[Load](), keysOf[Invocation](), keysOf[Conn](),
		keysOf[Event](), keysOf[Host](), keysOf[GeneratorStats](), keysOf[Lag](), keysOf[SecondCount]()) {
		if !bytes.Contains(doc, []byte("`"+key+"`")) {
			t.Errorf("docs/format.md does not name the key %s", key)
		}
	}
	for _, o := range Outcomes {
		if !bytes.Contains(doc, []byte("`"+string(o)+"`")) {
			t.Errorf("docs/format.md does not name the outcome %s", o)
		}
	}
}

func TestTheExampleIsARun(t *testing.T) {
	run, err := Open(exampleDir)
	if err != nil {
		t.Fatal(err)
	}
	_, rows, events, _, _ := exampleRun()
	if got := collect(t, run.Rows()); !slices.Equal(got, rows) {
		t.Errorf("rows %+v", got)
	}
	if got := collect(t, run.Events()); !slices.Equal(got, events) {
		t.Errorf("events %+v", got)
	}
	if ws := run.Warnings(); len(ws) != 0 || run.NeverClosed() {
		t.Errorf("warnings %+v", ws)
	}
	if err := run.Plan.Validate(); err != nil {
		t.Errorf("plan: %v", err)
	}
}

func plainText(t *testing.T, path string) string {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r := io.Reader(f)
	if strings.HasSuffix(path, ".zst") {
		dec, err := zstd.NewReader(f, zstd.WithDecoderConcurrency(1))
		if err != nil {
			t.Fatal(err)
		}
		defer dec.Close()
		r = dec
	}
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
