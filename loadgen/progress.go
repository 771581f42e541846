package loadgen

import (
	"sync/atomic"
	"time"

	"coldbench/record"
)

// Progress holds the counters of a run while it goes on. The zero value is
// ready; any goroutine may take a Snapshot, without holding up the sends.
type Progress struct {
	scheduled, inFlight, offset atomic.Int64
	outcomes                    [8]atomic.Int64 // by position in record.Outcomes, the last for others
}

// Snapshot is one reading of a Progress. Its counters are read one after the
// other, so that they may be apart by what happened between.
type Snapshot struct {
	Offset    time.Duration // of the last row
	Scheduled int64         // arrivals that were due
	InFlight  int64
	Rows      int64 // finished arrivals, whatever became of them
	Outcomes  map[record.Outcome]int64
}

// Snapshot reads the counters.
func (p *Progress) Snapshot() Snapshot {
	s := Snapshot{
		Offset:    time.Duration(p.offset.Load()),
		InFlight:  p.inFlight.Load(),
		Scheduled: p.scheduled.Load(),
		Outcomes:  make(map[record.Outcome]int64, len(record.Outcomes)),
	}
	for i, o := range record.Outcomes {
		if n := p.outcomes[i].Load(); n > 0 {
			s.Outcomes[o] = n
			s.Rows += n
		}
	}
	s.Rows += p.outcomes[len(p.outcomes)-1].Load()
	return s
}

func (p *Progress) add(o record.Outcome, at time.Duration) {
	i := len(p.outcomes) - 1
	for k, known := range record.Outcomes {
		if k < i && o == known {
			i = k
			break
		}
	}
	p.outcomes[i].Add(1)
	p.offset.Store(int64(at))
}
