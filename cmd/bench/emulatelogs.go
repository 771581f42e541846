package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"time"

	"coldbench/emulator"
	"coldbench/emulator/accesslog"

	"github.com/spf13/pflag"
)

// logFlags are what `bench emulate` logs of itself, and how its Logs API
// troubles its readers.
type logFlags struct {
	stdout io.Writer
	access string // file, "-" = standard output, "" = none
	delay  time.Duration
	faults emulator.LogFaults
}

func (l *logFlags) register(fs *pflag.FlagSet) {
	fs.StringVar(&l.access, "access-log", "", "file for one line of JSON for each request, without payloads; - = standard output")
	fs.DurationVar(&l.delay, "log-delay", 0, "how long a log event takes until the Logs API shows it")
	// Faults for tests of log readers: docs/emulator.md has them.
	fs.DurationVar(&l.faults.Disorder, "log-disorder", 0, "show each log event up to this much later still, out of order")
	fs.Float64Var(&l.faults.Duplicates, "log-duplicates", 0, "share of log events that come twice")
	fs.Float64Var(&l.faults.Throttle, "log-throttle", 0, "share of reading requests that get a ThrottlingException")
	fs.Float64Var(&l.faults.ExpiredTokens, "log-expired-tokens", 0, "share of page tokens that are refused")
	fs.Uint64Var(&l.faults.Seed, "log-seed", 0, "seed of these faults")
	for _, name := range []string{"log-disorder", "log-duplicates", "log-throttle", "log-expired-tokens", "log-seed"} {
		_ = fs.MarkHidden(name)
	}
}

// check refuses flags that contradict each other. stdout is where - writes to.
func (l *logFlags) check(announce bool, stdout io.Writer) error {
	l.stdout = stdout
	switch {
	case l.delay < 0:
		return usagef("--log-delay: %v is negative", l.delay)
	case announce && l.access == "-":
		return usagef("--access-log -: standard output is taken by --announce")
	}
	return nil
}

// handler is the emulator with its access log, which closeLog ends.
func (l *logFlags) handler(server http.Handler) (h http.Handler, closeLog func() error, err error) {
	switch l.access {
	case "":
		return server, func() error { return nil }, nil
	case "-":
		return accesslog.Handler(server, l.stdout), func() error { return nil }, nil
	}
	file, err := os.OpenFile(l.access, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, nil, fmt.Errorf("open the access log: %w", err)
	}
	return accesslog.Handler(server, file), file.Close, nil
}
