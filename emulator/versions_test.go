package emulator_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"coldbench/emulator"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/smithy-go"
)

// publish makes a version with the given value of the variable V.
func (b *bed) publish(value string) string {
	b.t.Helper()
	ctx := context.Background()
	got, err := b.lambda.GetFunctionConfiguration(ctx, &lambda.GetFunctionConfigurationInput{FunctionName: aws.String("fn")})
	if err != nil {
		b.t.Fatal(err)
	}
	vars := got.Environment.Variables
	vars["V"] = value
	if _, err := b.lambda.UpdateFunctionConfiguration(ctx, &lambda.UpdateFunctionConfigurationInput{FunctionName: aws.String("fn"), Environment: &types.Environment{Variables: vars}}); err != nil {
		b.t.Fatal(err)
	}
	out, err := b.lambda.PublishVersion(ctx, &lambda.PublishVersionInput{FunctionName: aws.String("fn")})
	if err != nil {
		b.t.Fatal(err)
	}
	return *out.Version
}

func TestVersionsAndAliases(t *testing.T) {
	ctx := context.Background()
	b := newBed(t, emulator.Options{})
	b.install(emulator.LocalFunction{})
	if v := b.publish("one"); v != "1" {
		t.Errorf("first version is %s", v)
	}
	again, err := b.lambda.PublishVersion(ctx, &lambda.PublishVersionInput{FunctionName: aws.String("fn")})
	if err != nil || *again.Version != "1" || *again.FunctionArn != "arn:aws:lambda:us-east-1:123456789012:function:fn:1" {
		t.Errorf("nothing changed: %+v, %v", again, err)
	}
	b.publish("two")
	alias := func(version string, weights map[string]float64) error {
		_, err := b.lambda.CreateAlias(ctx, &lambda.CreateAliasInput{
			FunctionName: aws.String("fn"), Name: aws.String("live"), FunctionVersion: &version,
			RoutingConfig: &types.AliasRoutingConfiguration{AdditionalVersionWeights: weights},
		})
		return err
	}
	if err := alias("1", map[string]float64{"2": 0.5}); err != nil {
		t.Fatal(err)
	}
	var exists *types.ResourceConflictException
	if err := alias("1", nil); !errors.As(err, &exists) || !strings.HasPrefix(*exists.Message, "Alias already exists: ") {
		t.Errorf("got %v", err)
	}
	seen := map[string]int{}
	for range 60 {
		out, err := b.lambda.Invoke(ctx, &lambda.InvokeInput{FunctionName: aws.String("fn"), Qualifier: aws.String("live"), Payload: []byte(`{"Do":"environment"}`)})
		if err != nil {
			t.Fatal(err)
		}
		value := map[string]string{"1": `"V=one"`, "2": `"V=two"`}[*out.ExecutedVersion]
		if !strings.Contains(string(out.Payload), value) {
			t.Errorf("version %s ran with %s", *out.ExecutedVersion, out.Payload)
		}
		seen[*out.ExecutedVersion]++
	}
	// Chance that one of them gets fewer than 10 of 60 at even odds: 1e-7.
	if seen["1"] < 10 || seen["2"] < 10 {
		t.Errorf("routed %v", seen)
	}
	versions, err := b.lambda.ListVersionsByFunction(ctx, &lambda.ListVersionsByFunctionInput{FunctionName: aws.String("fn")})
	if err != nil || len(versions.Versions) != 3 || *versions.Versions[0].Version != "$LATEST" {
		t.Errorf("%+v, %v", versions, err)
	}
	if _, err := b.lambda.DeleteFunction(ctx, &lambda.DeleteFunctionInput{FunctionName: aws.String("fn"), Qualifier: aws.String("2")}); err == nil {
		t.Error("a version that an alias needs was deleted")
	}
}

func TestAliasRefusals(t *testing.T) {
	b := newBed(t, emulator.Options{})
	b.install(emulator.LocalFunction{})
	b.publish("one")
	for _, c := range []struct {
		name, version string
		weights       map[string]float64
		kind, text    string
	}{
		{"2024", "1", nil, "ValidationException", "1 validation error detected: Value '2024' at 'name' failed to satisfy constraint: Member must satisfy regular expression pattern: (?!^[0-9]+$)([a-zA-Z0-9-_]+)"},
		{"a", "10", nil, "ResourceNotFoundException", "Function not found: arn:aws:lambda:us-east-1:123456789012:function:fn:10"},
		{"a", "1", map[string]float64{"1": 0.5}, "InvalidParameterValueException", "Invalid function version 1. Function version 1 is already included in routing configuration."},
		{"a", "1", map[string]float64{"2": 2}, "ValidationException", "1 validation error detected: Value '{2=2.0}' at 'routingConfig.additionalVersionWeights' failed to satisfy constraint: Map value must satisfy constraint: [Member must have value less than or equal to 1.0, Member must have value greater than or equal to 0.0, Member must not be null]"},
		{"a", "$LATEST", map[string]float64{"1": 0.5}, "InvalidParameterValueException", "$LATEST is not supported for an alias pointing to more than 1 version"},
	} {
		_, err := b.lambda.CreateAlias(context.Background(), &lambda.CreateAliasInput{
			FunctionName: aws.String("fn"), Name: &c.name, FunctionVersion: &c.version,
			RoutingConfig: &types.AliasRoutingConfiguration{AdditionalVersionWeights: c.weights},
		})
		var api smithy.APIError
		if !errors.As(err, &api) || api.ErrorCode() != c.kind || api.ErrorMessage() != c.text {
			t.Errorf("%+v: %v", c, err)
		}
	}
}

func (b *bed) putProvisioned(n int32) {
	b.t.Helper()
	out, err := b.lambda.PutProvisionedConcurrencyConfig(context.Background(), &lambda.PutProvisionedConcurrencyConfigInput{
		FunctionName: aws.String("fn"), Qualifier: aws.String("1"), ProvisionedConcurrentExecutions: &n,
	})
	if err != nil || out.Status != types.ProvisionedConcurrencyStatusEnumInProgress || *out.AvailableProvisionedConcurrentExecutions != 0 {
		b.t.Fatalf("%+v, %v", out, err)
	}
}

func (b *bed) provisionedStatus() *lambda.GetProvisionedConcurrencyConfigOutput {
	b.t.Helper()
	out, err := b.lambda.GetProvisionedConcurrencyConfig(context.Background(), &lambda.GetProvisionedConcurrencyConfigInput{FunctionName: aws.String("fn"), Qualifier: aws.String("1")})
	if err != nil {
		b.t.Fatal(err)
	}
	return out
}

func TestProvisionedConcurrency(t *testing.T) {
	b := newBed(t, emulator.Options{})
	b.install(emulator.LocalFunction{})
	b.publish("one")
	b.putProvisioned(2)
	eventually(t, "provisioned environments", func() bool { return b.provisionedStatus().Status == types.ProvisionedConcurrencyStatusEnumReady })
	if n := *b.provisionedStatus().AllocatedProvisionedConcurrentExecutions; n != 2 || b.streams() != 2 {
		t.Errorf("%d allocated in %d environments", n, b.streams())
	}
	for _, e := range b.events() {
		mustMatch(t, `INIT_START [^\n]*|INIT_REPORT Init Duration: \d+\.\d\d ms`, strings.TrimSuffix(e, "\n"))
	}
	a, err := b.try("fn:1", order{Do: "environment"})
	if err != nil || cold([]answer{a}) != 0 || a.version != "1" || !strings.Contains(a.payload, "AWS_LAMBDA_INITIALIZATION_TYPE=provisioned-concurrency") {
		t.Errorf("%+v, %v", a, err)
	}
	if _, err := b.lambda.DeleteProvisionedConcurrencyConfig(context.Background(), &lambda.DeleteProvisionedConcurrencyConfigInput{FunctionName: aws.String("fn"), Qualifier: aws.String("1")}); err != nil {
		t.Error(err)
	}
	if a, err := b.try("fn:1", order{}); err != nil || cold([]answer{a}) != 1 {
		t.Errorf("after its deletion: %+v, %v", a, err)
	}
}

func TestProvisionedInitThatFails(t *testing.T) {
	b := newBed(t, emulator.Options{})
	b.install(emulator.LocalFunction{Env: map[string]string{"TEST_INIT": "exit:1"}})
	b.publish("one")
	b.putProvisioned(1)
	eventually(t, "FAILED", func() bool { return b.provisionedStatus().Status == types.ProvisionedConcurrencyStatusEnumFailed })
	got := b.provisionedStatus()
	if *got.StatusReason != "FUNCTION_ERROR_INIT_FAILURE" || *got.AllocatedProvisionedConcurrentExecutions != 0 || b.streams() != 6 {
		t.Errorf("%+v after %d environments", got, b.streams())
	}
}

func TestTags(t *testing.T) {
	ctx := context.Background()
	b := newBed(t, emulator.Options{})
	b.install(emulator.LocalFunction{})
	arn := aws.String("arn:aws:lambda:us-east-1:123456789012:function:fn")
	if _, err := b.lambda.TagResource(ctx, &lambda.TagResourceInput{Resource: arn, Tags: map[string]string{"A": "a", "B": "b"}}); err != nil {
		t.Fatal(err)
	}
	if _, err := b.lambda.UntagResource(ctx, &lambda.UntagResourceInput{Resource: arn, TagKeys: []string{"A", "none"}}); err != nil {
		t.Fatal(err)
	}
	out, err := b.lambda.ListTags(ctx, &lambda.ListTagsInput{Resource: arn})
	if err != nil || len(out.Tags) != 1 || out.Tags["B"] != "b" {
		t.Errorf("%v, %v", out, err)
	}
}

// TestTotalCodeSize: the account's code counts each published version and each
// version of a layer, whether the code is the same or not.
func TestTotalCodeSize(t *testing.T) {
	ctx := context.Background()
	b := newBed(t, emulator.Options{})
	total := func() int64 {
		out, err := b.lambda.GetAccountSettings(ctx, &lambda.GetAccountSettingsInput{})
		if err != nil {
			t.Fatal(err)
		}
		return out.AccountUsage.TotalCodeSize
	}
	b.create("fn")
	code := int64(len(bootstrapZip(t)))
	if got := total(); got != code {
		t.Errorf("one function: %d, want %d", got, code)
	}
	if _, err := b.lambda.PublishVersion(ctx, &lambda.PublishVersionInput{FunctionName: aws.String("fn")}); err != nil {
		t.Fatal(err)
	}
	if got := total(); got != 2*code {
		t.Errorf("with a version: %d, want %d", got, 2*code)
	}
	layer := scripts(t, "x", "y")
	b.publishLayer("l", layer)
	b.publishLayer("l", layer)
	if got, want := total(), 2*code+2*int64(len(layer)); got != want {
		t.Errorf("with two versions of a layer: %d, want %d", got, want)
	}
}

// TestUpdateCodeDryRun: the answer shows the new code, the function keeps the
// old, and a package that is none is refused.
func TestUpdateCodeDryRun(t *testing.T) {
	ctx := context.Background()
	b := newBed(t, emulator.Options{})
	made := b.create("fn")
	try := func(content []byte) (*lambda.UpdateFunctionCodeOutput, error) {
		return b.lambda.UpdateFunctionCode(ctx, &lambda.UpdateFunctionCodeInput{FunctionName: aws.String("fn"), ZipFile: content, DryRun: true, Publish: true})
	}
	out, err := try(scripts(t, "bootstrap", "#!/bin/sh\n"))
	if err != nil || *out.CodeSha256 == *made.CodeSha256 || *out.Version != "$LATEST" {
		t.Errorf("dry run: %+v, %v", out, err)
	}
	if _, err := try([]byte("no archive")); err == nil {
		t.Error("no archive was taken")
	}
	got, err := b.lambda.ListVersionsByFunction(ctx, &lambda.ListVersionsByFunctionInput{FunctionName: aws.String("fn")})
	if err != nil || len(got.Versions) != 1 || *got.Versions[0].CodeSha256 != *made.CodeSha256 {
		t.Errorf("after it: %+v, %v", got, err)
	}
}
