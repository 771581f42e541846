package reports

import "strings"

// aloneHead gives a picture that leaves the report its background, title,
// legend and provenance.
func (r *Report) aloneHead(s *svg, f frame, title, subtitle string) {
	s.WriteString(aloneStyle())
	s.rect("background", 0, 0, f.w, f.h)
	s.text("strong", "start", 14, 22, title+" · "+r.subject())
	s.text("", "start", 14, 40, subtitle)
	s.text("", "start", 14, f.h-10, "Figures are "+string(r.Plan.Provenance)+". "+limits[r.Plan.Provenance])
}

// aloneLegend lists the kinds of the timeline in words, with their counts.
func (r *Report) aloneLegend(s *svg) {
	x := 14.0
	for _, l := range r.Timeline.Layers {
		class := markClass(l.Kind)
		if l.Kind == kindError {
			class = "cross"
		}
		s.use(class, "m-"+l.Kind, x+5, 56, "")
		text := layerName(l.Kind) + " " + count(l.N)
		s.text("name", "start", x+15, 60, text)
		x += 15 + textWidth(text, 12) + 22
	}
}

func layerName(kind string) string {
	return strings.ToUpper(kind[:1]) + kind[1:]
}

// PercentilesSVG is the percentile chart as a file of its own. It follows the
// reader's colour scheme and needs nothing beside it.
func (r *Report) PercentilesSVG() string {
	f := frame{id: "alone", class: "alone", w: 900, h: 460, labels: true, ticks: 9}
	return xmlHead + r.percentileChart(f, true)
}

// TimelineSVG is the timeline of starts as a file of its own.
func (r *Report) TimelineSVG() string {
	f := frame{id: "alone", class: "alone", w: 900, h: 420, ticks: 10, titles: true}
	return xmlHead + r.timelineChart(f, true)
}

const xmlHead = `<?xml version="1.0" encoding="UTF-8"?>` + "\n"
