package record

import (
	"errors"
	"fmt"
	"time"
)

// Limits that Lambda sets and a plan is held to.
const (
	// MinMemoryMB and MaxMemoryMB bound a function's memory:
	// docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html.
	MinMemoryMB = 128
	MaxMemoryMB = 10_240
	// MaxFunctionTimeout bounds one invocation:
	// docs.aws.amazon.com/lambda/latest/dg/configuration-timeout.html.
	MaxFunctionTimeout = 900 * time.Second
	// MaxPayload bounds a synchronous request, 6 MB:
	// docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html.
	MaxPayload = 6 << 20
)

// Validate reports all faults of the plan at once, those of its load included.
// Each is a *Fault whose place is the flag or key that set it; Faults lists
// them. It returns nil when there is none.
func (p *Plan) Validate() error {
	var errs []error
	bad := func(where, format string, a ...any) {
		errs = append(errs, &Fault{Where: where, Text: fmt.Sprintf(format, a...)})
	}
	if p.Schema != "" && p.Schema != PlanSchema {
		bad("schema", "%q is not %q", p.Schema, PlanSchema)
	}
	switch p.Provenance {
	case Measured, Emulated, Modelled, Simulated:
	default:
		bad("provenance", "%q is none of measured, emulated, modelled, simulated", p.Provenance)
	}
	if p.Target == "" {
		bad("target", "nothing to send to is given")
	}
	p.validateFunctions(bad)
	p.validateBounds(bad)
	if err := p.Load.Validate(); err != nil {
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

func (p *Plan) validateFunctions(bad func(where, format string, a ...any)) {
	if len(p.Functions) == 0 {
		bad("functions", "no function is named; rows need at least one")
	}
	for i, f := range p.Functions {
		if m := f.MemoryMB; m != 0 && (m < MinMemoryMB || m > MaxMemoryMB) {
			bad(fmt.Sprintf("functions[%d].memory", i), "%d MB is not in [%d, %d]", m, MinMemoryMB, MaxMemoryMB)
		}
		switch f.Arch {
		case "", "x86_64", "arm64":
		default:
			bad(fmt.Sprintf("functions[%d].arch", i), "%q is neither x86_64 nor arm64", f.Arch)
		}
	}
}

func (p *Plan) validateBounds(bad func(where, format string, a ...any)) {
	if d := time.Duration(p.Timeout); d <= 0 || d > MaxDuration {
		bad("timeout", "%v is not in (0, %v]", d, MaxDuration)
	}
	if d := time.Duration(p.FunctionTimeout); d < 0 || d > MaxFunctionTimeout {
		bad("function-timeout", "%v is not in [0, %v]", d, MaxFunctionTimeout)
	}
	if d := time.Duration(p.Warmup); d < 0 || d > MaxDuration {
		bad("warmup", "%v is not in [0, %v]", d, MaxDuration)
	}
	if p.MaxInFlight < 1 {
		bad("max-in-flight", "%d lets nothing be sent; give at least 1", p.MaxInFlight)
	}
	if p.Arrivals < 0 || p.Arrivals > MaxArrivals {
		bad("arrivals", "%d are planned, not 0 to %d", p.Arrivals, int64(MaxArrivals))
	}
	if p.PayloadLen < 0 || p.PayloadLen > MaxPayload {
		bad("payload", "%d bytes are not in [0, %d]", p.PayloadLen, MaxPayload)
	}
}

// Faults lists the faults in an error of Validate, in order, however it is
// wrapped or joined.
func Faults(err error) []*Fault {
	switch e := err.(type) { //nolint:errorlint // this walks the tree of wrapped errors itself
	case *Fault:
		return []*Fault{e}
	case interface{ Unwrap() []error }:
		var all []*Fault
		for _, err := range e.Unwrap() {
			all = append(all, Faults(err)...)
		}
		return all
	case interface{ Unwrap() error }:
		return Faults(e.Unwrap())
	}
	return nil
}
