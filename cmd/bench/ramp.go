package main

import (
	"github.com/spf13/cobra"

	"coldbench/record"
)

func newRamp() *cobra.Command {
	var f loadFlags
	cmd := &cobra.Command{
		Use:   "ramp",
		Short: "An arrival rate that changes evenly from one value to another",
		Example: `  bench ramp --rate 1 --rate-to 50 --duration 1m
  bench ramp --rate 10 --rate-to 100 --steps 10 --duration 5m
  bench ramp --rate 1 --rate-to 200 --target https://example.com/`,
		RunE: func(cmd *cobra.Command, _ []string) error { return runLoad(cmd, &f) },
	}
	fs := cmd.Flags()
	fs.Float64Var(&f.load.Rate, "rate", 1, "arrivals per second at the start")
	fs.Float64Var(&f.load.RateTo, "rate-to", 20, "arrivals per second at the end")
	fs.IntVar(&f.load.Steps, "steps", 0, "rise in so many equal steps; 0 rises evenly")
	f.register(cmd, record.ShapeRamp)
	return cmd
}
