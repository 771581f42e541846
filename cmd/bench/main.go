// Command bench measures what code feels like, and costs, on AWS Lambda: cold,
// warm and under spikes. See README.md; `bench help` lists the verbs.
package main

import (
	"context"
	"fmt"
	"os"

	"coldbench/fixtures"
)

func main() {
	if fixtures.IsBootstrap() { // this process is a function under test
		err := fixtures.RunBootstrap()
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(exitError)
	}
	os.Exit(run(context.Background(), os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}
