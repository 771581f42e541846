package main

import (
	"github.com/spf13/cobra"

	"coldbench/record"
)

func newSteady() *cobra.Command {
	var f loadFlags
	cmd := &cobra.Command{
		Use:   "steady",
		Short: "A constant arrival rate",
		Long: `steady sends arrivals at one rate, evenly spaced or as a Poisson process, and
never waits for a reply before it sends the next.`,
		Example: `  bench steady --rate 20 --duration 1m
  bench steady --rate 5 --arrivals poisson --target lambda:checkout:live
  bench steady --target https://example.com/health --rate 50 --json`,
		RunE: func(cmd *cobra.Command, _ []string) error { return runLoad(cmd, &f) },
	}
	cmd.Flags().Float64Var(&f.load.Rate, "rate", 10, "arrivals per second")
	f.register(cmd, record.ShapeSteady)
	return cmd
}
