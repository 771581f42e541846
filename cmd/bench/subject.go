package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	neturl "net/url"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	lambdaapi "github.com/aws/aws-sdk-go-v2/service/lambda"

	"coldbench/loadgen"
	"coldbench/logsource"
	"coldbench/record"
	"coldbench/target/lambda"
	"coldbench/target/scripted"
	"coldbench/target/url"
)

// subject is what is measured, ready to be sent at.
type subject struct {
	target        loadgen.Target
	functions     []record.Function
	provenance    record.Provenance
	expectReports bool
	logs          logsource.Source // nil: there is no log group to read
	endpoint      string
	region        string
	emulator      map[string]string // knobs in force
	limits        string            // what the sandbox enforces, "" where there is none
	// Open files that a request costs, and that are kept from requests, where the
	// built-in Lambda has this process's limit; 0 is what the target says.
	filesPerRequest, spareFiles int
	// The function's own time-out, 0 where it is not known.
	functionTimeout time.Duration
	close           []func() error // in reverse order
}

// forOthers names the flags that were given and say nothing about the kind of
// target at hand.
func (f *loadFlags) forOthers(given func(flag string) bool) []string {
	kind, _, _ := strings.Cut(f.target, ":")
	onEmulator := f.endpoint == "" && (f.code.given() || kind == "emulated")
	ours := f.code.given() || onEmulator // a function that bench makes
	other := map[string]bool{
		"handler": !f.code.given(), "runtime": !f.code.given(), "registry": !onEmulator, "image-cache": !onEmulator, "image-cache-mb": !onEmulator,
		"memory": !ours, "env": !ours, "function-timeout": !ours, "arch": !ours && f.endpoint == "",
		"keep-alive": !onEmulator, "placement": !onEmulator, "limits": !onEmulator, "concurrency": !onEmulator, "latency": !onEmulator,
		"zones": !onEmulator, "proactive": !onEmulator, "borrow": !onEmulator, "max-age": !onEmulator, "freeze": !onEmulator, "sandbox": !onEmulator,
	}
	for _, flag := range []string{"method", "header", "http2", "client"} {
		other[flag] = kind != "http" && kind != "https"
	}
	var names []string
	for _, flag := range slices.Sorted(maps.Keys(other)) {
		if other[flag] && given(flag) {
			names = append(names, "--"+flag)
		}
	}
	return names
}

func (s *subject) onClose(f func() error) { s.close = append(s.close, f) }

// Close takes down everything that was made for the run.
func (s *subject) Close() error {
	var errs []error
	for i := len(s.close) - 1; i >= 0; i-- {
		errs = append(errs, s.close[i]())
	}
	s.close = nil
	return errors.Join(errs...)
}

// openSubject resolves --target and the code flags. On error nothing is left
// behind.
func (f *loadFlags) openSubject(ctx context.Context, n *narrator) (*subject, error) {
	s := &subject{}
	err := f.fill(ctx, s, n)
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func (f *loadFlags) fill(ctx context.Context, s *subject, n *narrator) error {
	kind, name, _ := strings.Cut(f.target, ":")
	switch {
	case kind == "http" || kind == "https":
		return f.fillURL(s)
	case kind == "scripted":
		return f.fillScripted(s, name)
	case f.code.given() && f.endpoint == "":
		return f.fillEmulated(ctx, s, "", n)
	case f.code.given():
		return f.fillLambda(ctx, s, "", n)
	case kind == "emulated":
		return f.fillEmulated(ctx, s, name, n)
	case kind == "lambda":
		return f.fillLambda(ctx, s, name, n)
	case kind == "arn":
		return f.fillLambda(ctx, s, f.target, n)
	}
	return f.noSuchTarget()
}

func (f *loadFlags) noSuchTarget() error {
	return &hintError{
		err:  usagef("--target %q: no such kind of target", f.target),
		hint: "emulated:NAME, lambda:NAME[:QUALIFIER], an ARN, http(s)://..., or scripted:FILE",
	}
}

// foreseeSubject finds the faults of target and payload that openSubject and
// measure would find, as far as that takes no process and no network.
func (f *loadFlags) foreseeSubject() error {
	if _, err := f.payloadBytes(); err != nil {
		return err
	}
	kind, name, _ := strings.Cut(f.target, ":")
	s := &subject{}
	switch {
	case kind == "http" || kind == "https":
		return errors.Join(f.fillURL(s), s.Close())
	case kind == "scripted":
		return f.fillScripted(s, name)
	case f.code.dir != "" || f.code.zip != "":
		if _, err := os.Stat(f.code.dir + f.code.zip); err != nil { // one of them is given
			return fmt.Errorf("read the function: %w", err)
		}
		return nil
	case f.code.given(), kind == "lambda", kind == "arn":
		return nil
	case kind == "emulated":
		return knownBuiltin(name)
	}
	return f.noSuchTarget()
}

func (f *loadFlags) fillURL(s *subject) error {
	header, err := f.url.header()
	if err != nil {
		return err
	}
	t, err := url.New(url.Options{URL: f.target, Method: f.url.method, Header: header, HTTP2: f.url.http2, Lean: f.url.client == "lean", MaxInFlight: f.maxInFlight})
	if err != nil {
		return &usageError{fmt.Errorf("--target: %w", err)}
	}
	s.onClose(t.Close)
	s.target, s.provenance = t, record.Measured
	s.functions = []record.Function{{Name: hostOf(f.target)}}
	return nil
}

// hostOf is the name that a URL's rows go by; paths and queries may hold
// secrets.
func hostOf(target string) string {
	u, err := neturl.Parse(target)
	if err != nil {
		return "url"
	}
	return u.Host
}

func (u *urlFlags) header() (http.Header, error) {
	h := http.Header{}
	for _, text := range u.headers {
		k, v, ok := strings.Cut(text, ":")
		if k = strings.TrimSpace(k); !ok || k == "" {
			return nil, usagef("--header: %q is not 'Name: value'", text)
		}
		h.Add(k, strings.TrimSpace(v))
	}
	return h, nil
}

func (f *loadFlags) fillScripted(s *subject, file string) error {
	t, err := scripted.Open(file)
	if err != nil {
		return fmt.Errorf("--target: %w", err)
	}
	s.target, s.provenance, s.expectReports = t, record.Simulated, t.Reports()
	s.functions = []record.Function{{Name: "scripted"}}
	return nil
}

// fillLambda measures a function behind the Lambda API of AWS or of an
// endpoint. name is NAME, NAME:QUALIFIER or an ARN; "" creates one's own code.
func (f *loadFlags) fillLambda(ctx context.Context, s *subject, name string, n *narrator) error {
	access := lambda.Access{Endpoint: f.endpoint, Region: f.region, Profile: f.profile, MaxConns: f.maxInFlight}
	if u, err := neturl.Parse(f.endpoint); err == nil && f.profile == "" && isLoopback(u.Hostname()) {
		access.Anonymous = true // nobody on this machine asks for credentials
		access.Region = cmp.Or(f.region, os.Getenv("AWS_REGION"), os.Getenv("AWS_DEFAULT_REGION"), emulatorRegion)
	}
	cfg, err := access.Load(ctx)
	if err != nil {
		return err
	}
	at, err := lambda.Endpoint(cfg)
	if err != nil {
		return err
	}
	s.provenance, s.endpoint = record.Measured, f.endpoint
	if !ofAWS(at.Hostname()) {
		s.provenance, s.endpoint = record.Emulated, at.String()
		n.say("note: %s is no address of AWS, so the figures are labelled emulated", publicTarget(at.String()))
	}
	return f.attach(ctx, s, cfg, name, n)
}

func isLoopback(host string) bool { return host == "localhost" || net.ParseIP(host).IsLoopback() }

// ofAWS says whether a host is one of AWS's own, VPC endpoints included. What
// answers at any other is not known to be Lambda. Source: "Service endpoints",
// docs.aws.amazon.com/general/latest/gr/rande.html, 2026.
func ofAWS(host string) bool {
	for _, domain := range []string{".amazonaws.com", ".amazonaws.com.cn", ".api.aws", ".api.amazonwebservices.com.cn", ".amazonaws.eu"} {
		if strings.HasSuffix(host, domain) {
			return true
		}
	}
	return false
}

// attach finds or creates the function behind an SDK configuration.
func (f *loadFlags) attach(ctx context.Context, s *subject, cfg aws.Config, name string, n *narrator) error {
	api := lambdaapi.NewFromConfig(cfg)
	s.region, s.expectReports = cfg.Region, true
	var packageBytes int64
	if f.code.given() {
		made, size, err := f.code.create(ctx, api, n)
		if err != nil {
			return err
		}
		name, packageBytes = made, size
		s.onClose(func() error { return deleteFunction(api, made) })
	}
	fn, seen, err := describe(ctx, api, name)
	if err != nil {
		return err
	}
	if s.provenance == record.Emulated && seen.modelled != "" {
		s.provenance = record.Modelled
		if s.emulator == nil {
			s.emulator = map[string]string{"latency": seen.modelled + ": modelled placement and download delay, says the endpoint"}
		}
	}
	if packageBytes > 0 {
		fn.PackageBytes = packageBytes
	}
	if f.code.arch != "" && s.provenance != record.Measured { // AWS knows its own
		fn.Arch = f.code.arch
	}
	s.functions, s.functionTimeout = []record.Function{fn}, seen.timeout
	asked := fn // an ARN may lead to another account, where the name alone does not
	asked.Name = seen.asked
	t := lambda.New(cfg, []record.Function{asked})
	s.onClose(t.Close)
	s.target = t
	if f.logs != "off" && seen.logGroup != "" {
		s.logs = logsource.NewCloudWatch(cfg, seen.logGroup)
	}
	return nil
}

// hostArch names this machine's architecture as Lambda does.
func hostArch() string {
	if runtime.GOARCH == "arm64" {
		return "arm64"
	}
	return "x86_64"
}
