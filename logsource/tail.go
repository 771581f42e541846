package logsource

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"

	"coldbench/record"
)

const (
	// fillEvery is how often what a session had to leave out is fetched.
	fillEvery = 15 * time.Second
	// tailGrace is the Grace in use.
	tailGrace = 10 * time.Second
	// reconnectLeast and reconnectMost bound the pause before a new session.
	reconnectLeast, reconnectMost = 250 * time.Millisecond, 30 * time.Second
)

// ErrGaps says that a tail was ended before what lies before its sessions, or
// what they had to leave out, was read.
var ErrGaps = errors.New("what lies before the live tail, or beside it, was not read to its end")

// tail follows the group until the window ends. Sessions end: after three
// hours, or with their connection. They leave events out: beyond 500 in a
// second, and when the reader is slow. So a session only brings events early;
// FilterLogEvents reads what lies before, between and beside the sessions, and
// because a tail's events have no id, events are told apart by stream, time and
// text.
func (r *reading) tail() error {
	r.seen.byContent = true
	t := &tailing{reading: r, end: r.span.to, read: r.span.from, pause: reconnectLeast}
	if t.end < maxMillis {
		t.end += r.o.Grace.Milliseconds()
	}
	for !t.over() {
		if err := t.once(); err != nil || r.stopped {
			return err
		}
		if err := sleep(r.ctx, t.left()); err != nil {
			return err
		}
		t.pause = min(2*t.pause, reconnectMost)
	}
	return t.fill() // what the last session left out
}

// tailing is the state between sessions.
type tailing struct {
	*reading
	arn   string
	end   int64 // when to stop, Unix milliseconds
	read  int64 // everything older has been read, but for late events
	lossy bool  // a session has left something out since read
	pause time.Duration
}

func (t *tailing) over() bool { return time.Now().UnixMilli() >= t.end }

// left is the pause before the next session, or less where the tail ends before.
func (t *tailing) left() time.Duration {
	if t.end == maxMillis {
		return t.pause
	}
	return max(0, min(t.pause, time.Until(time.UnixMilli(t.end))))
}

// once makes one session and follows it to its end. nil means: go on with the
// next.
func (t *tailing) once() error {
	if t.arn == "" {
		arn, err := t.groupARN()
		if err != nil || arn == "" {
			return err // without a group: try again after the pause
		}
		t.arn = arn
	}
	s, err := t.open()
	if err != nil {
		if permanent(err) {
			return t.explain(opTail, err)
		}
		return t.ctx.Err()
	}
	defer s.close()
	// The session is open: from here on nothing is missed. Now what lies
	// before it.
	if err := t.fill(); err != nil || t.stopped {
		return err
	}
	return t.follow(s)
}

// follow hands on what a session brings.
func (t *tailing) follow(s *session) error {
	tick := time.NewTicker(fillEvery)
	defer tick.Stop()
	over, cancel := t.timer()
	defer cancel()
	for {
		select {
		case <-t.ctx.Done():
			if t.lossy || s.dropped.Load() {
				return fmt.Errorf("%w: %w", ErrGaps, t.ctx.Err())
			}
			return t.ctx.Err()
		case <-over:
			return nil
		case u, ok := <-s.updates:
			if !ok {
				return nil
			}
			t.pause = reconnectLeast
			if !t.take(u) {
				return nil
			}
		case <-tick.C:
			t.lossy = t.lossy || s.dropped.Swap(false)
			if err := t.settle(); err != nil || t.stopped {
				return err
			}
		}
	}
}

// settle fetches what a session left out; where it left out nothing it has
// nothing to do but to forget what can't come again.
func (t *tailing) settle() error {
	if t.lossy {
		return t.fill()
	}
	t.read = max(t.read, min(time.Now().UnixMilli(), t.end))
	if t.seen.full() {
		t.seen.forget(t.read - 2*t.o.Overlap.Milliseconds())
	}
	return nil
}

// take hands on one update, and reports whether to go on.
func (t *tailing) take(u types.LiveTailSessionUpdate) bool {
	if u.SessionMetadata != nil && u.SessionMetadata.Sampled {
		t.lossy = true
	}
	for i := range u.SessionResults {
		e := tailed(&u.SessionResults[i])
		if !t.emit(&e) {
			return false
		}
	}
	t.progress.Requests++
	t.advance(t.span.done(time.Now().UnixMilli()))
	return true
}

// fill reads with FilterLogEvents from a little before the point that has been
// read to now.
func (t *tailing) fill() error {
	now := min(time.Now().UnixMilli(), t.end)
	from := max(t.span.from, t.read-t.o.Overlap.Milliseconds())
	if from > t.span.to {
		return nil
	}
	t.lossy, t.keepFrom = false, now
	if err := t.filterSpan(span{from, t.span.to}); err != nil {
		if t.ctx.Err() != nil {
			return fmt.Errorf("%w: %w", ErrGaps, err)
		}
		return err
	}
	t.read = max(t.read, now)
	return nil
}

// timer fires when the tail is over; never where it has no end.
func (t *tailing) timer() (<-chan time.Time, func()) {
	if t.end == maxMillis {
		return nil, func() {}
	}
	timer := time.NewTimer(time.Until(time.UnixMilli(t.end)))
	return timer.C, func() { timer.Stop() }
}

// groupARN asks for the ARN, because StartLiveTail takes no names. "" means
// that there is no such group, and need not be.
func (t *tailing) groupARN() (string, error) {
	if arn := t.CloudWatch.arn(); arn != nil {
		return *arn, nil
	}
	pages := cloudwatchlogs.NewDescribeLogGroupsPaginator(t.client, &cloudwatchlogs.DescribeLogGroupsInput{LogGroupNamePrefix: &t.group})
	for pages.HasMorePages() {
		page, err := pages.NextPage(t.ctx)
		if err != nil {
			return "", t.explain(opGroups, err)
		}
		for _, g := range page.LogGroups {
			if aws.ToString(g.LogGroupName) != t.group {
				continue
			}
			if arn := aws.ToString(g.LogGroupArn); arn != "" {
				return arn, nil
			}
			return strings.TrimSuffix(aws.ToString(g.Arn), ":*"), nil
		}
	}
	return "", t.explain(opGroups, &types.ResourceNotFoundException{Message: aws.String("the group is not listed")})
}

// permanent says whether a new session would be refused in the same way.
func permanent(err error) bool {
	var denied *types.AccessDeniedException
	var missing *types.ResourceNotFoundException
	var invalid *types.InvalidParameterException
	var operation *types.InvalidOperationException
	if errors.As(err, &denied) || errors.As(err, &missing) || errors.As(err, &invalid) || errors.As(err, &operation) || noCredentials(err) {
		return true
	}
	var refused interface{ HTTPStatusCode() int }
	if errors.As(err, &refused) {
		code := refused.HTTPStatusCode()
		return code >= 400 && code < 500 && code != 408 && code != 429
	}
	return errors.Is(err, context.Canceled)
}

func tailed(e *types.LiveTailSessionLogEvent) record.Event {
	return record.Event{
		LogStream: aws.ToString(e.LogStreamName),
		Timestamp: aws.ToInt64(e.Timestamp),
		Message:   aws.ToString(e.Message),
		Source:    "tail",
	}
}
