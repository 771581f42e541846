package record_test

import (
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"time"

	"coldbench/record"
)

// The whole path of a run: written, read, joined and judged.
func Example() {
	temp, err := os.MkdirTemp("", "example-")
	check(err)
	defer os.RemoveAll(temp)
	dir := filepath.Join(temp, "run")

	// 1. The plan is fixed before the first request.
	plan := &record.Plan{
		Name: "hello", Verb: "steady", Seed: 1, Provenance: record.Emulated, Target: "emulated:hello",
		Functions: []record.Function{{Name: "hello", MemoryMB: 128}}, Arrivals: 3, ExpectReports: true,
	}
	w, err := record.Create(dir, plan)
	check(err)

	// 2. Every arrival becomes one row, whatever became of it.
	for _, row := range []record.Invocation{
		{Seq: 0, Sent: 50 * time.Microsecond, Done: 32 * time.Millisecond, Outcome: record.OK, RequestID: "a"},
		{Seq: 1, Intended: 100 * time.Millisecond, Sent: 100*time.Millisecond + 60*time.Microsecond, Done: 102 * time.Millisecond, Outcome: record.OK, RequestID: "b"},
		{Seq: 2, Intended: 200 * time.Millisecond, Outcome: record.NotSent, ErrorType: record.ErrInFlightCap},
	} {
		check(w.Record(&row))
	}
	check(w.Generator(record.GeneratorStats{Scheduled: 3, Sent: 2, NotSent: 1}))
	check(w.Close())

	// 3. Rows and REPORTs meet by request id; evidence decides on the start.
	run, err := record.Open(dir)
	check(err)
	join, err := record.NewJoin(reports(), record.JoinOptions{ExpectReports: plan.ExpectReports})
	check(err)
	var evidence record.Evidence
	for row, err := range join.Rows(run.Rows()) {
		check(err)
		fmt.Println(row.Seq, row.Outcome, row.Start, "by", row.StartRule)
		evidence.Add(&row)
	}
	evidence.Join = join.Counts()

	// 4. The verdict says whether the run may be quoted.
	verdict, _ := record.Check(run.Plan, evidence)
	fmt.Println("valid:", verdict.Valid)
	for _, r := range verdict.Reasons {
		fmt.Printf("%s: %s\n  try: %s\n", r.Code, r.Text, r.Remedy)
	}
	// Output:
	// 0 ok cold by init_duration
	// 1 ok warm by no_init_duration
	// 2 not_sent unknown by no_report
	// valid: false
	// not_sent: 1 of 3 arrivals (33.3 %) were not sent, limit 0.1 %; most for Generator.InFlightLimit (1)
	//   try: raise --max-in-flight, or lower --rate or --burst
}

// check ends an example whose files cannot be written or read.
func check(err error) {
	if err != nil {
		panic(err)
	}
}

// reports stands for package parsers.
func reports() iter.Seq2[record.Platform, error] {
	return func(yield func(record.Platform, error) bool) {
		cold := record.Platform{Kind: record.KindReport, RequestID: "a", DurationMs: record.Some(1.3), InitDurationMs: record.Some(28.4)}
		warm := record.Platform{Kind: record.KindReport, RequestID: "b", DurationMs: record.Some(1.1)}
		_ = yield(cold, nil) && yield(warm, nil)
	}
}

func ExamplePlan_Validate() {
	plan := &record.Plan{
		Target: "emulated:hello", Provenance: record.Emulated, Functions: []record.Function{{Name: "hello", MemoryMB: 64}},
		Load:    record.Load{Shape: record.ShapeSteady, Duration: record.Duration(time.Minute)},
		Timeout: record.Duration(time.Second), MaxInFlight: 100,
	}
	for _, fault := range record.Faults(plan.Validate()) {
		fmt.Println(fault)
	}
	// Output:
	// functions[0].memory: 64 MB is not in [128, 10240]
	// rate: 0 sends nothing; give arrivals per second
}

func ExampleOpen() {
	_, err := record.Open("testdata")
	fmt.Println(err)
	run, err := record.Open("testdata/run-v1")
	check(err)
	for row, err := range run.Rows() {
		check(err)
		fmt.Println(row.Seq, row.Outcome, row.Answered())
	}
	// Output:
	// open run: testdata: holds no plan.json, so it is no run directory: file does not exist
	// 0 ok true
	// 2 not_sent false
	// 1 ok true
}

func ExampleInvocation_AppendJSON() {
	row := record.Invocation{Seq: 7, Intended: time.Second, Outcome: record.NotSent, ErrorType: record.ErrFileLimit}
	fmt.Printf("%s\n", row.AppendJSON(nil))
	// Output:
	// {"seq":7,"fn":0,"intended_ns":1000000000,"outcome":"not_sent","error_type":"Generator.FileLimit"}
}

func ExampleConservation() {
	var c record.Conservation
	for _, seq := range []int64{0, 2, 2} {
		c.Add(seq)
	}
	fmt.Println(c.Check())
	// Output:
	// 3 rows have positions from 0 to 2, but some are there twice and as many are lost
}

func ExampleOpt() {
	var absent record.Opt[float64]
	fmt.Println(absent.Valid, record.Some(0.0).Valid)
	// Output:
	// false true
}
