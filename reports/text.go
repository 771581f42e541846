package reports

import (
	"bytes"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"coldbench/record"
	"coldbench/stats"
)

// TextOptions shape the terminal's view.
type TextOptions struct {
	Width  int  // columns, at least 60; 0 is 80
	Color  bool // colour as decoration; no meaning hangs on it
	NoPage bool // report.html was not written
}

func (o TextOptions) width() int {
	switch {
	case o.Width == 0:
		return 80
	case o.Width < 60:
		return 60
	}
	return min(o.Width, 140)
}

// textPage collects the lines of the terminal's view.
type textPage struct {
	bytes.Buffer
	w int
	paint
}

// WriteText writes the report for a terminal: verdict, what changes its
// reading, key figures, tables, footnotes, and what to try next.
func (r *Report) WriteText(w io.Writer, o TextOptions) error {
	p := &textPage{w: o.width(), paint: paint{o.Color}}
	r.textBanner(p)
	r.textWarnings(p)
	r.textKeys(p)
	r.textSparks(p)
	r.textTable(p)
	r.textConnections(p)
	r.textTags(p)
	r.textOutcomes(p)
	r.textFindings(p)
	r.textNext(p, !o.NoPage)
	return flush(w, p)
}

func flush(w io.Writer, p *textPage) error {
	if _, err := io.WriteString(w, ordinary(p.String())); err != nil {
		return fmt.Errorf("write report as text: %w", err)
	}
	return nil
}

func (p *textPage) say(s string) {
	p.WriteString(s)
	p.WriteByte('\n')
}

func (p *textPage) gap() { p.WriteByte('\n') }

// labelled writes text wrapped behind a label of fixed width, painted.
func (p *textPage) labelled(label, painted, text string) {
	indent := strings.Repeat(" ", len([]rune(label)))
	p.say(painted + wrap(text, p.w, indent))
}

// subject names what was measured.
func (r *Report) subject() string {
	if name := r.functionName(); name != "" {
		return plain(name, 100)
	}
	return plain(r.Plan.Target, 100)
}

func (r *Report) functionName() string {
	if len(r.Plan.Functions) > 0 {
		return r.Plan.Functions[0].Name
	}
	return ""
}

// context lists where the figures come from: function, load, date, place.
func (r *Report) context(withRun bool) []string {
	var out []string
	add := func(s string) {
		if s != "" {
			out = append(out, plain(s, 120))
		}
	}
	if len(r.Plan.Functions) > 0 {
		f := r.Plan.Functions[0]
		add(f.Runtime)
		if f.Package == record.PackageImage {
			add("container image")
		}
		if f.MemoryMB > 0 {
			add(count(int64(f.MemoryMB)) + nbsp + "MB")
		}
		add(f.Arch)
		if f.Qualifier != "" {
			add("version " + f.Qualifier)
		}
	}
	add(r.Plan.Region)
	add(r.ranWords())
	if !r.Plan.StartedAt.IsZero() {
		add(r.Plan.StartedAt.UTC().Format("2006-01-02 15:04") + " UTC")
	}
	if withRun && r.Dir != "" {
		add("run " + filepath.Base(r.Dir))
	}
	return out
}

func (r *Report) textBanner(p *textPage) {
	head := "bench " + plain(r.Plan.Verb, 20) + " · " + r.subject()
	p.say(p.strong(head) + p.faint(" · "+string(r.Plan.Provenance)))
	p.say(p.faint(wrap(strings.Join(r.context(false), " · "), p.w, "")))
	p.gap()
	b := r.Banner()
	label := b.Tag + "  "
	indent := strings.Repeat(" ", len([]rune(label)))
	lines := strings.Split(wrap(b.Headline, p.w-len(indent), ""), "\n")
	for i, line := range lines {
		if i == 0 {
			p.say(p.tone(b.Tone, label) + p.strong(line))
			continue
		}
		p.say(indent + p.strong(line))
	}
	if b.Detail != "" {
		p.say(indent + wrap(b.Detail, p.w, indent))
	}
	p.say(indent + p.faint(wrap(b.Limit, p.w, indent)))
}

func (r *Report) textWarnings(p *textPage) {
	for i, reason := range r.Verdict.Reasons {
		p.gap()
		if i > 0 { // the first is the headline
			p.labelled("  ! ", p.tone(ToneBad, "  ! "), sentence(plain(reason.Text, 500)))
		}
		if reason.Remedy != "" {
			p.labelled("    → ", "    → ", sentence(plain(reason.Remedy, 500)))
		}
	}
	for _, w := range r.Warnings {
		if w.Code == warnTooFew {
			continue // the table says it cell by cell
		}
		p.gap()
		p.labelled("  ▪ ", p.tone(ToneCaution, "  ▪ "), sentence(plainKeep(w.Text)))
		if w.Remedy != "" {
			p.labelled("    → ", "    → ", sentence(plain(w.Remedy, 500)))
		}
	}
}

// plainKeep is plain for our own texts, whose fixed spaces are graphic.
func plainKeep(s string) string { return plain(s, 600) }

// keyFigure is one of the few numbers that a reader takes away.
type keyFigure struct{ Name, Value, Sub string }

// keyFigures picks four figures that the sample supports.
func (r *Report) keyFigures() []keyFigure {
	var out []keyFigure
	if r.knownStarts() > 0 {
		out = append(out, r.quantileFigure(record.StartCold), r.quantileFigure(record.StartWarm))
		c := r.ColdRate
		out = append(out, keyFigure{
			"Cold starts", percent(c.Share()),
			fmt.Sprintf("%s of %s · %s–%s", count(c.K), count(c.N), sig3(c.Lo*100), percent(c.Hi)),
		})
	} else {
		out = append(out, r.quantileAt("", 0.5, "Response p50"), r.tailFigure())
		out = append(out, keyFigure{"Starts", "unknown", "no log tells cold from warm"})
	}
	return append(out, r.errorFigure())
}

// quantileFigure is the p99 of a kind, or the highest quantile below it that
// the sample supports.
func (r *Report) quantileFigure(s record.Start) keyFigure {
	n := r.numbers("response", s)
	for _, p := range []float64{0.99, 0.9} {
		if _, ok := n.At(p); ok {
			return r.quantileAt(s, p, "")
		}
	}
	return r.quantileAt(s, 0.5, "")
}

// tailFigure is the highest quantile of all that the sample supports, or the
// slowest where that is the median, which stands beside it.
func (r *Report) tailFigure() keyFigure {
	n := r.numbers("response", "")
	if _, ok := n.At(0.9); ok {
		return r.quantileFigure("")
	}
	if n.N == 0 {
		return keyFigure{"Slowest response", "none", "no request ended well"}
	}
	return keyFigure{"Slowest response", n.maxText() + nbsp + "ms", "of " + count(n.N) + "; p90 needs " + count(stats.MinN(0.9, stats.Level))}
}

func (r *Report) quantileAt(s record.Start, p float64, name string) keyFigure {
	if name == "" {
		name = curveName(s) + " " + quantileName(p)
		if s == "" {
			name = "Response " + quantileName(p)
		}
	}
	n := r.numbers("response", s)
	if n.N == 0 {
		return keyFigure{name, "none", "no " + strings.TrimSpace(string(s)+" start") + " was seen"}
	}
	q, ok := n.At(p)
	if !ok {
		return keyFigure{name, "n too small", fmt.Sprintf("n = %s, needs %s", count(n.N), count(q.Need))}
	}
	return keyFigure{name, q.ms(), interval(q) + " · n = " + count(n.N)}
}

// errorFigure counts what did not end well; where nothing failed it gives the
// upper bound that the count still allows.
func (r *Report) errorFigure() keyFigure {
	n := r.Failed()
	if n == 0 {
		return keyFigure{"Errors", "0 of " + count(r.Arrivals), "at most " + percent(stats.UpperBoundZero(r.Arrivals)) + " at 95" + nbsp + "%"}
	}
	return keyFigure{"Errors", count(n), fmt.Sprintf("%s of %s arrivals", percent(float64(n)/float64(r.Arrivals)), count(r.Arrivals))}
}

func (r *Report) textKeys(p *textPage) {
	p.gap()
	keys := r.keyFigures()
	cols, longest := 4, 0
	for _, k := range keys {
		longest = max(longest, len([]rune(k.Sub)), len([]rune(k.Value)), len([]rune(k.Name)))
	}
	if longest+4 > p.w/cols { // two before, two between
		cols = 2
	}
	each := p.w / cols
	for i := 0; i < len(keys); i += cols {
		if i > 0 {
			p.gap()
		}
		row := keys[i:min(i+cols, len(keys))]
		p.columns(row, each, func(k keyFigure) (string, string) { return k.Name, p.faint(k.Name) })
		p.columns(row, each, func(k keyFigure) (string, string) { return k.Value, p.strong(k.Value) })
		p.columns(row, each, func(k keyFigure) (string, string) { return k.Sub, k.Sub })
	}
}

func (p *textPage) columns(row []keyFigure, each int, cell func(keyFigure) (plain, painted string)) {
	var line strings.Builder
	for i, k := range row {
		text, painted := cell(k)
		line.WriteString("  " + painted)
		if i < len(row)-1 {
			line.WriteString(strings.Repeat(" ", max(each-2-len([]rune(text)), 1)))
		}
	}
	p.say(line.String())
}

func (r *Report) textOutcomes(p *textPage) {
	p.gap()
	var parts []string
	for _, o := range record.Outcomes {
		if n := r.Outcomes[o]; n > 0 || o == record.OK {
			parts = append(parts, r.outcomeCount(o, n))
		}
	}
	line := fmt.Sprintf("%s = %s", count(r.Arrivals), strings.Join(parts, " + "))
	p.labelled("Arrivals  ", p.strong("Arrivals  "), line)
	if r.Join.Matched+r.Join.Missing > 0 {
		text := fmt.Sprintf("%s joined, %s missing, %s unclaimed; %s", plural(r.Join.Matched, "REPORT", "REPORTs"),
			count(r.Join.Missing), count(r.Join.Unclaimed), r.environmentWords())
		p.labelled("Platform  ", p.strong("Platform  "), text)
	}
	for _, e := range r.Errors[:min(len(r.Errors), 5)] {
		text := r.outcomeCount(e.Outcome, e.N)
		if e.Type != "" {
			text += " " + e.Type
		}
		if e.Example != "" {
			text += ": " + plain(e.Example, 160)
		}
		p.labelled("Errors    ", p.tone(ToneBad, "Errors    "), text)
	}
	if line := r.generatorLine(); line != "" {
		p.labelled("Generator ", p.strong("Generator "), line)
	}
	if r.Bill != nil {
		p.labelled("Bill      ", p.strong("Bill      "), r.billSentence())
	}
}

// billSentence says what the run would be charged on AWS, and by which prices.
func (r *Report) billSentence() string {
	b := r.Bill
	text := fmt.Sprintf("%s for %s and %s GB-s, prices of %s", usd(b.USD), plural(b.Invocations, "request", "requests"), sig3(b.GBSeconds), b.Tariff)
	if b.Invocations > 0 {
		text += fmt.Sprintf("; a million such requests: %s", usd(b.USD/float64(b.Invocations)*1e6))
	}
	if r.Plan.Provenance != record.Measured {
		text += "; nothing was charged"
	}
	return text + "."
}

// outcomeCount says how many arrivals had an outcome: 2 function errors.
func (r *Report) outcomeCount(o record.Outcome, n int64) string {
	name := outcomeName(r.Plan, o)
	switch o {
	case record.FunctionError, record.TimedOut, record.TransportError:
		name += one(n, "", "s")
	}
	return count(n) + " " + name
}

// outcomeName is an outcome in words. At an address there is no function that
// could have failed.
func outcomeName(p *record.Plan, o record.Outcome) string {
	if o == record.FunctionError && p.OverHTTP() {
		return "HTTP error"
	}
	return strings.ReplaceAll(string(o), "_", " ")
}

func (r *Report) textFindings(p *textPage) {
	if len(r.Findings) == 0 {
		return
	}
	p.gap()
	for _, f := range r.Findings {
		p.labelled("· ", p.faint("· "), f)
	}
}

func (r *Report) textNext(p *textPage, page bool) {
	p.gap()
	switch {
	case r.Dir == "":
	case page:
		p.labelled("Report    ", p.strong("Report    "), plain(filepath.Join(r.Dir, "report.html"), 0))
	default:
		p.labelled("Report    ", p.strong("Report    "), "no page was written yet; bench report with --write does")
	}
	if why, command := r.next(); command != "" {
		p.labelled("Next      ", p.strong("Next      "), why+":")
		p.say("          " + command)
	}
}
