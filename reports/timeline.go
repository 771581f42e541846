package reports

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"coldbench/record"
)

// cellSize is the side of a cell of the timeline in pixels.
const cellSize = 3.0

// timelinePlot is the geometry of one timeline.
type timelinePlot struct {
	svg
	f          frame
	x          linScale // over seconds
	y          logScale
	top, under float64
	noReply    float64 // where marks without a response go
	titles     bool
}

// timelineChart draws every start over time: the frequent kinds counted in
// cells, the others one by one while they are few.
func (r *Report) timelineChart(f frame, alone bool) string {
	t := &r.Timeline
	p := &timelinePlot{f: f, top: 30, under: f.h - 34}
	if alone {
		p.top, p.under = 84, f.h-54
	}
	lo, hi := t.valueRange()
	p.y = newLogScale(lo, hi, p.under, p.top)
	p.noReply = p.top - 12
	p.x = linScale{hi: r.spanSeconds(), from: 62, to: f.w - 16}
	p.titles = f.titles && t.singles() <= maxMarks
	p.head(f.w, f.h, "tl-"+f.id, f.class, "Every start over time", r.timelineFinding())
	p.WriteString(markerDefs(alone))
	if alone {
		r.aloneHead(&p.svg, f, "Every start over time", r.timelineSubtitle())
		r.aloneLegend(&p.svg)
	}
	p.shades(r.Bursts)
	p.axes()
	for _, l := range t.Layers {
		p.layer(l)
	}
	p.foot()
	return p.String()
}

// markerDefs defines the shapes within a picture that stands alone; on a page
// they are defined once for all pictures.
func markerDefs(alone bool) string {
	if alone {
		return markerShapes
	}
	return ""
}

// spanSeconds is the length of the time axis: the last arrival or the end.
func (r *Report) spanSeconds() float64 {
	s := math.Max(r.Timeline.Span.Seconds(), 0.001)
	if planned := time.Duration(r.Plan.Load.Duration); planned > r.Timeline.Span && !r.Partial {
		s = planned.Seconds()
	}
	return s
}

func (t *Timeline) singles() int {
	n := 0
	for _, l := range t.Layers {
		n += len(l.Marks)
	}
	return n
}

// valueRange is the range of the response times that are drawn.
func (t *Timeline) valueRange() (lo, hi float64) {
	lo, hi = math.Inf(1), 0
	see := func(ms float64) {
		if ms > 0 {
			lo, hi = math.Min(lo, positive(ms)), math.Max(hi, ms)
		}
	}
	for _, l := range t.Layers {
		for _, m := range l.Marks {
			see(m.Ms)
		}
		if l.Cells != nil {
			l.Cells.each(func(_ time.Duration, ms float64, _ int) { see(ms) })
		}
	}
	return lo, hi
}

// shades marks the bursts behind everything else.
func (p *timelinePlot) shades(bursts []Burst) {
	last := math.Inf(-1)
	for _, b := range bursts {
		from, to := p.x.at(b.From.Seconds()), p.x.at(b.To.Seconds())
		if mid := (from + to) / 2; to-from < 8 { // an instant has no width
			from, to = mid-4, mid+4
		}
		if from-last < 1 { // too dense to tell apart
			continue
		}
		last = to
		p.rect("shade", from, p.top-18, to-from, p.under-p.top+18)
	}
}

func (p *timelinePlot) axes() {
	for _, v := range p.y.ticks(p.f.ticks - 2) {
		y := p.y.at(v)
		p.line("grid", p.x.from, y, p.x.to, y)
		p.text("tick", "end", p.x.from-8, y+4, axisMs(v))
	}
	p.timeAxis(false)
	p.line("grid", p.x.from, p.under, p.x.to, p.under)
}

// timeAxis labels the time below the plot, with lines through it where asked.
func (p *timelinePlot) timeAxis(lines bool) {
	d := time.Duration(p.x.hi * float64(time.Second))
	step, unit, name := timeStep(d, int((p.x.to-p.x.from)/80))
	ticks := int(d / step)
	for i := 0; i <= ticks; i++ {
		at := time.Duration(i) * step
		label := strconv.FormatFloat(float64(at)/float64(unit), 'g', 6, 64)
		if i == ticks {
			label += " " + name
		}
		x, anchor := p.x.at(at.Seconds()), "middle"
		if x+textWidth(label, 12)/2 > p.f.w {
			x, anchor = p.f.w-1, "end"
		}
		p.text("tick", anchor, x, p.under+20, label)
		if lines {
			p.line("grid", p.x.at(at.Seconds()), p.top, p.x.at(at.Seconds()), p.under)
		}
	}
}

func (p *timelinePlot) layer(l Layer) {
	if l.Cells != nil {
		p.cells(l)
		return
	}
	for _, m := range l.Marks {
		x, y := p.x.at(m.At.Seconds()), p.noReply
		if m.Ms > 0 {
			y = p.y.at(m.Ms)
		}
		title := ""
		if p.titles && !l.massive() {
			title = l.markTitle(m)
		}
		if l.Kind == kindError {
			p.use("cross-halo", "m-error", x, y, "")
			p.use("cross", "m-error", x, y, title)
			continue
		}
		p.use(markClass(l.Kind), "m-"+l.Kind, x, y, title)
	}
}

func markClass(kind string) string {
	switch kind {
	case string(record.StartWarm):
		return "mark dot fill-warm"
	case string(record.StartUnknown):
		return "plus dot"
	}
	return "mark fill-" + kind
}

// markTitle adds to a mark what the picture cannot show.
func (l *Layer) markTitle(m Mark) string {
	parts := []string{l.Kind}
	if m.Error != "" {
		parts[0] = m.Error
	}
	if m.Ms > 0 {
		parts = append(parts, "response "+withUnit(m.Ms, "ms"))
	}
	parts = append(parts, "at "+sig3(m.At.Seconds())+nbsp+"s")
	if m.Environment != "" {
		parts = append(parts, "environment "+m.Environment)
	}
	if m.RequestID != "" {
		parts = append(parts, "request "+m.RequestID)
	}
	return strings.Join(parts, " · ")
}

// cells draws counts as five strengths of one colour: 1, 2, 3–4, 5–8, 9 and
// more. Equal neighbours are joined into one stroke.
//
// Note: thinning the points instead (largest triangle three buckets) drops
// rare starts and exaggerates the rest, so every request is counted here.
func (p *timelinePlot) cells(l Layer) {
	columns := int((p.x.to-p.x.from)/cellSize) + 1
	rows := int((p.under-p.top)/cellSize) + 1
	counts := make([]int, columns*rows)
	l.Cells.each(func(at time.Duration, ms float64, n int) {
		col := min(int((p.x.at(at.Seconds())-p.x.from)/cellSize), columns-1)
		row := min(int((p.y.at(ms)-p.top)/cellSize), rows-1)
		counts[max(row, 0)*columns+max(col, 0)] += n
	})
	var paths [6]strings.Builder
	for row := range rows {
		y := p.top + (float64(row)+0.5)*cellSize
		for col := 0; col < columns; {
			s, from := strength(counts[row*columns+col]), col
			for col < columns && strength(counts[row*columns+col]) == s {
				col++
			}
			if s > 0 {
				fmt.Fprintf(&paths[s], "M%s %sh%s", px(p.x.from+float64(from)*cellSize), px(y), px(float64(col-from)*cellSize))
			}
		}
	}
	for s := 1; s < len(paths); s++ {
		p.path(fmt.Sprintf("cell o%d line-%s", s, l.Kind), paths[s].String())
	}
}

func strength(n int) int {
	switch {
	case n <= 0:
		return 0
	case n <= 2:
		return n
	case n <= 4:
		return 3
	case n <= 8:
		return 4
	}
	return 5
}

// timelineSubtitle says how to read the chart, and what is binned in it.
func (r *Report) timelineSubtitle() string {
	var parts []string
	counted, oneByOne := []string{}, false
	for _, l := range r.Timeline.Layers {
		if l.Cells != nil {
			counted = append(counted, l.Kind)
		} else {
			oneByOne = true
		}
	}
	switch {
	case len(counted) == 0:
		parts = append(parts, "Every start is drawn, at its intended time")
	case oneByOne:
		parts = append(parts, join(counted)+" requests are counted per cell (stronger colour: more); every other start is drawn")
	default:
		parts = append(parts, "requests are counted per cell (stronger colour: more), "+join(counted)+" apart")
	}
	if len(r.Bursts) > 0 {
		parts = append(parts, "shaded: bursts")
	}
	if r.unanswered() > 0 {
		parts = append(parts, "errors without a reply stand at the upper edge")
	}
	for i := range parts {
		parts[i] = sentence(parts[i])
	}
	return strings.Join(parts, " ")
}

func (r *Report) unanswered() int64 {
	return r.Outcomes[record.TransportError] + r.Outcomes[record.NotSent] + r.Outcomes[record.TimedOut]
}

// timelineFinding is the description of the chart in words.
func (r *Report) timelineFinding() string {
	text := r.countsSentence()
	for _, f := range burstFindings(r) {
		text += " " + f
	}
	return text
}
