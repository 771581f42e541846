package record

import "time"

// Host is environment.json: the machine that made the run, and the limits and
// the clock that were in force. A zero field means "not known". All sizes are
// in the unit of their name.
type Host struct {
	Hostname   string `json:"hostname,omitempty"`
	OS         string `json:"os,omitempty"`   // as runtime.GOOS
	Arch       string `json:"arch,omitempty"` // as runtime.GOARCH
	Kernel     string `json:"kernel,omitempty"`
	CPUModel   string `json:"cpu_model,omitempty"`
	CPUs       int    `json:"cpus,omitempty"`
	GOMAXPROCS int    `json:"gomaxprocs,omitempty"`
	MemoryMB   int64  `json:"memory_mb,omitempty"`
	Container  string `json:"container,omitempty"` // docker, lxc, vm, ... where one was seen

	GoVersion string            `json:"go_version,omitempty"`
	Tool      string            `json:"tool,omitempty"`     // coldbench's own version
	Versions  map[string]string `json:"versions,omitempty"` // of what served: "node": "v22.12.0"

	Clock         string  `json:"clock,omitempty"`        // how due times are waited for: "timerfd", "sleep"
	ClockSource   string  `json:"clock_source,omitempty"` // of the kernel: tsc, kvm-clock, ...
	Sandbox       string  `json:"sandbox,omitempty"`      // the limits that environments get: "cgroup v2", "none"
	OpenFileLimit int64   `json:"open_file_limit,omitempty"`
	ProcessLimit  int64   `json:"process_limit,omitempty"`
	CPUQuota      float64 `json:"cpu_quota,omitempty"` // CPUs that a cgroup allows; 0 means no limit

	Limits map[string]string `json:"limits,omitempty"` // anything else in force, by name

	Floor *Floor `json:"floor,omitempty"` // nil where this machine was not calibrated
}

// Floor is what `bench calibrate` measured before the run: what the machine
// allows a load generator at best, whatever the target. Rates are requests a
// second to a server on the same machine, sent as fast as the answers came.
type Floor struct {
	MeasuredAt time.Time `json:"measured_at"`

	WakeUpP50    time.Duration `json:"wake_up_p50_ns"` // how late a sleeper is woken
	WakeUpP99    time.Duration `json:"wake_up_p99_ns"`
	RoundTripP50 time.Duration `json:"round_trip_p50_ns"` // over the loopback interface
	RoundTripP99 time.Duration `json:"round_trip_p99_ns"`

	NetHTTPPerSecond float64 `json:"net_http_per_second"`
	LeanPerSecond    float64 `json:"lean_per_second"`
}

// PerSecond is the rate of the client that a plan names.
func (f *Floor) PerSecond(client string) float64 {
	if client == ClientLean {
		return f.LeanPerSecond
	}
	return f.NetHTTPPerSecond
}

// GeneratorStats is generator.json: what the load generator says of itself.
// It is written when the run ends, so a run without it was never closed.
type GeneratorStats struct {
	Scheduled   int64 `json:"scheduled"` // arrivals that were due before the end
	Sent        int64 `json:"sent"`
	NotSent     int64 `json:"not_sent"`      // Scheduled = Sent + NotSent
	MaxInFlight int64 `json:"max_in_flight"` // the highest that was seen

	// AchievedPerSecond has one element for each second of the run.
	AchievedPerSecond []SecondCount `json:"achieved_per_second,omitempty"`

	// Lag is of every request that was sent, those of the warm-up included.
	Lag    Lag           `json:"lag,omitzero"`
	Waiter string        `json:"waiter,omitempty"`  // how due times were waited for: "timerfd", "sleep"
	Spin   time.Duration `json:"spin_ns,omitempty"` // how long the last of each wait looked at the clock instead

	// Elapsed is what CPUSeconds and the pauses of the garbage collector stand
	// against: from offset 0 until every row was handed over.
	Elapsed      time.Duration `json:"elapsed_ns,omitempty"`
	CPUSeconds   float64       `json:"cpu_seconds,omitempty"` // user and system, of the generator's process
	GCPauses     int64         `json:"gc_pauses,omitempty"`
	GCPauseTotal time.Duration `json:"gc_pause_total_ns,omitempty"`
	GCPauseMax   time.Duration `json:"gc_pause_max_ns,omitempty"`

	Ahead        int64 `json:"ahead,omitempty"`         // requests in flight that were prepared for: workers, and connections where the target keeps them
	ConnsGrown   int64 `json:"conns_grown,omitempty"`   // connections opened beyond those opened ahead: requests that waited for one to be opened
	WorkersGrown int64 `json:"workers_grown,omitempty"` // workers added beyond Ahead
	GrowthDenied int64 `json:"growth_denied,omitempty"` // arrivals that the growth limit kept waiting for a worker

	InFlightLimit   int64  `json:"in_flight_limit,omitempty"`    // the one in force: the plan's, or what the machine allows
	InFlightLimitBy string `json:"in_flight_limit_by,omitempty"` // ErrFileLimit where open files decided it; "" the plan

	Abandoned       int64         `json:"abandoned,omitempty"`        // attempts that did not return after their context had ended
	PreconnectError string        `json:"preconnect_error,omitempty"` // why fewer connections were opened ahead
	StartMissed     time.Duration `json:"start_missed_ns,omitempty"`  // how long after offset 0 everything was ready

	Interrupted bool          `json:"interrupted,omitempty"` // a signal ended the load before the plan did
	End         time.Duration `json:"end_ns"`                // offset at which the last reply was in
}

// Lag summarises the generator's own lateness, sent - intended. Quantiles have
// three significant digits.
type Lag struct {
	N       int64         `json:"n"`
	P50     time.Duration `json:"p50_ns"`
	P90     time.Duration `json:"p90_ns"`
	P99     time.Duration `json:"p99_ns"`
	P999    time.Duration `json:"p999_ns"`
	Max     time.Duration `json:"max_ns"`
	Mean    time.Duration `json:"mean_ns"`
	Clamped int64         `json:"clamped,omitempty"` // above an hour, counted as an hour
}

// Cores is how many processors the generator kept busy in the mean; 0 where it
// is not known.
func (g *GeneratorStats) Cores() float64 {
	if g.Elapsed <= 0 {
		return 0
	}
	return g.CPUSeconds / g.Elapsed.Seconds()
}

// SecondCount is one second of a run: arrivals that were due in it and sends
// that happened in it.
type SecondCount struct {
	Intended int64 `json:"intended"`
	Sent     int64 `json:"sent"`
}
