package loadgen

import "fmt"

// job is one arrival with its body, ready to be sent.
type job struct {
	seq     int64
	arrival Arrival
	payload []byte
	err     error // the request could not be built
}

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

	chunk []job
	pos   int
}

func newFeed(s Schedule, payload func(int64, Arrival) ([]byte, error)) *feed {
	f := &feed{
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
		j := job{seq: seq, arrival: a}
		j.payload, j.err = build(payload, seq, a)
		seq++
		size += len(j.payload)
		if chunk = append(chunk, j); len(chunk) < cap(chunk) && size < feedBytes {
			continue
		}
		size = 0
		select {
		case f.full <- chunk:
		case <-f.stop:
			return
		}
		select {
		case chunk = <-f.empty:
			chunk = chunk[:0]
		default:
			chunk = make([]job, 0, min(2*cap(chunk), feedChunk))
		}
	}
	if len(chunk) > 0 {
		select {
		case f.full <- chunk:
		case <-f.stop:
		}
	}
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

// close ends the goroutine.
func (f *feed) close() {
	close(f.stop)
	<-f.done
}
