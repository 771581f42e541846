package reports

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"coldbench/cost"
	"coldbench/record"
)

func (r *Report) viewOutcomes(v *view) {
	for _, o := range record.Outcomes {
		n := r.Outcomes[o]
		if n == 0 && o != record.OK {
			continue
		}
		v.Outcomes = append(v.Outcomes, outcomeRow{outcomeName(r.Plan, o), count(n), share(n, r.Arrivals)})
	}
	v.Outcomes = append(v.Outcomes, outcomeRow{"all arrivals", count(r.Arrivals), share(r.Arrivals, r.Arrivals)})
	v.OutcomeCaption = "Every arrival has one outcome. Errors count here and in no response time, but for time-outs: they took at least what was waited."
	for i, e := range r.Errors {
		if i == mostErrorRows {
			v.MoreErrors = fmt.Sprintf("%s more in summary.json.", plural(int64(len(r.Errors)-i), "kind is", "kinds are"))
			break
		}
		name := outcomeName(r.Plan, e.Outcome)
		if e.Type != "" {
			name += " · " + e.Type
		}
		v.Errors = append(v.Errors, errorRow{count(e.N), name, e.Example})
	}
}

// mostErrorRows bounds the kinds of error on the page.
const mostErrorRows = 5

func share(n, of int64) string {
	if of == 0 {
		return "–"
	}
	return percent(float64(n) / float64(of))
}

// mostBurstRows bounds the table of bursts on the page.
const mostBurstRows = 100

func (r *Report) viewBursts(v *view) {
	for i, b := range r.Bursts {
		if i == mostBurstRows {
			v.MoreBursts = fmt.Sprintf("%s more are in summary.json.", plural(int64(len(r.Bursts)-i), "burst", "bursts"))
			break
		}
		cold, warm := b.Starts[record.StartCold], b.Starts[record.StartWarm]
		v.Bursts = append(v.Bursts, burstRow{
			fmt.Sprintf("Burst %d", i+1), span(b.From), span(b.To), count(b.Arrivals), count(cold), count(warm), count(b.Arrivals - cold - warm),
		})
	}
}

// foldedAway are the quantities that a reader of the page opens on demand.
var foldedAway = []string{"ttfb", "lag", "billed", "max_memory_used"}

func (r *Report) viewTables(v *view) {
	var first, more []Quantity
	var names []string
	for _, q := range r.Quantities {
		switch {
		case !slices.Contains(foldedAway, q.Name):
			first = append(first, q)
		case q.Rows[0].Numbers.N > 0:
			more = append(more, q)
			names = append(names, strings.ToLower(quantityTitle(q.Name)))
		}
	}
	v.Tables = tableGroups(first)
	if more != nil {
		v.MoreTables = &moreTables{join(names), tableGroups(more)}
	}
}

func tableGroups(quantities []Quantity) []tableGroup {
	var out []tableGroup
	for _, q := range quantities {
		rows := q.shown()
		if len(rows) == 0 {
			continue
		}
		g := tableGroup{Name: quantityTitle(q.Name), About: q.About}
		if q.Unit != "ms" {
			g.Name += ", " + q.Unit
		}
		for _, row := range rows {
			g.Rows = append(g.Rows, tableRowOf(row))
		}
		out = append(out, g)
	}
	return out
}

func quantityTitle(name string) string {
	switch name {
	case "ttfb", "dns", "tls":
		return strings.ToUpper(name)
	}
	return layerName(strings.ReplaceAll(name, "_", " "))
}

func tableRowOf(s Split) tableRow {
	n := &s.Numbers
	row := tableRow{Name: startName(s.Start), N: count(n.N), Max: n.maxText(), Mean: n.meanText()}
	if slices.Contains(record.Starts, s.Start) {
		row.Key = markKey(string(s.Start))
	}
	for _, p := range tableQuantiles {
		q, ok := n.At(p)
		if !ok {
			row.Cells = append(row.Cells, tableCell{"n too small", "needs " + count(q.Need), true})
			continue
		}
		lo, hi := q.bounds()
		row.Cells = append(row.Cells, tableCell{q.text(), lo + " – " + hi, false})
	}
	return row
}

func (r *Report) viewTags(v *view) {
	if len(r.Tags) < 2 {
		return
	}
	for _, t := range r.Tags {
		g := tableGroup{Name: tagName(t.Tag), About: fmt.Sprintf("%s, %s cold", plural(t.Arrivals, "arrival", "arrivals"), count(t.Starts[record.StartCold]))}
		for _, row := range t.Quantities[0].shown() {
			g.Rows = append(g.Rows, tableRowOf(row))
		}
		v.Tags = append(v.Tags, g)
	}
}

func (r *Report) billNote() string {
	if r.Bill == nil {
		return "Nothing in this run carries a Lambda price: no REPORT with a billed duration was joined."
	}
	return sentence(r.billSentence())
}

func (r *Report) viewBill(v *view) {
	if r.Bill == nil {
		return
	}
	v.BillCaption = "Total " + usd(r.Bill.USD) + ", on demand, first tier, without free tier. Price table " + r.Bill.Tariff + "."
	for _, l := range r.Bill.Lines {
		row := billRow{What: l.What, Quantity: sig3(l.Quantity) + " " + l.Unit, Price: unitPrice(l.Price), Charge: usd(l.USD), Source: l.Source, Date: l.Date}
		if s, ok := cost.Cite(l.Source); ok {
			row.Source = s.What
		}
		v.BillLines = append(v.BillLines, row)
	}
}

func (r *Report) trust() []trustKind {
	out := []trustKind{
		{Name: record.Measured, Text: "AWS or an HTTP endpoint answered: the client’s clock and the platform’s REPORTs."},
		{Name: record.Emulated, Text: "A real process on this machine answered, behind a local Lambda."},
		{Name: record.Modelled, Text: "A delay drawn from published data is part of the figures."},
		{Name: record.Simulated, Text: "No process ran; arrivals and service times are computed."},
	}
	for i := range out {
		out[i].Here = out[i].Name == r.Plan.Provenance
	}
	return out
}

// howMeasured lists what a sceptical reader asks.
func (r *Report) howMeasured() []fact {
	facts := []fact{
		{"Schedule", "open loop: arrivals are fixed before the start and never wait for replies, seed " + fmt.Sprint(r.Plan.Seed)},
		{"Response", "from the intended send, so that a late generator shows in it; its own lateness is the row Lag"},
		{"Cold or warm", "from the platform’s lines, never from what the load tried to provoke"},
		{"Intervals", "two-sided 95 %, exact ranks of order statistics; withheld where n is too small"},
	}
	if r.knownStarts() > 0 {
		c := r.ColdRate
		facts = append(facts, fact{"Cold rate", fmt.Sprintf("%s (%s of %s), exact interval %s to %s, which takes starts as independent; those of a burst are not",
			percent(c.Share()), count(c.K), count(c.N), percent(c.Lo), percent(c.Hi))})
	}
	facts = append(facts, fact{"Platform", fmt.Sprintf("%s joined by request id, %s missing, %s unclaimed; %s",
		plural(r.Join.Matched, "REPORT", "REPORTs"), count(r.Join.Missing), count(r.Join.Unclaimed), r.environmentWords())})
	if r.Partial {
		facts = append(facts, fact{"Partial", fmt.Sprintf("%s of %s planned arrivals are recorded", count(r.Arrivals+r.Warmup), count(r.Planned))})
	}
	if h := r.Host; h != nil {
		facts = append(facts, fact{"Machine", hostWords(h, r.Plan.Client)})
	}
	if d := time.Duration(r.Plan.Timeout); d > 0 {
		facts = append(facts, fact{"Client time-out", span(d)})
	}
	return facts
}

func hostWords(h *record.Host, client string) string {
	var parts []string
	for _, s := range []string{h.CPUModel, h.OS + "/" + h.Arch, h.Kernel, h.GoVersion} {
		if strings.Trim(s, "/") != "" {
			parts = append(parts, plain(s, 80))
		}
	}
	if h.CPUs > 0 {
		parts = append(parts, plural(int64(h.CPUs), "CPU", "CPUs"))
	}
	if h.Sandbox != "" {
		parts = append(parts, "limits: "+plain(h.Sandbox, 60))
	}
	if f := h.Floor; f != nil {
		parts = append(parts, fmt.Sprintf("calibrated %s: wakes up %s late at p99, sends %s requests/s at most",
			f.MeasuredAt.UTC().Format(time.DateOnly), span(f.WakeUpP99), count(int64(f.PerSecond(client)))))
	}
	return strings.Join(parts, " · ")
}
