package emulator_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"coldbench/emulator"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/aws/smithy-go"
)

// start starts a query over the last and the next hour of a group.
func (b *bed) start(group, query string, limit int32) string {
	b.t.Helper()
	in := &cloudwatchlogs.StartQueryInput{
		LogGroupName: &group, QueryString: &query,
		StartTime: aws.Int64(time.Now().Add(-time.Hour).Unix()), EndTime: aws.Int64(time.Now().Add(time.Hour).Unix()),
	}
	if limit > 0 {
		in.Limit = &limit
	}
	out, err := b.logs.StartQuery(context.Background(), in)
	if err != nil {
		b.t.Fatal(err)
	}
	return *out.QueryId
}

// results waits for the end of a query.
func (b *bed) results(id string) *cloudwatchlogs.GetQueryResultsOutput {
	b.t.Helper()
	for {
		out, err := b.logs.GetQueryResults(context.Background(), &cloudwatchlogs.GetQueryResultsInput{QueryId: &id})
		if err != nil {
			b.t.Fatal(err)
		}
		switch out.Status {
		case types.QueryStatusComplete:
			return out
		case types.QueryStatusScheduled, types.QueryStatusRunning:
			if len(out.Results) > 0 {
				b.t.Fatalf("%s with results", out.Status)
			}
		default:
			b.t.Fatalf("the query is %s", out.Status)
		}
	}
}

func fieldsOf(row []types.ResultField) map[string]string {
	m := map[string]string{}
	for _, f := range row {
		m[*f.Field] = *f.Value
	}
	return m
}

// TestInsightsOfAFunction asks of two invocations what users of Lambda ask.
func TestInsightsOfAFunction(t *testing.T) {
	b := newBed(t, emulator.Options{})
	b.install(emulator.LocalFunction{})
	cold := parseReport(t, b.invoke(order{}).log)
	b.invoke(order{})
	id := b.start("/aws/lambda/fn", `filter @type = "REPORT" | fields @duration, @billedDuration, @initDuration, @maxMemoryUsed, @logStream | sort @timestamp asc`, 0)
	out := b.results(id)
	if len(out.Results) != 2 || out.Statistics.RecordsMatched != 2 || out.Statistics.RecordsScanned != 7 || out.Statistics.BytesScanned == 0 {
		t.Fatalf("%d rows, %+v", len(out.Results), out.Statistics)
	}
	first, second := fieldsOf(out.Results[0]), fieldsOf(out.Results[1])
	if second["@initDuration"] != "" || first["@ptr"] == "" || first["@ptr"] == second["@ptr"] || first["@logStream"] != second["@logStream"] {
		t.Errorf("%v, %v", first, second)
	}
	for field, want := range map[string]float64{"@duration": cold.duration, "@billedDuration": cold.billed, "@initDuration": cold.init, "@maxMemoryUsed": cold.memory * 1e6} {
		var got float64
		if _, err := fmt.Sscan(first[field], &got); err != nil || got != want {
			t.Errorf("%s: %s, want %v", field, first[field], want)
		}
	}
	stats := fieldsOf(b.results(b.start("/aws/lambda/fn", `filter @type = "REPORT" | stats count(*) as n, count(@initDuration) as cold by bin(1d)`, 0)).Results[0])
	if stats["n"] != "2" || stats["cold"] != "1" || stats["@ptr"] != "" {
		t.Errorf("%v", stats)
	}
}

func TestQueryOperations(t *testing.T) {
	ctx := context.Background()
	b := newBed(t, emulator.Options{})
	b.fill()
	id := b.start("g", "fields @message", 3)
	// The newest three, as the query doesn't sort.
	if out := b.results(id); len(out.Results) != 3 || fieldsOf(out.Results[0])["@message"] != "event 9" || out.Statistics.RecordsMatched != 10 || out.Statistics.ResultCount != 3 {
		t.Errorf("%+v", out)
	}
	list, err := b.logs.DescribeQueries(ctx, &cloudwatchlogs.DescribeQueriesInput{LogGroupName: aws.String("g"), Status: types.QueryStatusComplete})
	if err != nil || len(list.Queries) != 1 {
		t.Fatalf("%+v, %v", list, err)
	}
	q := list.Queries[0]
	if *q.QueryId != id || q.QueryLanguage != "CWLI" || !strings.HasPrefix(*q.QueryString, `SOURCE "g" START=`) || !strings.HasSuffix(*q.QueryString, "999 | fields @message") {
		t.Errorf("%+v", *q.QueryString)
	}
	for status := range map[types.QueryStatus]bool{types.QueryStatusScheduled: true, types.QueryStatusCancelled: true} {
		none, err := b.logs.DescribeQueries(ctx, &cloudwatchlogs.DescribeQueriesInput{Status: status})
		if err != nil || none.Queries == nil || len(none.Queries) != 0 {
			t.Errorf("%s: %+v, %v", status, none, err)
		}
	}
	var api smithy.APIError
	if _, err := b.logs.StopQuery(ctx, &cloudwatchlogs.StopQueryInput{QueryId: &id}); !errors.As(err, &api) || api.ErrorCode() != "InvalidParameterException" {
		t.Errorf("stop of a query that has ended: %v", err)
	}
	if _, err := b.logs.GetQueryResults(ctx, &cloudwatchlogs.GetQueryResultsInput{QueryId: aws.String("none")}); !errors.As(err, &api) || api.ErrorCode() != "ResourceNotFoundException" {
		t.Errorf("unknown query: %v", err)
	}
}

// TestQueryPages: a query without a limit has 10,000 rows, one with a greater
// limit has pages of 10,000.
func TestQueryPages(t *testing.T) {
	ctx := context.Background()
	b := newBed(t, emulator.Options{})
	b.fill()
	now := time.Now().UnixMilli()
	for range 2 {
		var events []types.InputLogEvent
		for range 6000 {
			events = append(events, types.InputLogEvent{Timestamp: &now, Message: aws.String("x")})
		}
		if _, err := b.logs.PutLogEvents(ctx, &cloudwatchlogs.PutLogEventsInput{LogGroupName: aws.String("g"), LogStreamName: aws.String("s0"), LogEvents: events}); err != nil {
			t.Fatal(err)
		}
	}
	if out := b.results(b.start("g", "filter @message = 'x'", 0)); len(out.Results) != 10000 || out.NextToken != nil || out.Statistics.RecordsMatched != 12000 {
		t.Errorf("%d rows, %+v", len(out.Results), out.Statistics)
	}
	id, seen := b.start("g", "filter @message = 'x' | limit 100000", 5), map[string]bool{}
	for out := b.results(id); ; {
		for _, row := range out.Results {
			seen[fieldsOf(row)["@ptr"]] = true
		}
		if out.NextToken == nil {
			break
		}
		var err error
		if out, err = b.logs.GetQueryResults(ctx, &cloudwatchlogs.GetQueryResultsInput{QueryId: &id, NextToken: out.NextToken}); err != nil {
			t.Fatal(err)
		}
	}
	if len(seen) != 12000 {
		t.Errorf("%d events on all pages, want 12000", len(seen))
	}
}

func TestStartQueryErrors(t *testing.T) {
	b := newBed(t, emulator.Options{})
	b.fill()
	call := func(change func(*cloudwatchlogs.StartQueryInput)) error {
		in := &cloudwatchlogs.StartQueryInput{LogGroupName: aws.String("g"), QueryString: aws.String("limit 1"), StartTime: aws.Int64(0), EndTime: aws.Int64(1)}
		change(in)
		_, err := b.logs.StartQuery(context.Background(), in)
		return err
	}
	for _, c := range []struct {
		name       string
		change     func(*cloudwatchlogs.StartQueryInput)
		kind, text string
	}{
		{"group", func(in *cloudwatchlogs.StartQueryInput) { in.LogGroupName = aws.String("x") }, "ResourceNotFoundException", "Log group 'x' does not exist for account ID '123456789012' (Service: AWSLogs; Status Code: 400; Error Code: ResourceNotFoundException; Request ID: "},
		{"limit", func(in *cloudwatchlogs.StartQueryInput) { in.Limit = aws.Int32(100001) }, "InvalidParameterException", "1 validation error detected: Value '100001' at 'limit' failed"},
		{"two ways", func(in *cloudwatchlogs.StartQueryInput) { in.LogGroupNames = []string{"g"} }, "InvalidParameterException", "Exactly one of"},
		{"backwards", func(in *cloudwatchlogs.StartQueryInput) { in.StartTime = aws.Int64(2) }, "InvalidParameterException", "startTime"},
	} {
		var api smithy.APIError
		if err := call(c.change); !errors.As(err, &api) || api.ErrorCode() != c.kind || !strings.HasPrefix(api.ErrorMessage(), c.text) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	var malformed *types.MalformedQueryException
	err := call(func(in *cloudwatchlogs.StartQueryInput) { in.QueryString = aws.String("fields @message | where x") })
	if !errors.As(err, &malformed) || *malformed.Message != "unexpected symbol found where at line 1 and position 18" ||
		*malformed.QueryCompileError.Location.StartCharOffset != 18 || *malformed.QueryCompileError.Location.EndCharOffset != 23 {
		t.Errorf("%v", err)
	}
}
