package lambda

import (
	"cmp"
	"context"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	lambdaapi "github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/smithy-go"

	"coldbench/loadgen"
	"coldbench/record"
	"coldbench/target/wire"
)

var (
	_ loadgen.Target       = (*Target)(nil)
	_ loadgen.Preparer     = (*Target)(nil)
	_ loadgen.Preconnecter = (*Target)(nil)
)

// Access says how the AWS API is reached. The zero value is the usual AWS
// configuration chain.
type Access struct {
	Endpoint string // base URL of an AWS-compatible endpoint; "" = AWS
	Region   string
	Profile  string
	// Anonymous signs with throwaway credentials and leaves the configuration
	// chain alone. It is for endpoints on this machine.
	Anonymous bool
	// MaxConns is how many idle connections are kept, one for each request
	// in flight.
	MaxConns int
}

// Load resolves an Access into an SDK configuration whose retries are off.
func (a Access) Load(ctx context.Context) (aws.Config, error) {
	client := awshttp.NewBuildableClient().WithTransportOptions(func(t *http.Transport) {
		// A burst of N must be N requests on the wire at once: HTTP/1.1, and as
		// many connections as there are requests.
		t.ForceAttemptHTTP2 = false
		t.Protocols = new(http.Protocols)
		t.Protocols.SetHTTP1(true)
		t.MaxIdleConns = 0 // no limit over all hosts
		t.MaxIdleConnsPerHost = max(a.MaxConns, 2)
		t.IdleConnTimeout = 5 * time.Minute
	})
	if a.Anonymous {
		return a.anonymous(client)
	}
	opts := []func(*config.LoadOptions) error{
		config.WithHTTPClient(client),
		config.WithRetryer(func() aws.Retryer { return aws.NopRetryer{} }),
	}
	if a.Region != "" {
		opts = append(opts, config.WithRegion(a.Region))
	}
	if a.Profile != "" {
		opts = append(opts, config.WithSharedConfigProfile(a.Profile))
	}
	if a.Endpoint != "" { // as an option it goes before AWS_ENDPOINT_URL_LAMBDA too
		opts = append(opts, config.WithBaseEndpoint(a.Endpoint))
	}
	cfg, err := config.LoadDefaultConfig(ctx, opts...)
	if err != nil {
		return aws.Config{}, fmt.Errorf("load AWS configuration: %w", err)
	}
	if a.Endpoint != "" {
		cfg.BaseEndpoint = aws.String(a.Endpoint)
	}
	if cfg.Region == "" {
		return aws.Config{}, errNoRegion
	}
	return cfg, nil
}

var errNoRegion = errors.New("load AWS configuration: no region is set; give --region or AWS_REGION")

// anonymous reads no file, and the environment for a region alone: a broken AWS_PROFILE or
// an AWS_ENDPOINT_URL_LAMBDA has no say about a Lambda on this machine.
func (a Access) anonymous(client aws.HTTPClient) (aws.Config, error) {
	region := cmp.Or(a.Region, os.Getenv("AWS_REGION"), os.Getenv("AWS_DEFAULT_REGION"))
	if region == "" {
		return aws.Config{}, errNoRegion
	}
	cfg := aws.Config{
		Region:      region,
		HTTPClient:  client,
		Credentials: credentials.NewStaticCredentialsProvider("coldbench", "coldbench", ""),
		Retryer:     func() aws.Retryer { return aws.NopRetryer{} },
	}
	if a.Endpoint != "" {
		cfg.BaseEndpoint = aws.String(a.Endpoint)
	}
	return cfg, nil
}

// Target invokes one function. It is safe for concurrent use.
type Target struct {
	client *lambdaapi.Client
	names  []name  // by Request.Function
	direct *direct // nil: net/http's transport sends

	transport *http.Transport // that one; nil where it is the caller's
}

type name struct{ function, qualifier string }

// New makes a Target for the functions of a plan; a Request names one by its
// index.
func New(cfg aws.Config, functions []record.Function) *Target {
	t := &Target{}
	if b, ok := cfg.HTTPClient.(*awshttp.BuildableClient); ok {
		if t.direct = newDirect(cfg, b); t.direct == nil {
			t.transport = b.GetTransport()
			cfg.HTTPClient = oneTrip{t.transport}
		}
	}
	t.client = lambdaapi.NewFromConfig(cfg, func(o *lambdaapi.Options) {
		o.HTTPClient = gatedClient{inner: o.HTTPClient, direct: t.direct}
	})
	for _, f := range functions {
		t.names = append(t.names, name{f.Name, f.Qualifier})
	}
	return t
}

// newDirect returns nil where the host can't be spoken to directly: behind a
// proxy, or where the endpoint is not known before the first request.
func newDirect(cfg aws.Config, b *awshttp.BuildableClient) *direct {
	u, err := Endpoint(cfg)
	if err != nil {
		return nil
	}
	tr := b.GetTransport()
	if tr.Proxy != nil {
		if proxy, err := tr.Proxy(&http.Request{URL: u}); proxy != nil || err != nil {
			return nil
		}
	}
	secure := tr.TLSClientConfig.Clone()
	if secure == nil {
		secure = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	secure.ServerName, secure.NextProtos = u.Hostname(), []string{"http/1.1"}
	return &direct{pool: wire.NewPool(u, secure)}
}

// Endpoint is where the SDK will send Invoke: at AWS, or where Access, the
// environment (AWS_ENDPOINT_URL, AWS_ENDPOINT_URL_LAMBDA) or a profile says.
func Endpoint(cfg aws.Config) (*url.URL, error) {
	o := lambdaapi.NewFromConfig(cfg).Options()
	e, err := lambdaapi.NewDefaultEndpointResolverV2().ResolveEndpoint(context.Background(), lambdaapi.EndpointParameters{
		Region:       &cfg.Region,
		Endpoint:     o.BaseEndpoint,
		UseFIPS:      aws.Bool(o.EndpointOptions.UseFIPSEndpoint == aws.FIPSEndpointStateEnabled),
		UseDualStack: aws.Bool(o.EndpointOptions.UseDualStackEndpoint == aws.DualStackEndpointStateEnabled),
	})
	if err != nil {
		return nil, fmt.Errorf("find the endpoint of Lambda: %w", err)
	}
	return &e.URI, nil
}

// Preconnect opens n connections that the next n requests without a kept
// connection will use. Behind a proxy it does nothing.
func (t *Target) Preconnect(ctx context.Context, n int) error {
	if t.direct == nil {
		return nil
	}
	return t.direct.fill(ctx, n)
}

// Close closes the connections that are idle.
func (t *Target) Close() error {
	if t.direct != nil {
		t.direct.close()
	}
	if t.transport != nil {
		t.transport.CloseIdleConnections()
	}
	return nil
}

// Invoke signs and sends one RequestResponse invocation and waits for its reply.
func (t *Target) Invoke(ctx context.Context, req loadgen.Request) loadgen.Reply {
	return t.Prepare(ctx, req).Send(ctx)
}

// Prepare builds and signs one invocation, and holds it until Send. AWS accepts
// a signature for 5 minutes (docs.aws.amazon.com/IAM/latest/UserGuide/
// signing-elements.html, 2026): prepare seconds ahead, not minutes.
func (t *Target) Prepare(ctx context.Context, req loadgen.Request) loadgen.Prepared {
	p := &prepared{gate: newGate(), reply: make(chan loadgen.Reply, 1)}
	own, cancel := context.WithCancel(context.Background())
	stop := context.AfterFunc(ctx, cancel) // credentials may have to be fetched
	go func() {
		defer cancel()
		t.run(own, p, req)
	}()
	<-p.gate.signed
	stop()
	return p
}

// run takes one request through the SDK.
func (t *Target) run(ctx context.Context, p *prepared, req loadgen.Request) {
	g := p.gate
	in, err := t.input(req)
	var out *lambdaapi.InvokeOutput
	if err == nil {
		out, err = t.client.Invoke(context.WithValue(ctx, gateKey{}, g), in)
	}
	r := loadgen.Reply{RequestBytes: int64(len(req.Payload)), Sent: g.sent, Done: g.done, ResponseBytes: g.received}
	g.phases.Fill(&r)
	switch {
	case r.Sent.IsZero(): // never reached the wire: the SDK's own fault, or discarded
		r.Outcome, r.ErrorType, r.Error = record.NotSent, record.ErrNoRequest, err.Error()
	case g.broken != nil: // whatever the SDK made of half an answer
		head(err, &r)
		wire.Fail(g.ctx, &r, g.broken)
	case err != nil:
		head(err, &r)
		classifyError(err, &r)
	default:
		classifyOutput(out, &r)
	}
	g.atGate() // where the SDK refused it before it was signed
	p.reply <- r
}

func (t *Target) input(req loadgen.Request) (*lambdaapi.InvokeInput, error) {
	if req.Function < 0 || req.Function >= len(t.names) {
		return nil, fmt.Errorf("the plan has no function %d", req.Function)
	}
	n := t.names[req.Function]
	in := &lambdaapi.InvokeInput{FunctionName: &n.function, Payload: req.Payload, LogType: types.LogTypeTail}
	if n.qualifier != "" {
		in.Qualifier = &n.qualifier
	}
	return in, nil
}

// classifyOutput reads a reply that the Invoke API answered with 200.
func classifyOutput(out *lambdaapi.InvokeOutput, r *loadgen.Reply) {
	r.Status = int(out.StatusCode)
	// x-amzn-RequestId is the id that START, END and REPORT carry.
	r.RequestID, _ = awsmiddleware.GetRequestIDMetadata(out.ResultMetadata)
	r.Version = aws.ToString(out.ExecutedVersion)
	if out.LogResult != nil {
		if tail, err := base64.StdEncoding.DecodeString(*out.LogResult); err == nil {
			r.Tail = tail
		}
	}
	if out.FunctionError == nil {
		r.Outcome = record.OK
		return
	}
	r.Outcome, r.ErrorType, r.Error = functionError(out.Payload)
	if r.ErrorType == "" {
		r.ErrorType = *out.FunctionError
	}
}

// functionError reads the error object that Lambda returns as payload.
// Time-outs are "Sandbox.Timedout"; before 2025 they had only a message.
func functionError(payload []byte) (record.Outcome, string, string) {
	var e struct {
		Type    string `json:"errorType"`
		Message string `json:"errorMessage"`
	}
	if json.Unmarshal(payload, &e) != nil {
		return record.FunctionError, "", string(payload[:min(len(payload), wire.MaxErrorText)])
	}
	if e.Type == "Sandbox.Timedout" || e.Type == "" && strings.Contains(e.Message, "Task timed out after") {
		return record.TimedOut, e.Type, e.Message
	}
	return record.FunctionError, e.Type, e.Message
}

// head notes what the head of an answer said that the SDK made an error of.
func head(err error, r *loadgen.Reply) {
	var resp *awshttp.ResponseError
	if errors.As(err, &resp) {
		r.Status = resp.HTTPStatusCode()
		r.RequestID = resp.ServiceRequestID()
	}
}

// classifyError sorts what the SDK returned as an error for a whole answer.
func classifyError(err error, r *loadgen.Reply) {
	r.Outcome, r.ErrorType, r.Error = record.Rejected, fmt.Sprintf("HTTP.%d", r.Status), err.Error()
	var api smithy.APIError
	if !errors.As(err, &api) {
		return
	}
	r.ErrorType, r.Error = api.ErrorCode(), api.ErrorMessage()
	if r.Status == http.StatusTooManyRequests {
		r.Outcome = record.Throttled
		var throttle *types.TooManyRequestsException
		if errors.As(err, &throttle) && throttle.Reason != "" {
			r.ErrorType = string(throttle.Reason)
		}
	}
}
