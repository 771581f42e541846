package wire

import (
	"io"
	"sync"
)

// Idle keeps the connections that wait for their next request. The one that was
// busy last is taken first. The zero value is ready for use, by many goroutines.
type Idle[C io.Closer] struct {
	mu     sync.Mutex
	conns  []C
	closed bool
}

// Take returns a connection, or the zero value where none is idle.
func (i *Idle[C]) Take() (c C, ok bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	n := len(i.conns)
	if n == 0 {
		return c, false
	}
	var none C
	c, i.conns[n-1] = i.conns[n-1], none
	i.conns = i.conns[:n-1]
	return c, true
}

// Put keeps a connection. After Close it closes it instead.
func (i *Idle[C]) Put(c C) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.closed {
		_ = c.Close()
		return
	}
	i.conns = append(i.conns, c)
}

// Close closes what is idle.
func (i *Idle[C]) Close() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.closed = true
	for _, c := range i.conns {
		_ = c.Close()
	}
	i.conns = nil
}
