package reports

import (
	"html/template"
	"math"
	"strings"
)

// rateHeight is the height of the small chart of due and sent requests.
const rateHeight = 150

// rateChart draws how many requests were due (line) and sent (area) in each
// second. Where there are more seconds than room, neighbours are drawn as their
// mean.
func (r *Report) rateChart(f frame) string {
	g := r.Generator
	f.h = rateHeight
	p := &timelinePlot{f: f, top: 12, under: f.h - 34}
	p.x = linScale{hi: float64(len(g.AchievedPerSecond)), from: 62, to: f.w - 16}
	due, sent := g.rates(int((p.x.to - p.x.from) / cellSize))
	top := 1.0
	for i := range due {
		top = math.Max(top, math.Max(due[i], sent[i]))
	}
	step := niceStep(top, 3)
	y := linScale{hi: step * math.Ceil(top/step), from: p.under, to: p.top}
	p.head(f.w, f.h, "gr-"+f.id, f.class, "Requests due and sent in each second", sentence(g.rateSentence()))
	for v := step; v <= y.hi*1.001; v += step {
		p.line("grid", p.x.from, y.at(v), p.x.to, y.at(v))
		p.text("tick", "end", p.x.from-8, y.at(v)+4, sig3(v))
	}
	p.timeAxis(false)
	p.path("fill-busy", p.steps(y, sent)+"L"+px(p.x.to)+" "+px(p.under)+"L"+px(p.x.from)+" "+px(p.under)+"Z")
	p.path("line thin line-all", p.steps(y, due))
	p.line("axis", p.x.from, p.under, p.x.to, p.under)
	p.foot()
	return p.String()
}

// rates are the means of due and sent requests a second, in at most most equal
// parts of the run.
func (g *Generator) rates(most int) (due, sent []float64) {
	n := len(g.AchievedPerSecond)
	parts := min(n, max(most, 1))
	due, sent = make([]float64, parts), make([]float64, parts)
	for i := range parts {
		from, to := i*n/parts, (i+1)*n/parts
		for _, s := range g.AchievedPerSecond[from:to] {
			due[i] += float64(s.Intended) / float64(to-from)
			sent[i] += float64(s.Sent) / float64(to-from)
		}
	}
	return due, sent
}

// steps is the outline of values that each hold for an equal part of the axis.
func (p *timelinePlot) steps(y linScale, values []float64) string {
	var pts []point
	each := (p.x.to - p.x.from) / float64(len(values))
	for i, v := range values {
		left := p.x.from + each*float64(i)
		pts = append(pts, point{left, y.at(v)}, point{left + each, y.at(v)})
	}
	return polyline(pts)
}

// generatorView is the page's card on the load generator.
type generatorView struct {
	Facts []fact
	Chart template.HTML // empty where the run was shorter than two seconds
	Keys  []legendKey
	Short []shortRow
	More  string // seconds that Short leaves out
}

type shortRow struct{ At, Due, Sent, Missing string }

// mostShortRows bounds the table of seconds that fell short.
const mostShortRows = 20

func (r *Report) viewGenerator(v *view) {
	g := r.Generator
	if g == nil {
		return
	}
	v.Generator = &generatorView{Facts: r.generatorFacts()}
	if len(g.AchievedPerSecond) >= 2 {
		var b strings.Builder
		for _, f := range []frame{wide, middle, narrow} {
			b.WriteString(r.rateChart(f))
		}
		v.Generator.Chart = ours(b.String())
		v.Generator.Keys = []legendKey{
			{Key: lineKey("all"), Name: "Due"},
			{Key: ours(`<svg class="key" width="14" height="12" aria-hidden="true"><rect class="fill-busy" width="14" height="12"/></svg>`), Name: "Sent"},
		}
	}
	for i, s := range g.shortSeconds() {
		if i == mostShortRows {
			v.Generator.More = plural(int64(len(g.shortSeconds())-i), "second more is", "seconds more are") + " in summary.json."
			break
		}
		v.Generator.Short = append(v.Generator.Short, shortRow{span(s.at), count(s.Intended), count(s.Sent), count(s.missing())})
	}
}
