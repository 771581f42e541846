package reports

import (
	"fmt"
	"math"
	"strings"
)

var sparks = []rune("▁▂▃▄▅▆▇█")

// textSparks draws the distribution of the response time of each kind in one
// line, on one logarithmic axis.
func (r *Report) textSparks(p *textPage) {
	lo, hi := gridClasses, -1
	var longest int
	for _, s := range r.Timeline.Spread {
		longest = max(longest, len(count(s.N)))
		for i, n := range s.Classes {
			if n > 0 {
				lo, hi = min(lo, i), max(hi, i)
			}
		}
	}
	if hi < 0 {
		return
	}
	p.gap()
	const label = 18
	cells := min(p.w-label-10, 80)
	lo, hi = max(lo-4, 0), hi+5
	per := math.Max(float64(hi-lo)/float64(cells), 1)
	cells = int(math.Ceil(float64(hi-lo) / per))
	for _, s := range r.Timeline.Spread {
		head := fmt.Sprintf("%s %-11s", marker(s.Start), startName(s.Start))
		p.say(p.kind(s.Start, head) + "  " + p.kind(s.Start, s.line(lo, per, cells)) + "  " + count(s.N))
	}
	p.say(p.faint(strings.Repeat(" ", label-1) + sparkAxis(lo, per, cells)))
}

// line scales the counts of one kind to its own highest; a cell that holds
// anything at all is never blank.
func (s *Spread) line(lo int, per float64, cells int) string {
	counts := make([]int64, cells)
	var most int64
	for i, n := range s.Classes {
		if n == 0 {
			continue
		}
		c := min(int(float64(i-lo)/per), cells-1)
		counts[c] += n
		most = max(most, counts[c])
	}
	var b strings.Builder
	for _, n := range counts {
		if n == 0 {
			b.WriteByte(' ')
			continue
		}
		b.WriteRune(sparks[int(math.Round(float64(n)/float64(most)*float64(len(sparks)-1)))])
	}
	return b.String()
}

// sparkAxis labels 1-2-5 steps where they fit.
func sparkAxis(lo int, per float64, cells int) string {
	line := []rune(strings.Repeat(" ", cells+12))
	scale := logScale{lo: classLow(lo), hi: classLow(lo + int(per*float64(cells))), from: 0, to: float64(cells)}
	free := 0
	for _, v := range scale.ticks(max(cells/9, 2)) {
		at := int(scale.at(v))
		text := "╵" + digits4(v) + " ms"
		if at < free {
			continue
		}
		for i, c := range []rune(text) {
			if at+i < len(line) {
				line[at+i] = c
			}
		}
		free = at + len([]rune(text)) + 1
	}
	return strings.TrimRight(string(line), " ")
}
