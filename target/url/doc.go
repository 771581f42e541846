// Package url is a target that sends plain HTTP requests to one URL through
// net/http, and says where the time of each went.
//
// One Invoke is one attempt:
//
//  1. Sent is stamped when the head of the request is about to be written on
//     a connection that was there (with HTTP/2: when the request got its
//     connection, so that waiting for the writes of others is part of the
//     service time). Where one had to be opened, it is stamped before that: so
//     are waiting for a connection, DNS, TCP and TLS. record.Conn says what
//     they cost.
//  2. FirstByte is the first byte of the response, Done the end of its body,
//     which is read to the end, counted and thrown away.
//  3. The status decides the outcome: below 400 record.OK (redirects are not
//     followed: a 3xx is an answer), 429 record.Throttled, other 4xx and 5xx
//     record.FunctionError with an error type such as HTTP.503 and the
//     beginning of the body (300 bytes) as text. Without a complete response it is
//     record.TransportError.
//
// Nothing is sent twice. net/http silently repeats a request when a kept-alive
// connection turns out to be dead; it can only do so while it could produce the
// body once more, so every request gets a body that cannot be produced again:
// the payload, or an empty reader with "identity" as transfer encoding, which
// puts neither Content-Length nor Transfer-Encoding on the wire. Such a
// connection is therefore a row with the error type HTTP.ConnectionClosed. (A
// POST, PUT or PATCH without a payload has Content-Length: 0 instead; over
// HTTP/1.1 it is never repeated once a byte of it was written.) Over HTTP/2
// net/http also repeats what the server refused (REFUSED_STREAM, GOAWAY); the
// same body keeps it from that, at the price of an empty DATA frame and no
// content-length.
//
// Connections are kept alive, as many as may be in flight. Preconnect opens
// them, TLS included, before the load. Proxies of the environment are not used,
// no compression is asked for, cookies are not kept. HTTP/2 is off unless asked
// for; then it is HTTP/2 only, with prior knowledge where the scheme is http. One
// connection carries all that the server allows on it at once, and Preconnect
// opens that one; net/http opens another for each request beyond, and such a
// request waits for it. Until the server's SETTINGS have come, which follow the
// handshake, 100 are allowed. A connection that was opened ahead counts as
// reused.
//
// Options.Lean sends the same bytes without net/http, for high rates: it writes
// and reads in the goroutine of the caller, and records the same. Three things
// differ. Whether the server has closed a kept connection is looked at only
// after 10 ms without use; a body is not read while a large payload is still
// being written; an answer to something never asked ends the connection.
package url
