package loadgen

import (
	"fmt"
	"time"
)

// job is one arrival with its body, ready to be sent.
type job struct {
	seq     int64
	arrival Arrival
	payload []byte
	ready   Prepared  // nil where the target prepares nothing
	started time.Time // when a Starter was asked to start, else zero
	err     error     // the request could not be built
}

// request is what the target gets.
func (j *job) request() Request {
	return Request{Seq: j.seq, Function: j.arrival.Function, Tag: j.arrival.Tag, Payload: j.payload}
}

// drop gives up a request that will not be sent.
func (j *job) drop() {
	if j.ready != nil {
		j.ready.Discard()
		j.ready = nil
	}
}

// prepareAhead is how long before its due time a request is prepared: long
// enough for a burst of thousands, short enough for signatures to hold.
const prepareAhead = 2 * time.Second

const (
	feedChunk  = 256
	feedChunks = 4
	feedBytes  = 1 << 20 // of bodies in one chunk, so that large ones are not piled up
)

// feed walks the schedule and builds the bodies in a goroutine of its own,
// ahead of the due times, and hands them over in chunks. One goroutine at a
// time reads it.
type feed struct {
	full  chan []job
	empty chan []job
	stop  chan struct{}
	done  chan struct{}

	preparer Preparer  // nil: requests are not prepared
	base     time.Time // offset 0, where requests are prepared

	chunk []job
	pos   int
}

func newFeed(s Schedule, payload func(int64, Arrival) ([]byte, error), preparer Preparer, base time.Time) *feed {
	f := &feed{
		preparer: preparer, base: base,
		full:  make(chan []job, feedChunks),
		empty: make(chan []job, feedChunks+2),
		stop:  make(chan struct{}),
		done:  make(chan struct{}),
	}
	go f.fill(s, payload)
	return f
}

func (f *feed) fill(s Schedule, payload func(int64, Arrival) ([]byte, error)) {
	defer close(f.done)
	defer close(f.full)
	var seq int64
	size := 0
	chunk := make([]job, 0, 1) // the first is short, so that the start does not wait
	for a := range s {
		if f.preparer != nil && f.early(a.At) {
			if len(chunk) > 0 { // the leader must not wait for this arrival to see those
				if !f.hand(chunk) {
					return
				}
				chunk, size = f.fresh(cap(chunk)), 0
			}
			if !f.awaitPreparing(a.At) {
				return
			}
		}
		j := job{seq: seq, arrival: a}
		j.payload, j.err = build(payload, seq, a)
		f.prepare(&j)
		seq++
		size += len(j.payload)
		if chunk = append(chunk, j); len(chunk) < cap(chunk) && size < feedBytes {
			continue
		}
		if !f.hand(chunk) {
			return
		}
		chunk, size = f.fresh(min(2*cap(chunk), feedChunk)), 0
	}
	if len(chunk) > 0 {
		f.hand(chunk)
	}
}

// hand passes a chunk to the reader, or gives its requests up when the feed is
// closed first.
func (f *feed) hand(chunk []job) bool {
	select {
	case f.full <- chunk:
		return true
	case <-f.stop:
		dropAll(chunk)
		return false
	}
}

// fresh returns an empty chunk.
func (f *feed) fresh(capacity int) []job {
	select {
	case chunk := <-f.empty:
		return chunk[:0]
	default:
		return make([]job, 0, capacity)
	}
}

func dropAll(chunk []job) {
	for i := range chunk {
		chunk[i].drop()
	}
}

// early says whether it is too soon to prepare an arrival.
func (f *feed) early(at time.Duration) bool { return time.Since(f.base) < at-prepareAhead }

// awaitPreparing waits until an arrival may be prepared; false means that the
// feed was closed.
func (f *feed) awaitPreparing(at time.Duration) bool {
	timer := time.NewTimer(time.Until(f.base.Add(at - prepareAhead)))
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-f.stop:
		return false
	}
}

func (f *feed) prepare(j *job) {
	if f.preparer == nil || j.err != nil {
		return
	}
	defer func() {
		if p := recover(); p != nil {
			j.err = fmt.Errorf("prepare request %d: panic: %v", j.seq, p)
		}
	}()
	j.ready = f.preparer.Prepare(j.request())
}

func build(payload func(int64, Arrival) ([]byte, error), seq int64, a Arrival) (body []byte, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("build request %d: panic: %v", seq, p)
		}
	}()
	return payload(seq, a)
}

// next returns the next job without taking it, or nil if there is none at hand;
// with wait set, nil means that the schedule has ended. The pointer is good
// until take.
func (f *feed) next(wait bool) *job {
	if f.pos < len(f.chunk) {
		return &f.chunk[f.pos]
	}
	var chunk []job
	if wait {
		chunk = <-f.full
	} else {
		select {
		case chunk = <-f.full:
		default:
		}
	}
	if chunk == nil {
		return nil
	}
	if cap(f.chunk) == feedChunk {
		clear(f.chunk) // bodies may be large
		select {
		case f.empty <- f.chunk:
		default:
		}
	}
	f.chunk, f.pos = chunk, 0
	return &f.chunk[0]
}

// take moves on to the next job.
func (f *feed) take() { f.pos++ }

// close ends the goroutine and gives up what was not taken.
func (f *feed) close() {
	close(f.stop)
	<-f.done
	dropAll(f.chunk[min(f.pos, len(f.chunk)):])
	for chunk := range f.full {
		dropAll(chunk)
	}
}
