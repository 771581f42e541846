package emulator_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"coldbench/emulator"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/smithy-go"
)

// create makes a function from a deployment package, as a client does.
func (b *bed) create(name string) *lambda.CreateFunctionOutput {
	b.t.Helper()
	self, err := os.Executable()
	if err != nil {
		b.t.Fatal(err)
	}
	out, err := b.lambda.CreateFunction(context.Background(), &lambda.CreateFunctionInput{
		FunctionName: &name, Role: aws.String("arn:aws:iam::123456789012:role/r"), Runtime: types.RuntimeProvidedal2023,
		Handler: aws.String("bootstrap"), Code: &types.FunctionCode{ZipFile: bootstrapZip(b.t)}, MemorySize: aws.Int32(1769),
		Environment: &types.Environment{Variables: map[string]string{"TEST_FUNCTION": "1", "TEST_BINARY": self}},
	})
	if err != nil {
		b.t.Fatal(err)
	}
	return out
}

func TestLifecycleThroughTheSDK(t *testing.T) {
	ctx := context.Background()
	b := newBed(t, emulator.Options{StateDelay: 50 * time.Millisecond})
	made := b.create("fn")
	if made.State != types.StatePending || made.StateReasonCode != types.StateReasonCodeCreating || *made.FunctionArn != "arn:aws:lambda:us-east-1:123456789012:function:fn" ||
		made.PackageType != types.PackageTypeZip || *made.Timeout != 3 || made.LoggingConfig.LogFormat != types.LogFormatText {
		t.Errorf("created %+v", made)
	}
	in := &lambda.GetFunctionInput{FunctionName: aws.String("fn")}
	fast := func(o *lambda.FunctionActiveV2WaiterOptions) {
		o.MinDelay, o.MaxDelay = time.Millisecond, 10*time.Millisecond
	}
	if err := lambda.NewFunctionActiveV2Waiter(b.lambda).Wait(ctx, in, 10*time.Second, fast); err != nil {
		t.Fatal(err)
	}
	got, err := b.lambda.GetFunction(ctx, in)
	if err != nil || got.Configuration.State != types.StateActive || got.Configuration.LastUpdateStatus != types.LastUpdateStatusSuccessful ||
		*got.Configuration.RevisionId == *made.RevisionId || *got.Configuration.CodeSha256 != *made.CodeSha256 {
		t.Errorf("%+v, %v", got, err)
	}
	if a := b.invoke(order{Text: "x"}); a.failed != "" || cold([]answer{a}) != 1 {
		t.Errorf("invoke: %+v", a)
	}
	b.updates(ctx)
	if _, err := b.lambda.DeleteFunction(ctx, &lambda.DeleteFunctionInput{FunctionName: aws.String("fn")}); err != nil {
		t.Error(err)
	}
	var gone *types.ResourceNotFoundException
	if _, err := b.lambda.GetFunction(ctx, in); !errors.As(err, &gone) || *gone.Message != "Function not found: arn:aws:lambda:us-east-1:123456789012:function:fn" || *gone.Type != "User" {
		t.Errorf("after deletion: %v", err)
	}
}

func (b *bed) updates(ctx context.Context) {
	t := b.t
	updated, err := b.lambda.UpdateFunctionConfiguration(ctx, &lambda.UpdateFunctionConfigurationInput{
		FunctionName: aws.String("fn"), Description: aws.String("changed"), Timeout: aws.Int32(10),
	})
	if err != nil || updated.LastUpdateStatus != types.LastUpdateStatusInProgress || *updated.Description != "changed" || updated.Environment.Variables["TEST_FUNCTION"] != "1" {
		t.Errorf("%+v, %v", updated, err)
	}
	var busy *types.ResourceConflictException
	if _, err := b.lambda.UpdateFunctionCode(ctx, &lambda.UpdateFunctionCodeInput{FunctionName: aws.String("fn"), ZipFile: bootstrapZip(t)}); !errors.As(err, &busy) {
		t.Errorf("update during an update: %v", err)
	}
	wait := func() {
		fast := func(o *lambda.FunctionUpdatedV2WaiterOptions) {
			o.MinDelay, o.MaxDelay = time.Millisecond, 10*time.Millisecond
		}
		if err := lambda.NewFunctionUpdatedV2Waiter(b.lambda).Wait(ctx, &lambda.GetFunctionInput{FunctionName: aws.String("fn")}, 10*time.Second, fast); err != nil {
			t.Fatal(err)
		}
	}
	wait()
	if _, err := b.lambda.UpdateFunctionCode(ctx, &lambda.UpdateFunctionCodeInput{FunctionName: aws.String("fn"), ZipFile: bootstrapZip(t)}); err != nil {
		t.Error(err)
	}
	wait()
	var stale *types.PreconditionFailedException
	_, err = b.lambda.UpdateFunctionConfiguration(ctx, &lambda.UpdateFunctionConfigurationInput{FunctionName: aws.String("fn"), RevisionId: updated.RevisionId})
	if !errors.As(err, &stale) {
		t.Errorf("stale revision: %v", err)
	}
	if a := b.invoke(order{}); a.failed != "" {
		t.Errorf("after the updates: %+v", a)
	}
}

func TestListPages(t *testing.T) {
	b := newBed(t, emulator.Options{})
	for i := range 5 {
		b.install(emulator.LocalFunction{Name: fmt.Sprintf("fn-%d", i)})
	}
	var names []string
	pages := lambda.NewListFunctionsPaginator(b.lambda, &lambda.ListFunctionsInput{MaxItems: aws.Int32(2)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range page.Functions {
			names = append(names, *f.FunctionName)
			if f.State != "" || f.RuntimeVersionConfig != nil {
				t.Errorf("a list shows no state: %+v", f)
			}
		}
	}
	if got := strings.Join(names, " "); got != "fn-0 fn-1 fn-2 fn-3 fn-4" {
		t.Error(got)
	}
}

func TestConcurrencySettings(t *testing.T) {
	ctx := context.Background()
	b := newBed(t, emulator.Options{})
	b.install(emulator.LocalFunction{})
	name := aws.String("fn")
	get := func() *int32 {
		out, err := b.lambda.GetFunctionConcurrency(ctx, &lambda.GetFunctionConcurrencyInput{FunctionName: name})
		if err != nil {
			t.Fatal(err)
		}
		return out.ReservedConcurrentExecutions
	}
	if n := get(); n != nil {
		t.Errorf("reserved %d before any reservation", *n)
	}
	put := func(n int32) error {
		_, err := b.lambda.PutFunctionConcurrency(ctx, &lambda.PutFunctionConcurrencyInput{FunctionName: name, ReservedConcurrentExecutions: &n})
		return err
	}
	if err := put(900); err != nil || *get() != 900 {
		t.Error(err)
	}
	account, err := b.lambda.GetAccountSettings(ctx, &lambda.GetAccountSettingsInput{})
	if err != nil || account.AccountLimit.ConcurrentExecutions != 1000 || *account.AccountLimit.UnreservedConcurrentExecutions != 100 || account.AccountUsage.FunctionCount != 1 {
		t.Errorf("%+v, %v", account, err)
	}
	const under = "Specified ReservedConcurrentExecutions for function decreases account's UnreservedConcurrentExecution below its minimum value of [100]."
	var refused *types.InvalidParameterValueException
	if err := put(901); !errors.As(err, &refused) || *refused.Message != under {
		t.Errorf("got %v", err)
	}
}

// TestCreateRefusals: the texts are the recorded ones.
func TestCreateRefusals(t *testing.T) {
	b := newBed(t, emulator.Options{})
	b.create("exists")
	valid := func() map[string]any {
		return map[string]any{
			"FunctionName": "new", "Role": "arn:aws:iam::123456789012:role/r", "Runtime": "provided.al2023", "Handler": "x",
			"Code": map[string]any{"ZipFile": bootstrapZip(t)},
		}
	}
	enum := "[nodejs20.x, python3.14, provided.al2023, python3.12, python3.13, nodejs24.x, nodejs22.x, java25, python3.10, python3.11, java21, ruby3.3, ruby3.4, ruby3.2, python3.8, python3.9, java17, nodejs16.x, dotnet10, dotnet8, java11, dotnet6, nodejs18.x, provided.al2, java8.al2] or be a valid ARN"
	for _, c := range []struct {
		name, member string
		value        any
		status       int
		kind, text   string
	}{
		{"role", "Role", "r1", 400, "ValidationException", `1 validation error detected: Value 'r1' at 'role' failed to satisfy constraint: Member must satisfy regular expression pattern: arn:(aws[a-zA-Z-]*)?:iam::\d{12}:role/?[a-zA-Z_0-9+=,.@\-_/]+`},
		{"runtime", "Runtime", "non-existent-runtime", 400, "InvalidParameterValueException", "Value non-existent-runtime at 'runtime' failed to satisfy constraint: Member must satisfy enum value set: " + enum},
		{"retired runtime", "Runtime", "nodejs14.x", 400, "InvalidParameterValueException", "The runtime parameter of nodejs14.x is no longer supported for creating or updating AWS Lambda functions. We recommend you use a supported runtime while creating or updating functions."},
		{"two architectures", "Architectures", []string{"x86_64", "arm64"}, 400, "ValidationException", "1 validation error detected: Value '[x86_64, arm64]' at 'architectures' failed to satisfy constraint: Member must have length less than or equal to 1"},
		{"architecture", "Architectures", []string{"X86_64"}, 400, "ValidationException", "1 validation error detected: Value '[X86_64]' at 'architectures' failed to satisfy constraint: Member must satisfy constraint: [Member must satisfy enum value set: [x86_64, arm64], Member must not be null]"},
		{"no zip", "Code", map[string]any{"ZipFile": []byte("this is no zip")}, 400, "InvalidParameterValueException", "Could not unzip uploaded file. Please check your file, then try to upload again."},
		{"name", "FunctionName", "my-function!", 400, "ValidationException", ""},
		{"exists", "FunctionName", "exists", 409, "ResourceConflictException", "Function already exist: exists"},
		{"memory", "MemorySize", 64, 400, "ValidationException", "1 validation error detected: Value '64' at 'memorySize' failed to satisfy constraint: Member must have value greater than or equal to 128"},
		{"variables", "Environment", map[string]any{"Variables": map[string]string{"AWS_REGION": "x"}}, 400, "InvalidParameterValueException", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			req := valid()
			req[c.member] = c.value
			payload, err := json.Marshal(req)
			if err != nil {
				t.Fatal(err)
			}
			resp, err := http.Post(b.url+"/2015-03-31/functions", "application/json", strings.NewReader(string(payload)))
			if err != nil {
				t.Fatal(err)
			}
			defer http.DefaultClient.CloseIdleConnections()
			defer resp.Body.Close()
			var got struct{ Message, Type string } // matches message as well
			if err := json.Unmarshal([]byte(body(t, resp)), &got); err != nil {
				t.Fatal(err)
			}
			if resp.StatusCode != c.status || resp.Header.Get("X-Amzn-ErrorType") != c.kind || (c.text != "" && got.Message != c.text) {
				t.Errorf("got %d %s %q\nwant %d %s %q", resp.StatusCode, resp.Header.Get("X-Amzn-ErrorType"), got.Message, c.status, c.kind, c.text)
			}
		})
	}
}

func TestMissingBootstrap(t *testing.T) {
	b := newBed(t, emulator.Options{})
	_, err := b.lambda.CreateFunction(context.Background(), &lambda.CreateFunctionInput{
		FunctionName: aws.String("fn"), Role: aws.String("arn:aws:iam::123456789012:role/r"), Runtime: types.RuntimeProvidedal2023,
		Handler: aws.String("x"), Code: &types.FunctionCode{ZipFile: zipOf(t, "readme.txt", "no bootstrap here", 0o644)},
	})
	if err != nil {
		t.Fatal(err)
	}
	a := b.invoke(order{})
	if a.failed != "Unhandled" || !strings.Contains(a.payload, `"errorType":"Runtime.InvalidEntrypoint"`) || !strings.HasSuffix(a.log, "Status: error\tError Type: Runtime.InvalidEntrypoint\n") {
		t.Errorf("got %+v", a)
	}
}

func TestUnknownOperation(t *testing.T) {
	b := newBed(t, emulator.Options{})
	_, err := b.lambda.ListEventSourceMappings(context.Background(), &lambda.ListEventSourceMappingsInput{})
	var api smithy.APIError
	if !errors.As(err, &api) || api.ErrorCode() != "UnknownOperationException" {
		t.Errorf("got %v", err)
	}
}
