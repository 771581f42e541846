package loadgen

import (
	"context"
	"iter"
	"time"

	"coldbench/record"
)

// Arrival is one scheduled request.
type Arrival struct {
	At       time.Duration // intended offset from the start, never negative
	Tag      record.Tag
	Function int // index into Plan.Functions
}

// Schedule yields arrivals in the order of their intended offsets. It is a
// pure function of shape and seed: it reads no clock, and every iteration of
// one Schedule yields the same arrivals. The zero value (nil) is empty.
type Schedule iter.Seq[Arrival]

// Target answers one request: one attempt, no retry. Invoke is called from
// many goroutines at once and returns when the reply is complete, has failed,
// or ctx has ended.
type Target interface {
	Invoke(ctx context.Context, req Request) Reply
}

// Preparer is an optional second interface of a Target, for requests whose
// making costs enough CPU to delay a send (signing, compressing). Prepare does
// all of it that can be done ahead, in the order of the schedule and from one
// goroutine, a second or so before the due time. The request is then sent or
// discarded, once. The end of ctx, which is that of preparing alone, says that
// the request is not worth waiting for.
type Preparer interface {
	Prepare(ctx context.Context, req Request) Prepared
}

// Prepared is a request that is ready to be sent. Send is the rest of
// Target.Invoke; Sent is stamped in it. Discard gives the request up.
type Prepared interface {
	Send(ctx context.Context) Reply
	Discard()
}

// Starter is an optional second interface of a Prepared. Start puts the request
// on the wire at once, without waiting for anything and before Send is called,
// so that the requests of a burst leave in one go; Send then waits for the
// reply. Where it would have to wait it does nothing, and Send does it all.
type Starter interface {
	Start()
}

// Cooler is an optional second interface of a Target. Cool returns when every
// environment of the function has been given up, so that the next start is
// cold.
type Cooler interface {
	Cool(ctx context.Context) error
}

// Request is one attempt. The Target must not modify or keep Payload.
type Request struct {
	Seq      int64
	Function int
	Tag      record.Tag
	Payload  []byte
}

// Reply is what became of one attempt. The instants carry Go's monotonic
// reading; a zero instant means that the point was never reached. Sent is taken
// as late as this process can be blamed: immediately before the first byte is
// written on a connection that is there, or before the opening of one, so that
// dialling counts as service, never as lag.
type Reply struct {
	Sent, FirstByte, Done time.Time

	Outcome   record.Outcome
	Status    int
	ErrorType string
	Error     string
	RequestID string
	Version   string

	RequestBytes  int64
	ResponseBytes int64
	Conn          record.Conn

	// Tail is the platform's log of this one request, decoded, where the
	// reply carried it (LogType=Tail); at most 4 KB and possibly cut at its
	// beginning.
	Tail []byte
}

// Recorder takes the rows. Record is called from many goroutines at once; row
// and tail must not be changed afterwards. An error ends the run: the load is
// cut, what is in flight is drained, and Run returns it.
type Recorder interface {
	Record(row *record.Invocation, tail []byte) error
}
