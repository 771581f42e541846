//go:build !linux

package witness

import (
	"errors"
	"time"
)

// Options of a Server. The zero value serves unpinned, without a stall.
type Options struct {
	Pin               bool
	CPU               int
	StallAt, StallFor time.Duration
	Capacity          int
	Answers, Spin     bool
}

// Server is not to be had here.
type Server struct{}

// Listen fails: the stamps are Linux's.
func Listen(Options) (*Server, error) { return nil, errors.ErrUnsupported }

// Address is empty.
func (*Server) Address() string { return "" }

// Stop does nothing.
func (*Server) Stop() {}

// Serve fails.
func (*Server) Serve() error { return errors.ErrUnsupported }

// Stamps are none.
func (*Server) Stamps() ([]int64, int64) { return nil, 0 }

// Answered are none.
func (*Server) Answered() []int64 { return nil }
