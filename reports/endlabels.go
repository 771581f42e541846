package reports

import (
	"cmp"
	"math"
	"slices"
)

// endLabel is the name of a curve beside its end.
type endLabel struct {
	c    curve
	end  point
	x, y float64 // where the label goes
}

const (
	labelHeight = 31.0 // name and n
	labelLead   = 14.0
	labelKey    = 14.0 // a stroke in the curve's colour, and the space after it
)

// endLabels names each curve at its end: beside it where the plot has room,
// otherwise in the gutter on the right, spread apart and led to by an elbow.
func (p *percentilePlot) endLabels(cs []curve) {
	var gutter []endLabel
	for _, c := range cs {
		l := endLabel{c: c, end: p.endOf(c)}
		l.y = l.end.y
		if l.end.x < p.x1-30 && p.placeInside(&l, cs) {
			p.label(l)
			continue
		}
		gutter = append(gutter, l)
	}
	spreadLabels(gutter, p.top+12, p.under-16)
	for _, l := range gutter {
		x := p.x1 + labelLead
		p.path("lead", polyline([]point{{l.end.x + 3, l.end.y}, {x - 8, l.end.y}, {x - 4, l.y}, {x, l.y}}))
		l.x = x + 4
		p.label(l)
	}
}

func (p *percentilePlot) endOf(c curve) point {
	var end point
	for _, q := range c.pts {
		if q.P < 1 {
			end = point{p.x(q.P), p.y.at(q.Value)}
		}
	}
	return end
}

// placeInside looks for a place near the end of the line at which the label
// touches no line: to its right first, then above or below its last part.
func (p *percentilePlot) placeInside(l *endLabel, cs []curve) bool {
	width := math.Max(textWidth(l.c.name, 12.5), textWidth("n = "+count(l.c.n), 12)) + labelKey + 6
	for _, try := range []struct{ dx, dy float64 }{
		{8, 0}, {8, -22}, {8, 22}, {-width, -26}, {-width, 26}, {8, -40}, {8, 40}, {-width, -44}, {-width, 44},
	} {
		x, y := l.end.x+try.dx, l.end.y+try.dy
		if y-14 < p.top || y+18 > p.under || x+width > p.x1 || x < p.x0 {
			continue
		}
		if !p.crossed(cs, l.c.kind, try.dx > 0, x-3, x+width, y-14, y+19) {
			l.x, l.y = x, y
			return true
		}
	}
	return false
}

// crossed says whether a curve passes through the box; the label's own one may
// where the box begins to the right of its end.
func (p *percentilePlot) crossed(cs []curve, own string, right bool, x0, x1, y0, y1 float64) bool {
	for _, c := range cs {
		if right && c.kind == own {
			continue
		}
		var before point
		for i, q := range c.pts {
			if q.P >= 1 {
				break
			}
			pt := point{p.x(q.P), p.y.at(q.Value)}
			if i > 0 && before.x <= x1 && pt.x >= x0 && math.Min(before.y, pt.y) <= y1 && math.Max(before.y, pt.y) >= y0 {
				return true
			}
			before = pt
		}
	}
	return false
}

// spreadLabels moves labels apart until they are labelHeight from each other,
// and keeps them between top and under.
func spreadLabels(ls []endLabel, top, under float64) {
	slices.SortStableFunc(ls, func(a, b endLabel) int { return cmp.Compare(a.y, b.y) })
	for i := range ls {
		floor := top
		if i > 0 {
			floor = ls[i-1].y + labelHeight
		}
		ls[i].y = math.Max(ls[i].y, floor)
	}
	for i := len(ls) - 1; i >= 0; i-- {
		ceiling := under
		if i < len(ls)-1 {
			ceiling = ls[i+1].y - labelHeight
		}
		ls[i].y = math.Min(ls[i].y, ceiling)
	}
}

func (p *percentilePlot) label(l endLabel) {
	p.line("line line-"+l.c.kind, l.x, l.y-3, l.x+labelKey-4, l.y-3)
	p.text("strong halo", "start", l.x+labelKey, l.y+1, l.c.name)
	p.text("halo", "start", l.x+labelKey, l.y+15, "n = "+count(l.c.n))
}
