package reports

import (
	"encoding/json"
	"html/template"
	"slices"
	"strings"

	"coldbench/record"
)

// ours marks markup that this package wrote itself, every text from outside in
// it escaped by the function markup or by JSON; the template leaves it alone.
func ours(markup string) template.HTML { return template.HTML(markup) }

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
	Lanes            template.HTML
	OverHTTP         bool // no function, no environments
	Connections      []tableGroup
	LaneSubtitle     string
	LaneKeys         []legendKey
	Bursts           []burstRow
	MoreBursts       string

	Generator *generatorView // nil where the run was never closed

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
		Shapes:  ours(`<svg width="0" height="0" class="vh" aria-hidden="true" focusable="false">` + markerShapes + `</svg>`),
		Subject: r.subject(), Verb: plain(r.Plan.Verb, 20), Provenance: r.Plan.Provenance,
		Context: strings.Join(r.context(true), " · "), Banner: r.Banner(), Keys: r.keyFigures(), Findings: r.Findings,
		BillSentence: r.billNote(), Command: r.Command(), Tool: plain(r.Plan.Tool, 120),
		OverHTTP: r.Plan.OverHTTP(), Connections: tableGroups(r.Connections), Trust: r.trust(), Evidence: r.howMeasured(),
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
	r.viewGenerator(v)
	plan, err := json.MarshalIndent(r.Plan, "", "  ")
	if err == nil {
		v.Plan = string(plan)
	}
	v.Nav = []link{{"percentiles", "Percentiles"}, {"timeline", "Timeline"}, {"environments", "Environments"}, {"table", "Tables"}, {"generator", "Generator"}, {"trust", "Trust"}}
	if v.OverHTTP {
		v.Nav = slices.DeleteFunc(v.Nav, func(l link) bool { return l.ID == "environments" })
	}
	return v
}

// viewCharts draws each chart at each width.
func (r *Report) viewCharts(v *view) {
	var b strings.Builder
	if len(r.Phases) > 0 {
		b.WriteString(r.phaseChart(half))
		b.WriteString(r.phaseChart(narrowHalf))
		v.Phases = ours(b.String())
		v.TwoScales = len(r.phaseGroups()) > 1
		v.PhaseKeys = phaseKeys()
	}
	if len(r.curves()) > 0 {
		b.Reset()
		for _, f := range []frame{wide, middle, narrow} {
			b.WriteString(r.percentileChart(f, false))
		}
		v.Percentiles = ours(b.String())
		steps := r.cursorSteps()
		v.LastStep = len(steps) - 1
		data, err := json.Marshal(steps) // escapes <, > and &
		if err == nil {
			v.CurveData = ours(`<script type="application/json" id="curves">` + string(data) + `</script>`)
		}
		for _, c := range r.curves() {
			v.CurveKeys = append(v.CurveKeys, legendKey{lineKey(c.kind), c.name, count(c.n)})
		}
	}
	if len(r.Lanes) > 0 {
		b.Reset()
		for _, f := range []frame{wide, middle, narrow} {
			b.WriteString(r.laneChart(f))
		}
		v.Lanes, v.LaneSubtitle, v.LaneKeys = ours(b.String()), r.laneSubtitle(), r.laneKeys()
	}
	if len(r.Timeline.Layers) > 0 {
		b.Reset()
		for _, f := range []frame{wide, middle, narrow} {
			f.h = 300
			b.WriteString(r.timelineChart(f, false))
		}
		v.Timeline = ours(b.String())
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
		if q.P < p && c.over != "" {
			return c.over
		}
		if !q.OK || q.P < p {
			return "n too small"
		}
		lo, hi := q.bounds()
		return q.ms() + " [" + lo + ", " + hi + "]"
	}
	return "n too small"
}

func lineKey(kind string) template.HTML {
	return ours(`<svg class="key" width="18" height="10" aria-hidden="true"><path class="line line-` + kind + `" d="M0 5H18"/></svg>`)
}

func markKey(kind string) template.HTML {
	class := markClass(kind)
	if kind == kindError {
		class = "cross"
	}
	return ours(`<svg class="key" width="12" height="12" viewBox="-6 -6 12 12" aria-hidden="true"><use class="` + class + `" href="#m-` + kind + `"/></svg>`)
}

func phaseKeys() []legendKey {
	box := func(inner string) template.HTML {
		return ours(`<svg class="key" width="14" height="12" aria-hidden="true">` + inner + `</svg>`)
	}
	return []legendKey{
		{Key: box(`<rect class="fill-busy" width="14" height="12"/>`), Name: "Lag of the generator"},
		{Key: box(`<path class="hatch" d="M0 8L8 0M2 12L14 0M8 12L14 6"/><rect class="hatch-edge" x=".5" y=".5" width="13" height="11"/>`), Name: "Placement, download, network"},
		{Key: box(`<rect class="fill-all" width="14" height="12"/>`), Name: "Init or restore"},
		{Key: box(`<rect class="half fill-all" width="14" height="12"/>`), Name: "Duration (warm: solid)"},
	}
}

// laneKeys explains the colours of the lanes that there are.
func (r *Report) laneKeys() []legendKey {
	box := func(class string) template.HTML {
		return ours(`<svg class="key" width="14" height="12" aria-hidden="true"><rect class="` + class + `" width="14" height="12"/></svg>`)
	}
	there := map[record.Start]bool{}
	for _, l := range r.Lanes {
		there[l.Start] = true
	}
	var out []legendKey
	for _, k := range []struct {
		start record.Start
		name  string
	}{{record.StartCold, "Placement and init"}, {record.StartRestored, "Placement and restore"}, {record.StartProvisioned, "Provisioned init, before"}} {
		if there[k.start] {
			out = append(out, legendKey{Key: box("fill-" + string(k.start)), Name: k.name})
		}
	}
	return append(out, legendKey{Key: box("fill-busy"), Name: "Busy"},
		legendKey{Key: ours(`<svg class="key" width="18" height="12" aria-hidden="true"><path class="idle" d="M0 6H18"/></svg>`), Name: "Idle"})
}
