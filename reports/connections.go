package reports

import (
	"time"

	"coldbench/record"
	"coldbench/stats"
)

// How the connection of a request came about takes the place of its start in
// the rows of Report.Connections.
const (
	connNew    record.Start = "new"
	connReused record.Start = "reused"
)

// connParts are the parts of a request that its client observed, in their
// order. The first three are there only where a connection was opened.
var connParts = []struct {
	name, about string
	read        func(j *record.Joined) time.Duration
}{
	{"dns", "looking the name up", func(j *record.Joined) time.Duration { return j.Conn.DNS }},
	{"connect", "opening the TCP connection", func(j *record.Joined) time.Duration { return j.Conn.Connect }},
	{"tls", "TLS handshake", func(j *record.Joined) time.Duration { return j.Conn.TLS }},
	{"wait", "request written to first byte", func(j *record.Joined) time.Duration { return j.Conn.Wait }},
	{"body", "first byte to last byte", func(j *record.Joined) time.Duration {
		if j.FirstByte == 0 {
			return 0
		}
		return j.Done - j.FirstByte
	}},
}

// connCollector tells new connections from reused ones.
type connCollector struct {
	parts [][2]*stats.Dist // by position in connParts; new, reused
}

// add takes a row whose connection was observed.
func (c *connCollector) add(j *record.Joined) {
	if !wentWell(j) || j.Conn == (record.Conn{}) {
		return
	}
	if c.parts == nil {
		for range connParts {
			c.parts = append(c.parts, [2]*stats.Dist{stats.NewDist("ms"), stats.NewDist("ms")})
		}
	}
	kind := 0
	if j.Conn.Reused {
		kind = 1
	}
	for i, part := range connParts {
		if d := part.read(j); d > 0 {
			c.parts[i][kind].Add(milliseconds(d))
		}
	}
}

// quantities are the parts that occurred.
func (c *connCollector) quantities() []Quantity {
	var out []Quantity
	for i, kinds := range c.parts {
		q := Quantity{Name: connParts[i].name, Unit: "ms", About: connParts[i].about}
		for k, start := range []record.Start{connNew, connReused} {
			if kinds[k].N() > 0 {
				q.Rows = append(q.Rows, Split{start, numbersOf(kinds[k], false)})
			}
		}
		if q.Rows != nil {
			out = append(out, q)
		}
	}
	return out
}

// textConnections prints the parts where the client is the only witness.
func (r *Report) textConnections(p *textPage) {
	if !r.Plan.OverHTTP() || len(r.Connections) == 0 {
		return
	}
	p.gap()
	lines, _ := p.fitted(r.Connections, tableLayout{title: "connection ms", quantiles: []float64{0.5, 0.9, 0.99}, inline: p.w >= inlineWidth, max: true})
	for _, line := range lines {
		p.say(line)
	}
	p.say(p.faint(wrap("dns, connect, tls: of requests that opened a connection (those opened ahead of the load are not among them); wait: request written to first byte; body: first byte to last.", p.w, "")))
}
