package reports

import (
	"bytes"
	"fmt"
	"io"
	"strings"

	"coldbench/cost"
	"coldbench/record"
)

// WriteMarkdown writes the report for an architecture decision record or a
// pull request: verdict, tables, bill, warnings and how to repeat it. It links
// the pictures that WriteFiles puts beside it, because Markdown viewers strip
// inline SVG.
func (r *Report) WriteMarkdown(w io.Writer) error {
	var b bytes.Buffer
	r.markdownHead(&b)
	r.markdownRemarks(&b)
	b.WriteString("\n## Percentiles\n\n")
	if len(r.curves()) > 0 {
		fmt.Fprintf(&b, "![%s](percentiles.svg)\n\n", markdown("Response by percentile. "+r.percentileFinding()))
	}
	b.WriteString("In ms unless the row says otherwise; in brackets the two-sided 95\u00a0% interval from order statistics.\n\n")
	markdownTable(&b, r.Quantities)
	if len(r.Tags) > 1 {
		b.WriteString("\n### By tag\n\nResponse in ms.\n\n")
		var groups []Quantity
		for _, t := range r.Tags {
			groups = append(groups, Quantity{Name: tagName(t.Tag), Unit: "ms", Rows: t.Quantities[0].Rows})
		}
		markdownTable(&b, groups)
	}
	if r.Plan.OverHTTP() && len(r.Connections) > 0 {
		b.WriteString("\n### Connections\n\nIn ms; dns, connect and tls of requests that opened one, wait from the request written to the first byte, body from there to the last.\n\n")
		markdownTable(&b, r.Connections)
	}
	b.WriteString("\n## Starts\n\n")
	if len(r.Timeline.Layers) > 0 {
		fmt.Fprintf(&b, "![%s](timeline.svg)\n\n", markdown("Every start over time. "+r.timelineFinding()))
	}
	r.markdownOutcomes(&b)
	r.markdownBill(&b)
	r.markdownGenerator(&b)
	r.markdownTrust(&b)
	if _, err := w.Write(b.Bytes()); err != nil {
		return fmt.Errorf("write report as Markdown: %w", err)
	}
	return nil
}

func (r *Report) markdownHead(b *bytes.Buffer) {
	banner := r.Banner()
	fmt.Fprintf(b, "# %s: bench %s\n\n", markdown(r.subject()), markdown(r.Plan.Verb))
	fmt.Fprintf(b, "**%s · %s** · %s\n\n", markdown(banner.Tag), markdown(string(r.Plan.Provenance)), markdown(banner.Headline))
	if banner.Detail != "" {
		fmt.Fprintf(b, "%s\n", markdown(banner.Detail))
	}
	fmt.Fprintf(b, "%s\n\n", markdown(banner.Limit))
	fmt.Fprintf(b, "%s\n\n", markdown(strings.Join(r.context(true), " · ")))
	keys := r.keyFigures()
	var names, rules, values, subs []string
	for _, k := range keys {
		names = append(names, markdown(k.Name))
		rules = append(rules, "---")
		values = append(values, "**"+markdown(k.Value)+"**")
		subs = append(subs, markdown(k.Sub))
	}
	for _, row := range [][]string{names, rules, values, subs} {
		markdownRow(b, row)
	}
}

func markdownRow(b *bytes.Buffer, cells []string) {
	b.WriteString("| " + strings.Join(cells, " | ") + " |\n")
}

func (r *Report) markdownRemarks(b *bytes.Buffer) {
	if len(r.Verdict.Reasons) > 0 {
		b.WriteString("\n## Why this run is not valid\n\n")
		for _, x := range r.Verdict.Reasons {
			markdownRemark(b, "", x.Text, x.Remedy)
		}
	}
	var lines bytes.Buffer
	for _, x := range r.Warnings {
		if x.Code != warnTooFew {
			markdownRemark(&lines, "**Warning.** ", x.Text, x.Remedy)
		}
	}
	for _, f := range r.Findings {
		fmt.Fprintf(&lines, "- %s\n", markdown(f))
	}
	if lines.Len() > 0 {
		b.WriteString("\n## What to know before reading on\n\n")
		b.Write(lines.Bytes())
	}
}

func markdownRemark(b *bytes.Buffer, kind, text, remedy string) {
	fmt.Fprintf(b, "- %s%s", kind, markdown(sentence(plain(text, 600))))
	if remedy != "" {
		fmt.Fprintf(b, " *%s*", markdown(sentence(plain(remedy, 500))))
	}
	b.WriteByte('\n')
}

func markdownTable(b *bytes.Buffer, quantities []Quantity) {
	head := []string{"", "starts", "n"}
	rule := []string{"---", "---", "---:"}
	for _, p := range tableQuantiles {
		head, rule = append(head, markdown(quantileName(p))), append(rule, "---:")
	}
	markdownRow(b, append(head, "max"))
	markdownRow(b, append(rule, "---:"))
	for _, q := range quantities {
		name := strings.ReplaceAll(q.Name, "_", " ")
		if q.Unit != "ms" {
			name += ", " + q.Unit
		}
		name = "**" + markdown(name) + "**"
		for _, row := range q.shown() {
			cells := []string{name, markdown(startName(row.Start)), count(row.Numbers.N)}
			for _, p := range tableQuantiles {
				cells = append(cells, markdownCell(&row.Numbers, p))
			}
			markdownRow(b, append(cells, row.Numbers.maxText()))
			name = ""
		}
	}
}

func markdownCell(n *Numbers, p float64) string {
	q, ok := n.At(p)
	if !ok {
		return "n too small, needs " + count(q.Need)
	}
	return fmt.Sprintf("%s (%s)", q.text(), q.between())
}

func (r *Report) markdownOutcomes(b *bytes.Buffer) {
	markdownRow(b, []string{"outcome", "arrivals", "share"})
	markdownRow(b, []string{"---", "---:", "---:"})
	for _, o := range record.Outcomes {
		if n := r.Outcomes[o]; n > 0 || o == record.OK {
			markdownRow(b, []string{markdown(outcomeName(r.Plan, o)), count(n), share(n, r.Arrivals)})
		}
	}
	markdownRow(b, []string{"**all**", count(r.Arrivals), share(r.Arrivals, r.Arrivals)})
	for i, e := range r.Errors {
		if i == 0 {
			b.WriteByte('\n')
		}
		fmt.Fprintf(b, "- %s × %s %s: %s\n", count(e.N), markdown(outcomeName(r.Plan, e.Outcome)), markdown(e.Type), markdown(e.Example))
	}
}

func (r *Report) markdownBill(b *bytes.Buffer) {
	b.WriteString("\n## Bill\n\n" + markdown(r.billNote()) + "\n")
	if r.Bill == nil || len(r.Bill.Lines) == 0 {
		return
	}
	b.WriteByte('\n')
	markdownRow(b, []string{"what", "quantity", "price", "charge", "price read from"})
	markdownRow(b, []string{"---", "---:", "---:", "---:", "---"})
	for _, l := range r.Bill.Lines {
		source := l.Source
		if s, ok := cost.Cite(l.Source); ok {
			source = s.What
		}
		markdownRow(b, []string{markdown(l.What), sig3(l.Quantity) + " " + markdown(l.Unit), unitPrice(l.Price), usd(l.USD), markdown(source + ", " + l.Date)})
	}
}

func (r *Report) markdownGenerator(b *bytes.Buffer) {
	facts := r.generatorFacts()
	if len(facts) == 0 {
		return
	}
	b.WriteString("\n## The load generator\n\n")
	for _, f := range facts {
		fmt.Fprintf(b, "- **%s**: %s\n", markdown(f.Name), markdown(f.Value))
	}
}

func (r *Report) markdownTrust(b *bytes.Buffer) {
	b.WriteString("\n## How far to trust this\n\n")
	for _, f := range r.howMeasured() {
		fmt.Fprintf(b, "- **%s**: %s\n", markdown(f.Name), markdown(f.Value))
	}
	b.WriteString("\n## How to repeat it\n\n" + fenced("sh", r.Command()))
	b.WriteString("\nFiles beside this one: [report.html](report.html), [summary.json](summary.json), [percentiles.svg](percentiles.svg), [timeline.svg](timeline.svg), and the distributions response\\_\\*.hgrm.\n")
	if t := plain(r.Plan.Tool, 120); t != "" {
		b.WriteString("\nWritten by " + markdown(t) + ".\n")
	}
}
