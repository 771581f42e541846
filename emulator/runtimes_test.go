package emulator_test

import (
	"context"
	"strings"
	"testing"

	"coldbench/emulator"
	"coldbench/emulator/runtimes"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
)

// TestManagedRuntimes: a handler in each language, whose module takes 300 ms to
// load and says so, prints one line and throws when asked to.
func TestManagedRuntimes(t *testing.T) {
	for _, c := range []struct {
		runtime types.Runtime
		file    string
		handler string
		code    string
		failure string
	}{
		{types.RuntimeNodejs22x, "index.js", "index.handler", `
const until = Date.now() + 301
while (Date.now() < until) {}
console.log("loaded")
exports.handler = async (event, context) => {
  console.log("hello from node")
  if (event.Do === "throw") throw new TypeError("no such thing")
  return {name: context.functionName, got: event.Text}
}`, `"errorType":"TypeError","errorMessage":"no such thing"`},
		{types.RuntimePython312, "app.py", "app.handler", `
import time
time.sleep(0.301)
print("loaded")
def handler(event, context):
    print("hello from python")
    if event["Do"] == "throw":
        raise ValueError("no such thing")
    return {"name": context.function_name, "got": event["Text"]}
`, `"errorMessage": "no such thing", "errorType": "ValueError"`},
	} {
		t.Run(string(c.runtime), func(t *testing.T) {
			if _, err := runtimes.Lookup(string(c.runtime)); err != nil {
				t.Skip(err)
			}
			b := newBed(t, emulator.Options{})
			_, err := b.lambda.CreateFunction(context.Background(), &lambda.CreateFunctionInput{
				FunctionName: aws.String("fn"), Role: aws.String("arn:aws:iam::123456789012:role/r"), Runtime: c.runtime, Timeout: aws.Int32(20),
				Handler: &c.handler, MemorySize: aws.Int32(1769), Code: &types.FunctionCode{ZipFile: zipOf(t, c.file, c.code, 0o644)},
			})
			if err != nil {
				t.Fatal(err)
			}
			a := b.invoke(order{Text: "x"})
			got := strings.ReplaceAll(a.payload, " ", "")
			if got != `{"name":"fn","got":"x"}` || a.failed != "" || !strings.Contains(a.log, "hello from ") {
				t.Errorf("got %+v", a)
			}
			// Loading is init, and none of the invocation.
			if r := parseReport(t, a.log); r.init < 300 {
				t.Errorf("REPORT %+v", r)
			}
			mustMatch(t, "INIT_START .*loaded\nSTART .*hello from .*REPORT .*", strings.Join(b.events(), ""))
			a = b.invoke(order{Do: "throw"})
			if a.failed != "Unhandled" || !strings.Contains(strings.ReplaceAll(a.payload, " ", ""), strings.ReplaceAll(c.failure, " ", "")) {
				t.Errorf("got %+v", a)
			}
			if b.server.Images() && !strings.Contains(a.payload, "/var/task/"+c.file) { // namespaces
				t.Errorf("a stack trace without the path on Lambda: %s", a.payload)
			}
			if a := b.invoke(order{Text: "y"}); strings.Contains(a.log, "Init Duration") {
				t.Errorf("an ordinary error reset the environment: %q", a.log)
			}
		})
	}
}

// TestWrapper: AWS_LAMBDA_EXEC_WRAPPER starts a managed runtime.
func TestWrapper(t *testing.T) {
	if _, err := runtimes.Lookup("nodejs20.x"); err != nil {
		t.Skip(err)
	}
	b := newBed(t, emulator.Options{})
	_, err := b.lambda.CreateFunction(context.Background(), &lambda.CreateFunctionInput{
		FunctionName: aws.String("fn"), Role: aws.String("arn:aws:iam::123456789012:role/r"), Runtime: types.RuntimeNodejs20x, Timeout: aws.Int32(20),
		Handler: aws.String("index.handler"), MemorySize: aws.Int32(1769),
		Code:        &types.FunctionCode{ZipFile: scripts(t, "index.js", "exports.handler = async () => process.env.WRAPPED", "wrap", "#!/bin/sh\nWRAPPED=yes exec \"$@\"\n")},
		Environment: &types.Environment{Variables: map[string]string{"AWS_LAMBDA_EXEC_WRAPPER": "/var/task/wrap"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if a := b.invoke(order{}); a.payload != `"yes"` {
		t.Errorf("%+v", a)
	}
}
