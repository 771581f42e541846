package record

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"time"
)

// PlanSchema is the version of the plan's JSON form.
const PlanSchema = "coldbench.plan/v1"

// Duration is a time.Duration that reads and writes as text ("1m30s") in JSON
// and YAML.
type Duration time.Duration

// MarshalText writes the form of time.Duration.String.
func (d Duration) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }

// UnmarshalText reads the form of time.ParseDuration.
func (d *Duration) UnmarshalText(b []byte) error {
	v, err := time.ParseDuration(string(b))
	if err != nil {
		return fmt.Errorf("duration %q: want a number with a unit, such as 500ms, 30s or 5m", b)
	}
	*d = Duration(v)
	return nil
}

// Shape names a form of load.
type Shape string

// The shapes.
const (
	ShapeSteady Shape = "steady"
	ShapeSpiky  Shape = "spiky"
	ShapeWarmer Shape = "warmer"
	ShapeRamp   Shape = "ramp"
	ShapeSine   Shape = "sine"
	ShapeReplay Shape = "replay"
)

// Load is the shape of the arrivals. Rates are in arrivals per second.
type Load struct {
	Shape    Shape    `json:"shape"`
	Duration Duration `json:"duration"`
	Arrivals string   `json:"arrivals,omitempty"` // constant (default), poisson or uniform
	Rate     float64  `json:"rate,omitempty"`     // steady; warmer: the real traffic; ramp: the start; sine: the mean

	RateTo   float64 `json:"rate_to,omitempty"` // ramp: the end
	Steps    int     `json:"steps,omitempty"`   // ramp: in so many equal steps, 0 = evenly
	BaseRate float64 `json:"base_rate,omitempty"`

	Amplitude float64  `json:"amplitude,omitempty"` // sine: the most above and below the mean
	Period    Duration `json:"period,omitempty"`    // sine: of one swing

	Burst  int      `json:"burst,omitempty"`  // arrivals in a burst
	Every  Duration `json:"every,omitempty"`  // from one burst to the next
	Spread Duration `json:"spread,omitempty"` // width of a burst, 0 = the same instant
	Offset Duration `json:"offset,omitempty"` // of the first burst
	// Irregular lets bursts come at random, as a Poisson process from Offset on,
	// Every apart on average.
	Irregular bool `json:"irregular,omitempty"`

	PingEvery       Duration `json:"ping_every,omitempty"`
	PingConcurrency int      `json:"ping_concurrency,omitempty"`

	Trace string   `json:"trace,omitempty"` // replay: the file
	Speed float64  `json:"speed,omitempty"` // replay: 2 = twice as fast
	From  Duration `json:"from,omitempty"`  // replay: what comes before, at that speed, is left out
}

// Plan is everything that is decided before the first request.
type Plan struct {
	Schema     string     `json:"schema"`
	Name       string     `json:"name"`
	Verb       string     `json:"verb"`
	Seed       uint64     `json:"seed"`
	Provenance Provenance `json:"provenance"`

	Target    string     `json:"target"` // as given: emulated:hello, lambda:NAME, https://...
	Endpoint  string     `json:"endpoint,omitempty"`
	Region    string     `json:"region,omitempty"`
	Functions []Function `json:"functions"` // rows name theirs by index

	Load        Load     `json:"load"`
	Warmup      Duration `json:"warmup,omitempty"`
	Timeout     Duration `json:"timeout"`          // the client's, of one request
	Client      string   `json:"client,omitempty"` // of an HTTP target: ClientLean, "" for net/http
	MaxInFlight int      `json:"max_in_flight"`
	Arrivals    int64    `json:"arrivals"` // planned; a shorter file of rows is a partial run
	PayloadLen  int      `json:"payload_bytes,omitempty"`

	// ExpectReports says that the target's platform prints a REPORT for every
	// request that a function answered, so that a lacking one is a fault.
	ExpectReports bool `json:"expect_reports,omitempty"`

	FunctionTimeout Duration          `json:"function_timeout,omitempty"`
	Emulator        map[string]string `json:"emulator,omitempty"` // the control plane's knobs in force

	// Args are the arguments that bench was called with, the verb first, so
	// that the run can be repeated. Values of environment variables and headers
	// are struck out.
	Args []string `json:"args,omitempty"`

	StartedAt time.Time `json:"started_at"` // UTC; the offset 0 of every row
	Tool      string    `json:"tool"`       // "coldbench v0.1.0 go1.26.8 linux/amd64"
}

// ClientLean is the Plan.Client that trades generality for CPU.
const ClientLean = "lean"

// Fault is one thing wrong with a plan, and where.
type Fault struct {
	Where string // "--rate", "load.rate", ...
	Text  string
}

// Error names the place and what is wrong with it.
func (f *Fault) Error() string { return f.Where + ": " + f.Text }

// Limits of a plan that can be checked before anything runs.
const (
	MaxRate     = 1e7 // arrivals per second
	MaxDuration = 24 * time.Hour * 31
	MaxArrivals = 1_000_000_000
)

// OverHTTP says that the target is an address and no function of Lambda: no
// REPORT, no start and no permission to invoke has a meaning there.
func (p *Plan) OverHTTP() bool {
	return strings.HasPrefix(p.Target, "http://") || strings.HasPrefix(p.Target, "https://")
}

// Validate reports all faults of the load at once, each a *Fault whose place
// is the flag or key that set it.
func (l *Load) Validate() error {
	var errs []error
	bad := func(where, format string, a ...any) {
		errs = append(errs, &Fault{Where: where, Text: fmt.Sprintf(format, a...)})
	}
	l.validateRates(bad)
	if l.Shape != ShapeReplay || l.Duration != 0 {
		if d := time.Duration(l.Duration); d <= 0 || d > MaxDuration {
			bad("duration", "%v is not in (0, %v]", d, MaxDuration)
		}
	}
	switch l.Arrivals {
	case "", "constant", "poisson", "uniform":
	default:
		bad("arrivals", "%q is none of constant, poisson, uniform", l.Arrivals)
	}
	switch l.Shape {
	case ShapeSteady, ShapeRamp:
		if l.Rate == 0 && (l.Shape == ShapeSteady || l.RateTo == 0) {
			bad("rate", "0 sends nothing; give arrivals per second")
		}
		if l.Steps < 0 || l.Steps > 10_000 {
			bad("steps", "%d is not in [0, 10000]", l.Steps)
		}
	case ShapeSine:
		l.validateSine(bad)
	case ShapeSpiky:
		l.validateBursts(bad)
	case ShapeWarmer:
		if l.Rate == 0 && l.Burst == 0 {
			bad("rate", "real traffic is needed beside the pings: give --rate or --burst")
		}
		if l.Burst != 0 {
			l.validateBursts(bad)
		}
		if l.PingEvery <= 0 {
			bad("ping-every", "%v is not above 0", time.Duration(l.PingEvery))
		}
		if l.PingConcurrency < 1 || l.PingConcurrency > 10_000 {
			bad("ping-concurrency", "%d is not in [1, 10000]", l.PingConcurrency)
		}
	case ShapeReplay:
		if l.Trace == "" {
			bad("trace", "no trace file is given")
		}
		if !(l.Speed >= 0) || math.IsInf(l.Speed, 0) {
			bad("speed", "%v is not a positive number", l.Speed)
		}
	default:
		bad("shape", "%q is none of steady, spiky, warmer, ramp, sine, replay", l.Shape)
	}
	return errors.Join(errs...)
}

func (l *Load) validateRates(bad func(where, format string, a ...any)) {
	for _, r := range []struct {
		where string
		v     float64
	}{{"rate", l.Rate}, {"rate-to", l.RateTo}, {"base-rate", l.BaseRate}} {
		if !(r.v >= 0 && r.v <= MaxRate) { // NaN fails as well
			bad(r.where, "%v is not in [0, %d] arrivals per second", r.v, int64(MaxRate))
		}
	}
}

func (l *Load) validateSine(bad func(where, format string, a ...any)) {
	if l.Rate == 0 {
		bad("rate", "0 sends nothing; give arrivals per second, on average")
	}
	if !(l.Amplitude >= 0 && l.Amplitude <= l.Rate) {
		bad("amplitude", "%v is not between 0 and the mean rate (%v)", l.Amplitude, l.Rate)
	}
	if l.Period <= 0 {
		bad("period", "%v is not above 0", time.Duration(l.Period))
	}
}

func (l *Load) validateBursts(bad func(where, format string, a ...any)) {
	if l.Burst < 1 || l.Burst > 1_000_000 {
		bad("burst", "%d is not in [1, 1000000] arrivals", l.Burst)
	}
	if l.Every <= 0 {
		bad("every", "%v is not above 0", time.Duration(l.Every))
	}
	if l.Spread < 0 || (l.Every > 0 && l.Spread > l.Every) {
		bad("spread", "%v is not between 0 and the period of the bursts (%v)", time.Duration(l.Spread), time.Duration(l.Every))
	}
	if l.Offset < 0 {
		bad("offset", "%v is negative", time.Duration(l.Offset))
	}
}
