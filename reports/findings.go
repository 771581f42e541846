package reports

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"coldbench/record"
)

// warnTooFew marks warnings that tables already show cell by cell.
const warnTooFew = "too_few"

// ownWarnings are those that only the reader of a whole run can give.
func ownWarnings(r *Report, c *collector) []record.Warning {
	var out []record.Warning
	if len(c.functions) > 1 {
		out = append(out, record.Warning{
			Code:   "mixed_functions",
			Text:   fmt.Sprintf("the figures mix %d functions", len(c.functions)),
			Remedy: "read them apart, or send to one function at a time",
		})
	}
	if pings := r.Tag(record.TagPing); pings != nil && len(r.Tags) > 1 {
		out = append(out, record.Warning{
			Code:   "mixed_tags",
			Text:   fmt.Sprintf("figures over all rows hold %s beside the real traffic", plural(pings.Arrivals, "ping", "pings")),
			Remedy: "read the tables that tell tags apart",
		})
	}
	for _, q := range r.Quantities {
		n := &q.Rows[0].Numbers
		if n.Clamped > 0 {
			out = append(out, record.Warning{
				Code: "clamped",
				Text: fmt.Sprintf("%s of %s values of %s were below 0 or too large and are counted at the bound", count(n.Clamped), count(n.N), q.Name),
			})
		}
	}
	out = append(out, censoredWarnings(r)...)
	return append(out, tooFew(r)...)
}

// Tag finds the group of a tag, or nil.
func (r *Report) Tag(t record.Tag) *TagGroup {
	for i := range r.Tags {
		if r.Tags[i].Tag == t {
			return &r.Tags[i]
		}
	}
	return nil
}

// tooFew says once for each kind of start and sample size which quantiles are
// withheld and how many values they need.
func tooFew(r *Report) []record.Warning {
	type sample struct {
		start record.Start
		n     int64
	}
	var order []sample
	names := map[sample][]string{}
	needs := map[sample]string{}
	for _, q := range r.Quantities {
		for _, row := range q.Rows {
			if row.Numbers.N == 0 {
				continue
			}
			var lacking []string
			for _, k := range row.Numbers.Quantiles {
				if !k.OK {
					lacking = append(lacking, fmt.Sprintf("%s needs %s", quantileName(k.P), count(k.Need)))
				}
			}
			if lacking == nil {
				continue
			}
			s := sample{row.Start, row.Numbers.N}
			if names[s] == nil {
				order = append(order, s)
				needs[s] = strings.Join(lacking, ", ")
			}
			names[s] = append(names[s], q.Name)
		}
	}
	var out []record.Warning
	for _, s := range order {
		out = append(out, record.Warning{
			Code:   warnTooFew,
			Text:   fmt.Sprintf("%s (%s): n = %s is too small: %s", startName(s.start), strings.Join(names[s], ", "), count(s.n), needs[s]),
			Remedy: "send more requests of that kind",
		})
	}
	return out
}

// startName names a kind of start in tables; "" is all of them.
func startName(s record.Start) string {
	if s == "" {
		return "all"
	}
	return string(s)
}

// findings says in words what a reader of the tables might take for an error.
func findings(r *Report) []string {
	var out []string
	if model := r.Plan.Emulator["latency"]; r.Plan.Provenance == record.Modelled {
		text := "Modelled: cold starts waited for a placement and download delay that was drawn, not measured"
		if model != "" {
			text += " (" + plain(model, 200) + ")"
		}
		out = append(out, text+"; it is in response, service and residue, and in no Init Duration.")
	}
	if runs := r.Plan.Emulator["runtime"]; strings.Contains(runs, "(another version") {
		out = append(out, "The function ran on "+plain(runs, 200)+".")
	}
	for _, knob := range slices.Sorted(maps.Keys(r.Plan.Emulator)) {
		if text := r.Plan.Emulator[knob]; knob != "latency" && strings.Contains(text, "(modelled") {
			out = append(out, "Modelled: "+knob+" "+plain(text, 200)+".")
		}
	}
	if r.Warmup > 0 {
		out = append(out, fmt.Sprintf("%s to warm up: %s in no table, the bill includes them.",
			plural(r.Warmup, "arrival was sent", "arrivals were sent"), one(r.Warmup, "it counts", "they count")))
	}
	out = append(out, burstFindings(r)...)
	out = append(out, pingFindings(r)...)
	if h := r.Headroom; h != nil {
		out = append(out, fmt.Sprintf("Memory: at most %s of %s used, %s never needed.",
			withUnit(h.MaxUsedMB, "MB"), withUnit(h.SizeMB, "MB"), percent(h.Free())))
	}
	return out
}

// sharedCores says that cold starts of one burst waited for each other: on this
// machine they share its cores, on Lambda each has its own.
func sharedCores(r *Report, cold int64) string {
	if !emulated(r.Plan.Provenance) || r.Host == nil || r.Host.CPUs == 0 || cold <= int64(r.Host.CPUs) {
		return ""
	}
	return fmt.Sprintf("These %s shared the %s of this machine, so cold figures include waiting for a core, which Lambda does not have: compare equal bursts with each other, or use --burst 1.",
		plural(cold, "cold start", "cold starts"), plural(int64(r.Host.CPUs), "core", "cores"))
}

// burstFindings compares the first burst with those after it. A later burst of
// the same size is warm when the environments of the one before were still
// kept, which is what a real service does as well.
func burstFindings(r *Report) []string {
	if len(r.Bursts) == 0 || r.knownStarts() == 0 {
		return nil
	}
	first := r.Bursts[0]
	out := []string{fmt.Sprintf("The first burst, at %s, started %s of %s cold.",
		span(first.From), count(first.Starts[record.StartCold]), count(first.Arrivals))}
	if text := sharedCores(r, first.Starts[record.StartCold]); text != "" {
		out = append(out, text)
	}
	var later, cold int64
	for _, b := range r.Bursts[1:] {
		later += b.Arrivals
		cold += b.Starts[record.StartCold]
	}
	if later == 0 {
		return out
	}
	which := "the second burst"
	if n := len(r.Bursts) - 1; n > 1 {
		which = fmt.Sprintf("the %s bursts after it", count(int64(n)))
	}
	text := fmt.Sprintf("Of %s in %s, %s cold", plural(later, "arrival", "arrivals"), which, plural(cold, "was", "were"))
	if firstCold := first.Starts[record.StartCold]; firstCold > 0 && cold*2 < later {
		text += ": environments of the burst before were still kept alive" + keepAlive(r.Plan) + ", as they would be on Lambda"
	}
	return append(out, text+".")
}

// keepAlive names the keep-alive in force, where the plan knows it.
func keepAlive(p *record.Plan) string {
	if v := p.Emulator["keep_alive"]; v != "" {
		return " (keep-alive " + plain(v, 60) + ")"
	}
	if v := p.Emulator["keep-alive"]; v != "" {
		return " (keep-alive " + plain(v, 60) + ")"
	}
	return ""
}

// pingFindings says what the pings of a warmer achieved for the real traffic.
func pingFindings(r *Report) []string {
	pings := r.Tag(record.TagPing)
	if pings == nil {
		return nil
	}
	var arrivals, cold, known int64
	for _, t := range r.Tags {
		if t.Tag == record.TagPing {
			continue
		}
		arrivals += t.Arrivals
		cold += t.Starts[record.StartCold]
		for s, n := range t.Starts {
			if s != record.StartUnknown {
				known += n
			}
		}
	}
	if known == 0 {
		return nil
	}
	return []string{fmt.Sprintf("With %s every %s, %s of %s real starts were cold; %s of %s pings were.",
		plural(int64(max(r.Plan.Load.PingConcurrency, 1)), "ping", "pings"), span(time.Duration(r.Plan.Load.PingEvery)),
		count(cold), count(known), count(pings.Starts[record.StartCold]), count(pings.Arrivals))}
}
