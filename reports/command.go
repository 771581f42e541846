package reports

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"coldbench/record"
)

// ranWords describes the load, and how much of it there was.
func (r *Report) ranWords() string {
	words := loadWords(&r.Plan.Load)
	switch {
	case r.Interrupted:
		return "interrupted after " + span(r.Ran) + " of " + words
	case r.Partial:
		return "cut off after " + span(r.Ran) + " of " + words
	}
	return words
}

// loadWords describes the shape of the arrivals in a few words.
func loadWords(l *record.Load) string {
	d := span(time.Duration(l.Duration))
	switch l.Shape {
	case record.ShapeSteady:
		return fmt.Sprintf("%s at %s", d, rate(l.Rate))
	case record.ShapeSpiky:
		return fmt.Sprintf("%s, bursts of %s every %s over %s", d, count(int64(l.Burst)), span(time.Duration(l.Every)), rate(l.BaseRate))
	case record.ShapeWarmer:
		s := fmt.Sprintf("%s, %s every %s", d, plural(int64(l.PingConcurrency), "ping", "pings"), span(time.Duration(l.PingEvery)))
		if l.Rate > 0 {
			s += ", real traffic at " + rate(l.Rate)
		}
		if l.Burst > 0 {
			s += fmt.Sprintf(", bursts of %s every %s", count(int64(l.Burst)), span(time.Duration(l.Every)))
		}
		return s
	case record.ShapeRamp:
		return fmt.Sprintf("%s, %s → %s", d, rate(l.Rate), rate(l.RateTo))
	case record.ShapeSine:
		return fmt.Sprintf("%s, %s ± %s every %s", d, rate(l.Rate), rate(l.Amplitude), span(time.Duration(l.Period)))
	case record.ShapeReplay:
		words := d + " of a replay of " + plain(l.Trace, 60)
		if l.Speed != 0 && l.Speed != 1 {
			words += fmt.Sprintf(" at %v times its speed", l.Speed)
		}
		if l.From > 0 {
			words += " from " + span(time.Duration(l.From)) + " on"
		}
		return words
	}
	return ""
}

// argument is one flag of a command, without the dashes.
type argument struct{ flag, value string }

// Command is the command line that repeats the run, as far as the plan knows
// it, with each value quoted for a shell.
func (r *Report) Command() string { return r.command(nil) }

// command is Command with some flags replaced or added.
func (r *Report) command(change []argument) string {
	args, operands := r.arguments(), []string(nil)
	if len(r.Plan.Args) > 0 {
		args, operands = given(r.Plan.Args[1:])
	}
	for _, c := range change {
		found := false
		for i := range args {
			if args[i].flag == c.flag {
				args[i].value, found = c.value, true
			}
		}
		if !found {
			args = append(args, c)
		}
	}
	out := []string{"bench", shellWord(r.Plan.Verb)}
	for _, o := range operands {
		out = append(out, shellWord(o))
	}
	for _, a := range args {
		if a.value == "true" {
			out = append(out, "--"+a.flag)
			continue
		}
		out = append(out, "--"+a.flag, shellWord(a.value))
	}
	return strings.Join(out, " ")
}

// given splits the arguments that the plan has kept, where a flag has the form
// --flag=value. Where a run goes, what is printed of it
// and a moment that has passed are no part of it.
func given(words []string) (flags []argument, operands []string) {
	for _, w := range words {
		flag, value, ok := strings.Cut(strings.TrimPrefix(w, "--"), "=")
		switch {
		case !ok || !strings.HasPrefix(w, "--"):
			operands = append(operands, w)
		case flag == "out" || flag == "json" || flag == "quiet" || flag == "no-color" || flag == "start-at":
		default:
			flags = append(flags, argument{flag, value})
		}
	}
	return flags, operands
}

func (r *Report) arguments() []argument {
	p, l := r.Plan, &r.Plan.Load
	var args []argument
	text := func(flag, v string) {
		if v != "" {
			args = append(args, argument{flag, v})
		}
	}
	number := func(flag string, v float64) {
		if v != 0 {
			text(flag, strconv.FormatFloat(v, 'g', -1, 64))
		}
	}
	period := func(flag string, d record.Duration) {
		if d != 0 {
			text(flag, brief(time.Duration(d)))
		}
	}
	text("target", p.Target)
	text("endpoint", p.Endpoint)
	text("region", p.Region)
	text("client", p.Client)
	number("rate", l.Rate)
	number("rate-to", l.RateTo)
	number("base-rate", l.BaseRate)
	number("burst", float64(l.Burst))
	period("every", l.Every)
	period("spread", l.Spread)
	period("ping-every", l.PingEvery)
	if l.PingEvery != 0 {
		number("ping-concurrency", float64(l.PingConcurrency))
	}
	text("trace", l.Trace)
	period("duration", l.Duration)
	if l.Arrivals != "constant" {
		text("arrivals", l.Arrivals)
	}
	period("warmup", p.Warmup)
	args = append(args, argument{"seed", strconv.FormatUint(p.Seed, 10)})
	return args
}

// brief prints a duration as a flag takes it, without empty parts: 1m rather
// than 1m0s.
func brief(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// next suggests one command that would answer what this run leaves open.
func (r *Report) next() (why, command string) {
	l := &r.Plan.Load
	emulated := emulated(r.Plan.Provenance)
	switch cold := r.Starts[record.StartCold]; {
	case !r.Verdict.Valid:
		return "", ""
	case emulated && len(r.Bursts) > 1 && r.laterBurstsWarm():
		keep := time.Duration(l.Every) / 2
		return "to make every burst cold, let environments expire between bursts",
			r.command([]argument{{"keep-alive", "fixed:" + brief(keep)}})
	case emulated && cold > 0 && cold < fewColdForTail:
		return fmt.Sprintf("for a p99 of cold starts (needs %d), burst wider", fewColdForTail),
			r.spiky() + fmt.Sprintf(" --burst %d", fewColdForTail)
	case r.knownStarts() > 0 && cold == 0:
		return "to see cold starts, send a burst", r.spiky()
	case r.Dir != "":
		return "to read this run again", "bench report " + shellWord(r.Dir)
	}
	return "", ""
}

// subject are the flags that say what is measured, not how.
var subject = []string{
	"target", "zip", "dir", "handler", "runtime", "memory", "arch", "env", "function-timeout", "endpoint", "region", "profile", "latency", "zones", "proactive", "sandbox",
}

// spiky is the command that sends bursts at what this run has measured.
func (r *Report) spiky() string {
	flags, _ := given(r.Plan.Args)
	if len(r.Plan.Args) == 0 {
		flags = []argument{{"target", r.Plan.Target}}
	}
	out := "bench spiky"
	for _, f := range flags {
		if slices.Contains(subject, f.flag) {
			out += " --" + f.flag + " " + shellWord(f.value)
		}
	}
	return out
}

// fewColdForTail is how many cold starts an interval of their p99 takes.
const fewColdForTail = 368

func (r *Report) laterBurstsWarm() bool {
	var later, cold int64
	for _, b := range r.Bursts[1:] {
		later += b.Arrivals
		cold += b.Starts[record.StartCold]
	}
	return r.Bursts[0].Starts[record.StartCold] > 0 && cold*2 < later
}
