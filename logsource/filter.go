package logsource

import (
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"

	"coldbench/record"
)

// platformPattern is a filter pattern that admits every line of the platform:
// terms after question marks are alternatives, quoted ones are phrases.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html
const platformPattern = `?"REPORT RequestId" ?"START RequestId" ?"END RequestId" ?"INIT_START" ?"INIT_REPORT"` +
	` ?"RESTORE_START" ?"RESTORE_REPORT" ?"XRAY TraceId" ?"Task timed out" ?"Error: Runtime exited"` +
	` ?"Process exited before" ?"RequestId: " ?"platform."`

// filter pages through FilterLogEvents.
func (r *reading) filter() error { return r.filterSpan(r.span) }

func (r *reading) filterSpan(s span) error {
	p := &paging{reading: r, op: opFilter}
	p.page = func(part span, token *string) (*string, error) { return p.filterPage(s, part, token) }
	return p.read(s)
}

// filterPage reads one page of a part of the span s.
func (p *paging) filterPage(s, part span, token *string) (next *string, err error) {
	in := &cloudwatchlogs.FilterLogEventsInput{LogGroupName: p.name(), LogGroupIdentifier: p.arn(), NextToken: token}
	if part.from > 0 {
		in.StartTime = aws.Int64(part.from)
	}
	if part.to < maxMillis {
		in.EndTime = aws.Int64(part.to + 1) // services differ on whether the end is included
	}
	if p.o.PlatformOnly {
		in.FilterPattern = aws.String(platformPattern)
	}
	out, err := p.client.FilterLogEvents(p.ctx, in)
	if err != nil {
		return nil, err
	}
	for i := range out.Events {
		e := filtered(&out.Events[i])
		if !p.take(&e) {
			return nil, nil
		}
	}
	done := s.done(p.newest)
	if out.NextToken == nil {
		done = s.done(part.to)
	}
	p.answered(out.ResultMetadata, done)
	return out.NextToken, nil
}

func filtered(e *types.FilteredLogEvent) record.Event {
	return record.Event{
		EventID:   aws.ToString(e.EventId),
		LogStream: aws.ToString(e.LogStreamName),
		Timestamp: aws.ToInt64(e.Timestamp),
		Message:   aws.ToString(e.Message),
		Source:    "filter",
	}
}
