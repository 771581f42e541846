package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"coldbench/record"
	"coldbench/reports"
)

func newExplain() *cobra.Command {
	var f explainFlags
	cmd := &cobra.Command{
		Use:   "explain RUN REQUEST_ID",
		Short: "Walk the figures of one request back to the raw lines they come from",
		Long: `explain shows one row of a run as the client saw it; the platform's REPORT of
it, field by field and verbatim, with file and line; the lines of its execution
environment around it; by which rule its start was called cold or warm; and the
arithmetic of its residue and its bill.

A beginning of the request id will do where no other request shares it. Line
numbers are those of the decompressed files: zstdcat RUN/platform.log.zst.`,
		Example: `  bench explain runs/latest 3f2a
  bench explain runs/latest --seq 17
  bench explain runs/latest 3f2a --json | jq .start`,
		Args: cobra.RangeArgs(1, 2),
		RunE: f.run,
	}
	cmd.Flags().Int64Var(&f.seq, "seq", -1, "take the row at this place of the schedule, from 0, instead of a request id")
	cmd.Flags().BoolVar(&f.json, "json", false, "print the explanation as JSON")
	cmd.Flags().BoolVar(&f.noColor, "no-color", false, "no colour (NO_COLOR is respected too)")
	return cmd
}

type explainFlags struct {
	seq           int64
	json, noColor bool
}

func (f *explainFlags) run(cmd *cobra.Command, args []string) error {
	wanted := reports.Wanted{Seq: f.seq}
	if len(args) == 2 {
		wanted.RequestID = args[1]
	}
	switch bySeq := cmd.Flags().Changed("seq"); {
	case bySeq && len(args) == 2:
		return usagef("give a request id or --seq, not both")
	case bySeq && f.seq < 0:
		return usagef("--seq: %d is below 0", f.seq)
	case !bySeq && wanted.RequestID == "":
		return usagef("name a request: its id, a beginning of it, or --seq N")
	}
	run, err := record.Open(args[0])
	if err != nil {
		return withHint(err, "give a run directory, such as runs/latest")
	}
	x, err := reports.Explain(run, wanted)
	if reports.IsNoSuchRequest(err) {
		return withHint(err, "zstdcat %s/%s | grep request_id; or --seq N", args[0], record.RowsFile)
	}
	if err != nil {
		return err
	}
	for _, w := range run.Warnings() {
		_, _ = fmt.Fprintf(cmd.ErrOrStderr(), "bench: %s\n", w.Text)
	}
	w := cmd.OutOrStdout()
	if f.json {
		return x.WriteJSON(w)
	}
	return x.WriteText(w, reports.TextOptions{Width: terminalWidth(w), Color: colourful(w, f.noColor)})
}
