package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"coldbench/experiment"
	"coldbench/loadgen"
	"coldbench/record"
	"coldbench/reports"
)

// runLoad is what every load verb does.
func runLoad(cmd *cobra.Command, f *loadFlags) error {
	if err := f.check(); err != nil {
		return &usageError{err}
	}
	schedule, err := loadgen.FromLoad(f.load, f.seed)
	if err != nil {
		return &usageError{err}
	}
	return runSchedule(cmd, f, schedule)
}

// runSchedule sends a schedule whose flags have been checked.
func runSchedule(cmd *cobra.Command, f *loadFlags, schedule loadgen.Schedule) error {
	if flags := f.forOthers(given(cmd.Flags())); len(flags) > 0 {
		return usagef("%s: of no meaning for %s; leave it out", strings.Join(flags, ", "), publicTarget(f.target))
	}
	n := newNarrator(cmd.ErrOrStderr(), f.quiet)
	for _, text := range f.traceNotes {
		n.say("%s", text)
	}
	if f.planOnly {
		if err := f.foreseeSubject(); err != nil {
			return err
		}
		return f.drawPlan(cmd.Context(), cmd.OutOrStdout(), n, schedule)
	}
	f.args = arguments(cmd)
	dir, err := f.measure(cmd.Context(), schedule, n)
	if err != nil {
		return err
	}
	return f.present(cmd, dir)
}

// measure sends the load and returns the finished run directory.
func (f *loadFlags) measure(ctx context.Context, schedule loadgen.Schedule, n *narrator) (dir string, err error) {
	payload, err := f.payloadBytes()
	if err != nil {
		return "", err
	}
	if left, err := os.ReadDir(f.out); f.out != "" && err == nil && len(left) > 0 {
		return "", withHint(fmt.Errorf("--out: %s is not empty, and a run is never written over", f.out), "another folder, or none: runs/TIME-VERB-NAME is the default")
	}
	arrivals, err := walk(ctx, n, schedule, loadgen.Count)
	if err == nil {
		err = f.anyOf(arrivals)
	}
	if err != nil {
		return "", err
	}
	s, err := f.openSubject(ctx, n)
	if ctx.Err() != nil {
		if err == nil {
			err = s.Close()
		}
		return "", errors.Join(errNothingSent, afterInterrupt(err))
	}
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, s.Close()) }()

	plan := f.plan(s, arrivals, len(payload))
	dir = f.out
	if dir == "" {
		dir = filepath.Join("runs", time.Now().UTC().Format("20060102T150405.000Z")+"-"+plan.Name)
	}
	host := experiment.ThisHost(version())
	host.Sandbox = s.limits
	f.announce(n, plan)

	if host.Floor, err = experiment.Floor(&host); err != nil {
		n.say("note: %v; run bench calibrate again", err)
	}
	for _, w := range loadgen.Foresee(loadgen.Config{
		Schedule: schedule, Target: s.target, MaxInFlight: f.maxInFlight, FilesPerRequest: s.filesPerRequest, SpareFiles: s.spareFiles,
	}, atMost(host.Floor, plan.Client)) {
		n.say("warning: %s; %s", w.Text, w.Remedy)
	}

	if at := f.startAt.Time; !at.IsZero() {
		n.say("the first arrival is due at %s", at.UTC().Format("2006-01-02T15:04:05.000Z"))
	}

	progress := &loadgen.Progress{}
	stop := follow(n, progress, plan)
	awaiting := context.AfterFunc(ctx, func() { n.tell("%s", waitingFor(progress.Snapshot().InFlight, f.timeout)) })
	res, err := experiment.Run(ctx, experiment.Options{
		Plan: plan, Dir: dir, Host: host, Start: f.startAt.Time,
		Schedule: schedule, Target: s.target, Payload: payload,
		FilesPerRequest: s.filesPerRequest, SpareFiles: s.spareFiles,
		Logs: s.logs, LogsWithin: f.logsWithin(s), WantStreams: s.logs != nil,
		Abort: aborted(ctx), Progress: progress, Say: n.say,
	})
	awaiting()
	stop()
	if errors.Is(err, experiment.ErrStartPassed) {
		return "", withHint(err, "give a later --start-at: functions and plan have to be ready before it")
	}
	if err != nil {
		return "", recordedIn(dir, err)
	}
	if res.LogsError != nil {
		if f.logs == "required" {
			return "", fmt.Errorf("read the log group: %w (the run without it is in %s)", apiError(res.LogsError), dir)
		}
		n.say("note: the log group could not be read: %v; REPORT lines come from the responses alone", apiError(res.LogsError))
	}
	if s.logs != nil && res.StillAwaits > 0 && res.LogsError == nil {
		n.say("note: the log group did not show %d requests within %v, so their environments are not known", res.StillAwaits, f.logsWithin(s))
	}
	linkLatest(dir)
	return dir, nil
}

// waitingFor tells who pressed Ctrl-C why bench does not end at once.
func waitingFor(replies int64, atMost time.Duration) string {
	switch replies {
	case 0:
		return "interrupted: no reply is awaited"
	case 1:
		return fmt.Sprintf("interrupted: waiting for 1 reply (at most %v); press Ctrl-C again to give it up", atMost)
	}
	return fmt.Sprintf("interrupted: waiting for %d replies (at most %v); press Ctrl-C again to give them up", replies, atMost)
}

// given says whether a flag was given on the command line. One that the
// environment sets may be meant for other calls.
func given(fs *pflag.FlagSet) func(flag string) bool {
	return func(flag string) bool {
		_, set := os.LookupEnv(environmentName(flag))
		return fs.Changed(flag) && !set
	}
}

var errNothingSent = errors.New("interrupted before the load started; nothing was sent")

// afterInterrupt leaves out what only repeats that there was an interrupt.
func afterInterrupt(err error) error {
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// logsWithin is how long late REPORT lines are waited for.
func (f *loadFlags) logsWithin(s *subject) time.Duration {
	if s.provenance != record.Measured {
		return 5 * time.Second
	}
	return 45 * time.Second // CloudWatch delivers within seconds, mostly
}

func (f *loadFlags) plan(s *subject, arrivals int64, payload int) *record.Plan {
	verb := string(f.load.Shape)
	return &record.Plan{
		Schema: record.PlanSchema, Name: verb + "-" + safeName(s.functions[0].Name), Verb: verb,
		Seed: f.seed, Provenance: s.provenance,
		Target: f.targetName(s), Endpoint: publicTarget(s.endpoint), Region: s.region, Functions: s.functions,
		Load: f.load, Warmup: record.Duration(f.warmup), Timeout: record.Duration(f.timeout),
		Client: f.httpClient(), MaxInFlight: f.maxInFlight, Arrivals: arrivals, PayloadLen: payload,
		FunctionTimeout: record.Duration(s.functionTimeout), Emulator: s.emulator,
		ExpectReports: s.expectReports, Args: f.args, Tool: version(),
	}
}

// httpClient is what the plan calls the client of an HTTP target.
func (f *loadFlags) httpClient() string {
	if kind, _, _ := strings.Cut(f.target, ":"); f.url.client == record.ClientLean && (kind == "http" || kind == "https") {
		return record.ClientLean
	}
	return ""
}

// target names what the rows are about, as a person would.
func (f *loadFlags) targetName(s *subject) string {
	if !f.code.given() {
		return publicTarget(f.target)
	}
	code := cmp.Or(f.code.dir, f.code.zip)
	if code == "" {
		code = imageName(f.code.image)
	}
	where := "lambda:"
	if s.provenance != record.Measured {
		where = "emulated:"
	}
	return where + filepath.Base(code)
}

// publicTarget strikes out what a target may hold of secrets: account numbers,
// and the user and the query of a URL.
func publicTarget(target string) string {
	u, err := url.Parse(target)
	if err != nil || u.Host == "" {
		return experiment.Redact(target)
	}
	u.User = nil
	if u.RawQuery != "" {
		u.RawQuery = "..."
	}
	return u.String()
}

// publicValue is what is written of a flag's value: of environment variables,
// headers and payloads only what names them.
func publicValue(flag, v string) string {
	switch flag {
	case "env", "header":
		if i := strings.IndexAny(v, "=:"); i >= 0 {
			return v[:i+1] + "..."
		}
		return "..."
	case "payload":
		if !strings.HasPrefix(v, "@") {
			return "..."
		}
	case "target", "endpoint":
		return publicTarget(v)
	}
	return experiment.Redact(v)
}

// arguments are what bench was called with, without secrets.
func arguments(cmd *cobra.Command) []string {
	args := append([]string{cmd.Name()}, cmd.Flags().Args()...)
	cmd.Flags().Visit(func(flag *pflag.Flag) {
		values := []string{flag.Value.String()}
		if list, ok := flag.Value.(pflag.SliceValue); ok {
			values = list.GetSlice()
		}
		for _, v := range values {
			args = append(args, "--"+flag.Name+"="+publicValue(flag.Name, v))
		}
	})
	return args
}

// safeName makes a name fit into a path.
func safeName(s string) string {
	s = strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_' || r == '.' {
			return r
		}
		return '-'
	}, s)
	return strings.Trim(fmt.Sprintf("%.60s", s), ".-")
}

func (f *loadFlags) announce(n *narrator, p *record.Plan) {
	fn := p.Functions[0]
	what := fn.Name
	if fn.MemoryMB > 0 {
		what += fmt.Sprintf(" (%s, %d MB, %s)", cmp.Or(fn.Runtime, string(fn.Package)), fn.MemoryMB, fn.Arch)
	}
	n.say("%s: %s over %v at %s, %s, seed %d", p.Verb, plural(p.Arrivals, "scheduled arrival"), shown(time.Duration(p.Load.Duration)), what, p.Provenance, p.Seed)
}

// follow shows progress until the returned function is called.
func follow(n *narrator, p *loadgen.Progress, plan *record.Plan) (stop func()) {
	quit, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(250 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-quit:
				n.done()
				return
			case <-tick.C:
				n.status("%s", progressLine(p.Snapshot(), plan))
			}
		}
	}()
	return func() { close(quit); <-done }
}

func progressLine(s loadgen.Snapshot, plan *record.Plan) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%5.1fs  %d of %d arrivals, %d in flight", s.Offset.Seconds(), s.Scheduled, plan.Arrivals, s.InFlight)
	for _, o := range record.Outcomes {
		if c := s.Outcomes[o]; c > 0 {
			fmt.Fprintf(&b, ", %s %d", o, c)
		}
	}
	return b.String()
}

// linkLatest points runs/latest at a run directory beside it. A place where
// links can't be made, or a folder of that name, is left alone.
func linkLatest(dir string) {
	latest := filepath.Join(filepath.Dir(dir), "latest")
	if st, err := os.Lstat(latest); err == nil && st.Mode()&os.ModeSymlink == 0 || filepath.Base(filepath.Dir(dir)) != "runs" {
		return
	}
	_ = os.Remove(latest)
	_ = os.Symlink(filepath.Base(dir), latest)
}

// present reads the run, writes its reports and prints the answer.
func (f *loadFlags) present(cmd *cobra.Command, dir string) error {
	return presentRun(cmd, dir, presentation{json: f.json, noColor: f.noColor, write: true, sent: true})
}

type presentation struct {
	json, noColor bool
	write         bool // write report.html and the like into the run directory
	sent          bool // just now, so that a load that was cut short has a status of its own
}

func presentRun(cmd *cobra.Command, dir string, p presentation) error {
	run, err := record.Open(dir)
	if err != nil {
		return withHint(err, "give a run directory, such as runs/latest")
	}
	r, err := reports.Build(run, reports.Options{})
	if err != nil {
		return fmt.Errorf("read run %s: %w", dir, err)
	}
	if p.write {
		if err := r.WriteFiles(dir); err != nil {
			return fmt.Errorf("write the reports: %w", err)
		}
	}
	w := cmd.OutOrStdout()
	if p.json {
		err = r.WriteJSON(w)
	} else {
		err = r.WriteText(w, reports.TextOptions{Width: terminalWidth(w), Color: colourful(w, p.noColor), NoPage: !exists(filepath.Join(dir, reports.HTMLFile))})
	}
	if err != nil {
		return fmt.Errorf("print the report: %w", err)
	}
	if p.sent && r.Interrupted {
		return errEndedEarly
	}
	if !r.Verdict.Valid {
		return errInvalid
	}
	return nil
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// atMost is how many requests a second this machine was found to send with the
// client of the run; 0 where that was not measured.
func atMost(floor *record.Floor, client string) float64 {
	if floor == nil {
		return 0
	}
	return floor.PerSecond(client)
}

// recordedIn says where the rows of a run are that could not be recorded to its
// end.
func recordedIn(dir string, err error) error {
	if info, statErr := os.Stat(filepath.Join(dir, record.RowsFile)); statErr != nil || info.Size() == 0 {
		return err
	}
	return fmt.Errorf("%w; `bench report %s` shows what was recorded until then", err, dir)
}
