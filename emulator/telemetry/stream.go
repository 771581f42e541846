package telemetry

import (
	"context"
	"errors"
	"sync"
	"time"
)

// Options bound what a Stream does for its subscribers. The zero value is the
// right one outside of tests.
type Options struct {
	// Attempt bounds one delivery of a batch; 0 = 5 s.
	Attempt time.Duration
	// Give is how long a batch is tried before it is dropped; 0 = 30 s.
	Give time.Duration
}

// ErrClosed is the answer to a subscription that comes after the init.
var ErrClosed = errors.New("subscriptions are closed")

// ErrOtherAPI is the answer to a subscription of an extension that has one of
// the other API.
var ErrOtherAPI = errors.New("the extension has subscribed with the other API")

// backlogBytes bounds what is kept for subscribers that are yet to come.
const backlogBytes = 256 << 10

// Stream takes the events of one environment to its subscribers. Use NewStream;
// Close ends it. Its methods may be called from many goroutines.
type Stream struct {
	options Options

	mu      sync.Mutex
	subs    []*subscriber
	backlog []*Event
	held    int  // bytes in the backlog, roughly
	shut    bool // no subscription is taken any more
	closed  bool
}

// NewStream makes a stream that takes subscriptions.
func NewStream(o Options) *Stream {
	if o.Attempt == 0 {
		o.Attempt = 5 * time.Second
	}
	if o.Give == 0 {
		o.Give = 30 * time.Second
	}
	return &Stream{options: o}
}

// Publish hands an event on. It doesn't wait for anybody.
func (s *Stream) Publish(e Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return
	}
	if !s.shut {
		s.keep(&e)
	}
	for _, sub := range s.subs {
		sub.offer(&e)
	}
}

// keep remembers an event for subscribers to come. The lock is held.
func (s *Stream) keep(e *Event) {
	size := eventOverhead
	if text, ok := e.Record.(string); ok {
		size += len(text)
	}
	if s.held+size > backlogBytes {
		return
	}
	s.held += size
	s.backlog = append(s.backlog, e)
}

// eventOverhead is what an event is taken to hold besides its text.
const eventOverhead = 256

// Subscribe adds a subscriber. One that is there already, by its name, stays as
// it is and fresh is false. The error is ErrClosed or ErrOtherAPI.
func (s *Stream) Subscribe(name string, how Subscription) (fresh bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.shut || s.closed {
		return false, ErrClosed
	}
	for _, sub := range s.subs {
		switch {
		case sub.name == name && sub.how.API != how.API:
			return false, ErrOtherAPI
		case sub.name == name:
			return false, nil
		}
	}
	sub := newSubscriber(name, how, s.options)
	for _, e := range s.backlog {
		sub.offer(e)
	}
	s.subs = append(s.subs, sub)
	return true, nil
}

// Shut ends the time of subscriptions. Subscribed says whether anybody is
// there to be told anything.
func (s *Stream) Shut() (subscribed bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.shut, s.backlog, s.held = true, nil, 0
	return len(s.subs) > 0
}

// Hold stops deliveries until it is taken back: the subscribers are frozen and
// can't answer. What is on its way stays so, and its time stands still.
func (s *Stream) Hold(on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, sub := range s.subs {
		sub.hold(on)
	}
}

// Flush delivers what has been published so far, as far as that can be done
// before ctx ends.
func (s *Stream) Flush(ctx context.Context) {
	s.mu.Lock()
	subs := s.subs
	s.mu.Unlock()
	var each sync.WaitGroup
	for _, sub := range subs {
		each.Go(func() { sub.flush(ctx) })
	}
	each.Wait()
}

// Close gives up what has not been delivered and returns when no goroutine and
// no connection is left. A second call does nothing.
func (s *Stream) Close() {
	s.mu.Lock()
	subs := s.subs
	s.closed, s.shut, s.subs, s.backlog = true, true, nil, nil
	s.mu.Unlock()
	for _, sub := range subs {
		sub.stop()
	}
	for _, sub := range subs {
		<-sub.done
	}
}
