package emulator

import (
	"testing"

	"coldbench/emulator/insights"
)

// TestStoppedQuery: a query ends between two commands, and stays as it was
// stopped.
func TestStoppedQuery(t *testing.T) {
	stopping := make(chan struct{})
	close(stopping)
	q, bad := insights.Compile("fields @message")
	if bad != nil {
		t.Fatal(bad)
	}
	for status, want := range map[string]string{queryScheduled: queryCancelled, queryCancelled: queryCancelled} {
		s := &startedQuery{status: status}
		if s.run(q, []insights.Event{{Text: "x"}}, 1, stopping); s.status != want || s.rows != nil {
			t.Errorf("%s became %s with %d rows", status, s.status, len(s.rows))
		}
	}
}
