package main

import (
	"time"

	"github.com/spf13/cobra"

	"coldbench/record"
)

func newSine() *cobra.Command {
	var f loadFlags
	cmd := &cobra.Command{
		Use:   "sine",
		Short: "An arrival rate that swings around a mean, like day and night",
		Long: `sine begins at the mean rate and rises: rate(t) = mean + amplitude sin(2 pi t /
period). With an amplitude of the mean itself, traffic dies down once a period,
and environments are given up. A day in half an hour: --period 30m.`,
		Example: `  bench sine --rate 10 --amplitude 9 --period 30s --duration 1m
  bench sine --rate 2 --amplitude 2 --period 30m --duration 1h --arrivals poisson --plan`,
		RunE: func(cmd *cobra.Command, _ []string) error { return runLoad(cmd, &f) },
	}
	fs := cmd.Flags()
	fs.Float64Var(&f.load.Rate, "rate", 10, "arrivals per second, on average")
	fs.Float64Var(&f.load.Amplitude, "amplitude", 8, "the most above and below it; at most the rate")
	fs.DurationVar((*time.Duration)(&f.load.Period), "period", 30*time.Second, "of one swing")
	f.register(cmd, record.ShapeSine)
	return cmd
}
