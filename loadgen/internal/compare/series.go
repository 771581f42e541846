package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"coldbench/loadgen/internal/witness"
)

// measure runs the series and prints a table of each.
func (s *settings) measure(ctx context.Context, w io.Writer) error {
	known := map[string]func(context.Context) (table, error){
		"lateness": s.lateness, "rate": s.rate, "stall": s.stall, "poisson": s.poisson, "rows": s.rows, "saturated": s.saturated,
	}
	for _, name := range s.series {
		f, ok := known[name]
		if !ok {
			return fmt.Errorf("-series: %q is none of lateness, rate, stall, poisson, rows, saturated", name)
		}
		load := loadAverage()
		t, err := f(ctx)
		if err != nil {
			return fmt.Errorf("series %s: %w", name, err)
		}
		if _, err := fmt.Fprintf(w, "\n%s, %s, medians of %d, load average before: %s\n\n%s",
			name, time.Now().UTC().Format("2006-01-02 15:04 MST"), s.runs, load, t.markdown()); err != nil {
			return fmt.Errorf("print: %w", err)
		}
	}
	return nil
}

func loadAverage() string {
	b, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	return strings.Join(strings.Fields(string(b))[:2], " ")
}

// table is a Markdown table; the cells of one row are medians.
type table struct {
	head []string
	rows [][]string
}

func (t *table) markdown() string {
	var b strings.Builder
	line := func(cells []string) { b.WriteString("| " + strings.Join(cells, " | ") + " |\n") }
	line(t.head)
	b.WriteString(strings.Repeat("|---", len(t.head)) + "|\n")
	for _, r := range t.rows {
		line(r)
	}
	return b.String()
}

// column is one figure of a run.
type column struct {
	name  string
	form  string
	value func(j job, o *outcome) float64
}

// repeat runs each tool on each job, all once and then all again, and fills
// the columns with the medians.
func (s *settings) repeat(ctx context.Context, tools []tool, jobs []job, as witness.Options, columns []column) (table, error) {
	t := table{head: []string{"generator", "rate/s"}}
	for _, c := range columns {
		t.head = append(t.head, c.name)
	}
	values := make([][][]float64, len(tools)*len(jobs))
	for i := range values {
		values[i] = make([][]float64, len(columns))
	}
	for n := range s.runs {
		for ji, j := range jobs {
			j.seed = uint64(n + 1)
			for ti, tool := range tools {
				o, err := s.quietly(ctx, tool, j, as)
				if err != nil && (tool.ours || ctx.Err() != nil) {
					return t, err
				}
				if err != nil { // a peer that fails has no figures of that run
					_, _ = fmt.Fprintf(s.log, "%d/%d failed: %v\n", n+1, s.runs, err)
					continue
				}
				var said strings.Builder
				for ci, c := range columns {
					v := c.value(j, &o)
					cell := &values[ji*len(tools)+ti][ci]
					*cell = append(*cell, v)
					fmt.Fprintf(&said, "  %s "+c.form, c.name, v)
				}
				_, _ = fmt.Fprintf(s.log, "%d/%d %s at %d/s:%s\n", n+1, s.runs, tool.name, j.rate, said.String())
			}
		}
	}
	for i, cells := range values {
		row := []string{tools[i%len(tools)].name, fmt.Sprint(jobs[i/len(tools)].rate)}
		for ci, v := range cells {
			if len(v) == 0 {
				row = append(row, "failed")
				continue
			}
			slices.Sort(v)
			row = append(row, fmt.Sprintf(columns[ci].form, v[len(v)/2]))
		}
		t.rows = append(t.rows, row)
	}
	return t, nil
}

// intended are the offsets that were to be sent, as far as the generator says,
// else evenly spaced.
func intended(j job, o *outcome) []int64 {
	if o.Intended != nil {
		return o.Intended
	}
	all := make([]int64, int(float64(j.rate)*j.length.Seconds()))
	for i := range all {
		all[i] = int64(i) * int64(time.Second) / int64(j.rate)
	}
	return all
}

func ms(d time.Duration) float64 { return float64(d) / 1e6 }

func against(pick func(witness.Lateness) time.Duration) func(job, *outcome) float64 {
	return func(j job, o *outcome) float64 { return ms(pick(witness.Against(o.stamps, intended(j, o)))) }
}

// fitted leaves the first tenth out, in which some generators warm up.
func fitted(pick func(witness.Lateness) time.Duration) func(job, *outcome) float64 {
	return func(_ job, o *outcome) float64 { return ms(pick(witness.Fitted(o.stamps[len(o.stamps)/10:]))) }
}

func p50(l witness.Lateness) time.Duration  { return l.P50 }
func p99(l witness.Lateness) time.Duration  { return l.P99 }
func p999(l witness.Lateness) time.Duration { return l.P999 }

func longest(l witness.Lateness) time.Duration { return l.Max }

var (
	arrived = column{"arrived", "%.0f", func(_ job, o *outcome) float64 { return float64(len(o.stamps)) }}
	planned = column{"planned", "%.0f", func(j job, o *outcome) float64 { return float64(j.rate) * j.length.Seconds() }}
	missing = column{"not sent, said", "%.0f", func(_ job, o *outcome) float64 { return float64(o.NotSent) }}
	late50  = column{"late p50 ms", "%.3f", against(p50)}
	late99  = column{"p99 ms", "%.3f", against(p99)}
	late999 = column{"p99.9 ms", "%.2f", against(p999)}
	fit50   = column{"fitted p50 ms", "%.3f", fitted(p50)}
	fit99   = column{"fitted p99 ms", "%.3f", fitted(p99)}
	self50  = column{"own lag p50 ms", "%.3f", func(_ job, o *outcome) float64 { return float64(o.LagP50) / 1e6 }}
	self99  = column{"own lag p99 ms", "%.3f", func(_ job, o *outcome) float64 { return float64(o.LagP99) / 1e6 }}
	seen50  = column{"seen p50 ms", "%.3f", since(p50)}
	seen99  = column{"seen p99 ms", "%.3f", since(p99)}
	cpuEach = column{"CPU us/request", "%.1f", func(_ job, o *outcome) float64 { return float64(o.cpu.Microseconds()) / float64(len(o.stamps)) }}
	rss     = column{"peak MB", "%.0f", func(_ job, o *outcome) float64 { return o.rssMB }}
	grown   = column{"conns added", "%.0f", func(_ job, o *outcome) float64 { return float64(o.Grown) }}
	others  = column{"others' CPU %", "%.0f", func(_ job, o *outcome) float64 { return 100 * o.others }}
	resp50  = column{"own p50 ms", "%.2f", func(_ job, o *outcome) float64 { return float64(o.P50) / 1e6 }}
	resp99  = column{"own p99 ms", "%.1f", func(_ job, o *outcome) float64 { return float64(o.P99) / 1e6 }}
	respMax = column{"own max ms", "%.1f", func(_ job, o *outcome) float64 { return float64(o.Max) / 1e6 }}
)

// since is the lateness by the stamps from the generator's own start; 0 where
// it does not say when that was.
func since(pick func(witness.Lateness) time.Duration) func(job, *outcome) float64 {
	return func(j job, o *outcome) float64 {
		if o.Start == 0 {
			return 0
		}
		return ms(pick(witness.Since(o.Start, o.stamps, intended(j, o))))
	}
}

// served is the response as it left the server: answered - intended.
func served(pick func(witness.Lateness) time.Duration) func(job, *outcome) float64 {
	return func(j job, o *outcome) float64 {
		due := intended(j, o)
		start := o.Start
		if start == 0 {
			start = witness.Start(o.stamps, due)
		}
		return ms(pick(witness.Since(start, o.answered, due)))
	}
}

// lateness is how late requests leave at constant rates.
func (s *settings) lateness(ctx context.Context) (table, error) {
	var jobs []job
	for _, r := range s.rates {
		jobs = append(jobs, job{rate: r, length: s.length, arrivals: "constant"})
	}
	return s.repeat(ctx, s.tools(), jobs, witness.Options{}, []column{
		planned, arrived, late50, late99, late999, fit50, fit99, self50, self99, seen50, seen99, cpuEach, rss, grown, others,
	})
}

// rate holds rates for 30 s; the peers' share of arrivals at such rates is in
// the series lateness.
func (s *settings) rate(ctx context.Context) (table, error) {
	var jobs []job
	for _, r := range s.held {
		jobs = append(jobs, job{rate: r, length: 30 * time.Second, arrivals: "constant"})
	}
	return s.repeat(ctx, s.ours(), jobs, witness.Options{}, []column{planned, arrived, missing, late50, late99, cpuEach, rss, others})
}

// stall has the server serve nobody for one second of ten. Of 10,000 arrivals
// 1,000 fall into it, evenly: by arithmetic the p99 is 900 ms, the maximum 1 s;
// and the server needs time to answer the thousand that have piled up, so that
// the truth is when it had answered each.
func (s *settings) stall(ctx context.Context) (table, error) {
	var jobs []job
	for _, r := range s.stalled {
		jobs = append(jobs, job{rate: r, length: 10 * time.Second, arrivals: "constant"})
	}
	return s.repeat(ctx, s.tools(), jobs, witness.Options{StallAt: 5 * time.Second, StallFor: time.Second, Answers: true}, []column{
		planned, arrived, missing, resp50, resp99, {"true p99 ms", "%.1f", served(p99)}, respMax, {"true max ms", "%.1f", served(longest)}, late99, rss, grown, others,
	})
}

// poisson is whether a Poisson process arrives as one. Every repetition has a
// seed of its own: of samples of a true Poisson process, 5 % fail the test.
func (s *settings) poisson(ctx context.Context) (table, error) {
	rhythm := func(pick func(witness.Rhythm) float64) func(job, *outcome) float64 {
		return func(_ job, o *outcome) float64 { return pick(witness.RhythmOf(o.stamps, 10*time.Millisecond)) }
	}
	var jobs []job
	// The stamps hold the lateness of the sends, some 0.03 ms of it: of a gap of
	// 10 ms that is nothing, of one of 0.2 ms much.
	for _, r := range []int{100, 200, 1000, 5000} {
		jobs = append(jobs, job{rate: r, length: 10 * time.Second, arrivals: "poisson"})
	}
	return s.repeat(ctx, s.ours(), jobs, witness.Options{}, []column{
		arrived, late50, late99,
		{"dispersion", "%.3f", rhythm(func(r witness.Rhythm) float64 { return r.Dispersion })},
		{"KS distance", "%.4f", rhythm(func(r witness.Rhythm) float64 { return r.KS })},
		{"of the plan", "%.4f", func(j job, o *outcome) float64 { return witness.RhythmOf(intended(j, o), 10*time.Millisecond).KS }},
		{"KS limit", "%.4f", rhythm(func(r witness.Rhythm) float64 { return r.KSLimit })},
		others,
	})
}

// rows is the whole program at 20,000/s for a minute, rows on disk.
func (s *settings) rows(ctx context.Context) (table, error) {
	if s.bench == "" {
		_, _ = fmt.Fprintln(s.log, "series rows is left out: give -bench")
		return table{}, nil
	}
	jobs := []job{{rate: 20_000, length: time.Minute, arrivals: "constant"}}
	return s.repeat(ctx, []tool{s.whole("net/http"), s.whole("lean")}, jobs, witness.Options{}, []column{
		planned, arrived, missing,
		{"rows read", "%.0f", func(_ job, o *outcome) float64 { return float64(o.Rows) }},
		self50, self99,
		{"lag p99 ms, first sixth", "%.3f", func(_ job, o *outcome) float64 { return float64(o.LagFirst) / 1e6 }},
		{"last sixth", "%.3f", func(_ job, o *outcome) float64 { return float64(o.LagLast) / 1e6 }},
		cpuEach, rss, others,
	})
}
