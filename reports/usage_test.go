package reports

import (
	"slices"
	"testing"

	"coldbench/record"
)

// A request that the client gave up on is billed and has no id to join by.
func TestBillIsABoundWhereTheClientGaveUp(t *testing.T) {
	p := &record.Plan{ExpectReports: true, Functions: []record.Function{{MemoryMB: 1024}}}
	seen := &record.Platform{Kind: record.KindReport}
	seen.BilledDurationMs = record.Opt[float64]{Value: 1000, Valid: true}
	var u usageCollector
	u.add(p, &record.Joined{Invocation: record.Invocation{RequestID: "a", Outcome: record.OK}, Platform: seen})
	for _, want := range []bool{false, true} {
		_, warnings := u.bill("")
		if got := slices.ContainsFunc(warnings, func(w record.Warning) bool { return w.Code == "bill_incomplete" }); got != want {
			t.Errorf("%d unseen: warned %v, want %v", u.unseen, got, want)
		}
		u.add(p, &record.Joined{Invocation: record.Invocation{Outcome: record.TimedOut, ErrorType: record.ErrClientTimeout}})
	}
}
