package emulator

import (
	"bytes"
	"os"
	"sync"
	"syscall"
	"time"
)

// maxEventBytes is the size of a log event; a longer line becomes several.
// Source: CloudWatch Logs quotas, event size 256 KB (1 MB since 2025).
const maxEventBytes = 256 << 10

// output takes what a runtime process prints and hands it on line by line. It
// owns the reading end of a pipe whose writing end is the process's stdout and
// stderr, so that sync can take out everything that was printed before an END
// line is written: order in the log is order in time.
type output struct {
	read *os.File
	raw  syscall.RawConn
	line func(at time.Time, text string)
	done chan struct{}

	mu      sync.Mutex
	partial []byte
	ended   bool
}

// readBuffers are shared, so that an environment that prints nothing holds none.
var readBuffers = sync.Pool{New: func() any { return new([8192]byte) }}

// newOutput makes the pipe. The writing end is the caller's to close once the
// process has it.
func newOutput(line func(at time.Time, text string)) (o *output, write *os.File, err error) {
	read, write, err := os.Pipe()
	if err != nil {
		return nil, nil, err
	}
	raw, err := read.SyscallConn()
	if err != nil {
		_, _ = read.Close(), write.Close()
		return nil, nil, err
	}
	o = &output{read: read, raw: raw, line: line, done: make(chan struct{})}
	go o.follow()
	return o, write, nil
}

// follow reads until the pipe ends or is closed.
func (o *output) follow() {
	defer close(o.done)
	for {
		over := false
		// The runtime's poller waits in Read; take never blocks.
		err := o.raw.Read(func(fd uintptr) bool {
			n, end := o.take(int(fd))
			over = end
			return n > 0 || end
		})
		if err != nil || over {
			return
		}
	}
}

// take moves what the pipe holds into lines. It and the reading goroutine may
// both be at it; whoever holds the lock reads and hands on, so order is kept.
func (o *output) take(fd int) (total int, end bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	buf := readBuffers.Get().(*[8192]byte)
	defer readBuffers.Put(buf)
	for !o.ended {
		n, err := syscall.Read(fd, buf[:])
		switch {
		case err == syscall.EINTR:
		case err == syscall.EAGAIN:
			return total, false
		case err != nil || n <= 0:
			o.ended = true
		default:
			total += n
			o.feed(buf[:n])
		}
	}
	return total, true
}

func (o *output) feed(b []byte) {
	now := time.Now()
	for len(b) > 0 {
		i := bytes.IndexByte(b, '\n')
		if i < 0 {
			o.partial = append(o.partial, b...)
			if len(o.partial) >= maxEventBytes {
				o.flush(now)
			}
			return
		}
		o.partial = append(o.partial, b[:i+1]...)
		b = b[i+1:]
		o.flush(now)
	}
}

func (o *output) flush(now time.Time) {
	for len(o.partial) > 0 {
		n := min(len(o.partial), maxEventBytes)
		o.line(now, string(o.partial[:n]))
		o.partial = o.partial[:copy(o.partial, o.partial[n:])]
	}
}

// sync hands on all that the process has printed so far, an unfinished line
// included.
func (o *output) sync() {
	_ = o.raw.Control(func(fd uintptr) { o.take(int(fd)) })
	o.mu.Lock()
	defer o.mu.Unlock()
	o.flush(time.Now())
}

// close takes the rest and gives the pipe up, even if an orphan still holds its
// other end.
func (o *output) close() {
	o.sync()
	_ = o.read.Close()
	<-o.done
}
