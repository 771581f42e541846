package reports

import (
	"cmp"
	"hash/maphash"
	"slices"
	"time"

	"coldbench/record"
)

// Lane is one execution environment over time, as its requests show it: the
// platform does not say when an environment ended.
type Lane struct {
	Start       record.Start // how it started; StartWarm where it was there before the run
	Number      int64        // in order of first sight, from 1
	Environment string
	First, Last time.Duration // its first send and its last reply
	// InitFrom to InitEnd is what came before its first Duration: placement,
	// download and init. Both are 0 where it was there before.
	InitFrom, InitEnd time.Duration
	Busy              []Busy // ascending and apart
	Errors            []time.Duration
}

// Busy is a time in which an environment served requests, to the resolution of
// the lane.
type Busy struct{ From, To time.Duration }

const (
	maxLanes      = 64   // kept while reading; fewer are drawn
	maxLaneErrors = 50   // marked in one lane
	laneColumns   = 1024 // resolution of the busy times
)

// laneCollector keeps an even sample of the environments: every one at first,
// then every second, and so on, so that memory is bounded but for a hash of
// each name.
type laneCollector struct {
	seed   maphash.Seed
	seen   map[uint64]int64 // number of each environment
	kept   map[uint64]*laneData
	stride int64
}

type laneData struct {
	lane  Lane
	width time.Duration
	busy  [laneColumns]bool
}

func (c *laneCollector) add(j *record.Joined) {
	name := j.Environment()
	if name == "" || !j.Answered() {
		return
	}
	if c.seen == nil {
		c.seed, c.seen, c.kept, c.stride = maphash.MakeSeed(), map[uint64]int64{}, map[uint64]*laneData{}, 1
	}
	h := maphash.String(c.seed, name)
	number, known := c.seen[h]
	if !known {
		number = int64(len(c.seen)) + 1
		c.seen[h] = number
	}
	d := c.kept[h]
	if d == nil {
		if known || (number-1)%c.stride != 0 {
			return
		}
		d = &laneData{lane: Lane{Start: record.StartWarm, Number: number, Environment: plain(name, 80), First: j.Sent}, width: time.Microsecond}
		c.kept[h] = d
		c.thin()
	}
	d.add(j)
}

// thin drops every second lane when there are too many.
func (c *laneCollector) thin() {
	for len(c.kept) > maxLanes {
		c.stride *= 2
		for h, d := range c.kept {
			if (d.lane.Number-1)%c.stride != 0 {
				delete(c.kept, h)
			}
		}
	}
}

func (d *laneData) add(j *record.Joined) {
	l := &d.lane
	l.First, l.Last = min(l.First, j.Sent), max(l.Last, j.Done)
	from := j.Sent
	switch ready := j.Done - time.Duration(j.Platform.DurationMs.Value*1e6); {
	case j.Start == record.StartProvisioned:
		l.Start = j.Start
	case (j.Start == record.StartCold || j.Start == record.StartRestored) && l.InitEnd == 0 && ready > from:
		l.Start, l.InitFrom, l.InitEnd = j.Start, from, ready
		from = ready
	}
	if j.Outcome != record.OK && len(l.Errors) < maxLaneErrors {
		l.Errors = append(l.Errors, j.Sent)
	}
	for j.Done/d.width >= laneColumns {
		for i := range laneColumns / 2 {
			d.busy[i] = d.busy[2*i] || d.busy[2*i+1]
		}
		clear(d.busy[laneColumns/2:])
		d.width *= 2
	}
	for i := max(from, 0) / d.width; i <= j.Done/d.width; i++ {
		d.busy[i] = true
	}
}

// lanes gives the sample in order of the first send.
func (c *laneCollector) lanes() []Lane {
	var out []Lane
	for _, d := range c.kept {
		l := d.lane
		for i, on := range d.busy {
			if !on {
				continue
			}
			from, to := time.Duration(i)*d.width, time.Duration(i+1)*d.width
			if n := len(l.Busy); n > 0 && l.Busy[n-1].To == from {
				l.Busy[n-1].To = to
				continue
			}
			l.Busy = append(l.Busy, Busy{from, to})
		}
		out = append(out, l)
	}
	slices.SortFunc(out, func(a, b Lane) int { return cmp.Or(cmp.Compare(a.First, b.First), cmp.Compare(a.Number, b.Number)) })
	return out
}
