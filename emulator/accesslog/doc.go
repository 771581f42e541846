// Package accesslog writes one line of JSON for each request that an HTTP
// handler has answered: who was asked for what, how it ended, how long it took.
//
//	{"time":"2026-11-23T21:00:00.123456Z","method":"POST","path":"/2015-03-31/functions/hello/invocations",
//	 "operation":"Invoke","function":"hello","status":200,"error":"Unhandled","duration_ms":3.021,"request_id":"..."}
//
// operation is what the AWS APIs call it, as far as paths tell; function is there
// where the path names one; error is the error type of the answer, or "Unhandled"
// for a function that failed. A request whose client left before it was answered
// has the status that it would have had.
//
// It reads headers and paths of the Lambda and CloudWatch Logs APIs only. No
// payload, no query string, no credential, no path below a function URL reaches
// the log.
package accesslog
