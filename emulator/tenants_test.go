package emulator_test

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"

	"coldbench/emulator"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
)

// invokeFor invokes fn for a tenant, "" for none.
func (b *bed) invokeFor(tenant, payload string) (string, error) {
	in := &lambda.InvokeInput{FunctionName: aws.String("fn"), Payload: []byte(payload)}
	if tenant != "" {
		in.TenantId = &tenant
	}
	out, err := b.lambda.Invoke(context.Background(), in)
	if err != nil {
		return "", err
	}
	return string(out.Payload), nil
}

// TestTenantIsolation: an environment serves one tenant, and is told which.
func TestTenantIsolation(t *testing.T) {
	ctx := context.Background()
	b := newBed(t, emulator.Options{})
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	created, err := b.lambda.CreateFunction(ctx, &lambda.CreateFunctionInput{
		FunctionName: aws.String("fn"), Runtime: types.RuntimeProvidedal2023, Handler: aws.String("bootstrap"), Role: aws.String("arn:aws:iam::123456789012:role/r"),
		Code: &types.FunctionCode{ZipFile: bootstrapZip(t)}, Timeout: aws.Int32(20), MemorySize: aws.Int32(1769), Publish: true,
		Environment:   &types.Environment{Variables: map[string]string{"TEST_FUNCTION": "1", "TEST_BINARY": self, "GORACE": "atexit_sleep_ms=0"}},
		TenancyConfig: &types.TenancyConfig{TenantIsolationMode: types.TenantIsolationModePerTenant},
		LoggingConfig: &types.LoggingConfig{LogFormat: types.LogFormatJson},
	})
	if err != nil || created.TenancyConfig == nil || created.TenancyConfig.TenantIsolationMode != types.TenantIsolationModePerTenant {
		t.Fatalf("%+v, %v", created, err)
	}
	for _, c := range []struct{ tenant, served string }{{"blue", "1"}, {"green", "1"}, {"blue", "2"}, {"green", "2"}} {
		if got, err := b.invokeFor(c.tenant, `{"Do":"served"}`); got != c.served || err != nil {
			t.Errorf("%s: request %s of its process, want %s; %v", c.tenant, got, c.served, err)
		}
	}
	if got, err := b.invokeFor("blue", `{"Do":"headers"}`); !strings.Contains(got, `"Lambda-Runtime-Aws-Tenant-Id":["blue"]`) {
		t.Errorf("%s, %v", got, err)
	}
	if n := b.streams(); n != 2 {
		t.Errorf("%d environments of two tenants", n)
	}
	log := strings.Join(b.events(), "")
	for _, event := range []string{`platform.start`, `platform.report`} {
		mustMatch(t, `.*"type":"`+event+`","record":{[^\n]*"tenantId":"green"}}`+"\n.*", log)
	}
	refused := func(what string, err error, text string) {
		t.Helper()
		var invalid *types.InvalidParameterValueException
		if !errors.As(err, &invalid) || invalid.ErrorMessage() != text {
			t.Errorf("%s: %v", what, err)
		}
	}
	_, err = b.invokeFor("", "{}")
	refused("no tenant", err, "The invoked function is enabled with tenancy configuration. Add a valid tenant ID in your request and try again.")
	_, err = b.lambda.CreateFunctionUrlConfig(ctx, &lambda.CreateFunctionUrlConfigInput{FunctionName: aws.String("fn"), AuthType: types.FunctionUrlAuthTypeNone})
	refused("a URL", err, "Function URL is not supported for functions enabled with tenancy configuration")
	_, err = b.lambda.PutProvisionedConcurrencyConfig(ctx, &lambda.PutProvisionedConcurrencyConfigInput{FunctionName: aws.String("fn"), Qualifier: aws.String("1"), ProvisionedConcurrentExecutions: aws.Int32(1)})
	refused("provisioned concurrency", err, "Provisioned Concurrency is not supported for functions enabled with tenancy configuration")
	_, err = b.lambda.UpdateFunctionConfiguration(ctx, &lambda.UpdateFunctionConfigurationInput{FunctionName: aws.String("fn"), SnapStart: &types.SnapStart{ApplyOn: types.SnapStartApplyOnPublishedVersions}})
	refused("SnapStart", err, "SnapStart is not supported for functions enabled with tenancy configuration")
	b.remove()
	b.install(emulator.LocalFunction{})
	_, err = b.invokeFor("blue", "{}")
	refused("a tenant where there are none", err, "The invoked function is not enabled with tenancy configuration. Remove the tenant ID from your request and try again.")
}
