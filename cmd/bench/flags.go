package main

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"coldbench/emulator"
	"coldbench/emulator/images"
	"coldbench/fleet"
	"coldbench/record"
)

// loadFlags are the flags of every load verb.
type loadFlags struct {
	load record.Load
	args []string // as given, for the plan

	traceNotes []string // what is to be said of the trace of a replay
	excerpt    string   // what a replay plays of which trace

	target, endpoint, region, profile string
	code                              codeFlags
	url                               urlFlags
	emulator                          emulatorFlags

	seed        uint64
	warmup      time.Duration
	startAt     startFlag
	timeout     time.Duration
	maxInFlight int
	payload     string
	logs        string
	planOnly    bool

	out            string
	json           bool
	quiet, noColor bool
}

// codeFlags describe one's own code as the function under test.
type codeFlags struct {
	zip, dir, image, handler, runtime, arch string
	memory                                  int
	env                                     []string
	timeout                                 time.Duration
}

func (c *codeFlags) given() bool { return c.zip != "" || c.dir != "" || c.image != "" }

type urlFlags struct {
	method  string
	headers []string
	http2   bool
	client  string
}

// emulatorFlags are the knobs of the built-in Lambda's control plane.
type emulatorFlags struct {
	region, keepAlive, placement, limits, latency, logStyle, data, process string
	concurrency                                                            int
	seed                                                                   uint64
	registry, imageCache, sandbox                                          string
	imageCacheMB                                                           int64
	s3Dir                                                                  string // of bench emulate alone
	zones                                                                  int
	proactive                                                              float64
	freeze                                                                 bool
	maxAge, retryUnit                                                      time.Duration
	borrow                                                                 bool

	// of the built-in functions
	builtinMemory  int
	builtinTimeout time.Duration
	builtinEnv     []string

	logs logFlags // of bench emulate
}

func (f *loadFlags) register(cmd *cobra.Command, shape record.Shape) {
	f.load.Shape = shape
	fs := cmd.Flags()
	fs.SortFlags = false
	fs.StringVar(&f.target, "target", builtinTarget, "what to measure: emulated:NAME, lambda:NAME[:QUALIFIER], an ARN, http(s)://..., scripted:FILE")
	fs.StringVar(&f.code.zip, "zip", "", "a deployment package as the function under test")
	fs.StringVar(&f.code.dir, "dir", "", "a folder as the function under test; it is zipped as it is")
	fs.StringVar(&f.code.image, "image", "", "a container image as the function under test: HOST/NAME:TAG, oci:DIR or docker-archive:FILE")
	fs.StringVar(&f.code.handler, "handler", "", "handler of --zip or --dir, such as index.handler")
	fs.StringVar(&f.code.runtime, "runtime", "", "runtime of --zip or --dir: provided.al2023, nodejs22.x, python3.13, ...")
	fs.IntVar(&f.code.memory, "memory", 512, "memory of the function in MB; CPU is in proportion (1769 MB = 1 vCPU)")
	fs.StringVar(&f.code.arch, "arch", "", "architecture that the bill is for: x86_64 or arm64 (default: this machine's)")
	fs.StringArrayVar(&f.code.env, "env", nil, "environment variable of the function, K=V; repeatable")
	fs.DurationVar(&f.code.timeout, "function-timeout", 30*time.Second, "time-out of the function")
	fs.StringVar(&f.endpoint, "endpoint", "", "base URL of an AWS-compatible endpoint")
	fs.StringVar(&f.region, "region", "", "AWS region (default: the AWS configuration; us-east-1 for the built-in Lambda)")
	fs.StringVar(&f.profile, "profile", "", "AWS profile")
	fs.StringVar(&f.url.method, "method", "", "HTTP method of an http(s) target (default GET, or POST with --payload)")
	fs.StringArrayVar(&f.url.headers, "header", nil, "HTTP header of an http(s) target, 'K: V'; repeatable")
	fs.BoolVar(&f.url.http2, "http2", false, "speak HTTP/2 to an http(s) target")
	fs.StringVar(&f.url.client, "client", "net/http", "client of an http(s) target: net/http, or lean: HTTP/1.1 with less CPU a request, for high rates")

	fs.DurationVar((*time.Duration)(&f.load.Duration), "duration", 30*time.Second, "how long arrivals are scheduled")
	fs.StringVar(&f.load.Arrivals, "arrivals", "constant", "arrival process: constant, poisson or uniform")
	fs.Uint64Var(&f.seed, "seed", 1, "seed of everything random")
	fs.IntVar(&f.maxInFlight, "max-in-flight", 1000, "requests in flight at once; arrivals beyond are rows with outcome not_sent")
	fs.StringVar(&f.payload, "payload", "", "request payload: JSON text, or @FILE (default {})")
	fs.DurationVar(&f.timeout, "timeout", 60*time.Second, "the client's time-out of one request")
	fs.DurationVar(&f.warmup, "warmup", 0, "arrivals before this offset are kept apart from every figure")
	fs.Var(&f.startAt, "start-at", "moment of the first arrival, for generators that start together: RFC 3339, or +D from now (default: when ready)")
	fs.StringVar(&f.logs, "logs", "auto", "read the function's log group too: auto, off or required")
	fs.BoolVar(&f.planOnly, "plan", false, "draw the arrivals and stop; nothing is sent")

	f.emulator.registerKnobs(fs, "built-in Lambda: ")
	fs.StringVar(&f.emulator.process, "emulator-process", "", "built-in Lambda: self or child")
	_ = fs.MarkHidden("emulator-process")

	fs.StringVar(&f.out, "out", "", "run directory (default runs/TIME-VERB-NAME)")
	fs.BoolVar(&f.json, "json", false, "print summary.json instead of the table")
	fs.BoolVar(&f.quiet, "quiet", false, "no progress on stderr")
	fs.BoolVar(&f.noColor, "no-color", false, "no colour (NO_COLOR is respected too)")
}

// registerKnobs adds the control plane's knobs, each described behind prefix.
func (f *emulatorFlags) registerKnobs(fs *pflag.FlagSet, prefix string) {
	fs.StringVar(&f.keepAlive, "keep-alive", "", prefix+"how long an idle environment lives: fixed:D, halving:D or uniform:A,B")
	fs.StringVar(&f.placement, "placement", "mru", prefix+"which idle environment serves next: mru, lru or random")
	fs.StringVar(&f.limits, "limits", "auto", prefix+"scaling-rate and concurrency limits: auto or off")
	fs.IntVar(&f.concurrency, "concurrency", 1000, prefix+"the account's concurrency limit")
	fs.StringVar(&f.registry, "registry", "", prefix+"HOST:PORT that stands in for ACCOUNT.dkr.ecr.REGION.amazonaws.com")
	fs.StringVar(&f.imageCache, "image-cache", "", prefix+"folder that keeps the layers of container images (default: none are kept)")
	fs.Int64Var(&f.imageCacheMB, "image-cache-mb", images.DefaultCacheBytes>>20, prefix+"how much that folder keeps of what no function uses")
	fs.IntVar(&f.zones, "zones", 1, prefix+"availability zones; an environment serves its own zone alone (modelled)")
	fs.Float64Var(&f.proactive, "proactive", 0, prefix+"share of new environments that are initialised ahead of any request (modelled)")
	fs.BoolVar(&f.borrow, "borrow", false, prefix+"a request that waits for an init leaves for an environment that falls idle (modelled)")
	fs.DurationVar(&f.maxAge, "max-age", fleet.DefaultMaxAge, prefix+"how long an environment lives however busy it is")
	fs.BoolVar(&f.freeze, "freeze", false, prefix+"stop processes between invocations, as AWS does; a warm start costs a little more")
	fs.StringVar(&f.sandbox, "sandbox", "own", prefix+"what isolates and limits environments: own, or containers of runc or crun")
	fs.StringVar(&f.latency, "latency", "off", prefix+"modelled placement and download delay of cold starts: aws-2026 or off")
}

// check reports every fault of the flags at once.
func (f *loadFlags) check() error {
	var errs []error
	bad := func(flag, format string, a ...any) {
		errs = append(errs, fmt.Errorf("--%s: %s", flag, fmt.Sprintf(format, a...)))
	}
	if err := f.load.Validate(); err != nil {
		errs = append(errs, flagNames(err)...)
	}
	if f.maxInFlight < 1 || f.maxInFlight > 100_000 {
		bad("max-in-flight", "%d is not in [1, 100000]", f.maxInFlight)
	}
	if f.timeout <= 0 {
		bad("timeout", "%v is not above 0", f.timeout)
	}
	// A replay without a duration has that of its trace, which is not read yet.
	if f.load.Shape != record.ShapeReplay || f.load.Duration != 0 {
		if err := f.checkWarmup(); err != nil {
			errs = append(errs, err)
		}
	}
	switch f.logs {
	case "auto", "off", "required":
	default:
		bad("logs", "%q is none of auto, off, required", f.logs)
	}
	switch {
	case f.url.client != "net/http" && f.url.client != "lean":
		bad("client", "%q is neither net/http nor lean", f.url.client)
	case f.url.client == "lean" && f.url.http2:
		bad("client", "lean speaks HTTP/1.1 only; leave --http2 out")
	}
	kind, _, _ := strings.Cut(f.target, ":")
	switch {
	case f.code.given() && f.target != builtinTarget:
		bad("target", "%s: --zip, --dir and --image are the function under test already; leave one out", publicTarget(f.target))
	case f.endpoint != "" && !f.code.given() && kind != "lambda" && kind != "arn":
		bad("endpoint", "%s does not go there; give --target lambda:NAME, --zip, --dir or --image", publicTarget(f.target))
	}
	f.code.check(bad)
	f.emulator.check(bad)
	return errors.Join(errs...)
}

func (f *loadFlags) checkWarmup() error {
	if d := time.Duration(f.load.Duration); f.warmup < 0 || f.warmup >= d && f.warmup != 0 {
		return fmt.Errorf("--warmup: %v is not in [0, %v), the duration", f.warmup, d)
	}
	return nil
}

func (f *emulatorFlags) check(bad func(flag, format string, a ...any)) {
	if _, err := fleet.ParseKeepAlive(f.keepAlive); err != nil {
		bad("keep-alive", "%q: want fixed:D, halving:D or uniform:A,B, such as fixed:5m", f.keepAlive)
	}
	if _, err := fleet.ParsePlacement(f.placement); err != nil {
		bad("placement", "%q is none of mru, lru, random", f.placement)
	}
	if f.limits != "auto" && f.limits != "off" {
		bad("limits", "%q is neither auto nor off", f.limits)
	}
	if f.concurrency < 1 {
		bad("concurrency", "%d is not above 0", f.concurrency)
	}
	if f.zones < 1 || f.zones > fleet.MaxZones {
		bad("zones", "%d is not in [1, %d]", f.zones, fleet.MaxZones)
	}
	if !(f.proactive >= 0 && f.proactive <= fleet.MaxAhead) {
		bad("proactive", "%v is not in [0, %v]", f.proactive, fleet.MaxAhead)
	}
	if f.maxAge <= 0 {
		bad("max-age", "%v is not above 0", f.maxAge)
	}
	if f.sandbox != "own" && f.sandbox != "runc" && f.sandbox != "crun" {
		bad("sandbox", "%q is none of own, runc, crun", f.sandbox)
	}
	if f.latency != "off" && f.latency != emulator.ModelAWS2026 {
		bad("latency", "%q is neither %s nor off", f.latency, emulator.ModelAWS2026)
	}
}

// builtinTarget is what is measured where nothing else is named.
const builtinTarget = "emulated:hello"

func (c *codeFlags) check(bad func(flag, format string, a ...any)) {
	kinds := 0
	for _, code := range []string{c.zip, c.dir, c.image} {
		if code != "" {
			kinds++
		}
	}
	if kinds > 1 {
		bad("zip", "give one of --zip, --dir and --image")
	}
	if c.image != "" {
		c.checkImage(bad)
	} else if c.given() && c.runtime == "" {
		bad("runtime", "--zip and --dir need it: provided.al2023, nodejs22.x, python3.13, ...")
	}
	if c.memory < 128 || c.memory > 10240 {
		bad("memory", "%d is not in [128, 10240] MB", c.memory)
	}
	if c.timeout < time.Second || c.timeout > 900*time.Second || c.timeout != c.timeout.Truncate(time.Second) {
		bad("function-timeout", "%v is not a whole number of seconds in [1s, 15m]", c.timeout)
	}
	switch c.arch {
	case "", "x86_64", "arm64":
	default:
		bad("arch", "%q is neither x86_64 nor arm64", c.arch)
	}
	for _, kv := range c.env {
		if k, _, ok := strings.Cut(kv, "="); !ok || k == "" {
			bad("env", "%q is not K=V", kv)
		}
	}
}

// flagNames turns the faults of a plan into faults of flags.
func flagNames(err error) []error {
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return []error{err}
	}
	var out []error
	for _, e := range joined.Unwrap() {
		out = append(out, fmt.Errorf("--%w", e))
	}
	return out
}

// payloadBytes reads --payload.
func (f *loadFlags) payloadBytes() ([]byte, error) {
	if name, ok := strings.CutPrefix(f.payload, "@"); ok {
		b, err := os.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("--payload: %w", err)
		}
		return b, nil
	}
	return []byte(f.payload), nil
}
