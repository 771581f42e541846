package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"runtime/pprof"
	"slices"
	"time"

	"coldbench/loadgen"
	"coldbench/loadgen/internal/witness"
	"coldbench/record"
	"coldbench/target/url"
)

// spoken is what a generator says of itself. Times are in nanoseconds; what it
// does not say is 0.
type spoken struct {
	Start    int64 // wall clock of offset 0
	Intended []int64
	Sent     int64
	NotSent  int64

	LagP50, LagP99      int64
	LagFirst, LagLast   int64 // p99 of the first and the last sixth
	P50, P99, P999, Max int64 // of the response
	Grown, GCs          int64
	Rows                int64 // that were read again from disk
	InFlight            int64
}

// job says what to generate.
type job struct {
	url, client, arrivals string
	rate                  int
	length                time.Duration
	seed                  uint64
	flood                 int // send so many as fast as the replies come, instead
}

func (j *job) load() record.Load {
	return record.Load{Shape: record.ShapeSteady, Rate: float64(j.rate), Arrivals: j.arrivals, Duration: record.Duration(j.length)}
}

func (j *job) schedule() (loadgen.Schedule, error) {
	if j.flood > 0 {
		return loadgen.Together(loadgen.Every(1, 0, 1), j.flood), nil
	}
	return loadgen.FromLoad(j.load(), j.seed)
}

// atOnce is how many requests are in flight while flooding.
const atOnce = 64

// config is the run of j; flooding keeps atOnce requests in flight, however
// late that makes them.
func (j *job) config(schedule loadgen.Schedule, target loadgen.Target, rows seen) loadgen.Config {
	c := loadgen.Config{Schedule: schedule, Target: target, Recorder: rows, GCReserve: loadgen.DefaultGCReserve}
	if j.flood > 0 {
		c.Ahead, c.Growth, c.MaxLag, c.Spin = atOnce, 1e-9, time.Hour, -1
	}
	return c
}

// seen keeps of each row what the comparison needs, by position, without a
// lock.
type seen []struct{ intended, sent, done time.Duration }

func (s seen) Record(row *record.Invocation, _ []byte) error {
	r := &s[row.Seq]
	r.intended, r.sent = row.Intended, row.Sent
	if row.Answered() {
		r.done = row.Done
	}
	return nil
}

// generate is the child that is this load generator, without anything around
// it.
func generate(ctx context.Context, args []string, _ io.Reader, stdout, stderr io.Writer) error {
	var j job
	var profile string
	var spin time.Duration
	fs := flag.NewFlagSet("generate", flag.ContinueOnError)
	fs.SetOutput(stderr)
	fs.StringVar(&j.url, "url", "", "target")
	fs.StringVar(&j.client, "client", "net/http", "net/http or lean")
	fs.StringVar(&j.arrivals, "arrivals", "constant", "arrival process")
	fs.IntVar(&j.rate, "rate", 1000, "per second")
	fs.DurationVar(&j.length, "for", time.Second, "length")
	fs.Uint64Var(&j.seed, "seed", 1, "of the arrivals")
	fs.IntVar(&j.flood, "flood", 0, "send so many as fast as the replies come, 64 in flight")
	fs.StringVar(&profile, "cpuprofile", "", "file")
	fs.DurationVar(&spin, "spin", 0, "see loadgen.Config")
	if err := fs.Parse(args); err != nil {
		return fmt.Errorf("read flags: %w", err)
	}
	schedule, err := j.schedule()
	if err != nil {
		return err
	}
	target, err := url.New(url.Options{URL: j.url, Lean: j.client == "lean"})
	if err != nil {
		return err
	}
	defer func() { _ = target.Close() }()
	if profile != "" {
		file, err := os.Create(profile)
		if err != nil {
			return fmt.Errorf("profile: %w", err)
		}
		if err := pprof.StartCPUProfile(file); err != nil {
			return fmt.Errorf("profile: %w", err)
		}
		defer pprof.StopCPUProfile()
	}
	rows := make(seen, loadgen.Count(schedule))
	c := j.config(schedule, target, rows)
	if spin != 0 {
		c.Spin = spin
	}
	stats, err := loadgen.Run(ctx, c)
	if err != nil {
		return fmt.Errorf("generate: %w", err)
	}
	var s spoken
	if j.flood == 0 { // else nothing of it is asked for, and its making would count as the generator's
		s = rows.tell()
	}
	s.Start = stats.Start.UnixNano()
	s.Grown, s.GCs, s.InFlight = stats.ConnsGrown, stats.GCPauses, stats.MaxInFlight
	return json.NewEncoder(stdout).Encode(s)
}

// tell sums rows up, exactly. They are by position, so by intended time.
func (rows seen) tell() spoken {
	var s spoken
	var lags, responses []int64
	for _, r := range rows {
		if r.sent == 0 {
			s.NotSent++
			continue
		}
		s.Sent++
		s.Intended = append(s.Intended, int64(r.intended))
		lags = append(lags, int64(r.sent-r.intended))
		if r.done > 0 {
			responses = append(responses, int64(r.done-r.intended))
		}
	}
	at := func(values []int64, q float64) int64 {
		return witness.Quantile(slices.Sorted(slices.Values(values)), q)
	}
	sixth := len(lags) / 6
	s.LagFirst, s.LagLast = at(lags[:sixth], 0.99), at(lags[len(lags)-sixth:], 0.99)
	s.LagP50, s.LagP99 = at(lags, 0.5), at(lags, 0.99)
	s.P50, s.P99, s.P999, s.Max = at(responses, 0.5), at(responses, 0.99), at(responses, 0.999), at(responses, 1)
	return s
}
