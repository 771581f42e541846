package main

import (
	"github.com/spf13/cobra"
)

func newReport() *cobra.Command {
	var p presentation
	cmd := &cobra.Command{
		Use:   "report RUN",
		Short: "Read a run directory and print its report",
		Long: `report reads the rows and the raw platform lines of a run again, so it shows
what today's version makes of them, and a run that was cut short (Ctrl-C,
kill -9, a full disk) as far as it got.`,
		Example: `  bench report runs/latest
  bench report runs/latest --json | jq .quantities.response_ms.cold
  bench report runs/latest --write        (writes report.html, report.md, summary.json again)`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return presentRun(cmd, args[0], p) },
	}
	cmd.Flags().BoolVar(&p.json, "json", false, "print summary.json")
	cmd.Flags().BoolVar(&p.noColor, "no-color", false, "no colour (NO_COLOR is respected too)")
	cmd.Flags().BoolVar(&p.write, "write", false, "write report.html, report.md, summary.json and the histograms into the run directory")
	return cmd
}
