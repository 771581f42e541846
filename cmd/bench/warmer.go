package main

import (
	"time"

	"github.com/spf13/cobra"

	"coldbench/record"
)

func newWarmer() *cobra.Command {
	var f loadFlags
	cmd := &cobra.Command{
		Use:   "warmer",
		Short: "Does a warmer ping help? Pings and real traffic together",
		Long: `warmer sends keep-warm pings and real traffic (a rate, bursts, or both) and tells the
two apart in every table. A ping keeps as many execution environments warm as
pings overlap: one, by default. The rest of a burst starts cold once the
keep-alive has passed.`,
		Example: `  bench warmer --ping-every 1s --burst 5 --every 8s --keep-alive fixed:5s
  bench warmer --ping-every 1m --rate 0.1 --arrivals poisson --duration 30m
  bench warmer --ping-every 5s --ping-concurrency 5 --burst 5 --every 8s --keep-alive fixed:5s`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if f.load.Rate != 0 && !cmd.Flags().Changed("burst") {
				f.load.Burst = 0
			}
			return runLoad(cmd, &f)
		},
	}
	fs := cmd.Flags()
	fs.DurationVar((*time.Duration)(&f.load.PingEvery), "ping-every", time.Second, "from one ping to the next")
	fs.IntVar(&f.load.PingConcurrency, "ping-concurrency", 1, "pings sent at the same instant")
	fs.Float64Var(&f.load.Rate, "rate", 0, "real arrivals per second; there are no bursts then, unless --burst is given")
	fs.IntVar(&f.load.Burst, "burst", 5, "real arrivals in a burst")
	fs.DurationVar((*time.Duration)(&f.load.Every), "every", 8*time.Second, "from one burst to the next")
	fs.DurationVar((*time.Duration)(&f.load.Spread), "spread", 0, "width of a burst; 0 sends it at one instant")
	fs.DurationVar((*time.Duration)(&f.load.Offset), "offset", 500*time.Millisecond, "when the first burst comes")
	fs.BoolVar(&f.load.Irregular, "irregular", false, "bursts come at random, --every apart on average")
	f.register(cmd, record.ShapeWarmer)
	return cmd
}
