package loadgen

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"
	"unsafe"
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
	feedJobs  = 1024     // jobs ahead, or twice Config.Ahead where that is more
	feedBytes = 64 << 20 // of bodies ahead, so that large ones are not piled up

	blockJobs  = 256
	tellJobs   = 64      // taken before the builder is told
	tellBytes  = 1 << 20 // the same of bodies
	keptBlocks = 4
)

// feed walks the schedule and builds the bodies in a goroutine of its own,
// ahead of the due times. What is built can be read at once. One goroutine at a
// time reads.
type feed struct {
	preparer Preparer        // nil: requests are not prepared
	base     time.Time       // offset 0, where requests are prepared
	ctx      context.Context // of preparing; it ends when the schedule is cut
	limit    int64           // jobs ahead

	came   chan struct{} // capacity 1: a job has come, or the last one has
	room   chan struct{} // capacity 1: jobs were taken
	primed chan struct{} // closed when it first waits, or ends
	stop   chan struct{}
	done   chan struct{}
	spare  chan *block

	taken, takenBytes atomic.Int64
	ended             atomic.Bool // all that come have come
	shortened         bool        // by a cut, after ended

	// Of the builder:
	tail              *block
	built, builtBytes int64
	last              *byte // first byte of the latest body

	// Of the reader:
	head                *block
	pos, seen           int
	newly, newlyCounted int64 // jobs and bytes taken that the builder was not told of
}

// block is a piece of the queue.
type block struct {
	jobs  [blockJobs]job
	bytes [blockJobs]int32 // of bodies that no job before it has
	n     atomic.Int32
	next  atomic.Pointer[block]
}

// newFeed starts building. The end of ctx ends the wait for arrivals that are
// still to be prepared.
func newFeed(ctx context.Context, c *Config, base time.Time) *feed {
	f := &feed{
		base: base, ctx: ctx,
		limit:  max(feedJobs, 2*int64(c.Ahead)),
		came:   make(chan struct{}, 1),
		room:   make(chan struct{}, 1),
		primed: make(chan struct{}),
		stop:   make(chan struct{}),
		done:   make(chan struct{}),
		spare:  make(chan *block, keptBlocks),
		head:   new(block),
	}
	f.tail = f.head
	f.preparer, _ = c.Target.(Preparer)
	go f.fill(c.Schedule, c.Payload)
	return f
}

func (f *feed) fill(s Schedule, payload func(int64, Arrival) ([]byte, error)) {
	defer close(f.done)
	defer f.end()
	for a := range s {
		if !f.awaitRoom() || !f.awaitPreparing(a.At) {
			return
		}
		j := job{seq: f.built, arrival: a}
		j.payload, j.err = build(payload, j.seq, a)
		f.prepare(&j)
		f.push(&j)
	}
}

// end tells the reader that nothing else comes.
func (f *feed) end() {
	f.ended.Store(true)
	f.prime()
	notify(f.came)
}

func (f *feed) prime() {
	select {
	case <-f.primed:
	default:
		close(f.primed)
	}
}

func notify(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// awaitRoom waits until the reader is near enough; false means that the feed was
// closed.
func (f *feed) awaitRoom() bool {
	for f.built-f.taken.Load() >= f.limit || f.builtBytes-f.takenBytes.Load() >= feedBytes {
		f.prime()
		select {
		case <-f.room:
		case <-f.stop:
			return false
		}
	}
	return true
}

// awaitPreparing waits until an arrival may be prepared; false means that it
// will not be wanted.
func (f *feed) awaitPreparing(at time.Duration) bool {
	if f.preparer == nil {
		return true
	}
	early := time.Until(f.base.Add(at - prepareAhead))
	if early <= 0 {
		return true
	}
	f.prime()
	timer := time.NewTimer(early)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-f.ctx.Done():
		f.shortened = true
		return false
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
	j.ready = f.preparer.Prepare(f.ctx, j.request())
}

func build(payload func(int64, Arrival) ([]byte, error), seq int64, a Arrival) (body []byte, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("build request %d: panic: %v", seq, p)
		}
	}()
	return payload(seq, a)
}

// push hands j over.
func (f *feed) push(j *job) {
	n := f.tail.n.Load()
	if n == blockJobs {
		b := f.fresh()
		f.tail.next.Store(b)
		f.tail, n = b, 0
	}
	f.tail.jobs[n] = *j
	f.tail.bytes[n] = 0
	if first := unsafe.SliceData(j.payload); first != f.last { // else it is shared with the job before
		f.last = first
		f.tail.bytes[n] = int32(min(len(j.payload), feedBytes))
		f.builtBytes += int64(f.tail.bytes[n])
	}
	f.built++
	f.tail.n.Store(n + 1)
	notify(f.came)
}

func (f *feed) fresh() *block {
	select {
	case b := <-f.spare:
		return b
	default:
		return new(block)
	}
}

// next returns the next job without taking it, or nil if there is none at hand;
// with wait set, nil means that no other comes. The pointer is good until take.
func (f *feed) next(wait bool) *job {
	for {
		if f.pos < f.seen {
			return &f.head.jobs[f.pos]
		}
		ended := f.ended.Load() // before the look, so that nothing comes after it
		if f.seen = int(f.head.n.Load()); f.pos < f.seen {
			continue
		}
		if f.pos == blockJobs && f.advance() {
			continue
		}
		if !wait || ended {
			return nil
		}
		f.tell()
		<-f.came
	}
}

// advance goes to the next block, if there is one.
func (f *feed) advance() bool {
	next := f.head.next.Load()
	if next == nil {
		return false
	}
	used := f.head
	f.head, f.pos, f.seen = next, 0, 0
	used.n.Store(0)
	used.next.Store(nil)
	select {
	case f.spare <- used:
	default:
	}
	return true
}

// take moves on to the next job.
func (f *feed) take() {
	j := &f.head.jobs[f.pos]
	j.payload, j.ready = nil, nil // bodies may be large
	f.newly++
	f.newlyCounted += int64(f.head.bytes[f.pos])
	f.pos++
	if f.newly >= tellJobs || f.newlyCounted >= tellBytes {
		f.tell()
	}
}

// tell has the builder know what was taken.
func (f *feed) tell() {
	if f.newly == 0 {
		return
	}
	f.taken.Add(f.newly)
	f.takenBytes.Add(f.newlyCounted)
	f.newly, f.newlyCounted = 0, 0
	notify(f.room)
}

// close ends the goroutine and gives up what was not taken.
func (f *feed) close() {
	close(f.stop)
	<-f.done
	for j := f.next(false); j != nil; j = f.next(false) {
		j.drop()
		f.take()
	}
}
