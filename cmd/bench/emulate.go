package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"runtime"
	"time"

	"github.com/spf13/cobra"

	"coldbench/loadgen"
)

func newEmulate() *cobra.Command {
	var f emulatorFlags
	var listen string
	var announce bool
	var drain time.Duration
	cmd := &cobra.Command{
		Use:   "emulate",
		Short: "Serve the built-in Lambda to any AWS client",
		Long: `emulate serves the Lambda and CloudWatch Logs APIs on one address. Functions
run as real processes: started cold, kept warm, expired after the keep-alive.
Point any AWS client at it with its endpoint option; credentials are not
checked. It listens on loopback unless told otherwise: whoever reaches it can
run code on this machine.

The first interrupt refuses new requests and waits for running invocations, at
most --drain; the second one ends them at once.

With --data DIR functions, versions, aliases, configurations, concurrency, URLs,
tags and code are there again at the next start, however the last one ended: a
change that was answered is on the disk. So are asynchronous events that have
not ended, which are tried at least once. Provisioned concurrency is allocated
again. Logs and running environments are not kept. Built-in functions are kept
once a call has changed them.`,
		Example: `  bench emulate --listen 127.0.0.1:9000
  aws --endpoint-url http://127.0.0.1:9000 --region us-east-1 lambda invoke --function-name hello out.json
  bench spiky --target lambda:hello --endpoint http://127.0.0.1:9000 --region us-east-1`,
		RunE: func(cmd *cobra.Command, _ []string) error { return runEmulate(cmd, &f, listen, drain, announce) },
	}
	fs := cmd.Flags()
	fs.SortFlags = false
	fs.StringVar(&listen, "listen", "127.0.0.1:9000", "address to serve on")
	fs.StringVar(&f.region, "region", emulatorRegion, "region in ARNs")
	fs.StringVar(&f.data, "data", "", "folder in which functions and asynchronous events survive a restart; logs do not (default: nothing is kept)")
	f.registerKnobs(fs, "")
	fs.StringVar(&f.logStyle, "log-style", "new", "how failed invocations are logged as text: new, or old as AWS did before 2024")
	fs.DurationVar(&f.retryUnit, "retry-unit", time.Minute, "what counts as a minute for retries and ages of asynchronous events")
	fs.Uint64Var(&f.seed, "seed", 1, "seed of placement, keep-alive and modelled delays")
	fs.StringVar(&f.s3Dir, "s3-dir", "", "folder that stands in for S3 where code is given as bucket and key: DIR/bucket/key")
	fs.IntVar(&f.builtinMemory, "memory", 512, "memory of the built-in functions in MB")
	fs.DurationVar(&f.builtinTimeout, "function-timeout", 30*time.Second, "time-out of the built-in functions")
	fs.StringArrayVar(&f.builtinEnv, "env", nil, "environment variable of the built-in functions, K=V; repeatable")
	fs.DurationVar(&drain, "drain", 30*time.Second, "how long running invocations may take to end after an interrupt")
	f.logs.register(fs)
	fs.BoolVar(&announce, "announce", false, "print one line of JSON when it serves, and end when standard input closes")
	_ = fs.MarkHidden("announce")
	return cmd
}

// emulatorReserve keeps the garbage collector, which a warm invocation gives 16 KB
// to do, out of the slowest hundredth of them. With 64 MB the memory that is
// touched anew costs the median 3 %. See docs/performance.md.
const emulatorReserve = 16 << 20

func runEmulate(cmd *cobra.Command, f *emulatorFlags, listen string, drain time.Duration, announce bool) error {
	if f.builtinMemory < 128 || f.builtinMemory > 10240 {
		return usagef("--memory: %d is not in [128, 10240] MB", f.builtinMemory)
	}
	var errs []error
	f.check(func(flag, format string, a ...any) {
		errs = append(errs, fmt.Errorf("--%s: %s", flag, fmt.Sprintf(format, a...)))
	})
	if f.logStyle != "new" && f.logStyle != "old" {
		errs = append(errs, fmt.Errorf("--log-style: %q is neither new nor old", f.logStyle))
	}
	if f.retryUnit <= 0 {
		errs = append(errs, fmt.Errorf("--retry-unit: %v is not above 0", f.retryUnit))
	}
	if drain < 0 {
		errs = append(errs, fmt.Errorf("--drain: %v is negative", drain))
	}
	if len(errs) > 0 {
		return &usageError{errors.Join(errs...)}
	}
	if err := f.logs.check(announce, cmd.OutOrStdout()); err != nil {
		return err
	}
	if announce {
		if err := enterUserNamespace(); err != nil {
			return err
		}
		if err := f.inheritEnvironment(); err != nil {
			return fmt.Errorf("read %s: %w", childEnvVariable, err)
		}
	}
	reserve := loadgen.ReserveHeap(emulatorReserve)
	defer runtime.KeepAlive(reserve)
	n := newNarrator(cmd.ErrOrStderr(), false)
	e, err := f.serve(listen, n)
	if err != nil {
		return err
	}
	ctx := cmd.Context()
	if announce {
		if err := json.NewEncoder(cmd.OutOrStdout()).Encode(e.about); err != nil {
			return err
		}
		select {
		case <-closed(cmd.InOrStdin()):
		case <-ctx.Done():
		}
		return e.stop()
	}
	if _, err := fmt.Fprintf(cmd.OutOrStdout(), "serving Lambda and CloudWatch Logs on %s, region %s\n", e.about.Endpoint, e.about.Region); err != nil {
		return errors.Join(err, e.stop())
	}
	n.say("%s", e.about.Limits)
	for _, w := range e.about.Warnings {
		n.say("note: %s", w)
	}
	if host, _, err := net.SplitHostPort(listen); err == nil && !net.ParseIP(host).IsLoopback() && host != "localhost" {
		n.say("warning: %s is not a loopback address: whoever reaches it can run code on this machine", listen)
	}
	<-ctx.Done()
	n.say("stopping; running invocations have %v, or until the next interrupt", drain)
	bound, cancel := context.WithTimeout(context.WithoutCancel(ctx), drain)
	defer cancel()
	go func() {
		select {
		case <-aborted(ctx):
			cancel()
		case <-bound.Done():
		}
	}()
	if err := e.drain(bound); err != nil {
		n.say("note: %v", err)
	}
	return e.stop()
}

// closed is closed when r ends.
func closed(r io.Reader) <-chan struct{} {
	c := make(chan struct{})
	go func() {
		defer close(c)
		_, _ = io.Copy(io.Discard, r)
	}()
	return c
}
