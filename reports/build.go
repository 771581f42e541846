package reports

import (
	"errors"
	"fmt"

	"coldbench/parsers"
	"coldbench/record"
)

// Build reads a run and fills a Report in one pass over its log and one over
// its rows. Memory does not grow with the number of rows. It returns an error
// where a file cannot be read at all; what is damaged or lacking becomes a
// warning of the report, and a run that must not be quoted a verdict.
func Build(run *record.Run, o Options) (r *Report, err error) {
	var pairing parsers.Pairing
	join, err := record.NewJoin(pairing.Platforms(run.Events()), record.JoinOptions{
		TempDir: o.TempDir, MaxInMemory: o.MaxInMemory, ExpectReports: run.Plan.ExpectReports,
	})
	if err != nil {
		return nil, fmt.Errorf("report of %s: %w", run.Dir, err)
	}
	defer func() { err = errors.Join(err, join.Close()) }()
	return assemble(source{
		plan: run.Plan, host: run.Host, generator: run.Generator, dir: run.Dir,
		rows: join.Rows(run.Rows()), counts: join.Counts,
		warnings: func() []record.Warning { return append(run.Warnings(), refused(pairing.Counts())...) },
	}, o)
}

// refused warns of REPORT lines that a function printed itself.
func refused(c parsers.PairCounts) []record.Warning {
	if c.Refused == 0 {
		return nil
	}
	return []record.Warning{{
		Code:   "forged_reports",
		Text:   fmt.Sprintf("%s not the platform's: no START and END of its request stand before it", plural(c.Refused, "REPORT line is", "REPORT lines are")),
		Remedy: "look in the function's own output for text that begins with REPORT",
	}}
}
