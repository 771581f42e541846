package record

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"iter"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func seqOf[T any](all []T) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for _, v := range all {
			if !yield(v, nil) {
				return
			}
		}
	}
}

// joinAll joins and checks that no temporary file is left.
func joinAll(t interface{ Fatal(...any) }, dir string, rows []Invocation, platform []Platform, o JoinOptions) ([]Joined, JoinCounts) {
	o.TempDir = dir
	j, err := NewJoin(seqOf(platform), o)
	if err != nil {
		t.Fatal(err)
	}
	out := collect(t, j.Rows(seqOf(rows)))
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Fatal("left behind: ", left, err)
	}
	return out, j.Counts()
}

func at(sec int64) time.Time { return time.Unix(1_790_000_000+sec, 0).UTC() }

func report(id, raw string) Platform {
	return Platform{Kind: KindReport, RequestID: id, DurationMs: Some(1.5), Raw: raw}
}

func TestJoin(t *testing.T) {
	row := func(id string, o Outcome) Invocation { return Invocation{RequestID: id, Outcome: o} }
	with := func(p Platform, change func(*Platform)) Platform { change(&p); return p }
	group := func(stream string, sec int64) func(*Platform) {
		return func(p *Platform) { p.LogStream, p.Timestamp = stream, at(sec) }
	}
	for _, c := range []struct {
		name     string
		rows     []Invocation
		platform []Platform
		want     JoinCounts
		raw      []string // of the REPORT of each row
	}{
		{name: "nothing"},
		{
			"each outcome", // three outcomes are served by a function; one of them has its REPORT
			[]Invocation{row("a", OK), row("b", FunctionError), row("c", TimedOut), row("d", Throttled), row("e", Rejected), row("f", TransportError), row("", NotSent), row("", OK)},
			[]Platform{report("b", "B"), report("z", "Z"), report("", "no id"), {Kind: KindInitReport, RequestID: "a"}},
			JoinCounts{Matched: 1, Missing: 2, Unclaimed: 2, Expected: 3, NoRequestID: 1, NoStream: 1, MissingIDs: []string{"a", "c"}},
			[]string{"", "B", "", "", "", "", "", ""},
		},
		{
			"tail and log group are one",
			[]Invocation{row("a", OK)},
			[]Platform{report("a", "R\t\n"), with(report("a", "R\t"), group("s1", 5)), report("a", " R")},
			JoinCounts{Matched: 1, Expected: 1, Environments: 1},
			[]string{"R\t"},
		},
		{
			"asynchronous retries: the first by time joins",
			[]Invocation{row("a", OK)},
			[]Platform{with(report("a", "second"), group("s1", 9)), with(report("a", "first"), group("s2", 3)), with(report("a", "third"), group("s1", 12))},
			JoinCounts{Matched: 1, Unclaimed: 2, Expected: 1, Environments: 1},
			[]string{"first"},
		},
		{
			"retries that print the same text at other times are two",
			[]Invocation{row("a", TimedOut)},
			[]Platform{with(report("a", "same"), group("s1", 9)), with(report("a", "same"), group("s1", 3)), with(report("a", "same"), group("s1", 3))},
			JoinCounts{Matched: 1, Unclaimed: 1, Expected: 1, Environments: 1},
			[]string{"same"},
		},
		{
			"a REPORT is evidence for one row",
			[]Invocation{row("a", OK), row("a", OK)},
			[]Platform{report("a", "R")},
			JoinCounts{Matched: 1, Missing: 1, Expected: 2, NoStream: 1, MissingIDs: []string{"a"}},
			[]string{"R", ""},
		},
		{
			"environments are distinct log streams",
			[]Invocation{row("a", OK), row("b", OK), row("c", OK)},
			[]Platform{with(report("a", "A"), group("s1", 1)), with(report("b", "B"), group("s2", 1)), with(report("c", "C"), group("s1", 1)), with(report("d", "D"), group("s3", 1))},
			JoinCounts{Matched: 3, Unclaimed: 1, Expected: 3, Environments: 2},
			[]string{"A", "B", "C"},
		},
	} {
		out, counts := joinAll(t, t.TempDir(), c.rows, c.platform, JoinOptions{ExpectReports: true})
		if !reflect.DeepEqual(counts, c.want) {
			t.Errorf("%s: counts %+v, want %+v", c.name, counts, c.want)
		}
		var raw []string
		for _, j := range out {
			text := ""
			if j.Platform != nil {
				text = j.Platform.Raw
			}
			raw = append(raw, text)
		}
		if !slices.Equal(raw, c.raw) {
			t.Errorf("%s: reports %q, want %q", c.name, raw, c.raw)
		}
	}
}

func TestMissingCountsOnlyWhereReportsAreExpected(t *testing.T) {
	_, counts := joinAll(t, t.TempDir(), []Invocation{{RequestID: "a", Outcome: OK}, {Outcome: OK}}, nil, JoinOptions{})
	if !reflect.DeepEqual(counts, JoinCounts{}) {
		t.Errorf("counts %+v, want none", counts)
	}
}

func TestStartIsDecidedFromEvidence(t *testing.T) {
	some := Some(12.5)
	for _, c := range []struct {
		p        Platform
		start    Start
		rule     string
		disagree bool
	}{
		{Platform{DurationMs: some}, StartWarm, RuleNoInitDuration, false},
		{Platform{DurationMs: some, InitDurationMs: some}, StartCold, RuleInitDuration, false},
		{Platform{DurationMs: some, InitDurationMs: Some(0.0)}, StartCold, RuleInitDuration, false}, // present, though 0
		{Platform{DurationMs: some, RestoreDurationMs: some}, StartRestored, RuleRestoreDuration, false},
		{Platform{DurationMs: some, InitDurationMs: some, RestoreDurationMs: some}, StartUnknown, RuleDisagree, true},
		{Platform{DurationMs: some, Truncated: true}, StartUnknown, RuleTruncated, false},
		{Platform{DurationMs: some, Truncated: true, InitDurationMs: some}, StartCold, RuleInitDuration, false},
		{Platform{DurationMs: some, Emulator: true}, StartUnknown, RuleEmulator, false},
		{Platform{}, StartUnknown, RuleNoFigures, false},
		{Platform{DurationMs: some, Start: StartCold, StartRule: "suppressed_init"}, StartCold, "suppressed_init", false},
		{Platform{DurationMs: some, Start: StartProvisioned, InitDurationMs: some}, StartProvisioned, RuleStream, false},
		{Platform{DurationMs: some, Start: StartWarm, StartRule: "seen", InitDurationMs: some}, StartUnknown, RuleDisagree, true},
		{Platform{DurationMs: some, Start: StartUnknown, StartRule: RuleDisagree}, StartUnknown, RuleDisagree, true},
	} {
		start, rule, disagree := decideStart(&c.p)
		if start != c.start || rule != c.rule || disagree != c.disagree {
			t.Errorf("%+v: %s by %s, %v; want %s by %s, %v", c.p, start, rule, disagree, c.start, c.rule, c.disagree)
		}
	}
}

func TestMergedReportsShareTheirEvidence(t *testing.T) {
	tail, group := report("a", "R"), report("a", "R")
	tail.Start, tail.StartRule = StartCold, "tail"
	group.LogStream = "s1"
	rows := []Invocation{{RequestID: "a", Outcome: OK}}
	out, _ := joinAll(t, t.TempDir(), rows, []Platform{tail, group}, JoinOptions{})
	if out[0].Start != StartCold || out[0].StartRule != "tail" || out[0].Environment() != "s1" {
		t.Errorf("%s by %s in %q", out[0].Start, out[0].StartRule, out[0].Environment())
	}
	group.Start = StartWarm
	out, counts := joinAll(t, t.TempDir(), rows, []Platform{group, tail}, JoinOptions{})
	if out[0].Start != StartUnknown || counts.Disagreeing != 1 {
		t.Errorf("contradicting sources: %s, %d disagreeing", out[0].Start, counts.Disagreeing)
	}
}

// anyPlatform draws REPORTs of few request ids, so that they meet.
func anyPlatform() *rapid.Generator[Platform] {
	return rapid.Custom(func(t *rapid.T) Platform {
		p := random[Platform]("platform").Draw(t, "platform")
		p.Kind = rapid.SampledFrom([]PlatformKind{KindReport, KindReport, KindReport, KindStart}).Draw(t, "kind")
		p.RequestID = anyID().Draw(t, "id")
		p.Raw = rapid.SampledFrom([]string{"", "R1", "R2\n", "R2", "\xff"}).Draw(t, "raw")
		p.Start = rapid.SampledFrom(append(Starts, "")).Draw(t, "start")
		return p
	})
}

func anyID() *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		n := rapid.IntRange(0, 20).Draw(t, "id")
		return []string{"", "\xff", "\xfe"}[min(n%7, 2)] + fmt.Sprint(n)[:min(n, 1)]
	})
}

func TestSpillingChangesNothingButTheOrder(t *testing.T) {
	dir := t.TempDir()
	rapid.Check(t, func(t *rapid.T) {
		platform := rapid.SliceOfN(anyPlatform(), 0, 60).Draw(t, "platform")
		rows := rapid.SliceOfN(anyRow(), 0, 30).Draw(t, "rows")
		for i := range rows {
			rows[i].RequestID = anyID().Draw(t, "row id")
		}
		whole, wholeCounts := joinAll(t, dir, rows, platform, JoinOptions{ExpectReports: true})
		o := JoinOptions{ExpectReports: true, MaxInMemory: rapid.IntRange(1, 8).Draw(t, "max")}
		spilled, counts := joinAll(t, dir, rows, platform, o)

		slices.Sort(wholeCounts.MissingIDs)
		slices.Sort(counts.MissingIDs)
		if counts.Missing <= maxMissingIDs && !reflect.DeepEqual(counts, wholeCounts) {
			t.Fatalf("counts %+v, want %+v", counts, wholeCounts)
		}
		if a, b := multiset(spilled), multiset(whole); !slices.Equal(a, b) {
			t.Fatalf("joined rows differ:\n%s\n%s", strings.Join(a, "\n"), strings.Join(b, "\n"))
		}
		if len(whole) != len(rows) {
			t.Fatalf("%d rows became %d", len(rows), len(whole))
		}
		if c := counts; c.Matched+c.Missing > int64(len(rows)) || c.Missing > c.Expected {
			t.Fatalf("counts contradict each other: %+v", c)
		}
	})
}

func multiset(rows []Joined) []string {
	var all []string
	for _, j := range rows {
		p := "no report"
		if j.Platform != nil {
			p = fmt.Sprintf("%+q", fmt.Sprintf("%#v", *j.Platform))
		}
		all = append(all, fmt.Sprintf("%#v %s %s %s", j.Invocation, j.Start, j.StartRule, p))
	}
	slices.Sort(all)
	return all
}

func TestCodecKeepsEveryField(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rows := rapid.SliceOfN(random[Invocation]("row"), 0, 4).Draw(t, "rows")
		platform := rapid.SliceOfN(random[Platform]("platform"), 0, 4).Draw(t, "platform")
		var got []Invocation
		if err := decodeAll(spilled(rows), func(r Invocation) error { got = append(got, r); return nil }); err != nil {
			t.Fatal(err)
		}
		var gotP []Platform
		if err := decodeAll(spilled(platform), func(p Platform) error { gotP = append(gotP, p); return nil }); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(got, rows) || !slices.Equal(gotP, platform) {
			t.Fatalf("changed:\n%+v\n%+v\n%+v\n%+v", rows, got, platform, gotP)
		}
	})
}

func TestManyReportsOfOneIDAreCountedWithoutBeingKept(t *testing.T) {
	var platform []Platform
	for i := range 1000 {
		platform = append(platform, report("a", fmt.Sprint(i)))
	}
	for _, most := range []int{10, 10_000} {
		_, counts := joinAll(t, t.TempDir(), []Invocation{{RequestID: "a", Outcome: OK}}, platform, JoinOptions{MaxInMemory: most})
		if counts.Matched != 1 || counts.Unclaimed != 999 {
			t.Errorf("at most %d in memory: %+v", most, counts)
		}
	}
}

func TestJoinPassesErrorsOnAndCleansUp(t *testing.T) {
	broken := errors.New("disk gone")
	after := func(n int) iter.Seq2[Platform, error] {
		return func(yield func(Platform, error) bool) {
			for i := range n {
				if !yield(report(fmt.Sprint(i), "R"), nil) {
					return
				}
			}
			yield(Platform{}, broken)
		}
	}
	dir := t.TempDir()
	if _, err := NewJoin(after(50), JoinOptions{TempDir: dir, MaxInMemory: 5}); !errors.Is(err, broken) {
		t.Errorf("error %v", err)
	}
	var platform []Platform
	for i := range 50 {
		platform = append(platform, report(fmt.Sprint(i), "R"))
	}
	j, err := NewJoin(seqOf(platform), JoinOptions{TempDir: dir, MaxInMemory: 5})
	if err != nil {
		t.Fatal(err)
	}
	rows := func(yield func(Invocation, error) bool) {
		_ = yield(Invocation{RequestID: "1"}, nil) && yield(Invocation{}, broken)
	}
	var last error
	for _, err := range j.Rows(rows) {
		last = err
	}
	if !errors.Is(last, broken) {
		t.Errorf("error of the rows: %v", last)
	}
	for _, err := range j.Rows(seqOf([]Invocation{{}})) {
		if err == nil || !strings.Contains(err.Error(), "one pass") {
			t.Errorf("second pass: %v", err)
		}
	}
	// A consumer that stops, and a Join that is never used.
	j, err = NewJoin(seqOf(platform), JoinOptions{TempDir: dir, MaxInMemory: 5})
	if err != nil {
		t.Fatal(err)
	}
	for range j.Rows(seqOf([]Invocation{{RequestID: "1"}, {RequestID: "2"}})) {
		break
	}
	if j, err = NewJoin(seqOf(platform), JoinOptions{TempDir: dir, MaxInMemory: 5}); err != nil || j.Close() != nil || j.Close() != nil {
		t.Error("close: ", err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
}

// spilled is what a spill file of the values holds.
func spilled[T any, P coder[T]](values []T) *bytes.Buffer {
	var b bytes.Buffer
	c := codec{w: bufio.NewWriter(&b)}
	for i := range values {
		P(&values[i]).code(&c)
	}
	if err := c.w.Flush(); err != nil {
		panic(err)
	}
	return &b
}
