// Package emulator is a Lambda on this machine: one http.Handler that speaks
// the Lambda and CloudWatch Logs APIs to the real clients, and behind it real
// function processes that speak the real Runtime API.
//
// One invocation, through the files:
//
//  1. invoke.go reads the request, finds the version (function.go) and checks
//     sizes and JSON as Lambda does.
//  2. control.go asks the fleet, under one lock and on the wall clock, for a
//     Decision: an idle environment, a new one, or a 429. A request is never
//     queued.
//  3. environment.go runs it there. A new environment starts its process
//     (sandbox), and its init lasts until the process asks for its first
//     invocation; after a time-out or a crash the process is gone and the next
//     invocation starts a new one in the same environment. Of a function that
//     is a container image, image.go has the API, imagepull.go the pull,
//     imageenv.go the command and the variables.
//  4. runtimeapi.go serves that process on a loopback listener of its own:
//     next, response, error, init/error. extensionapi.go serves its extensions
//     there (extensions.go: who waits for what; extended.go: how they start;
//     shutdown.go: how they end), telemetry.go those that want to be told.
//  5. platform.go writes START, END and REPORT around it, output.go what the
//     function prints, both into the environment's log stream (logstore.go),
//     which logs.go serves as CloudWatch Logs, and queries.go to queries of
//     Logs Insights (language: package insights).
//
// Around that: async.go queues events, which destinations.go ends and
// stored_events.go keeps; provisioned.go and ahead.go run inits that no request
// waits for, snapstart.go those that stand for a restore; delay.go models placement
// and download; and stored.go, data.go and restore.go keep functions in a data
// folder (package folder).
//
// What the times in a REPORT mean: Init Duration runs from just before the
// runtime process, or its first extension, is started until all of them have
// asked for an invocation; Duration from the hand-over of the invocation until
// they ask for the next one;
// Billed Duration is the sum of the two, rounded up to a millisecond (AWS,
// since 2025-08-01); Max Memory Used is what the kernel counted. Downloading and
// unpacking code, making the environment and finding it a place are in none of
// them, as on AWS.
//
// The package listens on loopback only, for the Runtime API. The listener for
// clients belongs to the caller. Functions get a made environment with throwaway
// credentials; nothing of the host's environment reaches them.
//
// The operations of the Lambda API stand in routes.go with their paths and with
// what they need: the server's lock, a body. How close their answers are to
// AWS's is measured: TestReplay sends what was sent in tests recorded there, and
// testdata/aws-recorded/score.txt has the outcome.
//
// It does not check the secret of a signature or permissions, and whoever reaches
// the handler can run code on this machine.
package emulator
