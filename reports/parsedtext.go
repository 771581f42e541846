package reports

import (
	"fmt"
	"io"
	"strings"

	"coldbench/record"
)

// WriteText writes the summary of log lines for a terminal.
func (p *Parsed) WriteText(w io.Writer, o TextOptions) error {
	t := &textPage{w: o.width(), paint: paint{o.Color}}
	tone, tag, headline := p.headline()
	indent := strings.Repeat(" ", len([]rune(tag))+2)
	t.say(t.tone(tone, tag+"  ") + t.strong(wrap(headline, t.w, indent)))
	if c := p.context(); c != "" {
		t.say(indent + t.faint(wrap(c, t.w, indent)))
	}
	r := &Report{Quantities: p.Quantities, Warnings: p.Warnings, Plan: &record.Plan{Provenance: record.Measured}, Bill: p.Bill}
	r.textWarnings(t)
	if p.Reports > 0 {
		r.textTable(t)
	}
	p.textFacts(t, r)
	return flush(w, t)
}

// headline says the cold rate and what a cold start costs, as far as the
// sample allows.
func (p *Parsed) headline() (tone Tone, tag, text string) {
	if p.Reports == 0 {
		return ToneCaution, "? Nothing", "No REPORT line was found"
	}
	c := p.ColdRate
	text = fmt.Sprintf("%s of starts were cold (%s of %s)", percent(c.Share()), count(c.K), count(c.N))
	if n := p.Starts[record.StartUnknown]; n > 0 {
		text = fmt.Sprintf("%s of known starts were cold (%s of %s, %s more unknown)", percent(c.Share()), count(c.K), count(c.N), count(n))
	}
	r := &Report{Quantities: p.Quantities}
	init := r.numbers("init", record.StartCold)
	if q, ok := init.At(0.5); ok {
		text += fmt.Sprintf("; init takes %s at p50%s", withUnit(q.Value, "ms"), tail(init))
	}
	return ToneInfo, "i Log", text
}

func (p *Parsed) context() string {
	var parts []string
	if c := p.ColdRate; c.N > 0 {
		parts = append(parts, fmt.Sprintf("cold rate between %s and %s (95%s%%, starts taken as independent)", percent(c.Lo), percent(c.Hi), nbsp))
	}
	if !p.First.IsZero() {
		const form = "2006-01-02 15:04:05"
		parts = append(parts, fmt.Sprintf("%s to %s UTC", p.First.UTC().Format(form), p.Last.UTC().Format(form)))
	}
	return strings.Join(parts, " · ")
}

func (p *Parsed) textFacts(t *textPage, r *Report) {
	t.gap()
	fact := func(name, text string) {
		label := fmt.Sprintf("%-10s", name)
		t.labelled(label, t.strong(label), text)
	}
	var starts []string
	for _, s := range record.Starts {
		if n := p.Starts[s]; n > 0 {
			starts = append(starts, count(n)+" "+string(s))
		}
	}
	if starts != nil {
		fact("Starts", fmt.Sprintf("%s = %s", count(p.Reports), strings.Join(starts, " + ")))
	}
	if p.Environments > 0 {
		fact("Platform", plural(p.Environments, "execution environment", "execution environments"))
	}
	if c := p.Concurrency; c != nil {
		fact("Busy", fmt.Sprintf("%s environments at once on average, %s in the busiest %s (from %s UTC): %s",
			sig3(c.Over), sig3(c.Peak), span(c.Bucket), c.PeakAt.Format("15:04:05"), c.spark(busySparkWidth)))
	}
	for _, e := range p.Errors[:min(len(p.Errors), 8)] {
		fact("Errors", fmt.Sprintf("%s %s, first of request %s", count(e.N), e.Type, e.Example))
	}
	if h := p.Headroom; h != nil {
		fact("Memory", fmt.Sprintf("at most %s of %s used, %s never needed", withUnit(h.MaxUsedMB, "MB"), withUnit(h.SizeMB, "MB"), percent(h.Free())))
	}
	if p.Bill != nil {
		fact("Bill", r.billSentence())
	}
	if n := p.Counts; n != nil {
		fact("Read", fmt.Sprintf("%s: %s, %s of the application, %s", plural(n.Lines, "line", "lines"),
			plural(n.Platform, "platform record", "platform records"), count(n.Application), plural(n.Broken, "unreadable", "unreadable")))
	}
}
