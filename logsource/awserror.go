package logsource

import (
	"errors"
	"fmt"
	"net"
	"strings"
	"syscall"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/smithy-go"
)

// Errors that a caller may want to act on.
var (
	ErrNoLogGroup    = errors.New("no such log group")
	ErrNoCredentials = errors.New("no AWS credentials")
)

// DeniedError says which permission is missing.
type DeniedError struct {
	Action string // the IAM action, such as logs:FilterLogEvents
	Err    error
}

// Error names the action.
func (e *DeniedError) Error() string {
	return fmt.Sprintf("access denied: the caller needs the IAM action %s", e.Action)
}

// Unwrap returns the service's own error.
func (e *DeniedError) Unwrap() error { return e.Err }

// The operations, as IAM names them after "logs:".
const (
	opFilter   = "FilterLogEvents"
	opStreams  = "DescribeLogStreams"
	opGet      = "GetLogEvents"
	opGroups   = "DescribeLogGroups"
	opTail     = "StartLiveTail"
	opQuery    = "StartQuery"
	opResults  = "GetQueryResults"
	noSuchCode = "ResourceNotFoundException"
)

// explain turns an error of the service into one that says what was done, to
// what, and what stands in the way. It returns nil for a group that need not
// exist.
func (r *reading) explain(op string, err error) error {
	if err == nil || r.ctx.Err() != nil {
		return r.ctx.Err()
	}
	what := fmt.Sprintf("read log group %s in %s", r.group, r.region)
	var api smithy.APIError
	if errors.As(err, &api) {
		return r.explainCode(what, op, api)
	}
	var dns *net.DNSError
	var dial *net.OpError
	switch {
	case errors.Is(err, ErrNoCredentials), noCredentials(err):
		return fmt.Errorf("%s: %w: %w", what, ErrNoCredentials, rootCause(err))
	case errors.As(err, &dns):
		return fmt.Errorf("%s: no such host: %s (is the region right?)", what, dns.Name)
	case errors.Is(err, syscall.ECONNREFUSED) && errors.As(err, &dial) && dial.Addr != nil:
		return fmt.Errorf("%s: nothing listens at %s", what, dial.Addr)
	}
	return fmt.Errorf("%s: %s: %w", what, op, err)
}

func (r *reading) explainCode(what, op string, api smithy.APIError) error {
	switch code := api.ErrorCode(); code {
	case noSuchCode:
		if !r.o.MustExist {
			return nil
		}
		return fmt.Errorf("%s: %w", what, ErrNoLogGroup)
	case "AccessDeniedException", "AccessDenied", "UnauthorizedOperation":
		return fmt.Errorf("%s: %w", what, &DeniedError{Action: deniedAction(api.ErrorMessage(), op), Err: api})
	case "ExpiredTokenException", "ExpiredToken", "UnrecognizedClientException", "InvalidSignatureException", "InvalidClientTokenId", "IncompleteSignature", "MissingAuthenticationTokenException":
		return fmt.Errorf("%s: the credentials were refused (%s): %w", what, code, api)
	}
	return fmt.Errorf("%s: %s: %w", what, op, api)
}

// deniedAction finds the action in "User: ... is not authorized to perform:
// logs:FilterLogEvents on resource: ...". One call may need another action
// than its own name, kms:Decrypt for example.
func deniedAction(message, op string) string {
	if _, after, ok := strings.Cut(message, "to perform: "); ok {
		if action, _, _ := strings.Cut(after, " "); strings.Contains(action, ":") {
			return strings.TrimRight(action, ".,")
		}
	}
	return "logs:" + op
}

// noCredentials recognises the errors of the SDK's search for credentials,
// which have no type of their own.
func noCredentials(err error) bool {
	text := err.Error()
	return strings.Contains(text, "get credentials") || strings.Contains(text, "failed to refresh cached credentials") ||
		strings.Contains(text, "static credentials are empty")
}

// rootCause is the innermost error: the SDK wraps one many times.
func rootCause(err error) error {
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err
		}
		err = inner
	}
}

// name and arn tell the group to an API: it takes one or the other.
func (c *CloudWatch) name() *string {
	if strings.HasPrefix(c.group, "arn:") {
		return nil
	}
	return &c.group
}

func (c *CloudWatch) arn() *string {
	if !strings.HasPrefix(c.group, "arn:") {
		return nil
	}
	return aws.String(strings.TrimSuffix(c.group, ":*"))
}
