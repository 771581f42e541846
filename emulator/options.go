package emulator

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"coldbench/fleet"
	"coldbench/sandbox"
)

// Options configure a Server. The zero value serves region us-east-1 with the
// limits of AWS and works in a temporary folder.
type Options struct {
	Region    string // in ARNs and in the functions' environment; "" = us-east-1
	AccountID string // twelve digits; "" = 123456789012
	// DataDir keeps functions with all that belongs to them, so that they are
	// there again when a server is made on the same folder, however the last one
	// ended, and asynchronous events, with which Resume goes on. "" keeps nothing.
	// Logs and running environments are not kept; provisioned concurrency is
	// allocated again.
	DataDir string
	// WorkDir holds code and /tmp folders while the server lives; "" makes a
	// temporary folder, or a folder within DataDir. What the server puts there it removes in Close.
	WorkDir string

	// S3Dir stands in for S3 where code is given as S3Bucket and S3Key:
	// S3Dir/bucket/key is the object. "" = no bucket exists. Objects have no
	// versions but "null".
	S3Dir string

	// Registry, HOST:PORT, stands in for the private registries of AWS
	// (ACCOUNT.dkr.ecr.REGION.amazonaws.com) where an ImageUri names one; "" =
	// AWS is asked.
	Registry string
	// ImageCache keeps the layers of container images when the server is gone,
	// and may be shared; "" = they live in WorkDir and go with it.
	ImageCache string
	// ImageCacheBytes bounds what it keeps of layers that no function uses; 0 =
	// images.DefaultCacheBytes.
	ImageCacheBytes int64

	KeepAlive string        // fixed:D, halving:D or uniform:A,B; "" = halving:6m20s
	Placement string        // mru, lru or random; "" = mru
	MaxAge    time.Duration // 0 = fleet.DefaultMaxAge; negative = no maximum
	Seed      uint64        // of placement and keep-alive draws
	// Zones is the number of availability zones; an environment serves requests of
	// its zone alone. 0 = 1; at most fleet.MaxZones.
	Zones int
	// Proactive is the share of new environments that are initialised ahead of any
	// request; 0 = none, at most fleet.MaxAhead. Their first REPORT has an Init
	// Duration that no caller waited for.
	Proactive float64
	// Borrow lets a request that waits for an init leave for an environment that
	// falls idle meanwhile.
	Borrow bool
	// Limits is "auto" (or "") for the quotas of AWS, "off" for none.
	Limits string
	// Concurrency is the account's limit; 0 = 1,000. Limits "off" sets it aside.
	Concurrency int

	// Latency is the model of the placement and download delay that each cold
	// start waits for before its environment starts: "aws-2026", or "off" (or "")
	// for none. The delay is drawn by Seed and is part of no Init Duration. What
	// is measured with it is modelled, no longer emulated alone.
	Latency string
	// LogStyle says how failed invocations are logged as text: "new" (or "") with
	// a status in the REPORT, "old" with lines of their own behind it, as AWS did
	// before 2024.
	LogStyle string

	// InitLimit bounds an init before it is tried again within the invocation;
	// 0 = 10 s, as AWS documents.
	InitLimit time.Duration
	// Shutdown is how long an environment with external extensions may take to
	// shut down, before what still runs is killed; with internal extensions only
	// it is a quarter of that, without any nothing. 0 = 2 s, as AWS documents.
	Shutdown time.Duration
	// RetryUnit scales the pauses of asynchronous retries (1 and 2 minutes on
	// AWS): the length of one minute of them. 0 = a minute.
	RetryUnit time.Duration
	// LogBytes bounds the memory of each log group; the oldest events are
	// dropped beyond it, and counted. 0 = 64 MiB.
	LogBytes int64
	// LogDelay is how long an event takes until the Logs API shows it.
	LogDelay time.Duration
	// LogFaults disturb the readers of the Logs API, for tests of them.
	LogFaults LogFaults
	// Freeze stops the processes of an environment between invocations, as AWS
	// does. Thawing costs each warm invocation some tens of microseconds.
	Freeze bool
	// StateDelay is how long a new or updated function stays Pending or
	// InProgress. 0 = it is Active with the next request.
	StateDelay time.Duration

	// Mounts are files and folders of this machine that every function sees
	// besides its own, where the sandbox can mount.
	Mounts []sandbox.Mount

	// OCIRuntime is the program that starts environments as containers: runc or
	// crun. "" = the sandbox of this program.
	OCIRuntime string

	Sandbox  Sandbox      // nil = a sandbox.Host of its own
	Runtimes Runtimes     // nil = the interpreters on this machine
	Logger   *slog.Logger // nil = silence
	Version  string       // of the program, as /healthz shows it
}

// Sandbox starts execution environments. *sandbox.Host is one, wrapped.
type Sandbox interface {
	Start(ctx context.Context, s sandbox.Spec) (Process, error)
	// Private says whether Mounts and Root of a Spec are in force.
	Private() bool
	// RemoveTmp removes what has served as Tmp of a Spec.
	RemoveTmp(tmp string) error
}

// Process is one started runtime with all that it starts.
type Process interface {
	StartedAt() time.Time          // just before the runtime process was started
	StartTook() time.Duration      // from the call of Start until its first process ran
	Exited() <-chan struct{}       // closed when the runtime process has ended
	ExitError() *sandbox.ExitError // how it ended; valid once Exited is closed
	Done() <-chan struct{}         // closed when all of its processes are gone
	Children() []*sandbox.Child    // those of Spec.Before and Spawn
	// Spawn starts one more process beside the runtime, such as an extension.
	Spawn(x sandbox.Extra) (*sandbox.Child, error)
	Terminate()                 // SIGTERM to the runtime process alone
	PeakMemoryMB() int          // so far; 0 where it is not known
	SetCPU(share float64) error // vCPUs; 0 = no limit
	Freeze() error              // no instruction is executed until Thaw
	Thaw() error
	Kill() // ends all of it and waits
}

// Runtimes turns the name of a managed runtime into a command.
type Runtimes interface {
	// Command gives the command that runs a handler with its code in codeDir,
	// and the version of what really runs. The error names an interpreter
	// that is missing. Without a codeDir only that is asked for.
	Command(runtime, codeDir, handler string, memoryMB int) (command []string, version string, err error)
	// Known says whether Lambda has a runtime of this name that can be created.
	Known(runtime string) bool
}

// settings are Options, parsed.
type settings struct {
	Options
	pool   fleet.PoolConfig
	limits fleet.Limits
	delay  *delayModel
	temp   bool // WorkDir was made here
}

func (o Options) parse() (settings, error) {
	s := settings{Options: o}
	s.defaults()
	keep, err := fleet.ParseKeepAlive(o.KeepAlive)
	if err != nil {
		return s, err
	}
	place, err := fleet.ParsePlacement(o.Placement)
	if err != nil {
		return s, err
	}
	s.pool = fleet.PoolConfig{
		Placement: place, KeepAlive: keep, MaxAge: max(0, s.MaxAge), Seed: o.Seed,
		Zones: o.Zones, Ahead: o.Proactive, Borrow: o.Borrow,
	}
	if o.Zones < 0 || o.Zones > fleet.MaxZones {
		return s, fmt.Errorf("%d availability zones: want 1 to %d", o.Zones, fleet.MaxZones)
	}
	if !(o.Proactive >= 0 && o.Proactive <= fleet.MaxAhead) {
		return s, fmt.Errorf("proactive share %v: want 0 to %v", o.Proactive, fleet.MaxAhead)
	}
	switch o.Limits {
	case "", "auto":
		s.limits = fleet.DefaultLimits()
		s.limits.Concurrency = s.Concurrency
		s.limits.MinUnreserved = min(s.limits.MinUnreserved, s.Concurrency)
	case "off":
	default:
		return s, fmt.Errorf("parse limits %q: want auto or off", o.Limits)
	}
	if o.Concurrency < 0 {
		return s, fmt.Errorf("account concurrency %d is negative", o.Concurrency)
	}
	if o.LogStyle != "" && o.LogStyle != styleNew && o.LogStyle != styleOld {
		return s, fmt.Errorf("parse log style %q: want new or old", o.LogStyle)
	}
	if s.delay, err = newDelayModel(o.Latency, o.Seed); err != nil {
		return s, err
	}
	return s, o.LogFaults.check()
}

func (s *settings) defaults() {
	setDefault(&s.Region, "us-east-1")
	setDefault(&s.AccountID, "123456789012")
	setDefault(&s.MaxAge, fleet.DefaultMaxAge)
	setDefault(&s.Concurrency, fleet.DefaultConcurrency)
	setDefault(&s.InitLimit, 10*time.Second)
	setDefault(&s.Shutdown, defaultShutdown)
	setDefault(&s.RetryUnit, time.Minute)
	setDefault(&s.LogBytes, 64<<20)
	if s.Logger == nil {
		s.Logger = slog.New(slog.NewTextHandler(io.Discard, nil))
	}
}

func setDefault[T comparable](v *T, d T) {
	var zero T
	if *v == zero {
		*v = d
	}
}

// Folders in the working folder that every function sees.
const (
	runtimesDir = "runtime" // at /var/runtime: the bootstraps of managed runtimes
	emptyDir    = "empty"   // at /opt, without layers
)

// workDir makes the folder that the server works in.
func (s *settings) workDir() (err error) {
	switch {
	case s.WorkDir != "":
		s.WorkDir, err = filepath.Abs(s.WorkDir)
	case s.DataDir != "":
		s.WorkDir, err = filepath.Abs(filepath.Join(s.DataDir, dataWork))
		s.temp = true
		// What a killed server has left there is of no use. The folder's lock is
		// held, so nobody else works in it.
		if err == nil {
			err = os.RemoveAll(s.WorkDir)
		}
	default:
		s.WorkDir, err = os.MkdirTemp("", "coldbench-lambda-")
		s.temp = true
	}
	for _, dir := range []string{runtimesDir, emptyDir} {
		if err == nil {
			err = os.MkdirAll(filepath.Join(s.WorkDir, dir), 0o700)
		}
	}
	if err != nil {
		return fmt.Errorf("make a folder to work in: %w", err)
	}
	return nil
}

// knobs are the settings that change what a client sees, for the record of a
// run.
func (s *settings) knobs() map[string]string {
	k := map[string]string{
		"keep_alive":  s.pool.KeepAlive.String(),
		"placement":   s.pool.Placement.String(),
		"max_age":     s.pool.MaxAge.String(),
		"limits":      "off",
		"concurrency": "unlimited",
		"init_limit":  s.InitLimit.String(),
		"freeze":      strconv.FormatBool(s.Freeze),
	}
	if s.delay != nil {
		k["latency"] = s.delay.Name + ": modelled placement and download delay of every cold start, drawn from published measurements"
	}
	if s.Zones > 1 {
		k["zones"] = strconv.Itoa(s.Zones) + " (modelled: a request is served in the zone it arrives in, drawn by seed)"
	}
	if s.Proactive > 0 {
		k["proactive"] = strconv.FormatFloat(s.Proactive, 'g', -1, 64) + " of new environments (modelled)"
	}
	if s.Borrow {
		k["borrow"] = "a request leaves an init for an environment that falls idle (modelled)"
	}
	if s.OCIRuntime != "" {
		k["sandbox"] = s.OCIRuntime
	}
	if s.LogStyle == styleOld {
		k["log_style"] = styleOld
	}
	if s.LogFaults != (LogFaults{}) {
		k["log_faults"] = s.LogFaults.String()
	}
	if s.limits != (fleet.Limits{}) {
		k["limits"] = fmt.Sprintf("%d environments per %v, %d requests/s per unit of concurrency",
			s.limits.Environments, fleet.ScalingWindow, s.limits.RequestsPerEnv)
		k["concurrency"] = strconv.Itoa(s.limits.Concurrency)
	}
	return k
}
