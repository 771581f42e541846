// Package logsource brings log events from where the platform keeps them:
// CloudWatch Logs through the official SDK, and plain files and pipes.
//
// A Source yields events as they were delivered, verbatim; it does not parse
// them. Delivery is late, out of order and sometimes repeated, so Poll asks
// again until the caller has what it waits for or a deadline passes, and hands
// on each event once.
package logsource
