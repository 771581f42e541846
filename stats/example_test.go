package stats_test

import (
	"fmt"

	"coldbench/stats"
)

// 200 warm starts and the quantiles that they can and can't support.
func Example() {
	d := stats.NewDist("ms")
	for i := range 200 {
		d.Add(10 + float64(i)/10)
	}
	s := d.Summary(0.5, 0.9, 0.99)
	fmt.Printf("n %d, min %g, max %g, mean %.2f %s\n", s.N, s.Min, s.Max, s.Mean, s.Unit)
	for _, q := range s.Quantiles {
		if !q.OK {
			fmt.Printf("quantile %g: needs %d values\n", q.P, q.Need)
			continue
		}
		fmt.Printf("quantile %g: %.1f [%.1f, %.1f] with %.2f %%\n", q.P, q.Value, q.Lo, q.Hi, q.Confidence*100)
	}
	fmt.Println("warning:", s.Warnings[0])
	// Output:
	// n 200, min 10, max 29.9, mean 19.95 ms
	// quantile 0.5: 19.9 [18.5, 21.4] with 96.00 %
	// quantile 0.9: 27.9 [27.0, 28.8] with 96.69 %
	// quantile 0.99: needs 368 values
	// warning: quantile 0.99: 200 values, a 95 % interval needs at least 368
}

// 40 of 240 starts were cold, and none of 240 requests failed.
func ExampleProportion() {
	cold := stats.Proportion(40, 240)
	fmt.Printf("cold %.1f %% [%.1f, %.1f]\n", cold.Value*100, cold.Lo*100, cold.Hi*100)
	fmt.Printf("errors: 0 of 240, below %.2f %%\n", stats.UpperBoundZero(240)*100)
	// Output:
	// cold 16.7 % [12.2, 22.0]
	// errors: 0 of 240, below 1.24 %
}
