// Package clients holds no code of the program: its test drives `bench emulate`
// end to end with the clients that people use, each through the same list of
// steps, and with functions on AWS's own runtime clients.
//
//   - cli.sh: the AWS CLI, each one that this machine has
//   - boto.py: boto3, likewise
//   - js.mjs: @aws-sdk/client-lambda and @aws-sdk/client-cloudwatch-logs of npm
//   - gosdk_test.go: aws-sdk-go-v2
//   - runtimes_test.go: aws-lambda-ric of npm, and aws-lambda-go in a container image
//   - guide_test.go: every snippet of docs/emulator.md
//
// The steps: create from a zip file, wait until Active, invoke with the tail of
// the log, invoke with an error, stream a response, publish a version, wait for
// it, make an alias, invoke that, reserve no concurrency and be throttled, make a
// function URL and fetch it, find the log by stream, by filter pattern and by an
// Insights query, tail it live, delete, and find it gone.
//
// `make clients` runs it (build tag clients). A client that is not installed is
// skipped by name; install says how CI gets them.
package clients
