package record

import "strings"

// maxReportsPerID bounds the REPORTs that are kept for one request id. Lambda
// makes at most three attempts of an asynchronous event
// (docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html);
// more are a forged log, and are counted without being kept.
const maxReportsPerID = 64

// reportTable holds REPORTs by request id until a row claims them.
type reportTable struct {
	byID    map[string]*reportNode
	kept    int   // nodes in byID
	dropped int64 // beyond maxReportsPerID
}

// reportNode is one REPORT in the list of its request id, in order of arrival.
type reportNode struct {
	p    Platform
	next *reportNode
}

func newReportTable() *reportTable { return &reportTable{byID: map[string]*reportNode{}} }

// add takes a REPORT, or merges it with one that says the same.
func (t *reportTable) add(p *Platform) {
	tail, n := (*reportNode)(nil), 0
	for node := t.byID[p.RequestID]; node != nil; node = node.next {
		if sameReport(&node.p, p) {
			node.p = mergeReports(&node.p, p)
			return
		}
		tail = node
		n++
	}
	if n == maxReportsPerID {
		t.dropped++
		return
	}
	t.kept++
	node := &reportNode{p: *p}
	if tail == nil {
		t.byID[p.RequestID] = node
		return
	}
	tail.next = node
}

// claim takes the first REPORT by time of a request id out of the table; nil
// where there is none. A REPORT without a time came with the response itself,
// so it goes first.
func (t *reportTable) claim(id string) *Platform {
	head := t.byID[id]
	if head == nil || id == "" {
		return nil
	}
	first, before := head, (*reportNode)(nil)
	for prev := head; prev.next != nil; prev = prev.next {
		if prev.next.p.Timestamp.Before(first.p.Timestamp) {
			first, before = prev.next, prev
		}
	}
	t.kept--
	switch {
	case before != nil:
		before.next = first.next
	case head.next != nil:
		t.byID[id] = head.next
	default:
		delete(t.byID, id)
	}
	return &first.p
}

// left is the number of REPORTs that nobody claimed.
func (t *reportTable) left() int64 { return int64(t.kept) + t.dropped }

// each calls do for every REPORT kept; those of one request id in order of
// arrival.
func (t *reportTable) each(do func(*Platform) error) error {
	for _, node := range t.byID {
		for ; node != nil; node = node.next {
			if err := do(&node.p); err != nil {
				return err
			}
		}
	}
	return nil
}

// sameReport says whether two REPORTs of one request id are one line that two
// sources delivered. Two attempts of an event may print the same text (a
// function that always runs into its time-out does), so two lines that both
// carry their place in a log group are one only when the places agree.
func sameReport(a, b *Platform) bool {
	if a.LogStream != "" && b.LogStream != "" {
		if a.LogStream != b.LogStream || !a.Timestamp.Equal(b.Timestamp) {
			return false
		}
	}
	if a.Raw != "" && b.Raw != "" {
		return strings.TrimSpace(a.Raw) == strings.TrimSpace(b.Raw)
	}
	return a.DurationMs == b.DurationMs && a.BilledDurationMs == b.BilledDurationMs &&
		a.MemorySizeMB == b.MemorySizeMB && a.MaxMemoryUsedMB == b.MaxMemoryUsedMB &&
		a.InitDurationMs == b.InitDurationMs && a.RestoreDurationMs == b.RestoreDurationMs &&
		a.Status == b.Status && a.ErrorType == b.ErrorType
}

// mergeReports makes one of two REPORTs that are the same. The one with a log
// stream wins, else the older; the other adds a Start where the winner has
// none, and makes it unknown where both have one and differ.
func mergeReports(old, add *Platform) Platform {
	win, other := *old, add
	if old.LogStream == "" && add.LogStream != "" {
		win, other = *add, old
	}
	switch {
	case other.Start == "" || other.Start == StartUnknown || other.Start == win.Start:
	case win.Start == "" || win.Start == StartUnknown:
		win.Start, win.StartRule = other.Start, other.StartRule
	default:
		win.Start, win.StartRule = StartUnknown, RuleDisagree
	}
	return win
}
