// Package lambda is the loadgen.Target of a Lambda function, through the
// official AWS SDK: one signed Invoke for each request, against AWS or any
// endpoint that speaks its API.
//
// The SDK's retries are off: an attempt that fails is a row that says so. The
// response's log tail is asked for (X-Amz-Log-Type: Tail), so that most REPORT
// lines arrive with the reply.
//
// Sent is taken just before the SDK is called, so serialising and signing
// (tens of microseconds) count as service, on every arm alike. First byte and
// connection phases come from net/http/httptrace.
package lambda
