package logsource

import (
	"context"
	"errors"
	"iter"
	"net"
	"net/url"
	"strings"
	"syscall"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/ratelimit"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/smithy-go/middleware"

	"coldbench/record"
)

var _ Source = (*CloudWatch)(nil)

// Method is the API by which a log group is read.
type Method string

// The methods. All yield the same events of a window.
const (
	// MethodFilter pages through FilterLogEvents: exact, about 5 pages of
	// 1 MB in a second, free of charge. The default.
	MethodFilter Method = "filter"
	// MethodStreams lists the streams with DescribeLogStreams and reads each
	// with GetLogEvents: other permissions, and a higher request rate; good
	// where the window holds few streams.
	MethodStreams Method = "streams"
	// MethodInsights runs Logs Insights queries: quick on large groups, and
	// charged for each GB that is scanned.
	MethodInsights Method = "insights"
	// MethodTail follows the group with StartLiveTail, and reads what lies
	// before, between and beside its sessions with FilterLogEvents.
	MethodTail Method = "tail"
)

// CloudWatchOptions change how a log group is read. The zero value is right
// for a run's own log group.
type CloudWatchOptions struct {
	Method Method // "" = MethodFilter
	// PlatformOnly asks the service for lines that the platform may have
	// written, and no others. The pattern admits some lines of functions too.
	PlatformOnly bool
	// MustExist makes a log group that does not exist an error. Otherwise it
	// has no events (yet): Lambda creates it with the first line.
	MustExist bool
	// Overlap is how far behind the newest event reading goes on after an
	// interruption; 0 = DefaultOverlap.
	Overlap time.Duration
	// Grace is how long a tail goes on after the end of its window, for events
	// that are delivered late; 0 = 10 s.
	Grace time.Duration
	// Progress is called after every answer, by the goroutine that reads; it
	// may be nil.
	Progress func(Progress)
	// MaxBackoff bounds the pause after a ThrottlingException; 0 = 20 s.
	MaxBackoff time.Duration
	// MaxAttempts of one request; 0 = 12.
	MaxAttempts int
	// QueryLimit is the number of rows that one Insights query may return;
	// 0 = 10,000, the limit of the service.
	QueryLimit int

	remember int // events that are remembered at least; 0 = forgetAbove
}

// DefaultOverlap is longer than CloudWatch usually needs to deliver an event.
const DefaultOverlap = 2 * time.Minute

// CloudWatch reads one log group. Unlike a measured request, reading logs is
// retried, with back-off, when it is throttled. It is safe for concurrent use
// but for its Progress callback.
type CloudWatch struct {
	client *cloudwatchlogs.Client
	group  string
	region string
	o      CloudWatchOptions
}

// NewCloudWatch reads the group, given by name or ARN, through cfg.
func NewCloudWatch(cfg aws.Config, group string, with ...func(*CloudWatchOptions)) *CloudWatch {
	c := &CloudWatch{group: group, region: cfg.Region}
	for _, f := range with {
		f(&c.o)
	}
	c.o.defaults()
	c.client = cloudwatchlogs.NewFromConfig(cfg, func(o *cloudwatchlogs.Options) {
		o.HTTPClient = sendFromMemory(cfg.HTTPClient)
		o.Retryer = c.o.retryer()
		if ownHost(cfg.BaseEndpoint) {
			o.APIOptions = append(o.APIOptions, keepHost)
		}
	})
	return c
}

func (o *CloudWatchOptions) defaults() {
	if o.Method == "" {
		o.Method = MethodFilter
	}
	if o.Overlap <= 0 {
		o.Overlap = DefaultOverlap
	}
	if o.Grace <= 0 {
		o.Grace = tailGrace
	}
	if o.MaxBackoff <= 0 {
		o.MaxBackoff = 20 * time.Second
	}
	if o.MaxAttempts <= 0 {
		o.MaxAttempts = 12
	}
	if o.remember <= 0 {
		o.remember = forgetAbove
	}
	if o.QueryLimit <= 0 {
		o.QueryLimit = queryLimit
	}
}

// retryer retries every request on its own account: with the SDK's shared
// token bucket a long read that is throttled now and then would end with
// "retry quota exceeded".
func (o *CloudWatchOptions) retryer() aws.Retryer {
	return retry.NewStandard(func(s *retry.StandardOptions) {
		s.MaxAttempts = o.MaxAttempts
		s.MaxBackoff = o.MaxBackoff
		s.RateLimiter = ratelimit.None
		s.Retryables = append([]retry.IsErrorRetryable{retry.IsErrorRetryableFunc(nobodyThere)}, s.Retryables...)
	})
}

// nobodyThere says that another attempt is of no use where no server listens,
// or where its name does not exist.
func nobodyThere(err error) aws.Ternary {
	var dns *net.DNSError
	if errors.Is(err, syscall.ECONNREFUSED) || errors.As(err, &dns) && dns.IsNotFound {
		return aws.FalseTernary
	}
	return aws.UnknownTernary
}

// Events yields every event of the window, each once, in the order in which the
// service gives them. MethodTail goes on until the window's end, or until ctx
// ends where the window has none.
func (c *CloudWatch) Events(ctx context.Context, w Window) iter.Seq2[record.Event, error] {
	r := &reading{CloudWatch: c, ctx: ctx, span: w.span(), seen: newSeen(c.o.remember), keepFrom: maxMillis}
	switch c.o.Method {
	case MethodStreams:
		return r.run(r.streams)
	case MethodInsights:
		return r.run(r.insights)
	case MethodTail:
		return r.run(r.tail)
	default:
		return r.run(r.filter)
	}
}

// reading is one pass over a window.
type reading struct {
	*CloudWatch
	ctx      context.Context
	span     span
	seen     *seen
	yield    func(record.Event, error) bool
	stopped  bool  // the consumer wants no more
	keepFrom int64 // events since a little before this time must not be forgotten
	progress Progress
}

// run makes a sequence of a method of reading. The sequence may be ranged over
// again, and then reads again.
func (r *reading) run(read func() error) iter.Seq2[record.Event, error] {
	return func(yield func(record.Event, error) bool) {
		r.yield, r.stopped, r.seen, r.progress = yield, false, newSeen(r.o.remember), Progress{}
		err := read()
		if err != nil && !r.stopped {
			yield(record.Event{}, err)
		}
	}
}

// emit hands on an event of the window that is new, and reports whether to go
// on.
func (r *reading) emit(e *record.Event) bool {
	if !r.span.holds(e) || !r.seen.add(e) {
		return true
	}
	r.progress.Events++
	if t := time.UnixMilli(e.Timestamp); e.Timestamp != 0 && t.After(r.progress.At) {
		r.progress.At = t
	}
	r.stopped = !r.yield(*e, nil)
	return !r.stopped
}

// answered counts one answer of the service; done is the share of the window
// that was read with it.
func (r *reading) answered(md middleware.Metadata, done float64) {
	r.progress.Requests++
	if results, ok := retry.GetAttemptResults(md); ok {
		r.progress.Throttled += int64(max(0, len(results.Results)-1))
	}
	r.advance(done)
}

// advance tells how far reading has come.
func (r *reading) advance(done float64) {
	r.progress.Done = min(1, max(done, r.progress.Done))
	if r.o.Progress != nil {
		r.o.Progress(r.progress)
	}
}

// done is the share of the window that lies before a time.
func (s span) done(at int64) float64 {
	if s.to == maxMillis || s.to <= s.from {
		return 0
	}
	return min(1, float64(max(at, s.from)-s.from)/float64(s.to-s.from))
}

// ownHost says whether an endpoint is someone's own host, for which the host
// prefix of StartLiveTail ("stream-") makes no sense: stream-127.0.0.1 is no
// host.
func ownHost(endpoint *string) bool {
	if endpoint == nil {
		return false
	}
	u, err := url.Parse(*endpoint)
	if err != nil {
		return false
	}
	host := u.Hostname()
	if net.ParseIP(host) != nil {
		return true
	}
	for _, suffix := range []string{".amazonaws.com", ".amazonaws.com.cn", ".api.aws"} {
		if strings.HasSuffix(host, suffix) {
			return false
		}
	}
	return true
}
