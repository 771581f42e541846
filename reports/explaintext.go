package reports

import (
	"fmt"
	"io"
	"path/filepath"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"coldbench/cost"
	"coldbench/record"
)

// WriteText writes the explanation for a terminal. Texts from outside are
// escaped, so that no log line can move the cursor: a tab is shown as \t.
func (x *Explanation) WriteText(w io.Writer, o TextOptions) error {
	p := &textPage{w: o.width(), paint: paint{o.Color}}
	j := &x.Joined
	head := "bench explain · run " + plain(filepath.Base(x.Dir), 100)
	p.say(p.strong(head) + p.faint(" · "+string(x.Plan.Provenance)))
	p.say(p.kind(j.Start, marker(j.Start)+" "+string(j.Start)) + "  " + x.headline())
	x.textRow(p)
	x.textStart(p)
	x.textReport(p)
	x.textAround(p)
	x.textArithmetic(p)
	for _, s := range x.Unexplored {
		p.say(wrap("not explained: "+plainKeep(s), p.w, "  "))
	}
	return flush(w, p)
}

// headline names the request and its outcome.
func (x *Explanation) headline() string {
	j := &x.Joined
	text := "seq " + strconv.FormatInt(j.Seq, 10)
	if j.RequestID != "" {
		text = "request " + plain(j.RequestID, 100) + " (" + text + ")"
	}
	text += ": " + outcomeName(x.Plan, j.Outcome)
	if j.Answered() {
		text += ", response " + exactMs(j.Response())
	}
	return text
}

// fact writes one line of a section.
func (p *textPage) fact(name, text string) {
	label := fmt.Sprintf("  %-12s ", name)
	p.labelled(label, p.faint(label), text)
}

// verbatim writes a line of a log, escaped and not wrapped, so that it can be
// copied.
func (p *textPage) verbatim(label, text string) { p.say(p.faint(label) + escaped(text)) }

func (p *textPage) section(name, at string) {
	p.gap()
	if at != "" {
		at = p.faint("  " + at)
	}
	p.say(p.strong(name) + at)
}

func (x *Explanation) textRow(p *textPage) {
	j := &x.Joined
	p.section("Row, as the client saw it", x.place(x.Row))
	what := plain(x.function().Name, 100)
	if j.Tag != "" {
		what += ", " + plain(string(j.Tag), 20)
	}
	if j.Phase == record.PhaseWarmup {
		what += ", warm-up: no part of the figures"
	}
	if what = strings.TrimPrefix(what, ", "); what != "" {
		p.fact("function", what)
	}
	p.fact("intended", exactMs(j.Intended)+" after the start of the run"+clock(x.Plan.StartedAt, j.Intended))
	if j.Sent > 0 {
		p.fact("sent", exactMs(j.Sent)+"; lag "+exactMs(j.Lag())+" = sent − intended")
	}
	if j.FirstByte > 0 {
		p.fact("first byte", exactMs(j.FirstByte)+"; TTFB "+exactMs(j.TTFB())+" = first byte − sent")
	}
	if j.Answered() {
		p.fact("done", exactMs(j.Done)+"; response "+exactMs(j.Response())+" = done − intended, service "+exactMs(j.Service())+" = done − sent")
	}
	if c := connWords(&j.Conn); c != "" {
		p.fact("connection", c)
	}
	p.fact("outcome", outcomeWords(x.Plan, &j.Invocation))
	if j.RequestBytes > 0 || j.ResponseBytes > 0 {
		p.fact("payload", fmt.Sprintf("%s bytes sent, %s received", count(j.RequestBytes), count(j.ResponseBytes)))
	}
}

func clock(start time.Time, offset time.Duration) string {
	if start.IsZero() {
		return ""
	}
	return ", " + start.Add(offset).UTC().Format("2006-01-02 15:04:05.000") + " UTC"
}

func outcomeWords(p *record.Plan, r *record.Invocation) string {
	parts := []string{outcomeName(p, r.Outcome)}
	if r.Status != 0 {
		parts = append(parts, "HTTP "+strconv.Itoa(r.Status))
	}
	for _, s := range []string{r.ErrorType, r.Error} {
		if s != "" {
			parts = append(parts, plainKeep(s))
		}
	}
	if r.Version != "" {
		parts = append(parts, "version "+plain(r.Version, 60))
	}
	return strings.Join(parts, ", ")
}

// connWords says what the connection cost; "" where it was not observed.
func connWords(c *record.Conn) string {
	if *c == (record.Conn{}) {
		return ""
	}
	parts := []string{"opened for this request"}
	if c.Reused {
		parts[0] = "reused"
	}
	for _, f := range []struct {
		name string
		d    time.Duration
	}{{"DNS", c.DNS}, {"connect", c.Connect}, {"TLS", c.TLS}, {"request written to first byte", c.Wait}} {
		if f.d > 0 {
			parts = append(parts, f.name+" "+exactMs(f.d))
		}
	}
	return strings.Join(parts, ", ")
}

func (x *Explanation) textStart(p *textPage) {
	p.section("Start: "+string(x.Joined.Start), "")
	p.fact("rule", plain(x.Joined.StartRule, 200))
	if x.Meaning != "" {
		p.fact("it means", x.Meaning)
	}
}

func (x *Explanation) textReport(p *textPage) {
	r := x.Joined.Platform
	if r == nil {
		return
	}
	p.section("REPORT, as the platform printed it", x.place(x.Report))
	for _, f := range figuresOf(r) {
		p.fact(f.name, f.value)
	}
	p.verbatim("  line         ", r.Raw)
	for _, at := range x.AlsoAt {
		p.fact("also at", x.place(at))
	}
}

type figure struct{ name, value string }

// figuresOf lists the fields that the REPORT has, in the order of AWS.
func figuresOf(r *record.Platform) (out []figure) {
	for _, f := range []struct {
		name, unit string
		v          record.Opt[float64]
	}{
		{"duration", "ms", r.DurationMs},
		{"billed", "ms", r.BilledDurationMs},
		{"memory size", "MB", r.MemorySizeMB},
		{"memory used", "MB", r.MaxMemoryUsedMB},
		{"init", "ms", r.InitDurationMs},
		{"restore", "ms", r.RestoreDurationMs},
		{"billed rest.", "ms", r.BilledRestoreDurationMs},
	} {
		if f.v.Valid {
			out = append(out, figure{f.name, exact(f.v.Value) + nbsp + f.unit})
		}
	}
	for _, f := range []figure{{"status", r.Status}, {"error type", r.ErrorType}, {"trace", r.XRayTraceID}, {"segment", r.XRaySegmentID}} {
		if f.value != "" {
			out = append(out, figure{f.name, plain(f.value, 200)})
		}
	}
	if r.XRaySampled.Valid {
		out = append(out, figure{"sampled", strconv.FormatBool(r.XRaySampled.Value)})
	}
	if r.Truncated {
		out = append(out, figure{"caution", "the line was cut: fields may be lost"})
	}
	if r.Emulator {
		out = append(out, figure{"caution", "a shape that only an emulator prints: its init and memory figures are not true"})
	}
	return out
}

func (x *Explanation) textAround(p *textPage) {
	if len(x.Around) == 0 {
		return
	}
	stream := x.Joined.Platform.LogStream
	if stream == "" {
		p.section("Its lines, as the response brought them", "")
	} else {
		p.section("Environment "+plain(stream, 200), "")
		p.fact("served", plural(x.Served, "request", "requests")+" before this one")
	}
	for _, l := range x.Around {
		at, mark := strconv.FormatInt(l.Pos.Line, 10), "  "
		if !l.Time.IsZero() {
			at += "  " + l.Time.UTC().Format("15:04:05.000")
		}
		if l.Own {
			mark = "> "
		}
		label := "  " + mark + at + "  "
		p.verbatim(label, l.Text)
	}
	p.say(p.faint("  (numbers are lines of " + record.EventsFile + "; > marks the request's own)"))
}

func (x *Explanation) textArithmetic(p *textPage) {
	if r := x.Residue; r != nil {
		p.section("Residue "+exact3(r.Ms), "")
		text := exact3(r.Ms) + " = service " + exact3(r.ServiceMs)
		if r.InitMs != 0 {
			text += " − init " + exact3(r.InitMs)
		}
		if r.RestoreMs != 0 {
			text += " − restore " + exact3(r.RestoreMs)
		}
		p.fact("derived", text+" − duration "+exact3(r.DurationMs)+": placement, download and network, which no REPORT shows")
	}
	if b := x.Bill; b != nil {
		p.section("Bill "+usd(b.USD), b.Tariff)
		for _, l := range b.Lines {
			p.fact(l.What, fmt.Sprintf("%s %s × %s = %s", exact(l.Quantity), l.Unit, unitPrice(l.Price), usd(l.USD)))
			p.fact("price", sourceOf(l))
		}
		if r := x.Joined.Platform; r.BilledDurationMs.Valid && r.MemorySizeMB.Valid {
			p.fact("quantity", fmt.Sprintf("%s ms / 1000 × %s MB / 1024 = %s GB-s", exact(r.BilledDurationMs.Value), exact(r.MemorySizeMB.Value), exact(b.GBSeconds)))
		}
		if x.Plan.Provenance != record.Measured {
			p.fact("caution", "what AWS would charge for what this machine needed; the free tier is left out")
		}
	}
}

func sourceOf(l cost.Line) string {
	text := l.Source
	if s, ok := cost.Cite(l.Source); ok {
		text = s.What
	}
	if l.Date != "" {
		text += ", " + l.Date
	}
	return text
}

// place is a position within the run directory.
func (x *Explanation) place(at record.Pos) string {
	if at.File == "" {
		return ""
	}
	return plain(filepath.Join(x.Dir, at.File), 300) + ":" + strconv.FormatInt(at.Line, 10)
}

// exactMs prints an offset to the nanosecond that the row has.
func exactMs(d time.Duration) string {
	return minus(strconv.FormatFloat(milliseconds(d), 'f', -1, 64)) + nbsp + "ms"
}

// exact prints a figure as the platform did.
func exact(v float64) string { return minus(strconv.FormatFloat(v, 'f', -1, 64)) }

// exact3 prints a difference of figures without the digits that binary
// fractions add.
func exact3(v float64) string {
	s := strconv.FormatFloat(v, 'f', 6, 64)
	s = strings.TrimRight(strings.TrimRight(s, "0"), ".")
	if s == "-0" {
		s = "0"
	}
	return minus(s) + nbsp + "ms"
}

// escaped shows a line of a log verbatim, but for what could act on a
// terminal: control characters, bidirectional overrides and bytes that are no
// UTF-8 are written as Go writes them.
func escaped(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && n == 1:
			fmt.Fprintf(&b, `\x%02x`, s[i])
		case unicode.IsPrint(r) && !isBidi(r):
			b.WriteRune(r)
		default:
			b.WriteString(strings.Trim(strconv.QuoteRuneToASCII(r), "'"))
		}
		i += n
	}
	return b.String()
}
