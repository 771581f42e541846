package reports

import (
	"fmt"
	"slices"
	"strings"

	"charm.land/lipgloss/v2"
	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"

	"coldbench/record"
	"coldbench/stats"
)

// inlineWidth is the width from which intervals stand beside their values in
// every row; below it they stand under the values of the quantities that
// matter most.
const inlineWidth = 118

// withIntervals are the quantities whose intervals are printed in a narrow
// terminal too.
var withIntervals = []string{"response", "service", "init", "restore"}

func newTable() table.Writer {
	t := table.NewWriter()
	s := table.StyleDefault
	s.Box = table.BoxStyle{PaddingLeft: "", PaddingRight: "  ", MiddleHorizontal: "─", Left: "", Right: "", MiddleVertical: ""}
	s.Format = table.FormatOptions{Header: text.FormatDefault, Row: text.FormatDefault, Footer: text.FormatDefault}
	s.Options = table.Options{SeparateHeader: true}
	s.Color = table.ColorOptions{}
	t.SetStyle(s)
	return t
}

// alignColumns sets names left and numbers right.
func alignColumns(t table.Writer, names, columns int) {
	configs := make([]table.ColumnConfig, columns)
	for i := range configs {
		configs[i] = table.ColumnConfig{Number: i + 1, Align: text.AlignRight, AlignHeader: text.AlignRight, VAlign: text.VAlignTop}
		if i < names {
			configs[i].Align, configs[i].AlignHeader = text.AlignLeft, text.AlignLeft
		}
	}
	t.SetColumnConfigs(configs)
}

// rendered gives the lines of a table without the blanks at their ends.
func rendered(t table.Writer) []string {
	lines := strings.Split(t.Render(), "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " ")
		if strings.HasPrefix(lines[i], "─") { // a rule is as long as the last column, not its padding
			lines[i] = strings.TrimSuffix(lines[i], "──")
		}
	}
	return lines
}

func widest(lines []string) int {
	w := 0
	for _, line := range lines {
		w = max(w, lipgloss.Width(line))
	}
	return w
}

// textTable prints quantities by kind of start. Quantiles that no sample here
// supports leave first, then whichever of the tail does not fit the width; the
// p99 stays as long as anything does, since it is what readers look for.
func (r *Report) textTable(p *textPage) {
	p.gap()
	quantiles := slices.DeleteFunc(slices.Clone(tableQuantiles), func(q float64) bool {
		return q > 0.99 && !r.supports(q)
	})
	lines, l := p.fitted(r.Quantities, tableLayout{title: "ms", quantiles: quantiles, inline: p.w >= inlineWidth, max: true})
	for _, line := range lines {
		p.say(line)
	}
	r.textLeftOut(p, l)
	r.textFootnotes(p, l)
}

// fitted lays a table out and leaves away what does not fit the width.
func (p *textPage) fitted(quantities []Quantity, l tableLayout) ([]string, tableLayout) {
	lines := p.quantityTable(quantities, l)
	for _, shrink := range []func(){
		func() { l.inline = false },
		func() { l.leave(0.95) },
		func() { l.leave(0.999) },
		func() { l.max = false },
		func() { l.leave(0.9) },
	} {
		if widest(lines) <= p.w {
			break
		}
		shrink()
		lines = p.quantityTable(quantities, l)
	}
	return lines, l
}

// supports says whether any sample of the report is large enough for p.
func (r *Report) supports(p float64) bool {
	for _, q := range r.Quantities {
		for i := range q.Rows {
			if _, ok := q.Rows[i].Numbers.At(p); ok {
				return true
			}
		}
	}
	return false
}

// textLeftOut says which columns the table does not show, and why.
func (r *Report) textLeftOut(p *textPage, l tableLayout) {
	var parts, narrow []string
	for _, q := range tableQuantiles {
		switch {
		case slices.Contains(l.quantiles, q):
		case !r.supports(q):
			parts = append(parts, fmt.Sprintf("%s, which needs %s values", quantileName(q), count(stats.MinN(q, stats.Level))))
		default:
			narrow = append(narrow, quantileName(q))
		}
	}
	if !l.max {
		narrow = append(narrow, "max")
	}
	if narrow != nil {
		parts = append(parts, join(narrow)+", for lack of width")
	}
	if parts != nil {
		p.say(p.faint(wrap("Left out: "+strings.Join(parts, "; ")+".", p.w, "")))
	}
}

// tableLayout is what of a table fits a terminal.
type tableLayout struct {
	title     string
	quantiles []float64
	inline    bool // intervals beside their values
	max       bool
}

func (l *tableLayout) leave(q float64) {
	l.quantiles = slices.DeleteFunc(l.quantiles, func(p float64) bool { return p == q })
}

func (p *textPage) quantityTable(quantities []Quantity, l tableLayout) []string {
	t := newTable()
	header := table.Row{p.strong(l.title), "", "n"}
	for _, q := range l.quantiles {
		header = append(header, p.strong(quantileName(q)))
	}
	if l.max {
		header = append(header, p.strong("max"))
	}
	t.AppendHeader(header)
	alignColumns(t, 2, len(header))
	for i := range quantities {
		p.quantityRows(t, &quantities[i], l)
	}
	return rendered(t)
}

// quantityRows adds the rows of one quantity that hold anything.
func (p *textPage) quantityRows(t table.Writer, q *Quantity, l tableLayout) {
	name := strings.ReplaceAll(q.Name, "_", " ")
	if q.Unit != "ms" {
		name = "memory " + q.Unit
	}
	style := cellPlain
	switch {
	case l.inline:
		style = cellInline
	case slices.Contains(withIntervals, q.Name):
		style = cellUnder
	}
	for _, row := range q.shown() {
		cells := table.Row{p.strong(name), p.kind(row.Start, marker(row.Start)+" "+startName(row.Start)), count(row.Numbers.N)}
		for _, k := range l.quantiles {
			cells = append(cells, p.quantileCell(&row.Numbers, k, style))
		}
		if l.max {
			cells = append(cells, row.Numbers.maxText())
		}
		t.AppendRow(cells)
		name = ""
	}
}

// shown leaves out empty rows, and the split of what does not depend on the
// start: the generator's lag. A quantity that only one kind of start has, such
// as init, is shown for that kind alone.
func (q *Quantity) shown() []Split {
	var out []Split
	for _, row := range q.Rows {
		if row.Numbers.N > 0 {
			out = append(out, row)
		}
	}
	switch {
	case q.Name == "lag" && len(out) > 0:
		return out[:1]
	case len(out) == 2 && out[0].Start == "" && out[0].Numbers.N == out[1].Numbers.N:
		return out[1:]
	}
	return out
}

// cellStyle is where a cell shows its interval.
type cellStyle int

const (
	cellPlain  cellStyle = iota // nowhere
	cellUnder                   // on a second line
	cellInline                  // in brackets
)

func (p *textPage) quantileCell(n *Numbers, k float64, style cellStyle) string {
	q, ok := n.At(k)
	switch {
	case !ok && style == cellUnder:
		return p.faint("too few") + "\n" + p.faint("need "+count(q.Need))
	case !ok:
		return p.faint("n<" + count(q.Need))
	case style == cellUnder:
		return q.text() + "\n" + p.faint(q.between())
	case style == cellInline:
		return q.text() + " " + p.faint("("+q.between()+")")
	}
	return q.text()
}

// textTags tells arrivals of different purpose apart.
func (r *Report) textTags(p *textPage) {
	if len(r.Tags) < 2 {
		return
	}
	p.gap()
	var groups []Quantity
	for _, g := range r.Tags {
		groups = append(groups, Quantity{Name: tagName(g.Tag), Unit: "ms", Rows: g.Quantities[0].Rows})
	}
	lines, _ := p.fitted(groups, tableLayout{title: "response ms", quantiles: []float64{0.5, 0.9, 0.99}, inline: p.w >= inlineWidth, max: true})
	for _, line := range lines {
		p.say(line)
	}
}

func tagName(t record.Tag) string {
	if t == "" {
		return "(no tag)"
	}
	return plain(string(t), 24)
}

// textFootnotes explains the table under which they stand.
func (r *Report) textFootnotes(p *textPage, l tableLayout) {
	note := func(s string) { p.say(p.faint(wrap(s, p.w, ""))) }
	intervals := "Second lines: 95 % intervals from order statistics."
	switch {
	case l.inline:
		intervals = "In brackets: 95 % intervals from order statistics."
	case r.Quantity("response") != nil:
		intervals = "Second lines: 95 % intervals from order statistics (the others: summary.json, report.html)."
	}
	if r.anyTooFew() {
		intervals += " n<368, too few: a two-sided interval needs that many values."
	}
	if r.Outcomes[record.TimedOut]+r.GivenUp > 0 {
		intervals += " ≥ and ∞: requests that timed out or were given up have that rank; they took at least what was waited."
	}
	note(intervals)
	if r.Quantity("response") != nil {
		note("response: intended send to last byte; service: actual send to last byte; lag: the generator's own lateness; residue: service − init − duration.")
	}
}

func (r *Report) anyTooFew() bool {
	for _, w := range r.Warnings {
		if w.Code == warnTooFew {
			return true
		}
	}
	return false
}
