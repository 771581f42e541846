package emulator_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"coldbench/emulator"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// fill makes a group of two streams and writes 10 events to them in turn.
func (b *bed) fill() {
	ctx, group := context.Background(), aws.String("g")
	if _, err := b.logs.CreateLogGroup(ctx, &cloudwatchlogs.CreateLogGroupInput{LogGroupName: group}); err != nil {
		b.t.Fatal(err)
	}
	for _, s := range []string{"s0", "s1"} {
		if _, err := b.logs.CreateLogStream(ctx, &cloudwatchlogs.CreateLogStreamInput{LogGroupName: group, LogStreamName: &s}); err != nil {
			b.t.Fatal(err)
		}
	}
	now := time.Now().UnixMilli()
	for i := range 10 {
		_, err := b.logs.PutLogEvents(ctx, &cloudwatchlogs.PutLogEventsInput{
			LogGroupName: group, LogStreamName: aws.String(fmt.Sprintf("s%d", i%2)),
			LogEvents: []types.InputLogEvent{{Timestamp: aws.Int64(now + int64(i)), Message: aws.String(fmt.Sprintf("event %d", i))}},
		})
		if err != nil {
			b.t.Fatal(err)
		}
	}
}

func TestFilterLogEventsPages(t *testing.T) {
	b := newBed(t, emulator.Options{})
	b.fill()
	for _, c := range []struct {
		name string
		in   cloudwatchlogs.FilterLogEventsInput
		want string
	}{
		{"all", cloudwatchlogs.FilterLogEventsInput{}, "0123456789"},
		{"one stream", cloudwatchlogs.FilterLogEventsInput{LogStreamNames: []string{"s1"}}, "13579"},
		{"prefix", cloudwatchlogs.FilterLogEventsInput{LogStreamNamePrefix: aws.String("s0")}, "02468"},
		{"pattern", cloudwatchlogs.FilterLogEventsInput{FilterPattern: aws.String(`"event 7"`)}, "7"},
		{"too late", cloudwatchlogs.FilterLogEventsInput{StartTime: aws.Int64(time.Now().Add(time.Hour).UnixMilli())}, ""},
	} {
		in, got, pages := c.in, "", 0
		in.LogGroupName, in.Limit = aws.String("g"), aws.Int32(2)
		p := cloudwatchlogs.NewFilterLogEventsPaginator(b.logs, &in)
		for ; p.HasMorePages(); pages++ {
			page, err := p.NextPage(context.Background())
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range page.Events {
				got += (*e.Message)[6:]
			}
		}
		if got != c.want || pages > len(c.want)/2+1 {
			t.Errorf("%s: %q in %d pages, want %q", c.name, got, pages, c.want)
		}
	}
}

func TestGetLogEventsBothWays(t *testing.T) {
	ctx := context.Background()
	b := newBed(t, emulator.Options{})
	b.fill()
	in := &cloudwatchlogs.GetLogEventsInput{LogGroupName: aws.String("g"), LogStreamName: aws.String("s0"), StartFromHead: aws.Bool(true), Limit: aws.Int32(2)}
	got := ""
	for {
		out, err := b.logs.GetLogEvents(ctx, in)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range out.Events {
			got += (*e.Message)[6:]
		}
		if in.NextToken != nil && *in.NextToken == *out.NextForwardToken {
			break // the documented sign of the end
		}
		in.NextToken = out.NextForwardToken
	}
	if got != "02468" {
		t.Errorf("forward: %s", got)
	}
	last, err := b.logs.GetLogEvents(ctx, &cloudwatchlogs.GetLogEventsInput{LogGroupName: aws.String("g"), LogStreamName: aws.String("s0"), Limit: aws.Int32(2)})
	if err != nil || len(last.Events) != 2 || *last.Events[1].Message != "event 8" {
		t.Fatalf("%+v, %v", last, err)
	}
	before, err := b.logs.GetLogEvents(ctx, &cloudwatchlogs.GetLogEventsInput{LogGroupName: aws.String("g"), LogStreamName: aws.String("s0"), Limit: aws.Int32(2), NextToken: last.NextBackwardToken})
	if err != nil || len(before.Events) != 2 || *before.Events[0].Message != "event 2" {
		t.Errorf("%+v, %v", before, err)
	}
}

// TestLogsErrors: kinds and texts as recorded in February 2026.
func TestLogsErrors(t *testing.T) {
	ctx := context.Background()
	b := newBed(t, emulator.Options{})
	b.fill()
	group := aws.String("g")
	for _, c := range []struct {
		name       string
		call       func() error
		kind, text string
	}{
		{"no group", func() error {
			_, err := b.logs.FilterLogEvents(ctx, &cloudwatchlogs.FilterLogEventsInput{LogGroupName: aws.String("x")})
			return err
		}, "ResourceNotFoundException", "The specified log group does not exist."},
		{"no stream", func() error {
			_, err := b.logs.GetLogEvents(ctx, &cloudwatchlogs.GetLogEventsInput{LogGroupName: group, LogStreamName: aws.String("x")})
			return err
		}, "ResourceNotFoundException", "The specified log stream does not exist."},
		{"token", func() error {
			_, err := b.logs.FilterLogEvents(ctx, &cloudwatchlogs.FilterLogEventsInput{LogGroupName: group, NextToken: aws.String("made-up")})
			return err
		}, "InvalidParameterException", "The specified nextToken is invalid."},
		{"limit", func() error {
			_, err := b.logs.GetLogEvents(ctx, &cloudwatchlogs.GetLogEventsInput{LogGroupName: group, LogStreamName: aws.String("s0"), Limit: aws.Int32(10001)})
			return err
		}, "InvalidParameterException", "1 validation error detected: Value '10001' at 'limit' failed to satisfy constraint: Member must have value less than or equal to 10000"},
		{"pattern", func() error {
			_, err := b.logs.FilterLogEvents(ctx, &cloudwatchlogs.FilterLogEventsInput{LogGroupName: group, FilterPattern: aws.String("Status: timeout")})
			return err
		}, "InvalidParameterException", "Invalid character(s) in term ':'"},
		{"twice", func() error {
			_, err := b.logs.CreateLogGroup(ctx, &cloudwatchlogs.CreateLogGroupInput{LogGroupName: group})
			return err
		}, "ResourceAlreadyExistsException", "The specified log group already exists"},
		{"order", func() error {
			now := time.Now().UnixMilli()
			_, err := b.logs.PutLogEvents(ctx, &cloudwatchlogs.PutLogEventsInput{LogGroupName: group, LogStreamName: aws.String("s0"), LogEvents: []types.InputLogEvent{
				{Timestamp: &now, Message: aws.String("a")}, {Timestamp: aws.Int64(now - 1), Message: aws.String("b")},
			}})
			return err
		}, "InvalidParameterException", "Log events in a single PutLogEvents request must be in chronological order."},
	} {
		var api smithy.APIError
		if err := c.call(); !errors.As(err, &api) || api.ErrorCode() != c.kind || api.ErrorMessage() != c.text {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// TestLogGroupTagsAndRetention: in both ways that the API has, as recorded in
// February 2026.
func TestLogGroupTagsAndRetention(t *testing.T) {
	ctx, group := context.Background(), aws.String("g")
	arn := aws.String("arn:aws:logs:us-east-1:123456789012:log-group:g")
	b := newBed(t, emulator.Options{})
	if _, err := b.logs.CreateLogGroup(ctx, &cloudwatchlogs.CreateLogGroupInput{LogGroupName: group, Tags: map[string]string{"env": "testing1"}}); err != nil {
		t.Fatal(err)
	}
	if _, err := b.logs.TagResource(ctx, &cloudwatchlogs.TagResourceInput{ResourceArn: arn, Tags: map[string]string{"test1": "val1", "test2": "val2"}}); err != nil {
		t.Fatal(err)
	}
	if _, err := b.logs.UntagResource(ctx, &cloudwatchlogs.UntagResourceInput{ResourceArn: arn, TagKeys: []string{"env"}}); err != nil {
		t.Fatal(err)
	}
	//nolint:staticcheck // deprecated, and still what older clients call
	if _, err := b.logs.UntagLogGroup(ctx, &cloudwatchlogs.UntagLogGroupInput{LogGroupName: group, Tags: []string{"test1"}}); err != nil {
		t.Fatal(err)
	}
	out, err := b.logs.ListTagsForResource(ctx, &cloudwatchlogs.ListTagsForResourceInput{ResourceArn: arn})
	if err != nil || len(out.Tags) != 1 || out.Tags["test2"] != "val2" {
		t.Errorf("%+v, %v", out, err)
	}
	if _, err := b.logs.PutRetentionPolicy(ctx, &cloudwatchlogs.PutRetentionPolicyInput{LogGroupName: group, RetentionInDays: aws.Int32(14)}); err != nil {
		t.Fatal(err)
	}
	groups, err := b.logs.DescribeLogGroups(ctx, &cloudwatchlogs.DescribeLogGroupsInput{})
	if err != nil || aws.ToInt32(groups.LogGroups[0].RetentionInDays) != 14 {
		t.Errorf("%+v, %v", groups, err)
	}
	var refused *types.InvalidParameterException
	if _, err := b.logs.PutRetentionPolicy(ctx, &cloudwatchlogs.PutRetentionPolicyInput{LogGroupName: group, RetentionInDays: aws.Int32(2)}); !errors.As(err, &refused) {
		t.Errorf("a retention of 2 days: %v", err)
	}
	if _, err := b.logs.DeleteRetentionPolicy(ctx, &cloudwatchlogs.DeleteRetentionPolicyInput{LogGroupName: group}); err != nil {
		t.Error(err)
	}
}

// plainHost keeps the SDK from putting "stream-" before the host, which an
// address has no use for.
func plainHost(o *cloudwatchlogs.Options) {
	o.APIOptions = append(o.APIOptions, func(stack *middleware.Stack) error {
		return stack.Initialize.Add(middleware.InitializeMiddlewareFunc("PlainHost", func(ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler) (middleware.InitializeOutput, middleware.Metadata, error) {
			return next.HandleInitialize(smithyhttp.DisableEndpointHostPrefix(ctx, true), in)
		}), middleware.Before)
	})
}

func testLiveTail(t *testing.T) {
	ctx := context.Background()
	b := newBed(t, emulator.Options{})
	b.fill()
	out, err := b.logs.StartLiveTail(ctx, &cloudwatchlogs.StartLiveTailInput{
		LogGroupIdentifiers: []string{"arn:aws:logs:us-east-1:123456789012:log-group:g"}, LogEventFilterPattern: aws.String("new"),
	}, plainHost)
	if err != nil {
		t.Fatal(err)
	}
	defer out.GetStream().Close()
	for e := range out.GetStream().Events() {
		switch e := e.(type) {
		case *types.StartLiveTailResponseStreamMemberSessionStart:
			// Only what is written from now on is shown.
			for _, text := range []string{"old", "new"} {
				_, err := b.logs.PutLogEvents(ctx, &cloudwatchlogs.PutLogEventsInput{
					LogGroupName: aws.String("g"), LogStreamName: aws.String("s0"),
					LogEvents: []types.InputLogEvent{{Timestamp: aws.Int64(time.Now().UnixMilli()), Message: &text}},
				})
				if err != nil {
					t.Fatal(err)
				}
			}
		case *types.StartLiveTailResponseStreamMemberSessionUpdate:
			if len(e.Value.SessionResults) == 0 {
				continue
			}
			if r := e.Value.SessionResults; len(r) != 1 || *r[0].Message != "new" || *r[0].LogStreamName != "s0" {
				t.Errorf("got %+v", r)
			}
			return
		}
	}
	t.Errorf("the session ended without the event: %v", out.GetStream().Err())
}
