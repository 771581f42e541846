package loadgen_test

import (
	"context"
	"fmt"
	"time"

	"coldbench/loadgen"
	"coldbench/record"
	"coldbench/target/scripted"
)

// counting is a Recorder that counts outcomes.
type counting struct{ rows chan record.Outcome }

func (c counting) Record(row *record.Invocation, _ []byte) error {
	c.rows <- row.Outcome
	return nil
}

// The whole path: a schedule, a target, a recorder, a run.
func ExampleRun() {
	rows := counting{make(chan record.Outcome, 100)}
	stats, err := loadgen.Run(context.Background(), loadgen.Config{
		Schedule: loadgen.Merge(
			loadgen.Constant(100, 100*time.Millisecond),
			loadgen.Together(loadgen.Every(time.Second, 50*time.Millisecond, time.Second), 20),
		),
		Target:   scripted.New(scripted.Step{Service: record.Duration(5 * time.Millisecond)}),
		Recorder: rows,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	close(rows.rows)
	counts := map[record.Outcome]int{}
	for o := range rows.rows {
		counts[o]++
	}
	fmt.Println(stats.Scheduled, "scheduled,", stats.Sent, "sent", counts)
	// Output: 30 scheduled, 30 sent map[ok:30]
}
