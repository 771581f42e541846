package logsource

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"

	"coldbench/record"
)

var _ Source = (*CloudWatch)(nil)

// CloudWatch reads one log group with FilterLogEvents. Unlike a measured
// request, reading logs is retried by the SDK, with back-off, when it is
// throttled.
type CloudWatch struct {
	client *cloudwatchlogs.Client
	group  string
}

// NewCloudWatch reads the group through cfg.
func NewCloudWatch(cfg aws.Config, group string) *CloudWatch {
	client := cloudwatchlogs.NewFromConfig(cfg, func(o *cloudwatchlogs.Options) {
		o.Retryer = retry.NewStandard(func(s *retry.StandardOptions) {
			s.MaxAttempts = 8
			s.MaxBackoff = 20 * time.Second
		})
	})
	return &CloudWatch{client: client, group: group}
}

// Events yields every event of the window, page by page. A group that does not
// exist (yet) has no events: Lambda creates it with the first line.
func (c *CloudWatch) Events(ctx context.Context, w Window) iter.Seq2[record.Event, error] {
	return func(yield func(record.Event, error) bool) {
		in := &cloudwatchlogs.FilterLogEventsInput{LogGroupName: &c.group}
		if !w.From.IsZero() {
			in.StartTime = aws.Int64(w.From.UnixMilli())
		}
		if !w.To.IsZero() {
			in.EndTime = aws.Int64(w.To.UnixMilli())
		}
		pages := cloudwatchlogs.NewFilterLogEventsPaginator(c.client, in)
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx)
			var none *types.ResourceNotFoundException
			if errors.As(err, &none) {
				return
			}
			if err != nil {
				yield(record.Event{}, fmt.Errorf("read log group %s: %w", c.group, err))
				return
			}
			for _, e := range page.Events {
				if !yield(event(e), nil) {
					return
				}
			}
		}
	}
}

func event(e types.FilteredLogEvent) record.Event {
	return record.Event{
		EventID:   aws.ToString(e.EventId),
		LogStream: aws.ToString(e.LogStreamName),
		Timestamp: aws.ToInt64(e.Timestamp),
		Message:   aws.ToString(e.Message),
		Source:    "filter",
	}
}
