package main

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"net"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"coldbench/experiment"
	"coldbench/logsource"
	"coldbench/parsers"
	"coldbench/record"
	"coldbench/reports"
	"coldbench/target/lambda"
)

func newLogs() *cobra.Command {
	var f logsFlags
	cmd := &cobra.Command{
		Use:   "logs --log-group GROUP",
		Short: "Read a function's log group: the whole report, with no load sent",
		Long: `logs reads the platform's lines of a log group and says what bench parse says
of a file: cold rate, init, billed, bill, memory head-room, errors. Nothing is
invoked.

How it reads (--method):
  filter    FilterLogEvents: exact and free of charge; some 5 MB in a second
  streams   DescribeLogStreams and GetLogEvents: other permissions, and quicker
            where the window holds few environments
  insights  Logs Insights queries: quick on large groups; AWS charges for each
            GB that is scanned
  tail      StartLiveTail: follows the group until Ctrl-C or --for; --since reads
            what lies before it too`,
		Example: `  bench logs --log-group /aws/lambda/checkout --since 7d
  bench logs --log-group /aws/lambda/checkout --since 2026-11-20 --until 2026-11-21 --method insights
  bench logs --log-group /aws/lambda/checkout --method tail --for 10m
  bench logs --log-group /aws/lambda/fn --endpoint http://127.0.0.1:9000 --json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return f.run(cmd) },
	}
	fs := cmd.Flags()
	fs.SortFlags = false
	fs.StringVar(&f.group, "log-group", "", "name or ARN of the log group, such as /aws/lambda/checkout")
	fs.StringVar(&f.since, "since", "", "start: how long ago (90m, 24h, 7d) or a time (2026-11-20, 2026-11-20T15:04:05Z) (default 24h; tail: now)")
	fs.StringVar(&f.until, "until", "", "end, in the same forms (default now)")
	fs.DurationVar(&f.follow, "for", 0, "with --method tail: how long to follow; late lines are waited for a little longer")
	fs.StringVar(&f.method, "method", string(logsource.MethodFilter), "filter, streams, insights or tail")
	fs.StringVar(&f.region, "region", "", "AWS region (default: the AWS configuration)")
	fs.StringVar(&f.profile, "profile", "", "AWS profile")
	fs.StringVar(&f.endpoint, "endpoint", "", "base URL of an AWS-compatible endpoint")
	fs.StringVar(&f.arch, "arch", "x86_64", "architecture that the bill is for: x86_64 or arm64")
	fs.BoolVar(&f.json, "json", false, "print the summary as JSON")
	fs.BoolVar(&f.quiet, "quiet", false, "no progress on stderr")
	fs.BoolVar(&f.noColor, "no-color", false, "no colour (NO_COLOR is respected too)")
	return cmd
}

type logsFlags struct {
	group, since, until, method     string
	region, profile, endpoint, arch string
	follow                          time.Duration
	json, quiet, noColor            bool
}

// check turns the flags into a window, and reports every fault at once.
func (f *logsFlags) check(now time.Time) (w logsource.Window, err error) {
	var errs []error
	bad := func(format string, a ...any) { errs = append(errs, fmt.Errorf(format, a...)) }
	tail := f.method == string(logsource.MethodTail)
	if f.group == "" {
		bad("--log-group: name the log group, such as /aws/lambda/checkout")
	}
	if !slices.Contains([]string{"filter", "streams", "insights", "tail"}, f.method) {
		bad("--method: %q is none of filter, streams, insights, tail", f.method)
	}
	if f.arch != "x86_64" && f.arch != "arm64" {
		bad("--arch: %q is neither x86_64 nor arm64", f.arch)
	}
	switch {
	case f.follow != 0 && !tail:
		bad("--for: it goes with --method tail only")
	case f.follow < 0:
		bad("--for: %v is below 0", f.follow)
	case f.until != "" && tail:
		bad("--until: a tail ends with --for or Ctrl-C")
	}
	w.From, w.To = now.Add(-24*time.Hour), now
	if tail {
		w.From, w.To = now, time.Time{}
		if f.follow > 0 {
			w.To = now.Add(f.follow)
		}
	}
	if err := when(f.since, now, &w.From); err != nil {
		bad("--since: %w", err)
	}
	if err := when(f.until, now, &w.To); err != nil {
		bad("--until: %w", err)
	}
	if !w.To.IsZero() && w.To.Before(w.From) {
		bad("--since: %s is after the end, %s", stamp(w.From), stamp(w.To))
	}
	return w, errors.Join(errs...)
}

// when reads a point in time: how long ago, or a time; without a zone it is in
// UTC, as CloudWatch shows it. An empty text leaves t alone.
func when(text string, now time.Time, t *time.Time) error {
	if text == "" {
		return nil
	}
	ago, err := time.ParseDuration(text)
	if days, ok := strings.CutSuffix(text, "d"); ok && err != nil {
		if n, e := strconv.ParseFloat(days, 64); e == nil && math.Abs(n) < 36500 {
			ago, err = time.Duration(n*24*float64(time.Hour)), nil
		}
	}
	if err == nil {
		if ago < 0 {
			return fmt.Errorf("%q is in the future", text)
		}
		*t = now.Add(-ago)
		return nil
	}
	for _, form := range []string{time.RFC3339Nano, "2006-01-02T15:04:05", "2006-01-02T15:04", "2006-01-02 15:04:05", "2006-01-02"} {
		if at, err := time.Parse(form, text); err == nil {
			*t = at
			return nil
		}
	}
	return fmt.Errorf("%q is neither a duration (24h, 7d) nor a time (2026-11-20, 2026-11-20T15:04:05Z)", text)
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }

func (f *logsFlags) run(cmd *cobra.Command) error {
	w, err := f.check(time.Now())
	if err != nil {
		return &usageError{err}
	}
	n := newNarrator(cmd.ErrOrStderr(), f.quiet)
	access := f.access()
	cfg, err := access.Load(cmd.Context())
	if err != nil {
		return err
	}
	in := &groupInput{follows: f.method == string(logsource.MethodTail) && w.To.IsZero()}
	src := logsource.NewCloudWatch(cfg, f.group, func(o *logsource.CloudWatchOptions) {
		o.Method = logsource.Method(f.method)
		o.PlatformOnly = f.endpoint == "" // not every look-alike has filter patterns
		o.MustExist = true
		if access.Anonymous {
			o.Grace = time.Second // on this machine nothing is late
		}
		o.Progress = func(p logsource.Progress) { n.status("%s", readSoFar(p)) }
	})
	f.announce(n, cfg.Region, w)
	parsed, err := reports.BuildParsed(in.records(cmd.Context(), src, w, f.method), reports.ParsedOptions{
		Region: cfg.Region, Arch: f.arch, Counts: func() parsers.Counts { return in.counts },
	})
	n.done()
	if err != nil {
		return err
	}
	if in.failure != nil && in.counts.Lines == 0 {
		return f.advise(in.failure, cfg.Region)
	}
	parsed.Warnings = append(in.warnings(), parsed.Warnings...)
	if err := f.print(cmd, parsed); err != nil || in.failure == nil {
		return err
	}
	return f.advise(in.failure, cfg.Region)
}

// access reaches AWS as usual; an endpoint on this machine needs neither
// credentials nor a region.
func (f *logsFlags) access() lambda.Access {
	a := lambda.Access{Endpoint: f.endpoint, Region: f.region, Profile: f.profile}
	u, err := url.Parse(f.endpoint)
	if err != nil || f.profile != "" {
		return a
	}
	if host := u.Hostname(); host == "localhost" || net.ParseIP(host).IsLoopback() {
		a.Anonymous = true
		if a.Region == "" && os.Getenv("AWS_REGION") == "" && os.Getenv("AWS_DEFAULT_REGION") == "" {
			a.Region = emulatorRegion
		}
	}
	return a
}

func (f *logsFlags) announce(n *narrator, region string, w logsource.Window) {
	to := "Ctrl-C"
	if !w.To.IsZero() {
		to = stamp(w.To)
	}
	n.say("logs: reading %s in %s from %s to %s by %s", f.group, region, stamp(w.From), to, f.method)
	if f.method == string(logsource.MethodInsights) && f.endpoint == "" {
		n.say("note: AWS charges Logs Insights for each GB that is scanned; --method filter is free of charge")
	}
}

func (f *logsFlags) print(cmd *cobra.Command, parsed *reports.Parsed) error {
	w := cmd.OutOrStdout()
	if f.json {
		return parsed.WriteJSON(w)
	}
	return parsed.WriteText(w, reports.TextOptions{Width: terminalWidth(w), Color: colourful(w, f.noColor)})
}

// advise adds the next step to what stood in the way. Account numbers are
// struck out.
func (f *logsFlags) advise(err error, region string) error {
	told := errors.New(experiment.Redact(err.Error()))
	var denied *logsource.DeniedError
	switch {
	case errors.Is(err, logsource.ErrNoLogGroup) && !strings.Contains(f.group, "/"):
		return withHint(told, "bench logs --log-group /aws/lambda/%s", f.group)
	case errors.Is(err, logsource.ErrNoLogGroup):
		return withHint(told, "aws logs describe-log-groups --region %s --query 'logGroups[].logGroupName'; or another --region", region)
	case errors.As(err, &denied):
		return withHint(told, "allow %s on the log group to the caller, or another --method or --profile", denied.Action)
	case errors.Is(err, logsource.ErrNoCredentials):
		return withHint(told, "aws sso login, aws configure, or --profile NAME")
	}
	return told
}

func readSoFar(p logsource.Progress) string {
	s := fmt.Sprintf("%d events read in %d requests", p.Events, p.Requests)
	if p.Throttled > 0 {
		s += fmt.Sprintf(", %d throttled", p.Throttled)
	}
	if p.Done > 0 {
		s += fmt.Sprintf(", %.0f %% of the window", 100*p.Done)
	}
	return s
}

// groupInput makes platform records of a log group's events, and keeps what
// ended them early.
type groupInput struct {
	follows bool // only Ctrl-C ends it, and is no failure then
	counts  parsers.Counts
	pairing parsers.Pairing
	failure error
}

// tailSlack is how late an event of a live tail may come and still stand in
// its place: what a session leaves out is fetched within 15 seconds.
const tailSlack = 30 * time.Second

func (in *groupInput) records(ctx context.Context, src logsource.Source, w logsource.Window, method string) iter.Seq2[record.Platform, error] {
	events := in.watch(src.Events(ctx, w))
	if method == string(logsource.MethodTail) {
		events = logsource.InOrder(events, tailSlack)
	}
	return func(yield func(record.Platform, error) bool) {
		for p, err := range in.pairing.Platforms(events) {
			in.counts.Platform++
			if p.Kind == record.KindReport {
				in.counts.Reports++
			}
			if !yield(p, err) {
				break
			}
		}
		paired := in.pairing.Counts()
		in.counts.Application, in.counts.Refused = paired.Other, paired.Refused
	}
}

// watch counts events, and ends with the first error, which it keeps: what was
// read before is still reported.
func (in *groupInput) watch(events iter.Seq2[record.Event, error]) iter.Seq2[record.Event, error] {
	return func(yield func(record.Event, error) bool) {
		for e, err := range events {
			if err != nil {
				in.end(err)
				return
			}
			in.counts.Lines++
			in.counts.Bytes += int64(len(e.Message))
			if !yield(e, nil) {
				return
			}
		}
	}
}

func (in *groupInput) end(err error) {
	switch interrupted := errors.Is(err, context.Canceled); {
	case interrupted && in.follows && !errors.Is(err, logsource.ErrGaps):
	case interrupted && in.follows:
		in.failure = fmt.Errorf("interrupted: %w", logsource.ErrGaps)
	case interrupted:
		in.failure = errors.New("interrupted before the window was read to its end")
	default:
		in.failure = err
	}
}

// warnings say what changes the reading of the report.
func (in *groupInput) warnings() []record.Warning {
	var out []record.Warning
	if in.failure != nil {
		out = append(out, record.Warning{
			Code:   "partial",
			Text:   "the log group was not read to the end: " + experiment.Redact(in.failure.Error()),
			Remedy: "read it again, or a shorter window",
		})
	}
	if n := in.pairing.Counts().Refused; n > 0 {
		out = append(out, record.Warning{
			Code:   "forged_reports",
			Text:   fmt.Sprintf("%d REPORT lines are not the platform's: no START and END of their request stand before them", n),
			Remedy: "look in the function's own output for text that begins with REPORT",
		})
	}
	return out
}
