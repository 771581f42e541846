package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"coldbench/experiment"
	"coldbench/loadgen"
	"coldbench/record"
	"coldbench/target/url"
)

func newCalibrate() *cobra.Command {
	var o struct {
		length      time.Duration
		json, quiet bool
		keep        bool
	}
	cmd := &cobra.Command{
		Use:   "calibrate",
		Short: "Measure what this machine allows a load generator at best",
		Long: `calibrate measures how late this machine wakes a sleeper, how long a request to
a server in this same process takes over the loopback interface, and how many
requests a second can be made, sent as fast as the answers come. Client and
server share the processors, so half of that rate is a good limit for a plan.

The result is kept for this user and this machine, and runs from then on hold it
(environment.json). A run is judged by the lag that it really had; where that was
too much, the verdict compares it with this floor and says whether the machine,
the rate or other work was to blame. A plan with more arrivals in a second than
this machine can send gets a warning before it starts.`,
		Example: `  bench calibrate
  bench calibrate --for 10s --json`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if o.length < 100*time.Millisecond || o.length > 10*time.Minute {
				return usagef("--for: %v is not in [100ms, 10m]", o.length)
			}
			n := newNarrator(cmd.ErrOrStderr(), o.quiet)
			c, err := calibrate(cmd.Context(), o.length, n)
			if err != nil {
				return err
			}
			if o.keep {
				host := experiment.ThisHost(version())
				if file, err := experiment.KeepFloor(&host, c.floor()); err != nil {
					n.say("note: %v; runs will not know of it", err)
				} else {
					n.say("kept for the runs on this machine: %s", file)
				}
			}
			if o.json {
				e := json.NewEncoder(cmd.OutOrStdout())
				e.SetIndent("", "  ")
				return e.Encode(c)
			}
			return c.print(cmd.OutOrStdout())
		},
	}
	fs := cmd.Flags()
	fs.SortFlags = false
	fs.DurationVar(&o.length, "for", usualCalibration, "how long wake-ups are measured; below 2s, the rates take fewer requests too")
	fs.BoolVar(&o.keep, "keep", true, "keep the result for the runs on this machine")
	fs.BoolVar(&o.json, "json", false, "print JSON instead of text")
	fs.BoolVar(&o.quiet, "quiet", false, "no progress on stderr")
	return cmd
}

const usualCalibration = 2 * time.Second

// calibration is what calibrate prints with --json. Times are in microseconds.
type calibration struct {
	Waiter    string       `json:"waiter"` // how due times are waited for
	WakeUp    quantilesUs  `json:"wake_up_us"`
	SpareCore bool         `json:"spare_core"` // runs spin for the last 80 us
	RoundTrip quantilesUs  `json:"round_trip_us"`
	PerSecond ratesAtMost  `json:"requests_per_second_at_most"`
	Warnings  []warningOut `json:"warnings"`
}

type quantilesUs struct {
	N    int64   `json:"n"`
	P50  float64 `json:"p50"`
	P99  float64 `json:"p99"`
	P999 float64 `json:"p99.9"`
	Max  float64 `json:"max"`
}

type ratesAtMost struct {
	Generator float64 `json:"generator_alone"` // to a target that answers at once
	NetHTTP   float64 `json:"net_http"`
	Lean      float64 `json:"lean"`
}

type warningOut struct {
	Text   string `json:"text"`
	Remedy string `json:"remedy"`
}

func calibrate(ctx context.Context, length time.Duration, n *narrator) (*calibration, error) {
	n.say("wake-ups, %v", length)
	floor, err := loadgen.Calibrate(ctx, length)
	if err != nil {
		return nil, err
	}
	l := floor.WakeUp
	c := &calibration{
		Waiter: floor.Waiter, SpareCore: floor.SpareCore, Warnings: []warningOut{},
		WakeUp: quantilesUs{N: l.N, P50: microseconds(l.P50), P99: microseconds(l.P99), P999: microseconds(l.P999), Max: microseconds(l.Max)},
	}
	c.PerSecond.Generator = floor.PerSecond
	if l.P99 > record.MaxLagFloor {
		c.Warnings = append(c.Warnings, warningOut{
			Text:   fmt.Sprintf("waking up takes %.1f ms at p99; a verdict allows %v of lag where replies are quick", milliseconds(l.P99), record.MaxLagFloor),
			Remedy: "stop what else runs here, give the machine a second core, or generate the load elsewhere",
		})
	}
	s, err := listenEcho()
	if err != nil {
		return nil, fmt.Errorf("calibrate: %w", err)
	}
	defer s.close()
	n.say("round trips over loopback")
	if c.RoundTrip, err = s.roundTrips(ctx); err != nil {
		return nil, err
	}
	for _, client := range []struct {
		name string
		lean bool
		rate *float64
	}{{"net/http", false, &c.PerSecond.NetHTTP}, {"lean", true, &c.PerSecond.Lean}} {
		n.say("the highest rate, %s client", client.name)
		if *client.rate, err = s.highestRate(ctx, client.lean, length); err != nil {
			return nil, err
		}
	}
	if ctx.Err() != nil {
		return nil, errors.New("calibrate: interrupted")
	}
	return c, nil
}

// floor is what runs hold of it.
func (c *calibration) floor() record.Floor {
	back := func(us float64) time.Duration { return time.Duration(us * float64(time.Microsecond)) }
	return record.Floor{
		MeasuredAt: time.Now().UTC().Truncate(time.Second),
		WakeUpP50:  back(c.WakeUp.P50), WakeUpP99: back(c.WakeUp.P99),
		RoundTripP50: back(c.RoundTrip.P50), RoundTripP99: back(c.RoundTrip.P99),
		NetHTTPPerSecond: c.PerSecond.NetHTTP, LeanPerSecond: c.PerSecond.Lean,
	}
}

func microseconds(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }

func (c *calibration) print(w io.Writer) error {
	spare := "no spare core was found: runs do not spin"
	if c.SpareCore {
		spare = "a spare core was found: runs spin for the last 80 us"
	}
	line := func(name string, q quantilesUs) string {
		return fmt.Sprintf("%-14s p50 %.0f us, p99 %.0f us, p99.9 %.0f us, max %.0f us (n = %d)\n", name, q.P50, q.P99, q.P999, q.Max, q.N)
	}
	text := line("late wake-up", c.WakeUp) +
		fmt.Sprintf("%-14s %s; %s\n", "", c.Waiter, spare) +
		line("round trip", c.RoundTrip) +
		fmt.Sprintf("%-14s net/http %.0f, lean %.0f requests/s, client and server on this machine; plan for half of it\n", "at most", c.PerSecond.NetHTTP, c.PerSecond.Lean) +
		fmt.Sprintf("%-14s %.0f requests/s for the generator alone\n", "", c.PerSecond.Generator)
	for _, warning := range c.Warnings {
		text += fmt.Sprintf("warning: %s; %s\n", warning.Text, warning.Remedy)
	}
	_, err := io.WriteString(w, text)
	return err
}

// echo answers every request without a body with the same bytes.
type echo struct {
	listener net.Listener
	running  sync.WaitGroup
}

func listenEcho() (*echo, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &echo{listener: l}
	s.running.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			s.running.Go(func() { answer(conn) })
		}
	})
	return s, nil
}

var canned = append([]byte("HTTP/1.1 200 OK\r\nContent-Length: 200\r\n\r\n"), bytes.Repeat([]byte("."), 200)...)

func answer(conn net.Conn) {
	defer func() { _ = conn.Close() }()
	buf := make([]byte, 4096)
	for {
		n, err := conn.Read(buf)
		if err != nil {
			return
		}
		for range bytes.Count(buf[:n], []byte("\r\n\r\n")) {
			if _, err := conn.Write(canned); err != nil {
				return
			}
		}
	}
}

// close returns when every connection is closed; the clients close theirs
// before.
func (s *echo) close() {
	_ = s.listener.Close()
	s.running.Wait()
}

func (s *echo) target(lean bool) (*url.Target, error) {
	return url.New(url.Options{URL: "http://" + s.listener.Addr().String() + "/", Lean: lean})
}

// roundTrips times requests one after the other, on one connection.
func (s *echo) roundTrips(ctx context.Context) (q quantilesUs, err error) {
	t, err := s.target(true)
	if err != nil {
		return q, err
	}
	defer func() { err = errors.Join(err, t.Close()) }()
	const n = 5000
	times := make([]time.Duration, 0, n)
	for i := 0; i < n+100 && ctx.Err() == nil; i++ {
		r := t.Invoke(ctx, loadgen.Request{})
		if r.Outcome != record.OK {
			return q, fmt.Errorf("calibrate: a request over the loopback interface failed: %s %s", r.ErrorType, r.Error)
		}
		if i >= 100 { // after a warm-up
			times = append(times, r.Done.Sub(r.Sent))
		}
	}
	if len(times) == 0 {
		return q, nil
	}
	slices.Sort(times)
	at := func(share float64) float64 { return microseconds(times[int(share*float64(len(times)-1))]) }
	return quantilesUs{N: int64(len(times)), P50: at(0.5), P99: at(0.99), P999: at(0.999), Max: at(1)}, nil
}

// highestRate sends 50,000 requests, 64 to 128 of them in flight at any time;
// fewer, in proportion, where the whole calibration is to be shorter than usual.
func (s *echo) highestRate(ctx context.Context, lean bool, length time.Duration) (rate float64, err error) {
	t, err := s.target(lean)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, t.Close()) }()
	const inFlight = 64
	n := int(50_000 * min(1, length.Seconds()/usualCalibration.Seconds()))
	stats, err := loadgen.Run(ctx, loadgen.Config{
		Schedule: loadgen.Together(loadgen.Every(1, 0, 1), n),
		Target:   t, Recorder: discard{},
		Ahead: inFlight, Growth: 1e-9, MaxLag: time.Hour, Spin: -1, GCReserve: loadgen.DefaultGCReserve,
	})
	if err != nil {
		return 0, fmt.Errorf("calibrate: %w", err)
	}
	if stats.End <= 0 {
		return 0, nil
	}
	return float64(stats.Sent) / stats.End.Seconds(), nil
}

type discard struct{}

func (discard) Record(*record.Invocation, []byte) error { return nil }
