// Package logsource brings log events from where the platform keeps them:
// CloudWatch Logs through the official SDK, files, folders, S3 exports and
// pipes. It yields events as they were delivered, verbatim; it does not parse
// them.
//
//  1. A Source yields the events of a Window, each once. An error ends the
//     sequence, and what came before it stands.
//  2. CloudWatch is a log group, read by one of four methods. FilterLogEvents
//     (filter.go) and DescribeLogStreams with GetLogEvents (streams.go) share
//     their paging (paging.go): a span whose page token expires is cut in time
//     and its parts are read anew. Logs Insights (insights.go) splits windows
//     until each is below the row limit, down to a millisecond. StartLiveTail
//     (tail.go, session.go) brings events early and is renewed when a session
//     ends; FilterLogEvents reads what lies before, between and beside the
//     sessions.
//  3. What was handed on is remembered as hashes (seen.go). As long as the
//     service keeps the order that it documents, memory follows the overlap and
//     not the window.
//  4. Files reads everything that can be read, and then tells by a PartialError
//     what could not.
//  5. Delivery is late, out of order and sometimes repeated, so Poll asks again
//     until the caller has what it waits for, and Await until each of a set of
//     requests has its REPORT, or a deadline passes: then it lists the missing.
//     InOrder puts events that come a little late into their place.
//
// Unlike a measured request, reading logs is retried, with back-off, when it is
// throttled. Errors of the service are told with what was read, in which
// region, and which IAM action is missing.
//
// Two events are one when their ids agree. GetLogEvents and StartLiveTail give
// no ids; there, stream, time and text decide, so that a line which a function
// prints twice within a millisecond counts once. Lines of the platform carry
// their request id and are never alike.
package logsource
