package reports

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"coldbench/record"
)

// frame is the size of a drawn chart and how much it can hold. Every chart is
// drawn once for each width, since text must not be scaled with the picture.
type frame struct {
	id     string
	class  string
	w, h   float64
	labels bool // direct labels at the ends of lines; without them the legend serves
	ticks  int  // at most, on the value axis
	titles bool // marks carry a tooltip
}

// The widths that a page chooses from by the room that it has.
var (
	wide   = frame{id: "w", class: "cw", w: 1054, h: 400, labels: true, ticks: 10, titles: true}
	middle = frame{id: "m", class: "cm", w: 720, h: 360, labels: true, ticks: 9, titles: true}
	narrow = frame{id: "n", class: "cn", w: 360, h: 300, ticks: 7}
)

// curve is one line of the percentile chart.
type curve struct {
	kind string // colour class: all, cold, ...
	name string
	n    int64
	pts  []Quantile
	over string // what is known beyond the last point: of requests that timed out
}

// curves are the lines of the percentile chart, rare kinds first.
func (r *Report) curves() []curve {
	q := r.Quantity("response")
	if q == nil {
		return nil
	}
	var out []curve
	for _, s := range []record.Start{record.StartCold, record.StartRestored, record.StartProvisioned, record.StartWarm, ""} {
		n := q.Of(s)
		if n == nil || len(n.Curve) == 0 || (s != "" && n.N == q.Of("").N) {
			continue
		}
		out = append(out, curve{kind: startName(s), name: curveName(s), n: n.N, pts: n.Curve, over: n.beyond()})
	}
	return out
}

func curveName(s record.Start) string {
	if s == "" {
		return "All starts"
	}
	return strings.ToUpper(string(s[:1])) + string(s[1:])
}

// fewestForCurve is the least n that is drawn as a line; fewer values are
// drawn as single points.
const fewestForCurve = 6

// percentilePlot is the geometry of one percentile chart.
type percentilePlot struct {
	svg
	f          frame
	x0, x1     float64
	top, under float64
	xmax       float64 // in nines
	y          logScale
}

func (p *percentilePlot) x(q float64) float64 {
	return p.x0 + (p.x1-p.x0)*math.Min(nines(q), p.xmax)/p.xmax
}

// percentileChart draws response time over −log10(1 − p). From the first
// quantile without both bounds a line is dotted, and it ends at 1 − 1/n: no
// point is extrapolated.
func (r *Report) percentileChart(f frame, alone bool) string {
	cs := r.curves()
	p := &percentilePlot{f: f, x0: 62, x1: f.w - 16, top: 12, under: f.h - 50}
	if f.labels {
		p.x1 = f.w - 138
	}
	lo, hi, xmax := curveRange(cs)
	p.xmax = xmax
	p.y = newLogScale(lo, hi, p.under, p.top)
	if alone {
		p.top, p.under = 64, f.h-72
		p.y.from, p.y.to = p.under, p.top
	}
	p.head(f.w, f.h, "pc-"+f.id, f.class, "Response by percentile", r.percentileFinding())
	if alone {
		r.aloneHead(&p.svg, f, "Response by percentile", "95 % bands from order statistics. Dotted: too few values for an interval.")
	}
	p.axes()
	for _, c := range cs {
		p.band(c)
	}
	for _, c := range cs {
		p.curve(c)
	}
	p.line("cursor", p.x0, p.top, p.x0, p.under)
	if f.labels {
		p.endLabels(cs)
	}
	p.foot()
	out := p.String()
	// The script finds the axis here: pixels at p = 0 and pixels per nine.
	return strings.Replace(out, "<svg ", fmt.Sprintf(`<svg data-x0="%s" data-dx="%s" `, px(p.x0), strconv.FormatFloat((p.x1-p.x0)/p.xmax, 'f', 3, 64)), 1)
}

func curveRange(cs []curve) (lo, hi, xmax float64) {
	lo, hi, xmax = math.Inf(1), 0, 1.05
	for _, c := range cs {
		for _, q := range c.pts {
			lo = math.Min(lo, positive(q.Value))
			hi = math.Max(hi, q.Value)
			if q.OK {
				lo, hi = math.Min(lo, positive(q.Lo)), math.Max(hi, q.top())
			}
			if q.P < 1 {
				xmax = math.Max(xmax, nines(q.P))
			}
		}
	}
	return lo, hi, xmax
}

// positive lifts a value to what a logarithmic axis can show.
func positive(v float64) float64 { return math.Max(v, lowestMs) }

func (p *percentilePlot) axes() {
	for _, v := range p.y.ticks(p.f.ticks) {
		y := p.y.at(v)
		p.line("grid", p.x0, y, p.x1, y)
		p.text("tick", "end", p.x0-8, y+4, axisMs(v))
	}
	if p.f.labels && p.x(0.5)-p.x0 > 42 {
		p.text("tick", "middle", p.x0, p.under+18, "min")
	}
	p.line("grid", p.x0, p.top, p.x0, p.under)
	for _, q := range []float64{0.5, 0.9, 0.99, 0.999, 0.9999, 0.99999, 0.999999} {
		if nines(q) > p.xmax {
			break
		}
		x := p.x(q)
		p.line("grid", x, p.top, x, p.under)
		p.text("tick", "middle", x, p.under+18, strings.TrimPrefix(quantileName(q), "p")+" %")
	}
	p.text("", "start", p.x0, p.under+38, "Percentile of requests (log scale of 1 − p)")
}

// band draws the intervals of the supported part of a curve.
func (p *percentilePlot) band(c curve) {
	var upper, lower []point
	for _, q := range c.pts {
		if !q.OK || c.n < fewestForCurve {
			continue
		}
		upper = append(upper, point{p.x(q.P), p.y.at(q.top())})
		lower = append(lower, point{p.x(q.P), p.y.at(q.Lo)})
	}
	if len(upper) < 2 {
		return
	}
	for i := len(lower) - 1; i >= 0; i-- {
		upper = append(upper, lower[i])
	}
	p.path("ci fill-"+c.kind, polyline(upper)+"Z")
}

func (p *percentilePlot) curve(c curve) {
	var solid, dotted []point
	for _, q := range c.pts {
		if q.P >= 1 {
			break
		}
		pt := point{p.x(q.P), p.y.at(q.Value)}
		switch {
		case c.n < fewestForCurve:
			p.all(`<circle class="mark fill-`, c.kind, `" cx="`, px(pt.x), `" cy="`, px(pt.y), "\" r=\"4\"/>\n")
		case q.OK || (len(dotted) == 0 && belowTail(q, c)):
			solid = append(solid, pt)
		default:
			if len(dotted) == 0 && len(solid) > 0 {
				dotted = append(dotted, solid[len(solid)-1])
			}
			dotted = append(dotted, pt)
		}
	}
	p.path("line line-"+c.kind, thinned(solid))
	p.path("line dots line-"+c.kind, thinned(dotted))
}

// belowTail says whether q lies left of the first supported quantile, next to
// the minimum, where no lower bound can exist: the line starts solid there.
func belowTail(q Quantile, c curve) bool { return q.P < 0.5 && c.n >= fewestForCurve }

// thinned leaves out points less than half a pixel from the one before.
func thinned(pts []point) string {
	var out []point
	for i, q := range pts {
		if i > 0 && i < len(pts)-1 && math.Abs(q.x-out[len(out)-1].x) < 0.5 && math.Abs(q.y-out[len(out)-1].y) < 0.5 {
			continue
		}
		out = append(out, q)
	}
	return polyline(out)
}

// percentileFinding is the description of the chart: what it shows, in words.
func (r *Report) percentileFinding() string {
	var parts []string
	for _, c := range r.curves() {
		n := r.numbers("response", record.Start(strings.TrimPrefix(c.kind, "all")))
		var said []string
		for _, p := range tableQuantiles {
			if q, ok := n.At(p); ok {
				said = append(said, quantileName(p)+" "+q.ms())
			}
		}
		if said == nil {
			said = []string{"n too small for any percentile"}
		}
		parts = append(parts, fmt.Sprintf("%s, n = %s: %s.", c.name, count(c.n), strings.Join(said, ", ")))
	}
	if parts == nil {
		return "No request ended well, so there is nothing to draw."
	}
	return strings.Join(parts, " ")
}
