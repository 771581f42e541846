package cost_test

import (
	"fmt"

	"coldbench/cost"
)

// The bill of a run of 240 requests at 512 MB: 200 warm ones billed 4 ms each,
// and 40 cold ones billed 150 ms each, init included.
func Example() {
	tariff, err := cost.For("us-east-1")
	if err != nil {
		fmt.Println(err)
		return
	}
	bill := tariff.Bill(cost.Usage{
		Invocations:  240,
		GBSecondsX86: 200*cost.GBSeconds(4, 512) + 40*cost.GBSeconds(150, 512),
	})
	fmt.Println("tariff:", bill.Tariff)
	for _, l := range bill.Lines {
		fmt.Printf("%g %s of %s at $%.10f = $%.8f (%s, %s)\n", l.Quantity, l.Unit, l.What, l.Price, l.USD, l.Source, l.Date)
	}
	fmt.Printf("sum: $%.8f\n", bill.USD)
	// Output:
	// tariff: us-east-1 2026-10-04
	// 240 request of requests at $0.0000002000 = $0.00004800 (noble, 2026-10-04)
	// 3.4 GB-s of duration x86_64 at $0.0000166667 = $0.00005667 (noble, 2026-10-04)
	// sum: $0.00010467
}

// A price that the table does not have is an error in the bill, not a zero.
func ExampleTariff_Bill_unknown() {
	tariff, _ := cost.For("eu-west-1")
	bill := tariff.Bill(cost.Usage{EphemeralGBSeconds: 10})
	fmt.Println(bill.Complete(), bill.Errors)
	// Output:
	// false [price of ephemeral storage above 512 MB in eu-west-1: not known; 10 GB-s are not in the bill]
}
