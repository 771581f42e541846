package witness

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"runtime"
	"strconv"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// Options of a Server. The zero value serves unpinned, without a stall.
type Options struct {
	Pin      bool          // hold the thread on one processor
	CPU      int           // which one
	StallAt  time.Duration // after the first request, serve nobody ...
	StallFor time.Duration // ... for this long; 0 = never
	Capacity int           // stamps that there is room for without growing
	Answers  bool          // note when each answer was written, too
	Spin     bool          // look for requests without pause, so that no sender pays for waking the server
}

// Server is the witness. Serve and the other methods may run in different
// goroutines.
type Server struct {
	o        Options
	listener int
	epoll    int
	stopped  atomic.Bool

	stamps    []int64
	answered  []int64
	unstamped int64
	partial   map[int]int64 // first stamp of a request that is not complete, by socket
	first     time.Time
	stalled   bool
	in, oob   []byte
}

var answer = append([]byte("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 200\r\n\r\n"),
	bytes.Repeat([]byte("."), 200)...)

// Listen opens a port on the loopback interface.
func Listen(o Options) (*Server, error) {
	s := &Server{o: o, listener: -1, epoll: -1, partial: map[int]int64{}, in: make([]byte, 64<<10), oob: make([]byte, 128)}
	s.stamps = make([]int64, max(o.Capacity, 1024))
	for i := range s.stamps { // touched now, so that no page is missing later
		s.stamps[i] = 1
	}
	s.stamps = s.stamps[:0]
	if err := s.open(); err != nil {
		s.close()
		return nil, fmt.Errorf("listen: %w", err)
	}
	return s, nil
}

func (s *Server) open() (err error) {
	if s.listener, err = unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0); err != nil {
		return err
	}
	// What is accepted inherits both; a request may come before it is.
	if err := stampAndHurry(s.listener); err != nil {
		return err
	}
	if err := unix.Bind(s.listener, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		return err
	}
	if err := unix.Listen(s.listener, 4096); err != nil {
		return err
	}
	if err := s.awaitStamps(); err != nil {
		return err
	}
	if s.epoll, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return err
	}
	return s.watch(s.listener)
}

// awaitStamps sends itself bytes until the kernel stamps one: it begins to some
// time after it was asked to, on a busy machine a tenth of a second.
func (s *Server) awaitStamps() error {
	const within = 5 * time.Second
	conn, err := net.Dial("tcp", s.Address())
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	var fd int
	for begin := time.Now(); ; time.Sleep(time.Millisecond) {
		if fd, _, err = unix.Accept4(s.listener, unix.SOCK_CLOEXEC); err == nil {
			break
		}
		if !errors.Is(err, unix.EAGAIN) || time.Since(begin) > within {
			return err
		}
	}
	defer func() { _ = unix.Close(fd) }()
	if err := stampAndHurry(fd); err != nil {
		return err
	}
	for begin := time.Now(); time.Since(begin) < within; time.Sleep(time.Millisecond) {
		if _, err := conn.Write([]byte{0}); err != nil {
			return err
		}
		_, n, _, _, err := unix.Recvmsg(fd, s.in[:1], s.oob, 0)
		if err != nil {
			return err
		}
		if stampOf(s.oob[:n]) != 0 {
			return nil
		}
	}
	return errors.New("the kernel stamps nothing that it receives")
}

func stampAndHurry(fd int) error {
	return errors.Join(unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1),
		unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1))
}

func (s *Server) watch(fd int) error {
	return unix.EpollCtl(s.epoll, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(fd)})
}

// Address is where it listens.
func (s *Server) Address() string {
	name, err := unix.Getsockname(s.listener)
	if in, ok := name.(*unix.SockaddrInet4); ok && err == nil {
		return net.JoinHostPort("127.0.0.1", strconv.Itoa(in.Port))
	}
	return ""
}

// Stop ends Serve within a tenth of a second.
func (s *Server) Stop() { s.stopped.Store(true) }

// Stamps are the times of all requests, in nanoseconds of the wall clock, after
// Serve has returned; unstamped counts those that the kernel gave no time for.
func (s *Server) Stamps() (stamps []int64, unstamped int64) { return s.stamps, s.unstamped }

// Answered are the times at which the answers to the requests of Stamps had been
// written, in the same order, where Options.Answers asks for them.
func (s *Server) Answered() []int64 { return s.answered }

// Serve answers until Stop. It holds its thread.
func (s *Server) Serve() error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer s.close()
	if s.o.Pin {
		var set unix.CPUSet
		set.Set(s.o.CPU)
		if err := unix.SchedSetaffinity(0, &set); err != nil {
			return fmt.Errorf("pin to processor %d: %w", s.o.CPU, err)
		}
	}
	events := make([]unix.EpollEvent, 512)
	wait := 100
	if s.o.Spin {
		wait = 0
	}
	for !s.stopped.Load() {
		n, err := unix.EpollWait(s.epoll, events, wait)
		if err != nil && !errors.Is(err, unix.EINTR) {
			return fmt.Errorf("wait for requests: %w", err)
		}
		s.stall()
		for _, e := range events[:max(n, 0)] {
			if int(e.Fd) == s.listener {
				s.accept()
			} else {
				s.serve(int(e.Fd))
			}
		}
	}
	return nil
}

// stall serves nobody for a while, once. The kernel goes on stamping.
func (s *Server) stall() {
	if s.stalled || s.o.StallFor <= 0 || s.first.IsZero() || time.Since(s.first) < s.o.StallAt {
		return
	}
	s.stalled = true
	time.Sleep(time.Until(s.first.Add(s.o.StallAt + s.o.StallFor)))
}

func (s *Server) accept() {
	for {
		fd, _, err := unix.Accept4(s.listener, unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC)
		if err != nil {
			return
		}
		if stampAndHurry(fd) != nil || s.watch(fd) != nil {
			_ = unix.Close(fd)
		}
	}
}

// serve reads what has come on one connection and answers it.
func (s *Server) serve(fd int) {
	n, oobn, _, _, err := unix.Recvmsg(fd, s.in, s.oob, 0)
	if err != nil || n == 0 {
		if !errors.Is(err, unix.EAGAIN) {
			delete(s.partial, fd)
			_ = unix.Close(fd)
		}
		return
	}
	at := stampOf(s.oob[:oobn])
	if since, ok := s.partial[fd]; ok {
		at = since
	}
	requests := bytes.Count(s.in[:n], []byte("\r\n\r\n"))
	if requests == 0 {
		s.partial[fd] = at
		return
	}
	if len(s.partial) > 0 {
		delete(s.partial, fd)
	}
	if s.first.IsZero() {
		s.first = time.Now()
	}
	for range requests {
		_, _ = unix.Write(fd, answer) // a generator that has gone is seen by the next read
		if at == 0 {
			s.unstamped++
			continue
		}
		s.stamps = append(s.stamps, at)
		if s.o.Answers {
			s.answered = append(s.answered, time.Now().UnixNano())
		}
	}
}

// stampOf decodes the control message: a header (length, level, type) and a
// struct timespec; 0 if it is not there.
func stampOf(oob []byte) int64 {
	const header = 16
	if len(oob) < header+16 || binary.NativeEndian.Uint32(oob[8:]) != unix.SOL_SOCKET || binary.NativeEndian.Uint32(oob[12:]) != unix.SO_TIMESTAMPNS {
		return 0
	}
	return int64(binary.NativeEndian.Uint64(oob[header:]))*int64(time.Second) + int64(binary.NativeEndian.Uint64(oob[header+8:]))
}

func (s *Server) close() {
	for _, fd := range []int{s.listener, s.epoll} {
		if fd >= 0 {
			_ = unix.Close(fd)
		}
	}
}
