package experiment

import (
	"bytes"
	"slices"
	"sync"

	"coldbench/loadgen"
	"coldbench/parsers"
	"coldbench/record"
)

// collector writes rows and platform lines to the run directory and knows
// which request ids still lack their REPORT.
type collector struct {
	w *record.Writer // nil until the run has a start

	expect      bool // the platform prints a REPORT for each request
	wantStreams bool // a tail's REPORT is not enough: the log group names the environment

	mu      sync.Mutex
	pending map[string]struct{} // answered, no REPORT seen yet
	kept    int64               // platform events written
	dropped int64               // events of the function's own, not written
}

var _ loadgen.Recorder = (*collector)(nil)

// Record writes one row and the platform lines of its tail.
func (c *collector) Record(row *record.Invocation, tail []byte) error {
	r := *row
	r.Error, r.ErrorType = Redact(r.Error), Redact(r.ErrorType)
	if err := c.w.Record(&r); err != nil {
		return err
	}
	if c.expect && reported(&r) {
		c.mu.Lock()
		c.pending[r.RequestID] = struct{}{}
		c.mu.Unlock()
	}
	for _, line := range splitTail(tail) {
		if err := c.event(record.Event{Message: string(line), Source: "tail", RequestID: r.RequestID}); err != nil {
			return err
		}
	}
	return nil
}

// reported says whether the platform prints a REPORT of the row: the function
// was started for it.
func reported(r *record.Invocation) bool {
	if r.RequestID == "" {
		return false
	}
	switch r.Outcome {
	case record.OK, record.FunctionError, record.TimedOut:
		return true
	default:
		return false
	}
}

// event writes a platform line. Lines of the function itself are dropped: they
// may hold anything, and no figure needs them.
func (c *collector) event(e record.Event) error {
	var p record.Platform
	if !parsers.ParseEvent([]byte(e.Message), &p) {
		c.mu.Lock()
		c.dropped++
		c.mu.Unlock()
		return nil
	}
	c.mu.Lock()
	c.kept++
	isReport := p.Kind == record.KindReport || p.Kind == "platform.report"
	if isReport && (e.LogStream != "" || !c.wantStreams) {
		delete(c.pending, p.RequestID)
	}
	c.mu.Unlock()
	e.Message = Redact(e.Message)
	return c.w.Event(e)
}

func (c *collector) waiting() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.pending)
}

// splitTail splits the log of one response into events: lines, where the X-Ray
// line belongs to the REPORT before it.
func splitTail(tail []byte) [][]byte {
	var events [][]byte
	start := 0
	for start < len(tail) {
		end := len(tail)
		if i := bytes.IndexByte(tail[start:], '\n'); i >= 0 {
			end = start + i + 1
		}
		line := tail[start:end]
		if n := len(events); n > 0 && bytes.HasPrefix(line, []byte("XRAY TraceId:")) {
			events[n-1] = slices.Concat(events[n-1], line)
		} else if len(bytes.TrimSpace(line)) > 0 {
			events = append(events, line)
		}
		start = end
	}
	return events
}
