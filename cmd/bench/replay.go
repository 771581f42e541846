package main

import (
	"context"
	"fmt"
	"io"
	"math"
	"os"
	"time"

	"github.com/spf13/cobra"

	"coldbench/loadgen"
	"coldbench/record"
)

func newReplay() *cobra.Command {
	var f loadFlags
	var from, window time.Duration
	cmd := &cobra.Command{
		Use:   "replay TRACE",
		Short: "Recorded traffic again, as it was or faster",
		Long: `replay sends the arrivals of a trace: a CSV file (Azure Functions 2019 minute
counts, Azure Functions 2021 invocations, counts per minute with or without a
time column, or one instant a row), the JSON that aws cloudwatch
get-metric-statistics or get-metric-data print of the sums of Invocations, both
under gzip too, or a run directory of bench itself. Counts are exact; the
arrivals of a minute are placed within it by the seed, never all at its first
instant.`,
		Example: `  bench replay spikes.csv --speed 10 --plan
  bench replay invocations_per_function_md.anon.d01.csv --speed 60 --duration 2m
  bench replay invocations.json --period 5m --from 12h --duration 1h --plan
  bench replay runs/latest --target lambda:checkout:live`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			f.load.Trace = args[0]
			if given(cmd.Flags())("arrivals") {
				return usagef("--arrivals: a replay has the arrivals of its trace; leave it out")
			}
			f.load.Arrivals = ""
			schedule, err := f.replaySchedule(cmd.Context(), from, window)
			if err != nil {
				return err
			}
			return runSchedule(cmd, &f, schedule)
		},
	}
	fs := cmd.Flags()
	fs.Float64Var(&f.load.Speed, "speed", 1, "how many times as fast as recorded")
	fs.DurationVar(&from, "from", 0, "leave out what the trace has before this offset (after --speed)")
	fs.DurationVar(&window, "period", 0, "how long each count of the trace is for (default: a minute, or the smallest distance of its times)")
	f.register(cmd, record.ShapeReplay)
	setDefault(cmd, "duration", "0s")
	cmd.Flags().Lookup("duration").Usage = "stop after this long (default: the whole trace)"
	return cmd
}

// replaySchedule reads the trace and resolves the duration of the replay.
func (f *loadFlags) replaySchedule(ctx context.Context, from, window time.Duration) (loadgen.Schedule, error) {
	if err := f.check(); err != nil {
		return nil, &usageError{err}
	}
	if !(f.load.Speed > 0) {
		return nil, usagef("--speed: %v is not above 0", f.load.Speed)
	}
	if from < 0 {
		return nil, usagef("--from: %v is negative", from)
	}
	if window < 0 {
		return nil, usagef("--period: %v is negative", window)
	}
	f.load.From = record.Duration(from)
	trace, err := f.readTrace(ctx, f.load.Trace, window)
	if err != nil {
		return nil, err
	}
	f.traceNotes = append(f.traceNotes, fmt.Sprintf("%s: %s, %s in %v", f.load.Trace, trace.Format, plural(trace.Count, "arrival"), shown(trace.Duration)))
	f.excerpt = fmt.Sprintf("%s has %d arrivals in %v, none from %v on", f.load.Trace, trace.Count, shown(trace.Duration), from)
	if f.load.Speed != 1 {
		f.excerpt += fmt.Sprintf(" at %v times its speed", f.load.Speed)
	}
	end := time.Duration(math.MaxInt64)
	if f.load.Duration != 0 {
		f.excerpt += fmt.Sprintf(" for %v", time.Duration(f.load.Duration))
		end = from + time.Duration(f.load.Duration)
	} else if err := f.wholeTrace(trace, from); err != nil {
		return nil, &usageError{err}
	}
	return loadgen.Shift(loadgen.Cut(trace.Schedule(f.load.Speed, f.seed, 1), from, end), -from), nil
}

// wholeTrace lets a replay from that offset on last as long as its trace.
func (f *loadFlags) wholeTrace(trace *loadgen.Trace, from time.Duration) error {
	lasts := float64(trace.Duration) / f.load.Speed
	if !(lasts < float64(record.MaxDuration)) {
		return fmt.Errorf("--speed: at %v times its speed %s (%v) lasts longer than %v; give --duration, or a higher speed",
			f.load.Speed, f.load.Trace, shown(trace.Duration), record.MaxDuration)
	}
	f.load.Duration = record.Duration(max(time.Duration(math.Ceil(lasts))-from, 0))
	if f.load.Duration == 0 {
		return fmt.Errorf("nothing to replay: %s", f.excerpt)
	}
	return f.checkWarmup()
}

// readTrace reads a file, or the rows of a run directory.
func (f *loadFlags) readTrace(ctx context.Context, path string, window time.Duration) (*loadgen.Trace, error) {
	st, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("read trace: %w", err)
	}
	if st.IsDir() {
		run, err := record.Open(path)
		if err != nil {
			return nil, withHint(err, "give a CSV or JSON file or a run directory")
		}
		trace, err := loadgen.FromRows(run.Rows())
		if err == nil && (run.Generator == nil || run.Generator.Interrupted || trace.Count < run.Plan.Arrivals) {
			f.traceNotes = append(f.traceNotes, fmt.Sprintf("warning: %s did not come to its end: %s, %d of them are recorded and replayed", path, plural(run.Plan.Arrivals, "planned arrival"), trace.Count))
		}
		return trace, err
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read trace: %w", err)
	}
	defer func() { _ = file.Close() }()
	return loadgen.ReadTrace(interruptible{ctx, file}, path, window)
}

// interruptible ends a long read at an interrupt.
type interruptible struct {
	ctx context.Context
	io.Reader
}

// Read fails once the context has ended.
func (r interruptible) Read(p []byte) (int, error) {
	if r.ctx.Err() != nil {
		return 0, errNothingSent
	}
	return r.Reader.Read(p)
}
