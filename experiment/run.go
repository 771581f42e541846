package experiment

import (
	"context"
	"errors"
	"fmt"
	"time"

	"coldbench/loadgen"
	"coldbench/logsource"
	"coldbench/record"
)

// Options is one run: a plan with everything resolved, and what carries it out.
type Options struct {
	Plan *record.Plan // StartedAt is set by Run
	// Start is offset 0 of every row, for generators that share it. Zero is as
	// soon as everything is ready.
	Start time.Time
	Dir   string // the run directory; it must not exist or be empty
	Host  record.Host

	Schedule loadgen.Schedule
	Target   loadgen.Target
	Payload  []byte
	// FilesPerRequest and SpareFiles are loadgen.Config's.
	FilesPerRequest, SpareFiles int

	Logs        logsource.Source // the function's log group; nil: only the responses' tails
	LogsWithin  time.Duration    // how long to wait for late REPORT lines
	WantStreams bool             // wait for the log group even where a tail brought the REPORT

	Abort    <-chan struct{}               // closed: stop at once instead of draining
	Progress *loadgen.Progress             // counters to watch; may be nil
	Say      func(format string, a ...any) // narration; may be nil
}

// Result is what a finished run says of its making. The figures are in the run
// directory.
type Result struct {
	Interrupted bool
	LogsError   error // the log group could not be read to its end; the run is still whole
	StillAwaits int   // request ids without a REPORT
}

// ErrStartPassed is the error of a Start that is not in the future.
var ErrStartPassed = errors.New("the start has passed, and nothing was sent")

// Run carries the plan out. When ctx ends, the schedule is cut there and what
// is in flight is drained; the run directory is valid in every case in which
// the returned error is nil.
func Run(ctx context.Context, o Options) (Result, error) {
	waiter := loadgen.NewWaiter()
	o.Host.Clock = waiter.Name()
	c := &collector{expect: o.Plan.ExpectReports, wantStreams: o.WantStreams, pending: map[string]struct{}{}}
	res, err := o.into(ctx, c, waiter)
	if c.w != nil {
		if closed := c.w.Close(); err == nil { // else it may say the same again
			err = closed
		}
	}
	return res, errors.Join(err, waiter.Close())
}

// lead is the time from everything being ready to the first arrival: enough to
// write the plan, which holds the start.
const lead = 250 * time.Millisecond

func (o *Options) into(ctx context.Context, c *collector, waiter loadgen.Waiter) (res Result, err error) {
	if !o.Start.IsZero() {
		if late := time.Since(o.Start); late >= 0 {
			return res, fmt.Errorf("start at %s, %v ago: %w", o.Start.Format(time.RFC3339Nano), late.Round(time.Millisecond), ErrStartPassed)
		}
		if err := o.create(c, o.Start); err != nil { // not first when its time has come
			return res, err
		}
	}
	stats, err := loadgen.Run(ctx, o.config(c, waiter))
	res.Interrupted = stats.Interrupted
	if err != nil {
		return res, fmt.Errorf("send the load: %w", err)
	}
	stats.PreconnectError = Redact(stats.PreconnectError)
	// The load may have ended because ctx did; its logs are still wanted.
	res.LogsError = o.readLogs(context.WithoutCancel(ctx), c)
	res.StillAwaits = c.waiting()
	return res, c.w.Generator(stats.GeneratorStats)
}

// create makes the run directory of a run that starts at start.
func (o *Options) create(c *collector, start time.Time) (err error) {
	if c.w != nil {
		return nil
	}
	o.Plan.StartedAt = start.UTC()
	if c.w, err = record.Create(o.Dir, o.Plan); err != nil {
		return err
	}
	return c.w.Host(o.Host)
}

func (o *Options) config(c *collector, waiter loadgen.Waiter) loadgen.Config {
	return loadgen.Config{
		GCReserve:       loadgen.DefaultGCReserve,
		Schedule:        o.Schedule,
		Target:          o.Target,
		Recorder:        c,
		Payload:         loadgen.Fixed(o.Payload),
		Timeout:         time.Duration(o.Plan.Timeout),
		MaxInFlight:     o.Plan.MaxInFlight,
		FilesPerRequest: o.FilesPerRequest,
		SpareFiles:      o.SpareFiles,
		Start:           o.Start,
		Lead:            lead,
		Ready:           func(start time.Time) error { return o.create(c, start) },
		Warmup:          time.Duration(o.Plan.Warmup),
		Abort:           o.Abort,
		Progress:        o.Progress,
		Waiter:          waiter,
	}
}

// clockSkew is how far before the first and after the last arrival log events
// are asked for: their time is the platform's.
const clockSkew = 2 * time.Minute

// logOverlap is how far back a question reaches that is asked again: longer
// than any is waited for, so that a late event is found, and no more than that
// of a large group.
const logOverlap = 5 * time.Minute

func (o *Options) readLogs(ctx context.Context, c *collector) error {
	if o.Logs == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, o.LogsWithin+30*time.Second)
	defer cancel()
	go func() {
		select {
		case <-o.Abort:
			cancel()
		case <-ctx.Done():
		}
	}()
	if o.Say != nil {
		o.Say("reading the function's log group (Ctrl-C twice leaves it)")
	}
	window := logsource.Window{From: o.Plan.StartedAt.Add(-clockSkew)}
	poll := logsource.PollOptions{Every: 250 * time.Millisecond, AtMost: o.LogsWithin, Overlap: logOverlap}
	err := logsource.Poll(ctx, o.Logs, window, poll, c.event, func() bool { return c.waiting() == 0 })
	if errors.Is(err, logsource.ErrIncomplete) {
		return nil // what is missing is counted, and lowers the verdict
	}
	return err
}
