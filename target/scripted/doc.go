// Package scripted is a target that answers as a script says: stated times,
// stated outcomes, stated log lines. Tests use it for exact results, and
// `--target scripted:FILE` for trying reports and gates without any function.
//
// A script is a file of JSON lines. Each line is one step; blank lines and
// lines that begin with # are skipped.
//
//	# every tenth request is a cold start, pings are quick, request 7 is lost
//	{"seq": 7, "service": "30ms", "outcome": "transport_error", "error": "reset"}
//	{"tag": "ping", "service": "2ms"}
//	{"init": "300ms", "service": "20ms", "tail": "REPORT RequestId: {id}\tDuration: 20.00 ms\t..."}
//	{"service": "20ms", "times": 9}
//
// Keys of a step, all optional:
//
//   - seq, tag, fn: the step is for the request at that position of the
//     schedule, for requests with that tag, or for that function. Of the steps
//     with such a condition the first one that fits wins.
//   - times: steps without a condition form a cycle in which each counts times
//     (1): the request seq gets the step at seq modulo the length of the cycle.
//   - init, service: how long the answer takes, init before service ("20ms").
//   - ttfb: when the first byte comes, from the send; the whole time if absent.
//   - outcome: one of record.Outcomes; "ok" if absent. status (HTTP), error_type,
//     error, request_id, version, response_bytes: as in a row. Without
//     request_id the request gets one that is made of its position.
//   - tail: the platform's log of this request; {id} stands for the request id.
//   - fault: "panic", "empty" (a reply without a single field), "hang" (until
//     the request's context ends), "deaf" (the time passes even if the context
//     has ended).
//
// The answer depends on the request alone, never on the order or the moment of
// the calls. The end of a request's context cuts a step: the reply then has no
// outcome, and the caller says why. Time passes on Go's own timers, so that
// testing/synctest drives it.
package scripted
