package logsource

import (
	"errors"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"

	"coldbench/record"
)

// staleStream is how late the service may be with a stream's last event time:
// "typically less than an hour, in rare situations longer".
// https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_DescribeLogStreams.html
const staleStream = 24 * time.Hour

// streams reads every stream with GetLogEvents. Streams are listed by their
// last event, newest first; one that gets an event meanwhile moves to the
// front, so the list is read again until its first page holds no stranger.
func (r *reading) streams() error {
	read := map[string]bool{}
	for {
		fresh, err := r.listStreams(read)
		if err != nil {
			return err
		}
		if len(fresh) == 0 {
			return nil
		}
		for i, name := range fresh {
			read[name] = true
			if err := r.stream(name, float64(i+1)/float64(len(fresh))); err != nil || r.stopped {
				return err
			}
		}
	}
}

// listStreams gives the streams that may have events in the window and are not
// known. Once some are known, it ends with the first page that has no new one.
func (r *reading) listStreams(known map[string]bool) ([]string, error) {
	var fresh []string
	in := &cloudwatchlogs.DescribeLogStreamsInput{
		LogGroupName: r.name(), LogGroupIdentifier: r.arn(), OrderBy: types.OrderByLastEventTime, Descending: aws.Bool(true),
	}
	for {
		out, err := r.client.DescribeLogStreams(r.ctx, in)
		if expiredToken(err) && in.NextToken != nil {
			fresh, in.NextToken = nil, nil
			continue
		}
		if err != nil {
			return nil, r.explain(opStreams, err)
		}
		r.answered(out.ResultMetadata, 0)
		before, old := len(fresh), false
		for _, s := range out.LogStreams {
			name := aws.ToString(s.LogStreamName)
			old = aws.ToInt64(s.LastEventTimestamp) < r.span.from-staleStream.Milliseconds()
			if !known[name] && !old && aws.ToInt64(s.FirstEventTimestamp) <= r.span.to {
				fresh = append(fresh, name)
			}
		}
		if out.NextToken == nil || old || (len(known) > 0 && len(fresh) == before) {
			return fresh, nil
		}
		in.NextToken = out.NextToken
	}
}

// stream reads one stream from its head.
func (r *reading) stream(name string, done float64) error {
	p := &paging{reading: r, op: opGet}
	p.page = func(part span, token *string) (*string, error) { return p.streamPage(name, part, token) }
	err := p.read(r.span)
	r.advance(done)
	return err
}

// streamPage reads one page of a stream. The service says that there is no
// more by giving the token back that it got.
func (p *paging) streamPage(name string, part span, token *string) (*string, error) {
	in := &cloudwatchlogs.GetLogEventsInput{
		LogGroupName: p.name(), LogGroupIdentifier: p.arn(), LogStreamName: &name, StartFromHead: aws.Bool(true), NextToken: token,
	}
	if part.from > 0 {
		in.StartTime = aws.Int64(part.from)
	}
	if part.to < maxMillis {
		in.EndTime = aws.Int64(part.to + 1) // exclusive
	}
	out, err := p.client.GetLogEvents(p.ctx, in)
	var gone *types.ResourceNotFoundException
	if errors.As(err, &gone) {
		return nil, nil // its retention ended since it was listed
	}
	if err != nil {
		return nil, err
	}
	for _, e := range out.Events {
		if !p.take(&record.Event{LogStream: name, Timestamp: aws.ToInt64(e.Timestamp), Message: aws.ToString(e.Message), Source: "get"}) {
			return nil, nil
		}
	}
	p.answered(out.ResultMetadata, 0)
	if aws.ToString(out.NextForwardToken) == aws.ToString(token) {
		return nil, nil
	}
	return out.NextForwardToken, nil
}
