package record

import (
	"fmt"
	"maps"
	"time"
)

// Limits beyond which a run may not be quoted.
const (
	// MaxNotSentShare is the share of arrivals that the generator may fail to
	// send, and MaxMissingShare the share of REPORTs that may be lacking. Both
	// are 1 in 1,000: more than that and the p99.9 of what is left is no longer
	// that of what was planned.
	MaxNotSentShare = 0.001
	MaxMissingShare = 0.001
	// A request was late if its lag is above the larger of MaxLagFloor and
	// MaxLagShare of its own service time: below 1 ms a general-purpose kernel
	// decides, and what is above a tenth of the service time is part of the
	// figure. MaxLateShare is how many may be late, so that the p99 of a
	// response is the target's, and one may be in any case. docs/decisions/0004
	// tells why each request is held against its own service time, 0007 why one
	// alone refuses no run.
	MaxLagFloor  = time.Millisecond
	MaxLagShare  = 0.1
	MaxLateShare = 0.01
	// FewColdStarts is the number below which cold figures get a warning: the
	// two-sided 95 % interval of a p90 by order statistics has an upper end
	// from n = 36 on, as 0.9^35 = 0.0250 and 0.9^36 = 0.0225 <= 0.025.
	FewColdStarts = 36
)

// Check says whether a run may be quoted, with every reason why not, and what
// changes the reading of its figures. Codes are stable; texts name figures and
// remedies the flag or command to try. Reasons and the warnings are never nil.
func Check(p *Plan, e Evidence) (Verdict, []Warning) {
	c := checker{p: p, e: &e, reasons: []Reason{}, warnings: []Warning{}}
	switch {
	case e.Rows == 0 && e.Warmup > 0:
		c.refuse("no_arrivals", "raise --duration, or lower --warmup", "all %d arrivals belong to the warm-up", e.Warmup)
	case e.Rows == 0 && e.Interrupted:
		c.refuse("no_arrivals", "let the run reach its first arrival", "the run was interrupted before the first of %d planned arrivals", p.Arrivals)
	case e.Rows == 0:
		c.refuse("no_arrivals", "raise --rate, --burst or --duration, and look whether the run directory is complete",
			"no arrival is recorded; %d were planned", p.Arrivals)
	default:
		c.conservation()
		c.notSent()
		c.lag()
		c.allFailed()
		c.missing()
	}
	c.partial()
	c.lateMachine()
	c.start()
	c.failures()
	c.coldStarts()
	c.platform()
	c.memory()
	return Verdict{Valid: len(c.reasons) == 0, Reasons: c.reasons}, c.warnings
}

// checker collects what Check finds.
type checker struct {
	p        *Plan
	e        *Evidence
	reasons  []Reason
	warnings []Warning
}

func (c *checker) refuse(code, remedy, format string, a ...any) {
	c.reasons = append(c.reasons, Reason{Code: code, Text: fmt.Sprintf(format, a...), Remedy: remedy})
}

func (c *checker) warn(code, remedy, format string, a ...any) {
	c.warnings = append(c.warnings, Warning{Code: code, Text: fmt.Sprintf(format, a...), Remedy: remedy})
}

// whole says that the run came to its planned end, so that its positions have
// no holes.
func (c *checker) whole() bool { return !c.e.NeverClosed && !c.e.Interrupted }

// recorded is the number of all rows.
func (c *checker) recorded() int64 { return c.e.Rows + c.e.Warmup }

func (c *checker) conservation() {
	var sum int64
	for _, n := range c.e.Outcomes {
		sum += n
	}
	if sum != c.e.Rows {
		c.refuse("not_conserved", "report this as a fault of coldbench", "%d rows have %d outcomes", c.e.Rows, sum)
	}
	if all := c.recorded(); c.p.Arrivals > 0 && all > c.p.Arrivals {
		c.refuse("not_conserved", "look whether two runs share the directory",
			"%d rows are recorded for %d planned arrivals", all, c.p.Arrivals)
		return
	}
	if !c.whole() || c.e.Conservation.N() == 0 || c.recorded() < c.p.Arrivals {
		return
	}
	if err := c.e.Conservation.Check(); err != nil {
		c.refuse("not_conserved", "repeat the run; if it happens again, report it as a fault of coldbench", "%v", err)
	}
}

// notSent leaves out what a signal cut off: those arrivals were never due.
func (c *checker) notSent() {
	cut := c.e.NotSentBy[ErrInterrupted]
	n, of := c.e.Outcomes[NotSent]-cut, c.e.Rows-cut
	if n <= 0 || float64(n) <= MaxNotSentShare*float64(of) {
		return
	}
	causes := maps.Clone(c.e.NotSentBy)
	delete(causes, ErrInterrupted)
	why, most := mostFrequent(causes)
	remedy := map[string]string{
		ErrInFlightCap: "raise --max-in-flight, or lower --rate or --burst",
		ErrFileLimit:   "raise the limit of open files (ulimit -n), or lower --max-in-flight",
		ErrPortLimit:   "widen the range of local ports (sysctl net.ipv4.ip_local_port_range), or lower --max-in-flight",
		ErrGrowthLimit: "spread the burst (--spread), or lower --rate",
		ErrNoRequest:   "check --payload and --target",
	}[why]
	if remedy == "" {
		remedy = "lower --rate or --burst, or use a larger machine"
	}
	text := fmt.Sprintf("%d of %d arrivals (%s) were not sent, limit %s", n, of, percent(n, of), share(MaxNotSentShare))
	if most > 0 {
		text += fmt.Sprintf("; most for %s (%d)", why, most)
	}
	c.refuse("not_sent", remedy, "%s", text)
}

func (c *checker) lag() {
	late, sent := c.e.Late, c.e.Rows-c.e.Outcomes[NotSent]
	if late <= 1 || float64(late) <= MaxLateShare*float64(sent) {
		return
	}
	text := fmt.Sprintf("the generator was late: %d of %d requests (%s) were sent more than %s and a tenth of their own service time after they were due, limit %s",
		late, sent, percent(late, sent), inMs(MaxLagFloor), share(MaxLateShare))
	if c.e.LagP99.Valid {
		text += "; lag p99 is " + inMs(c.e.LagP99.Value)
	}
	why, remedy := c.whyLate()
	c.refuse("lag", remedy, "%s", text+why)
}

// whyLate compares a late generator with the floor of its machine.
func (c *checker) whyLate() (text, remedy string) {
	f := c.e.Floor
	if f == nil {
		return "", "lower --rate or --burst" + c.leaner() + ", leave a core free for the generator, or run the target on another machine; `bench calibrate` tells what this one allows"
	}
	most := f.PerSecond(c.p.Client)
	text = fmt.Sprintf("; at best this machine wakes the generator %s late at p99 and sends %.0f requests/s (bench calibrate, %s)",
		inMs(f.WakeUpP99), most, f.MeasuredAt.UTC().Format(time.DateOnly))
	switch {
	case f.WakeUpP99 > MaxLagFloor:
		return text, "give the machine a second core, or generate the load on another: this one is that late by itself"
	case float64(c.e.PeakPerSecond) > most/2:
		return text, fmt.Sprintf("lower --rate or --burst%s: the busiest second has %d arrivals, more than half of what client and server reach together on this machine", c.leaner(), c.e.PeakPerSecond)
	}
	return text, "repeat the run when nothing else uses the processors, or run the target on another machine: this one can be on time at this rate"
}

// leaner names the client that costs less, where it could have been taken.
func (c *checker) leaner() string {
	if !c.p.OverHTTP() || c.p.Client == ClientLean {
		return ""
	}
	return ", use --client lean (HTTP/1.1, half the CPU)"
}

// lateMachine warns of a machine that is late by itself, whether or not it was
// in this run.
func (c *checker) lateMachine() {
	if f := c.e.Floor; f != nil && f.WakeUpP99 > MaxLagFloor {
		c.warn("late_machine", "give the machine a second core, or generate the load on another",
			"bench calibrate found that this machine wakes a sleeper %s late at p99; a verdict allows %s where replies are quick", inMs(f.WakeUpP99), inMs(MaxLagFloor))
	}
}

// start warns of what went wrong before the first arrival, or was left behind
// after the last.
func (c *checker) start() {
	if d := c.e.StartMissed; d > MaxLagFloor {
		c.warn("start_missed", "repeat the run; with --start-at, leave more time before it",
			"the generator was ready %s after its start: what was due until then was sent late", inMs(d))
	}
	if why := c.e.PreconnectError; why != "" {
		c.warn("preconnect", "check --target; with --start-at, leave more time before it",
			"not all connections could be opened ahead of the load, so requests waited for theirs: %s", why)
	}
	if n := c.e.Abandoned; n > 0 {
		c.warn("abandoned", "report this as a fault of coldbench, with the kind of target",
			"%d attempts went on after their time was over; what they did to the target or to later requests is not known", n)
	}
}

func (c *checker) allFailed() {
	if c.e.Outcomes[OK] > 0 {
		return
	}
	text := fmt.Sprintf("none of %d arrivals was answered without an error", c.e.Rows)
	if why, n := mostFrequent(c.e.Errors); n > 0 {
		text += fmt.Sprintf("; most frequent: %s (%d)", why, n)
	}
	what := "check --target and the function itself"
	if c.p.OverHTTP() {
		what = "check --target and the server behind it"
	}
	c.refuse("all_failed", what+"; `zstdcat rows.jsonl.zst` shows each row with its error", "%s", text)
}

func (c *checker) missing() {
	m, of := c.e.Join.Missing, c.e.Join.Expected
	if n, all := c.e.Join.NoRequestID, of+c.e.Join.NoRequestID; c.p.ExpectReports && float64(n) > MaxMissingShare*float64(all) {
		c.refuse("no_request_id", noIDRemedy, "%d of %d answered rows (%s) carry no request id, so no REPORT can be joined to them, limit %s",
			n, all, percent(n, all), share(MaxMissingShare))
	}
	if !c.p.ExpectReports || m == 0 || float64(m) <= MaxMissingShare*float64(of) {
		return
	}
	c.refuse("missing_reports", "logs arrive late: read them again with `bench report` after a minute, or check the permission to read the log group",
		"%d of %d REPORTs (%s) are missing, limit %s; the first is of request %s", m, of, percent(m, of), share(MaxMissingShare), first(c.e.Join.MissingIDs))
}

const noIDRemedy = "check that what stands behind --endpoint passes the header x-amzn-RequestId on"

func (c *checker) partial() {
	if c.e.Interrupted {
		c.warn("interrupted", "let the run end for figures of the whole plan",
			"the run was interrupted: %d arrivals were planned, %d are recorded", c.p.Arrivals, c.recorded())
		return
	}
	if c.recorded() < c.p.Arrivals || c.e.NeverClosed {
		c.warn("partial", "repeat the run for figures of the whole plan",
			"the run is partial: %d arrivals were planned, %d are recorded", c.p.Arrivals, c.recorded())
	}
}

func (c *checker) failures() {
	o, n := c.e.Outcomes, c.e.Rows
	if t := o[Throttled]; t > 0 {
		remedy := "raise the concurrency limit (emulator: --concurrency), or lower --burst"
		if c.p.OverHTTP() {
			remedy = "lower --rate or --burst, or raise what the target allows"
		}
		c.warn("throttled", remedy,
			"%d of %d arrivals (%s) were throttled; they have no place in the figures of answered requests", t, n, percent(t, n))
	}
	if f := o[FunctionError]; f > 0 {
		what := "a function error"
		if c.p.OverHTTP() {
			what = "an HTTP error (status 4xx or 5xx)"
		}
		c.warn("function_errors", "`zstdcat rows.jsonl.zst` in the run directory shows each row with its error",
			"%d of %d arrivals (%s) ended in %s; an error may be faster than an answer", f, n, percent(f, n), what)
	}
	if r := c.e.Redirects; r > 0 {
		c.warn("redirects", "give the address that they lead to as --target",
			"%d of %d arrivals (%s) were answered with a redirect, which nobody followed: their times are those of the redirect, not of what it leads to", r, n, percent(r, n))
	}
	if f := o[TimedOut]; f > 0 {
		remedy := "raise --timeout or --function-timeout"
		if c.p.OverHTTP() {
			remedy = "raise --timeout to learn how long they take"
		}
		c.warn("timeouts", remedy,
			"%d of %d arrivals (%s) timed out; they took at least what was waited and count with that in the ranks, so a percentile that falls among them is a lower bound (≥)", f, n, percent(f, n))
	}
	g := c.e.Errors[ErrInterrupted]
	if g > 0 {
		c.warn("given_up", "press Ctrl-C once to wait for the replies",
			"%d of %d arrivals (%s) were given up at the second Ctrl-C; they count in the ranks with what was waited until the last arrival, as lower bounds (≥)", g, n, percent(g, n))
	}
	if f := o[TransportError] + o[Rejected] - g; f > 0 {
		if c.p.OverHTTP() {
			c.warn("not_served", "look whether the server of --target runs, and how many connections it takes",
				"%d of %d arrivals (%s) were refused or got no complete reply", f, n, percent(f, n))
			return
		}
		c.warn("not_served", "check --target, --endpoint and the permission to invoke",
			"%d of %d arrivals (%s) were refused or got no complete reply before a function answered", f, n, percent(f, n))
	}
}

func (c *checker) coldStarts() {
	if c.e.Join.Matched == 0 {
		return
	}
	if n := c.e.Starts[StartCold]; n < FewColdStarts {
		c.warn("few_cold_starts", "use a larger --burst, a longer --duration or a shorter --keep-alive",
			"%d cold starts among %d requests with a REPORT: %d are needed before the p90 of cold starts has an interval", n, c.e.Join.Matched, FewColdStarts)
	}
}

func (c *checker) platform() {
	j := c.e.Join
	if j.Disagreeing > 0 {
		c.warn("disagreeing_evidence", "read platform.log.zst of the run directory for one of them, and report it with those lines",
			"the evidence on %d of %d starts contradicts itself; they count as unknown", j.Disagreeing, j.Matched)
	}
	if n := j.NoStream; n > 0 && j.Environments > 0 {
		c.warn("unknown_environments", "none for this run: CloudWatch had not delivered their lines; `bench logs` reads the group later",
			"the log group did not show %d of %d requests, so the count of environments (%d) is a lower bound", n, j.Matched, j.Environments)
	}
	if n := c.e.EmulatorReports; n > 0 {
		c.warn("foreign_emulator", "compare with `--target emulated:NAME`, or a deployed function",
			"%d REPORTs have a shape that only another emulator prints: their init and memory figures are not true", n)
	}
	if n := c.e.TruncatedReports; n > 0 {
		c.warn("truncated_reports", "read the log group instead of the response's tail",
			"%d REPORTs are cut: an Init Duration may be lost", n)
	}
	if n := j.NoRequestID; n > 0 && float64(n) <= MaxMissingShare*float64(j.Expected+n) {
		c.warn("no_request_id", noIDRemedy, "%d answered rows carry no request id, so no REPORT can be joined to them", n)
	}
	if c.p.ExpectReports && j.Missing > 0 && float64(j.Missing) <= MaxMissingShare*float64(j.Expected) {
		c.warn("missing_reports", "logs arrive late: read them again with `bench report` after a minute",
			"%d of %d REPORTs are missing; the first is of request %s", j.Missing, j.Expected, first(j.MissingIDs))
	}
}

// memory warns where the REPORTs of one function print several memory sizes:
// it was changed during the run, and one table would mix two functions.
func (c *checker) memory() {
	sizes := map[int]int{}
	for cell := range c.e.Memory {
		sizes[cell.Function]++
	}
	for fn := range max(len(c.p.Functions), 1) {
		if sizes[fn] < 2 {
			continue
		}
		c.warn("mixed_memory", "leave the function's configuration alone during a run",
			"function %s ran with %d memory sizes (%s); the tables mix them", c.name(fn), sizes[fn], memorySizes(c.e.Memory, fn))
	}
}

func (c *checker) name(fn int) string {
	if fn < len(c.p.Functions) && c.p.Functions[fn].Name != "" {
		return c.p.Functions[fn].Name
	}
	return fmt.Sprint(fn)
}
