// Package telemetry is what an environment tells its extensions: the events of
// the Lambda Telemetry API and of the Logs API that came before it, kept,
// batched and delivered to those who subscribed.
//
//  1. ParseSubscription reads a Subscribe request and says everything that is
//     wrong with it.
//  2. Stream.Subscribe starts a subscriber with its own goroutine. What was
//     published while the environment could still be subscribed to reaches it
//     first, so that it sees the init from its start.
//  3. Stream.Publish hands an event to every subscriber that asked for its kind.
//     It never waits.
//  4. A subscriber collects until its batch is full or old enough, and posts it
//     as a JSON array (HTTP) or as lines (TCP), again after a pause when that
//     fails.
//
// Subscribers are not trusted. Whatever they do, one holds at most two batches:
// the one on its way and the one that collects. What comes above is dropped and
// counted, and the subscriber is told so with platform.logsDropped. Every
// delivery has a time limit. The destination names a port and nothing else: it
// is always dialled at 127.0.0.1.
//
// The package knows nothing of environments, functions or log groups.
//
// Source of names, limits and defaults: AWS Lambda developer guide, "Lambda
// Telemetry API reference", "Lambda Telemetry API Event schema reference" and
// "Lambda Logs API".
package telemetry
