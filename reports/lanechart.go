package reports

import (
	"fmt"
	"math"
	"strconv"
	"time"

	"coldbench/record"
)

const (
	laneHeight  = 13.0
	lanesWide   = 26
	lanesNarrow = 16
)

// sampled picks at most most lanes, evenly.
func sampled(lanes []Lane, most int) []Lane {
	if len(lanes) <= most {
		return lanes
	}
	out := make([]Lane, most)
	for i := range out {
		out[i] = lanes[i*(len(lanes)-1)/(most-1)]
	}
	return out
}

// laneChart draws one lane for each environment of a sample: what made it
// ready in the colour of its kind, busy times, and a thin line between them.
func (r *Report) laneChart(f frame) string {
	most := lanesWide
	if !f.labels {
		most = lanesNarrow
	}
	lanes := sampled(r.Lanes, most)
	f.h = laneHeight*float64(len(lanes)) + 40
	p := &timelinePlot{f: f, top: 8, under: f.h - 30}
	left := 110.0
	if !f.labels {
		left = 36
	}
	p.x = linScale{hi: math.Max(r.spanSeconds(), r.Ended.Seconds()), from: left, to: f.w - 16}
	p.head(f.w, f.h, "ln-"+f.id, f.class, "Execution environments", r.laneFinding())
	p.timeAxis(true)
	for i, l := range lanes {
		p.lane(l, p.top+laneHeight*(float64(i)+0.5))
	}
	p.foot()
	return p.String()
}

func (p *timelinePlot) lane(l Lane, y float64) {
	name := strconv.FormatInt(l.Number, 10)
	if p.f.labels {
		name = curveName(l.Start) + " " + name
	}
	p.text("tick name", "end", p.x.from-8, y+4, name)
	at := func(d time.Duration) float64 { return p.x.at(d.Seconds()) }
	p.line("idle", at(l.First), y, math.Max(at(l.Last), at(l.First)+1), y)
	for _, b := range l.Busy {
		p.rect("fill-busy", at(b.From), y-4, math.Max(at(b.To)-at(b.From), 1.5), 8)
	}
	if l.InitEnd > 0 {
		p.rect("fill-"+string(l.Start), at(l.InitFrom), y-5, math.Max(at(l.InitEnd)-at(l.InitFrom), 3), 10)
	} else if l.Start == record.StartProvisioned {
		p.rect("fill-provisioned", at(l.First)-3, y-5, 3, 10)
	}
	for _, e := range l.Errors {
		p.use("cross-halo", "m-error", at(e), y, "")
		p.use("cross", "m-error", at(e), y, "")
	}
}

// laneSubtitle says how to read the chart, and what is left out of it.
func (r *Report) laneSubtitle() string {
	text := "One lane per environment: what made it ready in colour, busy, idle (thin). A lane ends with its last request, since no log says when an environment ended."
	if n := r.Environments; n > lanesWide {
		text += fmt.Sprintf(" An even sample; %s in total.", count(n))
	}
	return text
}

// environmentWords tells how many environments there were. Where no log group
// was read nobody knows, which is not none.
func (r *Report) environmentWords() string {
	if r.Environments == 0 {
		return "execution environments not known"
	}
	return plural(r.Environments, "execution environment", "execution environments")
}

// laneFinding is the description of the chart in words.
func (r *Report) laneFinding() string {
	return fmt.Sprintf("%s served %s.", plural(r.Environments, "execution environment", "execution environments"), plural(r.knownStarts(), "request", "requests"))
}
