package record_test

import (
	"slices"
	"testing"

	"coldbench/record"
)

// A count of environments from a log that lacks lines is said to be a bound.
func TestCheckKnowsThatEnvironmentsAreALowerBound(t *testing.T) {
	tests := []struct {
		name string
		join record.JoinCounts
		want bool
	}{
		{"all placed", record.JoinCounts{Matched: 10, Expected: 10, Environments: 3}, false},
		{"some placed", record.JoinCounts{Matched: 10, Expected: 10, Environments: 3, NoStream: 2}, true},
		{"no log group", record.JoinCounts{Matched: 10, Expected: 10, NoStream: 10}, false},
	}
	for _, tt := range tests {
		_, warnings := record.Check(&record.Plan{Arrivals: 10}, record.Evidence{Rows: 10, Join: tt.join})
		got := slices.ContainsFunc(warnings, func(w record.Warning) bool { return w.Code == "unknown_environments" })
		if got != tt.want {
			t.Errorf("%s: warned %v, want %v", tt.name, got, tt.want)
		}
	}
}
