package reports

import (
	"fmt"
	"math"
	"strings"

	"coldbench/record"
)

// The half-width card's own frames.
var (
	half       = frame{id: "h", class: "half-w", w: 496}
	narrowHalf = frame{id: "hn", class: "cn", w: 360}
)

// phaseGroups puts rows of comparable length on one scale: the starts that had
// to make an environment ready, and those that found one.
func (r *Report) phaseGroups() [][]PhaseMeans {
	var slow, fast []PhaseMeans
	for _, p := range r.Phases {
		if p.Start == record.StartCold || p.Start == record.StartRestored {
			slow = append(slow, p)
		} else {
			fast = append(fast, p)
		}
	}
	var out [][]PhaseMeans
	for _, g := range [][]PhaseMeans{slow, fast} {
		if g != nil {
			out = append(out, g)
		}
	}
	return out
}

const (
	phaseRow  = 44.0 // a row with its heading
	phaseAxis = 34.0
)

// phaseChart draws means, because medians do not add up.
func (r *Report) phaseChart(f frame) string {
	groups := r.phaseGroups()
	h := 4.0
	for _, g := range groups {
		h += phaseRow*float64(len(g)) + phaseAxis
	}
	s := &svg{}
	s.head(f.w, h, "ph-"+f.id, f.class, "Where the time goes", r.phaseFinding())
	y := 4.0
	for _, g := range groups {
		longest := 0.0
		for _, p := range g {
			longest = math.Max(longest, p.LagMs+math.Max(p.ResidueMs, 0)+p.InitMs+p.DurationMs)
		}
		step := niceStep(longest*1.02, 5)
		x := linScale{hi: step * math.Ceil(longest*1.02/step), from: 2, to: f.w - 14}
		bottom := y + phaseRow*float64(len(g))
		for v := 0.0; v <= x.hi*1.0001; v += step {
			s.line("grid", x.at(v), y+18, x.at(v), bottom)
			s.text("tick", tickAnchor(v, x.hi), x.at(v), bottom+16, sig3tick(v))
		}
		for _, p := range g {
			r.phaseBar(s, p, x, y, f)
			y += phaseRow
		}
		y += phaseAxis
	}
	s.foot()
	return s.String()
}

func tickAnchor(v, hi float64) string {
	switch {
	case v == 0:
		return "start"
	case v >= hi*0.999:
		return "end"
	}
	return "middle"
}

func sig3tick(v float64) string {
	if v >= 1000 {
		return sig3(v/1000) + " s"
	}
	return strings.TrimSuffix(strings.TrimRight(sig3(v), "0"), ".") + trailing(v) + " ms"
}

// trailing gives back the zeros of a whole number that trimming took.
func trailing(v float64) string {
	s := sig3(v)
	if strings.Contains(s, ".") {
		return ""
	}
	return s[len(strings.TrimRight(s, "0")):]
}

// phaseBar draws one row: lag grey, the derived residue hatched, init solid,
// duration at half strength.
func (r *Report) phaseBar(s *svg, p PhaseMeans, x linScale, y float64, f frame) {
	kind := string(p.Start)
	s.text("name", "start", x.from, y+12, curveName(p.Start))
	n := r.numbers("response", p.Start)
	right := "mean " + withUnit(p.ResponseMs, "ms")
	if f.w > 400 {
		right += " · p50 " + quantileText(n, 0.5) + " · p99 " + quantileText(n, 0.99)
	}
	s.text("tick", "end", x.to, y+12, right)
	top, high, at := y+19, 17.0, 0.0
	part := func(ms float64, class, text string) {
		if ms <= 0 {
			return
		}
		from, to := x.at(at), x.at(at+ms)
		at += ms
		if class == "hatch" {
			s.hatched(from, top, to-from, high)
		} else {
			s.rect(class, from, top, to-from, high)
		}
		if to-from >= 44 && class != "hatch" {
			s.text(text, "middle", (from+to)/2, top+13, sig3(ms))
		}
	}
	part(p.LagMs, "fill-busy", "in-warm")
	part(p.ResidueMs, "hatch", "")
	part(p.InitMs, "fill-"+kind, barText(kind))
	if p.InitMs > 0 {
		part(p.DurationMs, "half fill-"+kind, "strong")
	} else {
		part(p.DurationMs, "fill-"+kind, barText(kind))
	}
}

func barText(kind string) string {
	if kind == string(record.StartCold) {
		return "in-cold"
	}
	return "in-warm"
}

func quantileText(n *Numbers, p float64) string {
	if q, ok := n.At(p); ok {
		return q.text()
	}
	return "n too small"
}

// hatched fills a box with strokes at 45 degrees, clipped by arithmetic since
// a pattern would need an id in every picture.
func (s *svg) hatched(x, y, w, h float64) {
	var d strings.Builder
	for o := -h + 4; o < w; o += 5 {
		x1, y1, x2, y2 := x+o, y+h, x+o+h, y
		if x1 < x {
			y1 -= x - x1
			x1 = x
		}
		if x2 > x+w {
			y2 += x2 - (x + w)
			x2 = x + w
		}
		if y1 > y2 {
			fmt.Fprintf(&d, "M%s %sL%s %s", px(x1), px(y1), px(x2), px(y2))
		}
	}
	s.path("hatch", d.String())
	s.rect("hatch-edge", x+0.5, y+0.5, math.Max(w-1, 0.5), h-1)
}

// phaseFinding is the description of the chart in words.
func (r *Report) phaseFinding() string {
	var parts []string
	for _, p := range r.Phases {
		parts = append(parts, fmt.Sprintf("%s, n = %s, mean response %s: lag %s, residue %s, init %s, duration %s.",
			curveName(p.Start), count(p.N), withUnit(p.ResponseMs, "ms"), sig3(p.LagMs), sig3(p.ResidueMs), sig3(p.InitMs), sig3(p.DurationMs)))
	}
	return strings.Join(parts, " ")
}
