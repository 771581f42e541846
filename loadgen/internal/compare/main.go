package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

func main() { os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }

// run is the program: the driver, or one of the two children that it starts of
// itself.
func run(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	part := drive
	if len(args) > 0 {
		switch args[0] {
		case "serve":
			part, args = serve, args[1:]
		case "generate":
			part, args = generate, args[1:]
		}
	}
	err := part(ctx, args, stdin, stdout, stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		_, _ = fmt.Fprintln(stderr, "compare:", err)
		return 1
	}
	return 0
}

// settings are the driver's flags.
type settings struct {
	self                 string
	peers                string
	bench                string
	runs, tries          int
	quiet                float64
	length               time.Duration
	rates, held, stalled []int
	series               []string
	only                 string
	log                  io.Writer
}

func drive(ctx context.Context, args []string, _ io.Reader, stdout, stderr io.Writer) error {
	s := settings{log: stderr}
	var rates, held, stalled, series string
	fs := flag.NewFlagSet("compare", flag.ContinueOnError)
	fs.SetOutput(stderr)
	fs.StringVar(&s.peers, "peers", "", "folder with the peers' binaries (else they are looked for in PATH)")
	fs.StringVar(&s.bench, "bench", "", "the bench binary, for the whole program with rows on disk")
	fs.IntVar(&s.runs, "runs", 5, "how often each generator runs")
	fs.Float64Var(&s.quiet, "quiet", 0.15, "share of the machine that others may use during a run")
	fs.IntVar(&s.tries, "tries", 3, "how often a run that others disturbed is taken again; the quietest counts")
	fs.DurationVar(&s.length, "for", 5*time.Second, "length of one run of the series lateness")
	fs.StringVar(&rates, "rates", "1000,5000,10000,20000", "rates of the series lateness, per second")
	fs.StringVar(&held, "held", "20000,40000", "rates of the series rate, per second")
	fs.StringVar(&stalled, "stalled", "1000,20000", "rates of the series stall, per second")
	fs.StringVar(&series, "series", "lateness,rate,stall,poisson,rows,saturated", "what is measured")
	fs.StringVar(&s.only, "only", "", "only generators whose name contains this")
	if err := fs.Parse(args); err != nil {
		return fmt.Errorf("read flags: %w", err)
	}
	for _, list := range []struct {
		flag, text string
		to         *[]int
	}{{"rates", rates, &s.rates}, {"held", held, &s.held}, {"stalled", stalled, &s.stalled}} {
		for _, r := range strings.Split(list.text, ",") {
			n, err := strconv.Atoi(r)
			if err != nil || n < 1 {
				return fmt.Errorf("-%s: %q is not a number above 0", list.flag, r)
			}
			*list.to = append(*list.to, n)
		}
	}
	s.series = strings.Split(series, ",")
	var err error
	if s.self, err = os.Executable(); err != nil {
		return fmt.Errorf("find this program: %w", err)
	}
	return s.measure(ctx, stdout)
}

// find is the path of a peer, "" if it is not installed.
func (s *settings) find(name string) string {
	if s.peers != "" {
		if p := filepath.Join(s.peers, name); exec.Command(p, "--help").Err == nil {
			if _, err := os.Stat(p); err == nil {
				return p
			}
		}
	}
	p, err := exec.LookPath(name)
	if err != nil {
		return ""
	}
	return p
}
