package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// run is the whole program but for the process around it: it returns the exit
// status.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	ctx, stop := withInterrupts(ctx)
	defer stop()
	root := newRoot()
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	cmd, err := root.ExecuteContextC(ctx)
	return report(cmd, err)
}

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "bench",
		Short: "What will this code feel like, and cost, on AWS Lambda?",
		Long: `bench sends open-loop traffic at a Lambda function, an HTTP endpoint or the
built-in local Lambda, joins every request with the platform's REPORT of it,
and says what cold and warm requests felt like and what they would be charged.

Every flag can be set by the environment too: --base-rate is BENCH_BASE_RATE.
Exit status: 0 done, 1 error, 2 usage, 3 the run is not valid to quote,
4 a gate or regression fired, 130 interrupted.
Ctrl-C ends a load early: replies are awaited, logs read, and what was sent is
reported. A second Ctrl-C gives up the replies.`,
		Example: `  bench spiky                                     the built-in function on the built-in Lambda
  bench spiky --dir ./app --handler index.handler --runtime nodejs22.x --memory 512
  bench steady --target https://example.com/ --rate 50 --duration 1m
  bench parse lambda.log
  bench logs --log-group /aws/lambda/checkout --since 24h
  bench explain runs/latest --seq 7
  bench report runs/latest`,
		Version:       version(),
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cobra.NoArgs,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetVersionTemplate("{{.Version}}\n")
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return &usageError{flagFault(err)} })
	root.PersistentPreRunE = func(cmd *cobra.Command, _ []string) error { return fromEnvironment(cmd.Flags()) }
	root.AddCommand(newSteady(), newSpiky(), newWarmer(), newRamp(), newSine(), newReplay(), newReport(), newExplain(), newParse(), newLogs(), newEmulate(), newFixtures(), newCalibrate(), newVersion())
	for _, c := range append(root.Commands(), root) {
		usageArgs(c)
	}
	return root
}

// usageArgs makes a verb's complaint about its arguments a usage error.
func usageArgs(c *cobra.Command) {
	check := c.Args
	if check == nil {
		check = cobra.NoArgs
	}
	c.Args = func(cmd *cobra.Command, args []string) error {
		err := check(cmd, args)
		if err != nil && strings.Contains(cmd.Use, " ") { // the verb names what it takes
			err = fmt.Errorf("%d arguments where `bench %s` is wanted", len(args), cmd.Use)
		}
		if err != nil {
			return &usageError{err}
		}
		return nil
	}
}

// fromEnvironment sets every flag that the command line left alone from
// BENCH_FLAG_NAME.
func fromEnvironment(flags *pflag.FlagSet) error {
	var first error
	flags.VisitAll(func(f *pflag.Flag) {
		if f.Changed || f.Name == "help" || first != nil {
			return
		}
		name := environmentName(f.Name)
		if v, ok := os.LookupEnv(name); ok {
			if err := flags.Set(f.Name, v); err != nil {
				first = usagef("%s: %w", name, flagFault(err))
			}
		}
	})
	return first
}

// flagFault says of a value that a flag can't read what it should have been.
func flagFault(err error) error {
	var bad *pflag.InvalidValueError
	if !errors.As(err, &bad) {
		return err
	}
	want := map[string]string{
		"duration": "a duration, such as 300ms, 10s or 1m30s", "bool": "true or false",
		"float64": "a number", "int": "a whole number", "int64": "a whole number", "uint64": "a whole number, 0 or above",
	}[bad.GetFlag().Value.Type()]
	if want == "" {
		return err
	}
	return fmt.Errorf("--%s: %q is not %s", bad.GetFlag().Name, bad.GetValue(), want)
}

// environmentName is the variable that sets a flag.
func environmentName(flag string) string {
	return "BENCH_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

type abortKey struct{}

// withInterrupts cancels the context at the first SIGINT or SIGTERM, so that a
// run drains, and closes the abort channel at the second, so that it stops at
// once.
func withInterrupts(ctx context.Context) (context.Context, func()) {
	abort := make(chan struct{})
	ctx, cancel := context.WithCancel(context.WithValue(ctx, abortKey{}, (<-chan struct{})(abort)))
	sig := make(chan os.Signal, 2)
	signal.Notify(sig, os.Interrupt, syscall.SIGTERM)
	done := make(chan struct{})
	go func() {
		for range 2 {
			select {
			case <-sig:
			case <-done:
				return
			}
			if ctx.Err() != nil {
				close(abort)
				return
			}
			cancel()
		}
	}()
	return ctx, func() { signal.Stop(sig); close(done); cancel() }
}

// aborted is closed when the user wants to stop at once.
func aborted(ctx context.Context) <-chan struct{} {
	c, _ := ctx.Value(abortKey{}).(<-chan struct{})
	return c
}

func newVersion() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version of bench and what it was built with",
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := fmt.Fprintln(cmd.OutOrStdout(), version())
			return err
		},
	}
}
