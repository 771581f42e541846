package loadgen

import (
	"errors"
	"fmt"
	"time"

	"coldbench/record"
)

// Parts of a load that draw random numbers, each from its own seed.
const (
	partBase = iota
	partBurst
	partTrace
	partBurstTimes
)

// ErrNeedsTrace says that a replay is made by ReadTrace and Trace.Schedule, for
// a Schedule opens no file.
var ErrNeedsTrace = errors.New("shape replay: its arrivals are in a trace; read it and take the trace's schedule")

// FromLoad turns the load of a plan into its arrivals. It validates l first and
// reports all faults at once. A replay is ErrNeedsTrace.
//
// Base traffic is tagged record.TagBase, bursts record.TagBurst, pings
// record.TagPing. The seed decides everything that is random.
func FromLoad(l record.Load, seed uint64) (Schedule, error) {
	if err := l.Validate(); err != nil {
		return nil, fmt.Errorf("schedule %s load: %w", l.Shape, err)
	}
	d := time.Duration(l.Duration)
	switch l.Shape {
	case record.ShapeSteady:
		return base(l, l.Rate, seed), nil
	case record.ShapeSpiky:
		return Merge(base(l, l.BaseRate, seed), bursts(l, seed)), nil
	case record.ShapeWarmer:
		parts := []Schedule{Pings(time.Duration(l.PingEvery), l.PingConcurrency, d)}
		if l.Rate > 0 {
			parts = append(parts, base(l, l.Rate, seed))
		}
		if l.Burst > 0 {
			parts = append(parts, bursts(l, seed))
		}
		return Merge(parts...), nil
	case record.ShapeRamp:
		if l.Steps > 0 {
			steps := Steps(func(step int) Process {
				return process(l, subseed(subseed(seed, partBase), uint64(step)))
			}, l.Rate, l.RateTo, l.Steps, d)
			return Tagged(steps, record.TagBase), nil
		}
		return Tagged(Ramp(process(l, subseed(seed, partBase)), l.Rate, l.RateTo, d), record.TagBase), nil
	case record.ShapeSine:
		s := Sine(process(l, subseed(seed, partBase)), l.Rate, l.Amplitude, time.Duration(l.Period), d)
		return Tagged(s, record.TagBase), nil
	case record.ShapeReplay:
		return nil, ErrNeedsTrace
	}
	return nil, fmt.Errorf("schedule %q load: no such shape", l.Shape)
}

// base is the traffic at a fixed rate, by the arrival process that l names.
func base(l record.Load, rate float64, seed uint64) Schedule {
	d := time.Duration(l.Duration)
	if isConstant(l) {
		return Tagged(Constant(rate, d), record.TagBase)
	}
	return Tagged(atRate(process(l, subseed(seed, partBase)), rate, d), record.TagBase)
}

// bursts are the bursts of l, cut at its end.
func bursts(l record.Load, seed uint64) Schedule {
	d := time.Duration(l.Duration)
	every, offset := time.Duration(l.Every), time.Duration(l.Offset)
	centres := Every(every, offset, d)
	if l.Irregular {
		centres = Shift(Poisson(1/every.Seconds(), d-offset, subseed(seed, partBurstTimes)), offset)
	}
	s := Spread(centres, l.Burst, time.Duration(l.Spread), !isConstant(l), subseed(seed, partBurst))
	return Tagged(Cut(s, 0, d), record.TagBurst)
}

func process(l record.Load, seed uint64) Process {
	switch l.Arrivals {
	case "poisson":
		return Random(seed)
	case "uniform":
		return Jittered(seed)
	}
	return Regular()
}

func isConstant(l record.Load) bool { return l.Arrivals == "" || l.Arrivals == "constant" }
