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
	Dir  string       // the run directory; it must not exist or be empty
	Host record.Host

	Schedule loadgen.Schedule
	Target   loadgen.Target
	Payload  []byte

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

// Run carries the plan out. When ctx ends, the schedule is cut there and what
// is in flight is drained; the run directory is valid in every case in which
// the returned error is nil.
func Run(ctx context.Context, o Options) (Result, error) {
	start := time.Now().Add(lead)
	o.Plan.StartedAt = start.UTC()
	w, err := record.Create(o.Dir, o.Plan)
	if err != nil {
		return Result{}, err
	}
	res, err := o.into(ctx, w, start)
	if closed := w.Close(); err == nil { // else it may say the same again
		err = closed
	}
	return res, err
}

// lead is the time from the plan being written to the first arrival: enough to
// open connections.
const lead = 250 * time.Millisecond

func (o *Options) into(ctx context.Context, w *record.Writer, start time.Time) (Result, error) {
	if err := w.Host(o.Host); err != nil {
		return Result{}, err
	}
	c := &collector{w: w, expect: o.Plan.ExpectReports, wantStreams: o.WantStreams, pending: map[string]struct{}{}}
	stats, err := loadgen.Run(ctx, o.config(c, start))
	var res Result
	res.Interrupted = stats.Interrupted
	if err != nil {
		return res, fmt.Errorf("send the load: %w", err)
	}
	// The load may have ended because ctx did; its logs are still wanted.
	res.LogsError = o.readLogs(context.WithoutCancel(ctx), c)
	res.StillAwaits = c.waiting()
	return res, w.Generator(stats.GeneratorStats)
}

func (o *Options) config(c *collector, start time.Time) loadgen.Config {
	return loadgen.Config{
		GCReserve:   loadgen.DefaultGCReserve,
		Schedule:    o.Schedule,
		Target:      o.Target,
		Recorder:    c,
		Payload:     loadgen.Fixed(o.Payload),
		Timeout:     time.Duration(o.Plan.Timeout),
		MaxInFlight: o.Plan.MaxInFlight,
		Start:       start,
		Warmup:      time.Duration(o.Plan.Warmup),
		Abort:       o.Abort,
		Progress:    o.Progress,
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
