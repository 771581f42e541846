package logsource_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"coldbench/logsource"
)

func TestMissingGroup(t *testing.T) {
	for _, m := range methods {
		f := newFake("/aws/lambda/other")
		cfg := f.serveTCP(t)
		if got, _ := collect(t, t.Context(), logsource.NewCloudWatch(cfg, group, using(m)), logsource.Window{}); len(got) != 0 {
			t.Errorf("%s: %d events", m, len(got))
		}
		src := logsource.NewCloudWatch(cfg, group, using(m, func(o *logsource.CloudWatchOptions) { o.MustExist = true }))
		for _, err := range src.Events(t.Context(), logsource.Window{}) {
			if !errors.Is(err, logsource.ErrNoLogGroup) || err.Error() != "read log group /aws/lambda/checkout in eu-west-1: no such log group" {
				t.Errorf("%s: %v", m, err)
			}
		}
	}
}

func TestRefusalsNameWhatIsMissing(t *testing.T) {
	user := "User: arn:aws:iam::123456789012:user/x is not authorized to perform: "
	tests := []struct {
		method logsource.Method
		op     string
		answer string
		want   string
	}{
		{logsource.MethodFilter, "FilterLogEvents", "AccessDeniedException: " + user + "logs:FilterLogEvents on resource: arn:aws:logs:eu-west-1:123456789012:log-group:x because no identity-based policy allows it", "needs the IAM action logs:FilterLogEvents"},
		{logsource.MethodFilter, "FilterLogEvents", "AccessDeniedException: " + user + "kms:Decrypt on the key", "needs the IAM action kms:Decrypt"},
		{logsource.MethodFilter, "FilterLogEvents", "AccessDeniedException: denied", "needs the IAM action logs:FilterLogEvents"},
		{logsource.MethodStreams, "DescribeLogStreams", "AccessDeniedException: denied", "needs the IAM action logs:DescribeLogStreams"},
		{logsource.MethodInsights, "StartQuery", "AccessDeniedException: denied", "needs the IAM action logs:StartQuery"},
		{logsource.MethodInsights, "GetQueryResults", "AccessDeniedException: denied", "needs the IAM action logs:GetQueryResults"},
		{logsource.MethodTail, "DescribeLogGroups", "AccessDeniedException: denied", "needs the IAM action logs:DescribeLogGroups"},
		{logsource.MethodTail, "StartLiveTail", "AccessDeniedException: denied", "needs the IAM action logs:StartLiveTail"},
		{logsource.MethodFilter, "FilterLogEvents", "UnrecognizedClientException: The security token included in the request is invalid.", "the credentials were refused (UnrecognizedClientException)"},
		{logsource.MethodFilter, "FilterLogEvents", "ExpiredTokenException: The security token included in the request is expired", "the credentials were refused (ExpiredTokenException)"},
	}
	for _, tt := range tests {
		f := newFake(group)
		fill(f, 3, 1, time.Now(), time.Second)
		f.refuse[tt.op] = tt.answer
		src := logsource.NewCloudWatch(f.serveTCP(t), group, using(tt.method))
		var last error
		for _, err := range src.Events(t.Context(), logsource.Window{}) {
			last = err
		}
		if last == nil || !strings.Contains(last.Error(), tt.want) || !strings.HasPrefix(last.Error(), "read log group "+group+" in eu-west-1: ") {
			t.Errorf("%s answers %q: got %v", tt.op, tt.answer, last)
		}
		var denied *logsource.DeniedError
		if strings.HasPrefix(tt.answer, "AccessDenied") && !errors.As(last, &denied) {
			t.Errorf("%s: not a DeniedError: %v", tt.op, last)
		}
	}
}

func TestNoCredentials(t *testing.T) {
	f := newFake(group)
	cfg := f.serveTCP(t)
	cfg.Credentials = aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		return aws.Credentials{}, errors.New("no EC2 IMDS role found")
	})
	for _, err := range logsource.NewCloudWatch(cfg, group).Events(t.Context(), logsource.Window{}) {
		if !errors.Is(err, logsource.ErrNoCredentials) {
			t.Errorf("got %v", err)
		}
	}
}

func TestNobodyThere(t *testing.T) {
	refused := &net.OpError{Op: "dial", Net: "tcp", Addr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 9}, Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}
	for _, tt := range []struct {
		err  error
		want string
	}{
		{refused, "nothing listens at 127.0.0.1:9"},
		{&net.DNSError{Err: "no such host", Name: "logs.eu-wst-1.amazonaws.com", IsNotFound: true}, "no such host: logs.eu-wst-1.amazonaws.com (is the region right?)"},
	} {
		asked := 0
		cfg := config("http://logs.test", nil)
		cfg.HTTPClient = failing{tt.err, &asked}
		for _, err := range logsource.NewCloudWatch(cfg, group).Events(t.Context(), logsource.Window{}) {
			if err == nil || err.Error() != "read log group "+group+" in eu-west-1: "+tt.want {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		}
		if asked != 1 {
			t.Errorf("%v: asked %d times", tt.err, asked)
		}
	}
}

// failing is an HTTP client that reaches nobody.
type failing struct {
	err   error
	asked *int
}

func (f failing) Do(r *http.Request) (*http.Response, error) {
	*f.asked++
	return nil, &url.Error{Op: "Post", URL: r.URL.String(), Err: f.err}
}
