package logsource

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
)

const (
	// sessionQueue is how many updates wait for a slow reader: at one in a
	// second, and up to 500 events in each, some minutes and a few MB.
	sessionQueue = 256
	// sessionSilence ends a session that brings nothing: a living one sends an
	// update every second, even if it is empty.
	sessionSilence = time.Minute
)

// session is one StartLiveTail. Its updates are read as they come, because the
// service drops what it can't deliver after ten of them, without saying so.
type session struct {
	updates chan types.LiveTailSessionUpdate // closed at the end
	dropped atomic.Bool                      // the queue was full
	cancel  context.CancelFunc
	stream  *cloudwatchlogs.StartLiveTailEventStream
}

func (t *tailing) open() (*session, error) {
	ctx, cancel := context.WithCancel(t.ctx)
	in := &cloudwatchlogs.StartLiveTailInput{LogGroupIdentifiers: []string{t.arn}}
	if t.o.PlatformOnly {
		in.LogEventFilterPattern = aws.String(platformPattern)
	}
	out, err := t.client.StartLiveTail(ctx, in)
	if err != nil {
		cancel()
		return nil, err
	}
	t.answered(out.ResultMetadata, 0)
	s := &session{updates: make(chan types.LiveTailSessionUpdate, sessionQueue), cancel: cancel, stream: out.GetStream()}
	go s.pump()
	return s, nil
}

// pump queues updates until the stream ends. How it ends does not matter: what
// follows is a new session, and the gap is read.
func (s *session) pump() {
	defer close(s.updates)
	silence := time.NewTimer(sessionSilence)
	defer silence.Stop()
	for {
		select {
		case e, ok := <-s.stream.Events():
			if !ok {
				return
			}
			silence.Reset(sessionSilence)
			u, ok := e.(*types.StartLiveTailResponseStreamMemberSessionUpdate)
			if !ok {
				continue
			}
			select {
			case s.updates <- u.Value:
			default:
				s.dropped.Store(true)
			}
		case <-silence.C:
			return
		}
	}
}

// close ends the session and waits for its goroutine.
func (s *session) close() {
	s.cancel()
	_ = s.stream.Close()
	for range s.updates {
		continue // until pump has ended
	}
}
