//go:build clients

package clients

import (
	"context"
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	logstypes "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

const role = "arn:aws:iam::123456789012:role/any"

// sdk is aws-sdk-go-v2 on one function.
type sdk struct {
	t      *testing.T
	ctx    context.Context
	name   *string
	group  *string
	lambda *lambda.Client
	logs   *cloudwatchlogs.Client
}

func (b *bed) sdk(t *testing.T, name string) *sdk {
	cfg := aws.Config{
		Region: "us-east-1", BaseEndpoint: &b.endpoint, Credentials: credentials.NewStaticCredentialsProvider("any", "any", ""),
		Retryer: func() aws.Retryer { return aws.NopRetryer{} },
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	t.Cleanup(cancel)
	return &sdk{t, ctx, &name, aws.String("/aws/lambda/" + name), lambda.NewFromConfig(cfg), cloudwatchlogs.NewFromConfig(cfg)}
}

func must[T any](v T, err error) func(t *testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// create makes the function of a zip file and waits until it is Active.
func (s *sdk) create(zip, handler string) {
	s.t.Helper()
	s.createOn(types.RuntimeProvidedal2023, zip, handler)
}

func (s *sdk) createOn(runtime types.Runtime, zip, handler string) {
	s.t.Helper()
	code := must(os.ReadFile(zip))(s.t)
	must(s.lambda.CreateFunction(s.ctx, &lambda.CreateFunctionInput{
		FunctionName: s.name, Runtime: runtime, Handler: &handler, Role: aws.String(role),
		MemorySize: aws.Int32(512), Timeout: aws.Int32(60), Code: &types.FunctionCode{ZipFile: code},
	}))(s.t)
	s.awaitActive()
}

func (s *sdk) awaitActive() {
	s.t.Helper()
	if err := lambda.NewFunctionActiveV2Waiter(s.lambda).Wait(s.ctx, &lambda.GetFunctionInput{FunctionName: s.name}, time.Minute); err != nil {
		s.t.Fatal(err)
	}
}

func (s *sdk) invoke(payload string, qualifier *string) *lambda.InvokeOutput {
	s.t.Helper()
	return must(s.lambda.Invoke(s.ctx, &lambda.InvokeInput{
		FunctionName: s.name, Payload: []byte(payload), LogType: types.LogTypeTail, Qualifier: qualifier,
	}))(s.t)
}

func tail(t *testing.T, out *lambda.InvokeOutput) string {
	t.Helper()
	return string(must(base64.StdEncoding.DecodeString(aws.ToString(out.LogResult)))(t))
}

func (b *bed) goSDK(t *testing.T) {
	t.Parallel()
	s := b.sdk(t, "go-sdk")
	s.create(b.zip, "bootstrap")
	out := s.invoke(`{"name":"go"}`, nil)
	if string(out.Payload) != `{"hello":"go"}` || !strings.Contains(tail(t, out), "REPORT RequestId") {
		t.Errorf("%s, %s", out.Payload, tail(t, out))
	}
	if out := s.invoke(`{"fail":true}`, nil); aws.ToString(out.FunctionError) != "Unhandled" || !strings.Contains(string(out.Payload), "told to fail") {
		t.Errorf("%+v", out)
	}
	s.stream()
	s.versions()
	s.concurrency()
	s.url()
	s.readLogs()
	s.liveTail()
	must(s.lambda.DeleteFunction(s.ctx, &lambda.DeleteFunctionInput{FunctionName: s.name}))(t)
	var gone *types.ResourceNotFoundException
	if _, err := s.lambda.GetFunction(s.ctx, &lambda.GetFunctionInput{FunctionName: s.name}); !errors.As(err, &gone) {
		t.Errorf("get of what is gone: %v", err)
	}
}

func (s *sdk) stream() {
	out := must(s.lambda.InvokeWithResponseStream(s.ctx, &lambda.InvokeWithResponseStreamInput{FunctionName: s.name, Payload: []byte(`{"stream":3}`)}))(s.t)
	defer out.GetStream().Close()
	var text string
	for e := range out.GetStream().Events() {
		switch e := e.(type) {
		case *types.InvokeWithResponseStreamResponseEventMemberPayloadChunk:
			text += string(e.Value.Payload)
		case *types.InvokeWithResponseStreamResponseEventMemberInvokeComplete:
			if e.Value.ErrorCode != nil {
				s.t.Errorf("%s: %s", *e.Value.ErrorCode, aws.ToString(e.Value.ErrorDetails))
			}
		}
	}
	if text != "part 0;part 1;part 2;" {
		s.t.Errorf("streamed %q", text)
	}
}

func (s *sdk) versions() {
	v := must(s.lambda.PublishVersion(s.ctx, &lambda.PublishVersionInput{FunctionName: s.name}))(s.t)
	wait := &lambda.GetFunctionConfigurationInput{FunctionName: s.name, Qualifier: v.Version}
	if err := lambda.NewPublishedVersionActiveWaiter(s.lambda).Wait(s.ctx, wait, time.Minute); err != nil {
		s.t.Fatal(err)
	}
	must(s.lambda.CreateAlias(s.ctx, &lambda.CreateAliasInput{FunctionName: s.name, Name: aws.String("live"), FunctionVersion: v.Version}))(s.t)
	if out := s.invoke(`{}`, aws.String("live")); aws.ToString(out.ExecutedVersion) != "1" {
		s.t.Errorf("the alias ran version %s", aws.ToString(out.ExecutedVersion))
	}
}

func (s *sdk) concurrency() {
	must(s.lambda.PutFunctionConcurrency(s.ctx, &lambda.PutFunctionConcurrencyInput{FunctionName: s.name, ReservedConcurrentExecutions: aws.Int32(0)}))(s.t)
	_, err := s.lambda.Invoke(s.ctx, &lambda.InvokeInput{FunctionName: s.name})
	var throttled *types.TooManyRequestsException
	if !errors.As(err, &throttled) || throttled.Reason != types.ThrottleReasonReservedFunctionConcurrentInvocationLimitExceeded {
		s.t.Errorf("invoke with a concurrency of 0: %v", err)
	}
	must(s.lambda.DeleteFunctionConcurrency(s.ctx, &lambda.DeleteFunctionConcurrencyInput{FunctionName: s.name}))(s.t)
}

func (s *sdk) url() {
	u := must(s.lambda.CreateFunctionUrlConfig(s.ctx, &lambda.CreateFunctionUrlConfigInput{FunctionName: s.name, AuthType: types.FunctionUrlAuthTypeNone}))(s.t)
	resp := must(http.Get(*u.FunctionUrl))(s.t)
	defer resp.Body.Close()
	if text := must(io.ReadAll(resp.Body))(s.t); string(text) != `{"hello":""}` {
		s.t.Errorf("function URL: %s %s", resp.Status, text)
	}
	must(s.lambda.DeleteFunctionUrlConfig(s.ctx, &lambda.DeleteFunctionUrlConfigInput{FunctionName: s.name}))(s.t)
}

// count pages through the events that a pattern finds.
func (s *sdk) count(pattern string) (n int) {
	pages := cloudwatchlogs.NewFilterLogEventsPaginator(s.logs, &cloudwatchlogs.FilterLogEventsInput{LogGroupName: s.group, FilterPattern: aws.String(pattern), Limit: aws.Int32(2)})
	for pages.HasMorePages() {
		n += len(must(pages.NextPage(s.ctx))(s.t).Events)
	}
	return n
}

func (s *sdk) readLogs() {
	// A reply may be here before the REPORT of its invocation is written.
	reports := s.count("REPORT")
	for reports < s.count(`"START RequestId"`) {
		reports = s.count("REPORT")
	}
	streams := must(s.logs.DescribeLogStreams(s.ctx, &cloudwatchlogs.DescribeLogStreamsInput{LogGroupName: s.group}))(s.t)
	text := ""
	for _, stream := range streams.LogStreams {
		out := must(s.logs.GetLogEvents(s.ctx, &cloudwatchlogs.GetLogEventsInput{LogGroupName: s.group, LogStreamName: stream.LogStreamName, StartFromHead: aws.Bool(true)}))(s.t)
		for _, e := range out.Events {
			text += *e.Message
		}
	}
	if !strings.Contains(text, "greeting \"go\"\n") || strings.Count(text, "REPORT RequestId") != reports {
		s.t.Errorf("%d REPORTs by filter, log %s", reports, text)
	}
	id := must(s.logs.StartQuery(s.ctx, &cloudwatchlogs.StartQueryInput{
		LogGroupName: s.group, StartTime: aws.Int64(0), EndTime: aws.Int64(4102444800), QueryString: aws.String(`filter @type = "REPORT" | stats count(*) as n`),
	}))(s.t).QueryId
	for {
		found := must(s.logs.GetQueryResults(s.ctx, &cloudwatchlogs.GetQueryResultsInput{QueryId: id}))(s.t)
		if found.Status == logstypes.QueryStatusComplete {
			if n := *found.Results[0][0].Value; n != strconv.Itoa(reports) {
				s.t.Errorf("Insights counts %s REPORTs, want %d", n, reports)
			}
			return
		}
	}
}

// plainHost keeps the SDK from putting "stream-" before the host, which an
// address can't have.
func plainHost(o *cloudwatchlogs.Options) {
	o.APIOptions = append(o.APIOptions, func(stack *middleware.Stack) error {
		return stack.Initialize.Add(middleware.InitializeMiddlewareFunc("PlainHost", func(ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler) (middleware.InitializeOutput, middleware.Metadata, error) {
			return next.HandleInitialize(smithyhttp.DisableEndpointHostPrefix(ctx, true), in)
		}), middleware.Before)
	})
}

func (s *sdk) liveTail() {
	out := must(s.logs.StartLiveTail(s.ctx, &cloudwatchlogs.StartLiveTailInput{
		LogGroupIdentifiers: []string{"arn:aws:logs:us-east-1:123456789012:log-group:" + *s.group},
	}, plainHost))(s.t)
	defer out.GetStream().Close()
	for e := range out.GetStream().Events() {
		switch e := e.(type) {
		case *logstypes.StartLiveTailResponseStreamMemberSessionStart:
			s.invoke(`{"name":"live"}`, nil)
		case *logstypes.StartLiveTailResponseStreamMemberSessionUpdate:
			for _, r := range e.Value.SessionResults {
				if *r.Message == "greeting \"live\"\n" {
					return
				}
			}
		}
	}
	s.t.Errorf("the session ended without the line: %v", out.GetStream().Err())
}
