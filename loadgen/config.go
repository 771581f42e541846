package loadgen

import (
	"context"
	"errors"
	"time"
)

// Defaults of a Config.
const (
	DefaultTimeout     = time.Minute
	DefaultMaxInFlight = 10_000
	DefaultGrowth      = 2_000 // new workers per second
	DefaultMaxLag      = time.Second
)

// DefaultGCReserve suits a process that generates load and does little else.
// Measured on two processors with net/http: at 5,000 and 10,000/s the lag at p99
// was 0.3 to 1.2 ms with Go's default of collecting a heap of 4 MB whenever it
// has doubled, and 0.13 to 0.17 ms where it may reach some 80 MB first.
const DefaultGCReserve = 56 << 20

// MaxSpin is the most of Config.Spin.
const MaxSpin = 100 * time.Microsecond

// startLead is the default of Config.Lead.
const startLead = 5 * time.Millisecond

// Before a Start that was given, connections are opened from connectFrom on:
// servers close what is idle for long (60 s is a common limit). It ends
// connectUntil before, as the rest takes some time too.
const (
	connectFrom  = 15 * time.Second
	connectUntil = 20 * time.Millisecond
)

// growthDepth is the number of workers that may be added at once.
const growthDepth = 64

// Config is one run. Schedule, Target and Recorder are needed; the zero value
// of every other field is a default.
type Config struct {
	Schedule Schedule
	Target   Target
	Recorder Recorder

	// Payload builds the body of one request, ahead of its due time, in the
	// order of the schedule and from one goroutine. An error (or panic) makes
	// the arrival a row that was not sent. nil sends no body. See Fixed.
	Payload func(seq int64, a Arrival) ([]byte, error)

	Timeout     time.Duration // the client's, of one request, from its send; 0 = DefaultTimeout
	MaxInFlight int           // requests without a reply; 0 = DefaultMaxInFlight

	// Ahead is the number of requests in flight that the run prepares for:
	// workers are started, and connections opened if the Target is a
	// Preconnecter, before the first arrival. 0 estimates it from the
	// schedule, such that a burst of N reaches the wire as N.
	Ahead int
	// Growth is how many more may be added per second when the replies are
	// slower than that: a limit, because a generator that answers its own
	// hiccup with a connection for each late request buries itself. An arrival
	// without a worker waits. 0 = DefaultGrowth.
	Growth float64
	// MaxLag is the lateness from which an arrival that waits for a worker is
	// given up as not sent. 0 = DefaultMaxLag.
	MaxLag time.Duration

	// FilesPerRequest is how many open files one request costs this process, or
	// one that serves it under the same limit (2 where a server is in this one);
	// the number in flight is kept within the limit of open files. 0 = what the
	// Target says if it is a FileUser, else 1 for a Preconnecter, else no limit.
	FilesPerRequest int
	SpareFiles      int // kept from the requests: logs, rows, the system; 0 = 24

	// Start is offset 0 of every row. Zero is Lead after everything is ready. A
	// given one is kept whatever is ready by then, so that several generators can
	// share it: see Stats.StartMissed. Connections are not opened long before it.
	Start time.Time
	Lead  time.Duration // 0 = 5 ms: time for the first wait to be armed
	// Ready, unless nil, is called once with the start, when all is ready that
	// takes time. Its own time is a part of Lead. An error ends the run before
	// anything is sent, and is returned.
	Ready func(start time.Time) error

	Warmup time.Duration // rows intended before it are of phase warmup
	// Drain bounds the wait for replies after the last arrival. 0 = long enough
	// that each has its Timeout.
	Drain time.Duration

	// Abort, when closed, ends the run at once: what is in flight becomes a
	// transport error. The end of Run's context is gentler: see Run.
	Abort <-chan struct{}

	// Spin is how long before a due time the leader gives up sleeping and looks
	// at the clock instead, where that is at most a quarter of its time: it takes
	// off most of the wake-up, and a share of a core. 0 = 80 us if a spare core is
	// found at the start, else none; negative = none; at most MaxSpin.
	Spin time.Duration

	// GCReserve is how much garbage, in bytes, may gather while the run goes on
	// before the collector starts, beside half of what is alive: so it runs every
	// few seconds and not several times in each. It costs as much memory. Where it
	// is set, the garbage collector of the process works with GOGC=50 (or less, or
	// not at all, if that was set) until the run ends. 0 = none, nothing is
	// changed. See DefaultGCReserve.
	GCReserve int

	Progress *Progress // counters to watch while the run goes on; may be nil
	Waiter   Waiter    // nil = the most precise of this system; Run closes only its own
}

// Fixed is a Config.Payload that sends the same body with every request.
func Fixed(body []byte) func(int64, Arrival) ([]byte, error) {
	return func(int64, Arrival) ([]byte, error) { return body, nil }
}

// Preconnecter is an optional second interface of a Target. Preconnect opens n
// connections that the first n requests will use, sends no request on them,
// and returns when they are open. Fewer is no failure of the run; the error
// says why.
type Preconnecter interface {
	Preconnect(ctx context.Context, n int) error
}

// FileUser is an optional second interface of a Target that knows how many open
// files one request in flight costs; 0 where many share a connection.
type FileUser interface {
	FilesPerRequest() int
}

func (c *Config) validate() error {
	switch {
	case c.Target == nil:
		return errors.New("generate load: no target")
	case c.Recorder == nil:
		return errors.New("generate load: no recorder")
	case c.Timeout < 0, c.MaxInFlight < 0, c.Ahead < 0, c.MaxLag < 0, c.Drain < 0, c.FilesPerRequest < 0, c.GCReserve < 0, c.Lead < 0, c.SpareFiles < 0, !(c.Growth >= 0):
		return errors.New("generate load: a time or limit is negative")
	}
	return nil
}

// withDefaults returns c with every zero resolved that needs no measuring.
func (c Config) withDefaults() Config {
	c.Schedule = c.Schedule.all()
	c.Timeout = orElse(c.Timeout, DefaultTimeout)
	c.MaxInFlight = orElse(c.MaxInFlight, DefaultMaxInFlight)
	c.Growth = orElse(c.Growth, DefaultGrowth)
	c.Lead = orElse(c.Lead, startLead)
	c.SpareFiles = orElse(c.SpareFiles, spareFiles)
	c.MaxLag = orElse(c.MaxLag, DefaultMaxLag)
	c.Drain = orElse(c.Drain, c.Timeout+abandonAfter)
	if c.Payload == nil {
		c.Payload = Fixed(nil)
	}
	if c.Progress == nil {
		c.Progress = new(Progress)
	}
	if c.FilesPerRequest == 0 {
		c.FilesPerRequest = filesPerRequest(c.Target)
	}
	return c
}

func filesPerRequest(t Target) int {
	if u, ok := t.(FileUser); ok {
		return u.FilesPerRequest()
	}
	if _, ok := t.(Preconnecter); ok {
		return 1
	}
	return 0
}

func orElse[T comparable](v, fallback T) T {
	var zero T
	if v == zero {
		return fallback
	}
	return v
}

// estimateOver is how many arrivals are looked at to estimate Ahead.
const estimateOver = 5_000_000

// ahead estimates how many requests will be in flight at the worst moment of a
// target that answers within about 100 ms: the most that are due within 10 ms,
// or a tenth of the busiest second, whose share is bounded because a fast
// target needs far fewer. burst is the most that are due within 10 ms where that
// is a burst and not the pace of a busy second, else 0.
func ahead(s Schedule, limit int) (workers, burst int) {
	p := beginning(s)
	if p.PeakTogether > growthDepth && p.PeakTogether > p.PeakPerSecond/25 {
		burst = min(limit, int(p.PeakTogether))
	}
	return min(limit, max(16, int(p.PeakTogether)+1, min(256, int(p.PeakPerSecond/10)))), burst
}

// beginning describes the first five million arrivals, which takes up to half a second.
func beginning(s Schedule) Profile {
	n := 0
	return Describe(func(yield func(Arrival) bool) {
		for a := range s {
			if n++; n > estimateOver || !yield(a) {
				return
			}
		}
	}, time.Second)
}
