// Package lambda is the loadgen.Target of a Lambda function, through the
// official AWS SDK: one signed Invoke for each request, against AWS or any
// endpoint that speaks its API.
//
// The SDK's retries are off: an attempt that fails is a row that says so. The
// response's log tail is asked for (X-Amz-Log-Type: Tail), so that most REPORT
// lines arrive with the reply.
//
// The SDK serialises and signs a request, ahead of its due time where the
// caller uses Prepare, and hands over what would go to its HTTP client. Sent is
// taken after that, when the request is written to a connection that is there,
// or before the opening of one. The client stamps the instants itself; behind a
// proxy, where net/http sends, they come from net/http/httptrace. Done is the
// last byte of a whole answer; an attempt that got none has no Done, and the
// same error type as with target/url.
package lambda
