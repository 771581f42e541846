package reports

import (
	"encoding/json"
	"fmt"
	"html/template"
	"slices"
	"strings"
	"time"

	"coldbench/cost"
	"coldbench/record"
)

// view is what the page's template prints. Everything in it that is not of
// type template.HTML is escaped by the template.
type view struct {
	Shapes     template.HTML
	Subject    string
	Verb       string
	Provenance record.Provenance
	Context    string
	Nav        []link
	Banner     Banner
	Keys       []keyFigure
	Reasons    []remark
	Warnings   []remark
	Findings   []string

	Phases         template.HTML
	PhaseKeys      []legendKey
	TwoScales      bool
	OutcomeCaption string
	Outcomes       []outcomeRow
	Errors         []errorRow
	MoreErrors     string
	BillSentence   string

	Percentiles template.HTML
	CurveKeys   []legendKey
	CurveData   template.HTML
	LastStep    int

	Timeline         template.HTML
	TimelineSubtitle string
	LayerKeys        []legendKey
	Bursts           []burstRow
	MoreBursts       string

	Tables      []tableGroup
	MoreTables  *moreTables
	Tags        []tableGroup
	BillLines   []billRow
	BillCaption string
	Trust       []trustKind
	Evidence    []fact
	Command     string
	Plan        string
	Tool        string
}

type (
	moreTables struct {
		Names  string
		Tables []tableGroup
	}
	link       struct{ ID, Name string }
	remark     struct{ Text, Remedy string }
	fact       struct{ Name, Value string }
	outcomeRow struct{ Name, N, Share string }
	errorRow   struct{ N, Name, Text string }
	burstRow   struct{ Name, From, To, Arrivals, Cold, Warm, Other string }
	billRow    struct{ What, Quantity, Price, Charge, Source, Date string }
	trustKind  struct {
		Name record.Provenance
		Text string
		Here bool
	}
	legendKey struct {
		Key     template.HTML
		Name, N string
	}
	tableGroup struct {
		Name, About string
		Rows        []tableRow
	}
	tableRow struct {
		Key       template.HTML
		Name, N   string
		Cells     []tableCell
		Max, Mean string
	}
	tableCell struct {
		Value, Sub string
		Few        bool
	}
)

func (r *Report) view() *view {
	v := &view{
		Shapes:  template.HTML(`<svg width="0" height="0" class="vh" aria-hidden="true" focusable="false">` + markerShapes + `</svg>`), //nolint:gosec // a constant
		Subject: r.subject(), Verb: plain(r.Plan.Verb, 20), Provenance: r.Plan.Provenance,
		Context: strings.Join(r.context(true), " · "), Banner: r.Banner(), Keys: r.keyFigures(), Findings: r.Findings,
		BillSentence: r.billNote(), Command: r.Command(), Tool: plain(r.Plan.Tool, 120),
		Trust: r.trust(), Evidence: r.howMeasured(),
	}
	for _, x := range r.Verdict.Reasons {
		v.Reasons = append(v.Reasons, remark{sentence(plain(x.Text, 500)), sentence(plain(x.Remedy, 500))})
	}
	for _, x := range r.Warnings {
		if x.Code != warnTooFew { // the tables say it cell by cell
			v.Warnings = append(v.Warnings, remark{sentence(plain(x.Text, 600)), sentence(plain(x.Remedy, 500))})
		}
	}
	r.viewTables(v)
	r.viewCharts(v)
	r.viewOutcomes(v)
	r.viewBursts(v)
	r.viewTags(v)
	r.viewBill(v)
	plan, err := json.MarshalIndent(r.Plan, "", "  ")
	if err == nil {
		v.Plan = string(plan)
	}
	v.Nav = []link{{"percentiles", "Percentiles"}, {"timeline", "Timeline"}, {"table", "Tables"}, {"trust", "Trust"}}
	return v
}

// viewCharts draws each chart at each width.
func (r *Report) viewCharts(v *view) {
	var b strings.Builder
	if len(r.Phases) > 0 {
		b.WriteString(r.phaseChart(half))
		b.WriteString(r.phaseChart(narrowHalf))
		v.Phases = template.HTML(b.String()) //nolint:gosec // every text in it went through markup
		v.TwoScales = len(r.phaseGroups()) > 1
		v.PhaseKeys = phaseKeys()
	}
	if len(r.curves()) > 0 {
		b.Reset()
		for _, f := range []frame{wide, middle, narrow} {
			b.WriteString(r.percentileChart(f, false))
		}
		v.Percentiles = template.HTML(b.String()) //nolint:gosec // every text in it went through markup
		steps := r.cursorSteps()
		v.LastStep = len(steps) - 1
		data, err := json.Marshal(steps) // escapes <, > and &
		if err == nil {
			v.CurveData = template.HTML(`<script type="application/json" id="curves">` + string(data) + `</script>`) //nolint:gosec // JSON with < escaped
		}
		for _, c := range r.curves() {
			v.CurveKeys = append(v.CurveKeys, legendKey{lineKey(c.kind), c.name, count(c.n)})
		}
	}
	if len(r.Timeline.Layers) > 0 {
		b.Reset()
		for _, f := range []frame{wide, middle, narrow} {
			f.h = 300
			b.WriteString(r.timelineChart(f, false))
		}
		v.Timeline = template.HTML(b.String()) //nolint:gosec // every text in it went through markup
		v.TimelineSubtitle = r.timelineSubtitle()
		for i := len(r.Timeline.Layers) - 1; i >= 0; i-- {
			l := r.Timeline.Layers[i]
			v.LayerKeys = append(v.LayerKeys, legendKey{markKey(l.Kind), layerName(l.Kind), count(l.N)})
		}
	}
}

// cursorStep is one stop of the percentile cursor: where it is, in nines, and
// what is said there.
type cursorStep struct {
	X    float64 `json:"x"`
	Text string  `json:"text"`
}

// cursorSteps are the percentiles that the keyboard cursor visits.
func (r *Report) cursorSteps() []cursorStep {
	var out []cursorStep
	_, _, xmax := curveRange(r.curves())
	for _, p := range []float64{0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.98, 0.99, 0.995, 0.999, 0.9995, 0.9999} {
		if nines(p) > xmax {
			break
		}
		var parts []string
		for _, c := range r.curves() {
			parts = append(parts, c.name+" "+c.read(p))
		}
		out = append(out, cursorStep{nines(p), quantileName(p) + ": " + strings.Join(parts, " · ")})
	}
	return out
}

// read gives the value of a curve at p with its interval.
func (c *curve) read(p float64) string {
	for i, q := range c.pts {
		if q.P < p && i < len(c.pts)-1 {
			continue
		}
		if !q.OK || q.P < p {
			return "n too small"
		}
		return withUnit(q.Value, "ms") + " [" + sig3(q.Lo) + ", " + sig3(q.Hi) + "]"
	}
	return "n too small"
}

func lineKey(kind string) template.HTML {
	return template.HTML(`<svg class="key" width="18" height="10" aria-hidden="true"><path class="line line-` + kind + `" d="M0 5H18"/></svg>`) //nolint:gosec // kind is one of ours
}

func markKey(kind string) template.HTML {
	class := markClass(kind)
	if kind == kindError {
		class = "cross"
	}
	return template.HTML(`<svg class="key" width="12" height="12" viewBox="-6 -6 12 12" aria-hidden="true"><use class="` + class + `" href="#m-` + kind + `"/></svg>`) //nolint:gosec // kind is one of ours
}

func phaseKeys() []legendKey {
	box := func(inner string) template.HTML {
		return template.HTML(`<svg class="key" width="14" height="12" aria-hidden="true">` + inner + `</svg>`) //nolint:gosec // a constant
	}
	return []legendKey{
		{Key: box(`<rect class="fill-busy" width="14" height="12"/>`), Name: "Lag of the generator"},
		{Key: box(`<path class="hatch" d="M0 8L8 0M2 12L14 0M8 12L14 6"/><rect class="hatch-edge" x=".5" y=".5" width="13" height="11"/>`), Name: "Placement, download, network"},
		{Key: box(`<rect class="fill-all" width="14" height="12"/>`), Name: "Init or restore"},
		{Key: box(`<rect class="half fill-all" width="14" height="12"/>`), Name: "Duration (warm: solid)"},
	}
}

func (r *Report) viewOutcomes(v *view) {
	for _, o := range record.Outcomes {
		n := r.Outcomes[o]
		if n == 0 && o != record.OK {
			continue
		}
		v.Outcomes = append(v.Outcomes, outcomeRow{outcomeName(o), count(n), share(n, r.Arrivals)})
	}
	v.Outcomes = append(v.Outcomes, outcomeRow{"all arrivals", count(r.Arrivals), share(r.Arrivals, r.Arrivals)})
	v.OutcomeCaption = "Every arrival has one outcome. Errors count here and in no response time."
	for i, e := range r.Errors {
		if i == mostErrorRows {
			v.MoreErrors = fmt.Sprintf("%s more in summary.json.", plural(int64(len(r.Errors)-i), "kind is", "kinds are"))
			break
		}
		name := outcomeName(e.Outcome)
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
	if name == "ttfb" {
		return "TTFB"
	}
	return layerName(strings.ReplaceAll(name, "_", " "))
}

func tableRowOf(s Split) tableRow {
	n := &s.Numbers
	row := tableRow{Name: startName(s.Start), N: count(n.N), Max: sig3(n.Max), Mean: sig3(n.Mean)}
	if s.Start != "" {
		row.Key = markKey(string(s.Start))
	}
	for _, p := range tableQuantiles {
		q, ok := n.At(p)
		if !ok {
			row.Cells = append(row.Cells, tableCell{"n too small", "needs " + count(q.Need), true})
			continue
		}
		row.Cells = append(row.Cells, tableCell{sig3(q.Value), sig3(q.Lo) + " – " + sig3(q.Hi), false})
	}
	return row
}

func (r *Report) viewTags(v *view) {
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
		plural(r.Join.Matched, "REPORT", "REPORTs"), count(r.Join.Missing), count(r.Join.Unclaimed), plural(r.Environments, "execution environment", "execution environments"))})
	if r.Partial {
		facts = append(facts, fact{"Partial", fmt.Sprintf("%s of %s planned arrivals are recorded", count(r.Arrivals+r.Warmup), count(r.Planned))})
	}
	if h := r.Host; h != nil {
		facts = append(facts, fact{"Machine", hostWords(h)})
	}
	if d := time.Duration(r.Plan.Timeout); d > 0 {
		facts = append(facts, fact{"Client time-out", span(d)})
	}
	return facts
}

func hostWords(h *record.Host) string {
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
	return strings.Join(parts, " · ")
}
