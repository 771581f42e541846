package record

import (
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/klauspost/compress/zstd"
)

const (
	// flushEvery is how long a line may wait before it is compressed and
	// handed to the operating system: half of the second that a kill may cost,
	// so that the write itself has the other half.
	flushEvery = 500 * time.Millisecond
	// frameTarget is the size at which a buffer is handed over early. At
	// 512 KiB the ratio of the fastest level no longer grows.
	frameTarget = 512 << 10
	// maxLine keeps every frame within what a reader takes.
	maxLine = 16 << 20
)

// errClosed is what every call on a closed writer returns.
var errClosed = errors.New("the writer is closed")

// frameWriter appends lines to a file of concatenated zstd frames. Two buffers
// take turns: callers fill one while a goroutine compresses and writes the
// other, so a caller waits for the disk only when the disk is a whole buffer
// behind. A frame holds whole lines and is written with one Write.
type frameWriter struct {
	w   io.Writer
	enc *zstd.Encoder

	mu     sync.Mutex
	room   sync.Cond // a buffer was swapped, or err was set
	fill   []byte    // what callers append to; never grows past its capacity but for one huge line
	spare  []byte    // nil while it is being written
	err    error     // sticky
	closed bool

	kick chan struct{} // fill has reached frameTarget
	quit chan struct{}
	done chan struct{}
}

// newFrameWriter starts the goroutine that writes to w. size is the capacity
// of each of the two buffers, allocated now because growing one would stop
// every caller for the copy.
func newFrameWriter(w io.Writer, size int) (*frameWriter, error) {
	enc, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1))
	if err != nil {
		return nil, err
	}
	f := &frameWriter{
		w: w, enc: enc,
		fill: make([]byte, 0, size), spare: make([]byte, 0, size),
		kick: make(chan struct{}, 1), quit: make(chan struct{}), done: make(chan struct{}),
	}
	f.room.L = &f.mu
	go f.run()
	return f, nil
}

// line appends b and a newline. It blocks while both buffers are full.
func (f *frameWriter) line(b []byte) error {
	if len(b) > maxLine {
		return fmt.Errorf("a line of %d bytes is longer than %d", len(b), maxLine)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for f.err == nil && !f.closed && len(f.fill) > 0 && len(f.fill)+len(b)+1 > cap(f.fill) {
		f.wake()
		f.room.Wait()
	}
	switch {
	case f.err != nil:
		return f.err
	case f.closed:
		return errClosed
	}
	f.fill = append(append(f.fill, b...), '\n')
	if len(f.fill) >= frameTarget {
		f.wake()
	}
	return nil
}

func (f *frameWriter) wake() {
	select {
	case f.kick <- struct{}{}:
	default:
	}
}

func (f *frameWriter) run() {
	defer close(f.done)
	tick := time.NewTicker(flushEvery)
	defer tick.Stop()
	var frame []byte
	for {
		select {
		case <-tick.C:
		case <-f.kick:
		case <-f.quit:
			f.flush(frame)
			return
		}
		frame = f.flush(frame)
	}
}

// flush writes what has been filled as one frame. frame is scratch space that
// it returns for the next call.
func (f *frameWriter) flush(frame []byte) []byte {
	f.mu.Lock()
	full := f.fill
	if len(full) == 0 || f.err != nil {
		f.mu.Unlock()
		return frame
	}
	f.fill, f.spare = f.spare, nil
	f.room.Broadcast()
	f.mu.Unlock()

	frame = f.enc.EncodeAll(full, frame[:0])
	n, err := f.w.Write(frame)
	if err == nil && n < len(frame) {
		err = io.ErrShortWrite
	}

	f.mu.Lock()
	f.spare = full[:0]
	if err != nil {
		f.err = err
		f.room.Broadcast()
	}
	f.mu.Unlock()
	return frame
}

// close writes what is left, ends the goroutine and returns the first error
// there was. Closing twice is harmless.
func (f *frameWriter) close() error {
	f.mu.Lock()
	again := f.closed
	f.closed = true
	f.room.Broadcast()
	f.mu.Unlock()
	if !again {
		close(f.quit)
	}
	<-f.done
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.enc.Close(); f.err == nil && !again {
		f.err = err
	}
	return f.err
}
