package record

import (
	"fmt"
	"time"
)

// Provenance says what kind of evidence a number is. It is printed with it.
type Provenance string

// The kinds of evidence, from strongest to weakest for a statement about AWS.
const (
	Measured  Provenance = "measured"  // AWS, or an HTTP endpoint, answered
	Emulated  Provenance = "emulated"  // a real process on this machine answered
	Modelled  Provenance = "modelled"  // a delay drawn from published data is part of it
	Simulated Provenance = "simulated" // no process ran
)

// PackageKind is how the code under test is shipped.
type PackageKind string

// The package kinds. The zero value means that it is not known.
const (
	PackageUnknown PackageKind = ""
	PackageZip     PackageKind = "zip"
	PackageImage   PackageKind = "image"
	PackageBuiltin PackageKind = "builtin" // a function that ships inside bench
)

// Function is what is measured. It is comparable: two equal Functions are one
// cell of a table. A zero field means "not known".
type Function struct {
	Name           string      `json:"name"`
	Qualifier      string      `json:"qualifier,omitempty"` // version or alias
	Runtime        string      `json:"runtime,omitempty"`   // as Lambda names it: nodejs22.x, provided.al2023
	RuntimeVersion string      `json:"runtime_version,omitempty"`
	Arch           string      `json:"arch,omitempty"` // x86_64 or arm64
	MemoryMB       int         `json:"memory_mb,omitempty"`
	Package        PackageKind `json:"package,omitempty"`
	PackageBytes   int64       `json:"package_bytes,omitempty"`
	Layout         string      `json:"layout,omitempty"` // mono, micro, ...
	Route          string      `json:"route,omitempty"`
}

// Start says how the execution environment that served a request had started.
// It is decided from evidence, never from what the load tried to provoke.
type Start string

// The ways to start. The zero value is not valid in a joined row; use
// StartUnknown.
const (
	StartCold        Start = "cold"        // first request of an environment started on demand; it waited for the init, or by the rule proactive_init did not
	StartWarm        Start = "warm"        // the environment had served before
	StartRestored    Start = "restored"    // from a SnapStart snapshot
	StartProvisioned Start = "provisioned" // first request of an environment that provisioned concurrency or Managed Instances made ready
	StartUnknown     Start = "unknown"     // no evidence, or evidence that disagrees
)

// Starts lists every Start in the order in which tables print them.
var Starts = []Start{StartCold, StartWarm, StartRestored, StartProvisioned, StartUnknown}

// Outcome says what became of one scheduled arrival.
type Outcome string

// The outcomes. Every row has exactly one; their counts sum to the arrivals.
const (
	OK             Outcome = "ok"
	FunctionError  Outcome = "function_error"  // the function ran and failed, or an HTTP target answered 4xx or 5xx
	TimedOut       Outcome = "timeout"         // the function's time-out or the client's; ErrorType says which
	Throttled      Outcome = "throttled"       // HTTP 429
	Rejected       Outcome = "rejected"        // the service refused the request before the function ran
	TransportError Outcome = "transport_error" // no complete reply arrived
	NotSent        Outcome = "not_sent"        // the generator could not send it; ErrorType says why
)

// Outcomes lists every Outcome in the order in which tables print them.
var Outcomes = []Outcome{OK, FunctionError, TimedOut, Throttled, Rejected, TransportError, NotSent}

// ErrorType values that coldbench itself assigns. Those of the platform
// (Runtime.ExitError, Sandbox.Timedout, ...) are kept as it gave them.
const (
	ErrClientTimeout = "Client.Timeout"          // with TimedOut
	ErrInterrupted   = "Client.Interrupted"      // with TransportError or NotSent
	ErrInFlightCap   = "Generator.InFlightLimit" // with NotSent
	ErrFileLimit     = "Generator.FileLimit"     // with NotSent
	ErrPortLimit     = "Generator.PortLimit"     // with NotSent: no local port was free
	ErrGrowthLimit   = "Generator.GrowthLimit"   // with NotSent
	ErrNoRequest     = "Generator.NoRequest"     // with NotSent: the request could not be built
)

// Tag tells arrivals of different purpose apart in every table.
type Tag string

// The tags that the built-in shapes use.
const (
	TagBase  Tag = "base"
	TagBurst Tag = "burst"
	TagPing  Tag = "ping"
)

// Phase tells rows that count from rows that only warm up.
type Phase string

// The phases.
const (
	PhaseMeasure Phase = "measure"
	PhaseWarmup  Phase = "warmup"
)

// Invocation is one row: what became of one scheduled arrival, seen by the
// client. All offsets are nanoseconds since the start of the run, on one
// monotonic clock; Sent, FirstByte and Done are 0 where that point was never
// reached (no real send can happen at offset 0 exactly, because intended
// offsets are sent at or after their time and take time).
//
// An Invocation is immutable once it has been handed to a Recorder.
type Invocation struct {
	Seq      int64 `json:"seq"` // position in the schedule, from 0
	Function int   `json:"fn"`  // index into Plan.Functions
	Tag      Tag   `json:"tag,omitempty"`
	Phase    Phase `json:"phase,omitempty"` // "" means PhaseMeasure

	Intended  time.Duration `json:"intended_ns"`
	Sent      time.Duration `json:"sent_ns,omitempty"`
	FirstByte time.Duration `json:"first_byte_ns,omitempty"`
	Done      time.Duration `json:"done_ns,omitempty"`

	Outcome   Outcome `json:"outcome"`
	Status    int     `json:"status,omitempty"`     // HTTP status, 0 where none arrived
	ErrorType string  `json:"error_type,omitempty"` // as the platform or coldbench names it
	Error     string  `json:"error,omitempty"`      // one line for people
	RequestID string  `json:"request_id,omitempty"`
	Version   string  `json:"version,omitempty"` // X-Amz-Executed-Version

	RequestBytes  int64 `json:"request_bytes,omitempty"`
	ResponseBytes int64 `json:"response_bytes,omitempty"`

	Conn Conn `json:"conn,omitzero"`
}

// Conn says what the connection cost within [Sent, FirstByte]. The zero value
// means "not observed".
type Conn struct {
	Reused  bool          `json:"reused,omitempty"`
	DNS     time.Duration `json:"dns_ns,omitempty"`
	Connect time.Duration `json:"connect_ns,omitempty"`
	TLS     time.Duration `json:"tls_ns,omitempty"`
	Wait    time.Duration `json:"wait_ns,omitempty"` // request written to first byte
}

// Response is Done - Intended: what a user feels. It is only meaningful where
// Done is not 0.
func (r *Invocation) Response() time.Duration { return r.Done - r.Intended }

// Service is Done - Sent.
func (r *Invocation) Service() time.Duration { return r.Done - r.Sent }

// Lag is Sent - Intended: the generator's own lateness.
func (r *Invocation) Lag() time.Duration { return r.Sent - r.Intended }

// TTFB is FirstByte - Sent.
func (r *Invocation) TTFB() time.Duration { return r.FirstByte - r.Sent }

// Answered says whether a complete reply arrived, so that Response and Service
// have a meaning.
func (r *Invocation) Answered() bool { return r.Done > 0 && r.Sent > 0 }

// PlatformKind names the kind of a platform log line.
type PlatformKind string

// The kinds that text lines have. JSON lines that have no text twin keep their
// own type as kind, "platform.runtimeDone" for example.
const (
	KindReport        PlatformKind = "report"
	KindInitStart     PlatformKind = "init_start"
	KindInitReport    PlatformKind = "init_report"
	KindRestoreReport PlatformKind = "restore_report"
	KindStart         PlatformKind = "start"
	KindEnd           PlatformKind = "end"
	KindOther         PlatformKind = "other"
)

// Platform is what Lambda said in one platform log event. Every field is
// optional: absent means that the line did not say it. Numbers are as the
// platform printed them, in the unit of their name; none is derived from
// another.
type Platform struct {
	Kind PlatformKind `json:"kind"`

	RequestID               string       `json:"request_id,omitempty"`
	DurationMs              Opt[float64] `json:"duration_ms,omitzero"`
	BilledDurationMs        Opt[float64] `json:"billed_duration_ms,omitzero"`
	MemorySizeMB            Opt[float64] `json:"memory_size_mb,omitzero"`
	MaxMemoryUsedMB         Opt[float64] `json:"max_memory_used_mb,omitzero"`
	InitDurationMs          Opt[float64] `json:"init_duration_ms,omitzero"`
	RestoreDurationMs       Opt[float64] `json:"restore_duration_ms,omitzero"`
	BilledRestoreDurationMs Opt[float64] `json:"billed_restore_duration_ms,omitzero"`
	Status                  string       `json:"status,omitempty"`
	ErrorType               string       `json:"error_type,omitempty"`
	XRayTraceID             string       `json:"xray_trace_id,omitempty"`
	XRaySegmentID           string       `json:"xray_segment_id,omitempty"`
	XRaySampled             Opt[bool]    `json:"xray_sampled,omitzero"`
	Phase                   string       `json:"phase,omitempty"`
	RuntimeVersion          string       `json:"runtime_version,omitempty"`
	RuntimeVersionARN       string       `json:"runtime_version_arn,omitempty"`
	Timestamp               time.Time    `json:"timestamp,omitzero"` // UTC

	// Evidence gathered from the lines around this one, in its log stream.
	LogStream string `json:"log_stream,omitempty"` // the execution environment
	Start     Start  `json:"start,omitempty"`      // of a report; "" where not decided
	StartRule string `json:"start_rule,omitempty"` // the rule that decided Start

	// Emulator marks a line in a shape that only an emulator prints, whose
	// init and memory figures are known to be false.
	Emulator bool `json:"emulator,omitempty"`
	// Truncated marks a line that was cut; a lost Init Duration looks like a
	// warm start.
	Truncated bool `json:"truncated,omitempty"`

	Pos Pos    `json:"pos,omitzero"`
	Raw string `json:"-"` // the event's text, verbatim
}

// Pos is where a line was found. Line counts from 1; Line 0 means "not known".
type Pos struct {
	File string `json:"file,omitempty"`
	Line int64  `json:"line,omitempty"`
}

// String formats the position as file:line.
func (p Pos) String() string {
	switch {
	case p.Line == 0:
		return p.File
	case p.File == "":
		return fmt.Sprintf("line %d", p.Line)
	}
	return fmt.Sprintf("%s:%d", p.File, p.Line)
}

// Event is one log event as a log source delivered it. The JSON form is that
// of an element of FilterLogEvents, so that a parser of such answers reads the
// run's platform.log too.
type Event struct {
	EventID   string `json:"eventId,omitempty"`
	LogStream string `json:"logStreamName,omitempty"`
	Timestamp int64  `json:"timestamp,omitempty"` // Unix milliseconds, 0 where not known
	Message   string `json:"message"`
	Source    string `json:"source,omitempty"`    // "tail", "filter", "file", ...
	RequestID string `json:"requestId,omitempty"` // where the source knows it (a response's tail)
}

// Joined is a row together with what the platform said of it.
type Joined struct {
	Invocation
	Platform  *Platform // the REPORT; nil where none was found
	Start     Start     // never ""
	StartRule string
}

// Environment is the identity of the execution environment that served the
// row, or "" where it is not known.
func (j *Joined) Environment() string {
	if j.Platform == nil {
		return ""
	}
	return j.Platform.LogStream
}

// Verdict says whether a run may be quoted. A Verdict without Reasons is
// valid.
type Verdict struct {
	Valid   bool     `json:"valid"`
	Reasons []Reason `json:"reasons"`
}

// Reason is one ground for refusing a run, and what to do about it.
type Reason struct {
	Code   string `json:"code"` // stable, for programs: "lag", "not_sent", ...
	Text   string `json:"text"`
	Remedy string `json:"remedy,omitempty"`
}

// Warning changes how a table is to be read, without refusing the run.
type Warning struct {
	Code   string `json:"code"`
	Text   string `json:"text"`
	Remedy string `json:"remedy,omitempty"`
}
