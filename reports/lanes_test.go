package reports

import (
	"fmt"
	"testing"
	"time"

	"coldbench/record"
)

func TestLaneOfOneEnvironment(t *testing.T) {
	s := newScene(record.Load{Shape: record.ShapeSteady})
	at := func(ms float64) time.Duration { return time.Duration(ms * 1e6) }
	row := func(sent, done, duration float64, start record.Start, o record.Outcome) {
		j := s.ok(at(sent), "", start, "e")
		j.Sent, j.Done, j.Outcome = at(sent), at(done), o
		j.Platform.DurationMs = record.Some(duration)
	}
	row(100, 160, 10, record.StartCold, record.OK) // 50 ms before its Duration
	row(500, 520, 18, record.StartWarm, record.FunctionError)
	row(900, 930, 25, record.StartWarm, record.OK)
	var c laneCollector
	for i := range s.rows {
		c.add(&s.rows[i])
	}
	lanes := c.lanes()
	if len(lanes) != 1 {
		t.Fatalf("%d lanes", len(lanes))
	}
	l := lanes[0]
	if l.Start != record.StartCold || l.First != at(100) || l.Last != at(930) || l.InitFrom != at(100) || l.InitEnd != at(150) {
		t.Errorf("%+v", l)
	}
	if len(l.Errors) != 1 || l.Errors[0] != at(500) || len(l.Busy) != 3 {
		t.Errorf("errors %v, busy %v", l.Errors, l.Busy)
	}
	for i, want := range []Busy{{at(150), at(160)}, {at(500), at(520)}, {at(900), at(930)}} {
		if got := l.Busy[i]; want.From-got.From > at(2) || got.To-want.To > at(2) || got.From > want.From || got.To < want.To {
			t.Errorf("busy %v, want %v within 2 ms", got, want)
		}
	}
}

// However many environments there are, an even sample of them is kept.
func TestLanesAreBounded(t *testing.T) {
	s := newScene(record.Load{Shape: record.ShapeSteady})
	var c laneCollector
	for i := range 5000 {
		c.add(s.ok(time.Duration(i)*time.Millisecond, "", record.StartCold, fmt.Sprint(i)))
	}
	lanes := c.lanes()
	if len(lanes) > maxLanes || len(lanes) < maxLanes/2 {
		t.Fatalf("%d lanes of 5000", len(lanes))
	}
	for i := 2; i < len(lanes); i++ {
		if lanes[i].Number-lanes[i-1].Number != lanes[1].Number-lanes[0].Number {
			t.Errorf("the sample is uneven: %d after %d", lanes[i].Number, lanes[i-1].Number)
		}
	}
	if got := sampled(lanes, 26); len(got) != 26 || got[0].Number != lanes[0].Number || got[25].Number != lanes[len(lanes)-1].Number {
		t.Errorf("%d drawn", len(got))
	}
}
