package telemetry

import (
	"context"
	"sync"
	"time"
)

// subscriber is one subscription at work. One batch collects while another is
// on its way; nothing else is held.
type subscriber struct {
	name    string
	how     Subscription
	options Options
	to      destination

	ctx  context.Context
	stop context.CancelFunc
	done chan struct{} // closed when the goroutine has ended
	kick chan struct{} // the batch is full or wanted now

	mu      sync.Mutex
	batch   [][]byte
	size    int
	oldest  time.Time // when the batch got its first event
	lost    dropped   // since the last platform.logsDropped
	taken   uint64    // events ever put into a batch
	settled uint64    // of them, those delivered or given up
	flushTo uint64    // send at once what is at or below
	held    bool
	moved   chan struct{}
}

func newSubscriber(name string, how Subscription, o Options) *subscriber {
	s := &subscriber{name: name, how: how, options: o, done: make(chan struct{}), kick: make(chan struct{}, 1), moved: make(chan struct{})}
	s.ctx, s.stop = context.WithCancel(context.Background())
	s.to = newDestination(&s.how)
	go s.run()
	return s
}

// offer takes an event if the subscriber wants it and has room.
func (s *subscriber) offer(e *Event) {
	if !s.how.wants(e) {
		return
	}
	text, err := e.encode(s.how.structured())
	s.mu.Lock()
	defer s.mu.Unlock()
	b := s.how.Buffering
	if err != nil || len(s.batch) >= b.MaxItems || s.size+len(text) > b.MaxBytes && len(s.batch) > 0 {
		s.lost.Records++
		s.lost.Bytes += len(text)
		s.wake()
		return
	}
	if len(s.batch) == 0 {
		s.oldest = time.Now()
	}
	s.batch, s.size = append(s.batch, text), s.size+len(text)
	s.taken++
	if len(s.batch) == 1 || s.full() {
		s.wake()
	}
}

// full says whether the batch should not wait. The lock is held.
func (s *subscriber) full() bool {
	b := s.how.Buffering
	return len(s.batch) >= b.MaxItems || s.size >= b.MaxBytes || s.lost.Records > 0 || s.taken-uint64(len(s.batch)) < s.flushTo
}

func (s *subscriber) wake() {
	select {
	case s.kick <- struct{}{}:
	default:
	}
}

// run delivers batch after batch.
func (s *subscriber) run() {
	defer close(s.done)
	defer s.to.close()
	for {
		batch, ok := s.next()
		if !ok {
			return
		}
		delivered := s.deliver(batch)
		s.mu.Lock()
		s.settled += uint64(batch.events)
		if !delivered {
			s.lost.Records += batch.events
			s.lost.Bytes += batch.bytes
		}
		close(s.moved)
		s.moved = make(chan struct{})
		s.mu.Unlock()
	}
}

// cargo is a batch on its way.
type cargo struct {
	texts  [][]byte
	events int // of them, those that count
	bytes  int
}

// next waits until a batch is due.
func (s *subscriber) next() (cargo, bool) {
	for {
		s.mu.Lock()
		wait := time.Duration(-1)
		if len(s.batch) > 0 && !s.held {
			if wait = s.how.Buffering.Timeout - time.Since(s.oldest); s.full() || wait <= 0 {
				c := s.load()
				s.mu.Unlock()
				return c, s.ctx.Err() == nil
			}
		}
		s.mu.Unlock()
		if !s.pause(wait) {
			return cargo{}, false
		}
	}
}

// pause waits for a kick or, unless it is negative, so long.
func (s *subscriber) pause(d time.Duration) (goOn bool) {
	var due <-chan time.Time
	if d >= 0 {
		timer := time.NewTimer(d)
		defer timer.Stop()
		due = timer.C
	}
	select {
	case <-s.kick:
	case <-due:
	case <-s.ctx.Done():
		return false
	}
	return true
}

// load takes the batch out, with word of what was dropped behind it. The lock is
// held.
func (s *subscriber) load() cargo {
	c := cargo{texts: s.batch, events: len(s.batch), bytes: s.size}
	if s.lost.Records > 0 {
		s.lost.Reason = slowConsumer
		e := Event{Time: time.Now(), Type: "platform.logsDropped", Record: s.lost}
		if text, err := e.encode(false); err == nil {
			c.texts = append(c.texts, text)
		}
		s.lost = dropped{}
	}
	s.batch, s.size = nil, 0
	return c
}

// deliver tries until it has worked or has taken too long.
func (s *subscriber) deliver(c cargo) (delivered bool) {
	give := time.Now().Add(s.options.Give)
	for pause := 20 * time.Millisecond; ; pause = min(2*pause, time.Second) {
		err := s.attempt(c)
		if err == nil {
			return true
		}
		if s.ctx.Err() != nil || time.Now().Add(pause).After(give) && !s.isHeld() {
			return false
		}
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-s.ctx.Done():
			timer.Stop()
			return false
		}
	}
}

// attempt tries once. Its time limit doesn't count while deliveries are held.
func (s *subscriber) attempt(c cargo) error {
	ctx, cancel := context.WithCancel(s.ctx)
	defer cancel()
	var watch *time.Timer
	var mu sync.Mutex // makes watch known before it fires
	mu.Lock()
	watch = time.AfterFunc(s.options.Attempt, func() {
		mu.Lock()
		defer mu.Unlock()
		if s.isHeld() && ctx.Err() == nil {
			watch.Reset(s.options.Attempt)
			return
		}
		cancel()
	})
	mu.Unlock()
	defer watch.Stop()
	return s.to.send(ctx, c.texts)
}

func (s *subscriber) hold(on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.held = on
	s.wake()
}

func (s *subscriber) isHeld() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.held
}

// flush asks for all that has been taken so far and waits until it is settled.
func (s *subscriber) flush(ctx context.Context) {
	s.mu.Lock()
	target := s.taken
	s.flushTo = max(s.flushTo, target)
	s.wake()
	for s.settled < target {
		moved := s.moved
		s.mu.Unlock()
		select {
		case <-moved:
		case <-ctx.Done():
			return
		case <-s.done:
			return
		}
		s.mu.Lock()
	}
	s.mu.Unlock()
}
