package logsource

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"

	"coldbench/record"
)

// queryLimit is how many rows one page of a query's results holds at most.
// https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_GetQueryResults.html
const queryLimit = 10_000

// platformRegexp admits every line of the platform, in the regular expressions
// of Logs Insights.
const platformRegexp = `/^(REPORT|START|END) RequestId|^INIT_(START|REPORT)|^RESTORE_(START|REPORT)|^XRAY TraceId` +
	`|Task timed out|^RequestId: |"platform\./`

// exactBelow is the length in milliseconds below which a query names its
// window in its text too, because StartQuery knows whole seconds only.
const exactBelow = 10_000

// insights reads the window by Logs Insights. A query returns no more rows
// than its limit, without a way to the rest; so a window that reaches the
// limit is split and its parts are asked anew, until each is below it.
func (r *reading) insights() error {
	whole := r.span
	if whole.to == maxMillis {
		whole.to = time.Now().UnixMilli()
	}
	todo := []span{whole} // a stack, the earliest on top
	for len(todo) > 0 {
		s := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		a, err := r.ask(s)
		if err != nil {
			return err
		}
		if !a.complete {
			parts, err := r.split(s, a.matched)
			if err != nil {
				return err
			}
			todo = append(todo, parts...)
			continue
		}
		for _, row := range a.rows {
			if e := fromRow(row); s.holds(&e) && !r.emit(&e) {
				return nil
			}
		}
		r.advance(whole.done(s.to))
	}
	return nil
}

// split divides a window into parts that are likely to be below the limit, the
// latest first.
func (r *reading) split(s span, matched float64) ([]span, error) {
	length := s.to - s.from + 1
	if length <= 1 {
		return nil, fmt.Errorf("read log group %s: more than %d events in the one millisecond %s: Logs Insights can't list them all; FilterLogEvents can",
			r.group, r.o.QueryLimit, printMillis(s.from))
	}
	// Half as many again as an even spread would need, since it is never even.
	n := int64(math.Ceil(1.5 * matched / float64(r.o.QueryLimit)))
	n = min(max(n, 2), 32, length)
	parts := make([]span, 0, n)
	for i := n - 1; i >= 0; i-- {
		parts = append(parts, span{s.from + length/n*i + min(i, length%n), s.from + length/n*(i+1) + min(i+1, length%n) - 1})
	}
	return parts, nil
}

// answer is what one query returned.
type answer struct {
	rows     [][]types.ResultField
	matched  float64 // log events that matched, as the service counts them; 0 = not known
	complete bool    // rows are all of them
}

// ask runs one query to its end.
func (r *reading) ask(s span) (a answer, err error) {
	in := &cloudwatchlogs.StartQueryInput{
		StartTime:   aws.Int64(s.from / 1000),
		EndTime:     aws.Int64(s.to/1000 + 1),
		QueryString: aws.String(r.query(s)),
		Limit:       aws.Int32(int32(min(r.o.QueryLimit, queryLimit))),
	}
	if arn := r.arn(); arn != nil {
		in.LogGroupIdentifiers = []string{*arn}
	} else {
		in.LogGroupName = r.name()
	}
	out, err := r.client.StartQuery(r.ctx, in)
	if beforeTheGroup(err) {
		return answer{complete: true}, nil
	}
	if err != nil {
		return r.unanswered(opQuery, err)
	}
	r.answered(out.ResultMetadata, 0)
	finished := false
	defer func() {
		if !finished {
			r.stopQuery(out.QueryId)
		}
	}()
	for wait := 200 * time.Millisecond; ; wait = min(wait*3/2, 3*time.Second) {
		res, err := r.client.GetQueryResults(r.ctx, &cloudwatchlogs.GetQueryResultsInput{QueryId: out.QueryId})
		if err != nil {
			return r.unanswered(opResults, err)
		}
		r.answered(res.ResultMetadata, 0)
		if a, finished, err = r.read(res); finished {
			return a, err
		}
		if err := sleep(r.ctx, wait); err != nil {
			return a, err
		}
	}
}

// unanswered is the outcome of a query that the service refused: a group that
// need not exist has no rows.
func (r *reading) unanswered(op string, err error) (answer, error) {
	err = r.explain(op, err)
	return answer{complete: err == nil}, err
}

// beforeTheGroup recognises the refusal of a window in which the group did not
// exist yet, or whose events its retention has removed: it has no rows.
func beforeTheGroup(err error) bool {
	var malformed *types.MalformedQueryException
	return errors.As(err, &malformed) && strings.Contains(malformed.ErrorMessage(), "retention")
}

// query is the text of a query for one window.
func (r *reading) query(s span) string {
	var b strings.Builder
	b.WriteString("fields @timestamp, @logStream, @message")
	if s.to-s.from < exactBelow {
		fmt.Fprintf(&b, " | filter toMillis(@timestamp) >= %d and toMillis(@timestamp) <= %d", s.from, s.to)
	}
	if r.o.PlatformOnly {
		b.WriteString(" | filter @message like " + platformRegexp)
	}
	b.WriteString(" | sort @timestamp asc")
	return b.String()
}

// read takes the state of a query; finished says that it will not change.
func (r *reading) read(res *cloudwatchlogs.GetQueryResultsOutput) (a answer, finished bool, err error) {
	a.rows = res.Results
	if res.Statistics != nil {
		a.matched = res.Statistics.RecordsMatched
	}
	switch res.Status {
	case types.QueryStatusComplete:
		n := len(a.rows)
		a.complete = n < r.o.QueryLimit || a.matched > 0 && a.matched <= float64(n)
		return a, true, nil
	case types.QueryStatusTimeout: // too much for one query
		a.rows, a.complete = nil, false
		return a, true, nil
	case types.QueryStatusScheduled, types.QueryStatusRunning, types.QueryStatusUnknown:
		return a, false, nil
	}
	return a, true, fmt.Errorf("read log group %s: the Logs Insights query ended as %s", r.group, res.Status)
}

// stopQuery ends a query that nobody waits for any more; it would go on to
// scan, which is charged.
func (r *reading) stopQuery(id *string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.ctx), 5*time.Second)
	defer cancel()
	_, _ = r.client.StopQuery(ctx, &cloudwatchlogs.StopQueryInput{QueryId: id})
}

// fromRow makes an event of a row. @ptr is the record's identity. Times are
// UTC without saying so.
func fromRow(row []types.ResultField) record.Event {
	e := record.Event{Source: "insights"}
	for _, f := range row {
		v := aws.ToString(f.Value)
		switch aws.ToString(f.Field) {
		case "@ptr":
			e.EventID = v
		case "@message":
			e.Message = v
		case "@logStream":
			e.LogStream = v
		case "@timestamp":
			if t, err := time.Parse("2006-01-02 15:04:05.999", v); err == nil {
				e.Timestamp = t.UnixMilli()
			}
		}
	}
	return e
}
