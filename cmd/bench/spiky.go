package main

import (
	"time"

	"github.com/spf13/cobra"

	"coldbench/record"
)

func newSpiky() *cobra.Command {
	var f loadFlags
	cmd := &cobra.Command{
		Use:   "spiky",
		Short: "Bursts over a base rate: what cold starts are made of",
		Long: `spiky sends bursts of N arrivals every D over a base rate. The requests of the
first burst that find no idle execution environment start one each; later
bursts of the same size find those environments warm, as they do on Lambda,
until the keep-alive has passed. To see every burst cold, wait longer than the
keep-alive (--every) or shorten it (--keep-alive fixed:2s).`,
		Example: `  bench spiky
  bench spiky --zip app.zip --handler index.handler --runtime nodejs22.x --memory 512
  bench spiky --dir ./app --handler app.handler --runtime python3.13 --burst 20
  bench spiky --burst 100 --spread 500ms --every 10s --keep-alive fixed:5s
  bench spiky --target lambda:checkout:live --base-rate 2 --burst 50 --every 1m --duration 5m`,
		RunE: func(cmd *cobra.Command, _ []string) error { return runLoad(cmd, &f) },
	}
	fs := cmd.Flags()
	fs.Float64Var(&f.load.BaseRate, "base-rate", 4, "arrivals per second between and under the bursts")
	fs.IntVar(&f.load.Burst, "burst", 40, "arrivals in a burst")
	fs.DurationVar((*time.Duration)(&f.load.Every), "every", 5*time.Second, "from one burst to the next")
	fs.DurationVar((*time.Duration)(&f.load.Spread), "spread", 0, "width of a burst; 0 sends it at one instant")
	fs.DurationVar((*time.Duration)(&f.load.Offset), "offset", time.Second, "when the first burst comes")
	fs.BoolVar(&f.load.Irregular, "irregular", false, "bursts come at random, --every apart on average")
	f.register(cmd, record.ShapeSpiky)
	setDefault(cmd, "duration", "20s")
	return cmd
}

// setDefault changes the default of a shared flag for one verb.
func setDefault(cmd *cobra.Command, name, value string) {
	flag := cmd.Flags().Lookup(name)
	if err := flag.Value.Set(value); err != nil {
		panic(err) // a default that its own flag refuses
	}
	flag.DefValue = flag.Value.String()
}
