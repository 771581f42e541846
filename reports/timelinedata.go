package reports

import (
	"time"

	"coldbench/record"
)

// layerKinds are the kinds of mark in the order in which they are drawn, the
// most frequent at the bottom.
var layerKinds = []string{
	string(record.StartWarm), string(record.StartUnknown), string(record.StartProvisioned),
	string(record.StartRestored), string(record.StartCold), kindError,
}

// timelineCollector gathers the marks of every start in bounded memory: each
// one while they are few, and a fine grid of counts in any case.
type timelineCollector struct {
	layers map[string]*Layer
	spread map[record.Start]*Spread
	few    int  // marks kept one by one, of the kinds that are usually rare
	binned bool // there were more than maxMarks of those
	span   time.Duration
}

func (t *timelineCollector) add(j *record.Joined) {
	if t.layers == nil {
		t.layers, t.spread = map[string]*Layer{}, map[record.Start]*Spread{}
	}
	t.span = max(t.span, j.Intended)
	kind, ms := string(j.Start), 0.0
	if j.Answered() {
		ms = milliseconds(j.Response())
	}
	if j.Outcome != record.OK {
		kind = kindError
	} else {
		t.addSpread(j.Start, ms)
	}
	l := t.layers[kind]
	if l == nil {
		l = &Layer{Kind: kind, Cells: &grid{}}
		t.layers[kind] = l
	}
	l.N++
	l.Cells.add(j.Intended, ms)
	if !t.room(l) {
		return
	}
	m := Mark{At: j.Intended, Ms: ms, RequestID: plain(j.RequestID, 64), Environment: plain(j.Environment(), 80)}
	if kind == kindError {
		m.Error = plain(string(j.Outcome)+" "+j.ErrorType, 100)
	}
	l.Marks = append(l.Marks, m)
}

// room says whether one more mark of the layer is kept, and drops those of a
// layer, or of all rare layers, that have become too many.
func (t *timelineCollector) room(l *Layer) bool {
	if l.massive() {
		if l.N > maxDots {
			l.Marks = nil
		}
		return l.N <= maxDots
	}
	if t.few++; t.few <= maxMarks {
		return true
	}
	if !t.binned {
		t.binned = true
		for _, other := range t.layers {
			if !other.massive() {
				other.Marks = nil
			}
		}
	}
	return false
}

// massive says whether the layer's marks are those of most requests of a run.
func (l *Layer) massive() bool {
	return l.Kind == string(record.StartWarm) || l.Kind == string(record.StartUnknown)
}

func (t *timelineCollector) addSpread(start record.Start, ms float64) {
	s := t.spread[start]
	if s == nil {
		s = &Spread{Start: start, Classes: make([]int64, gridClasses)}
		t.spread[start] = s
	}
	s.N++
	s.Classes[classOf(ms)]++
}

func (t *timelineCollector) timeline() Timeline {
	out := Timeline{Span: t.span}
	for _, kind := range layerKinds {
		if l := t.layers[kind]; l != nil {
			if l.Marks != nil {
				l.Cells = nil
			}
			out.Layers = append(out.Layers, *l)
		}
	}
	for _, start := range record.Starts {
		if s := t.spread[start]; s != nil {
			out.Spread = append(out.Spread, *s)
		}
	}
	return out
}
