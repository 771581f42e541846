package main

import (
	"fmt"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"coldbench/fixtures"
)

func newFixtures() *cobra.Command {
	return &cobra.Command{
		Use:     "fixtures",
		Short:   "List the built-in functions",
		Example: `  bench spiky --target emulated:cpu --memory 1769`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
			for _, b := range fixtures.Builtins() {
				if _, err := fmt.Fprintf(w, "emulated:%s\t%s\n", b.Name, b.Description); err != nil {
					return err
				}
			}
			return w.Flush()
		},
	}
}
