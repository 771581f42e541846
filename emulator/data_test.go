package emulator_test

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"coldbench/emulator"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
)

// restart ends the emulator and starts another on its data folder.
func (b *bed) restart(o emulator.Options) *bed {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if err := b.server.Close(ctx); err != nil {
		b.t.Fatal(err)
	}
	return newBed(b.t, o)
}

// must fails the test on an error of an SDK call and gives its answer.
func must[T any](t *testing.T) func(T, error) T {
	t.Helper()
	return func(out T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
}

// furnish makes the function fn with all that can belong to one.
func (b *bed) furnish() {
	t, ctx, fn := b.t, context.Background(), aws.String("fn")
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	must[*lambda.CreateFunctionOutput](t)(b.lambda.CreateFunction(ctx, &lambda.CreateFunctionInput{
		FunctionName: fn, Runtime: types.RuntimeProvidedal2023, Handler: aws.String("bootstrap"), Role: aws.String("arn:aws:iam::123456789012:role/r"),
		Code: &types.FunctionCode{ZipFile: bootstrapZip(t)}, MemorySize: aws.Int32(1769), Timeout: aws.Int32(20), Description: aws.String("first"),
		Environment: &types.Environment{Variables: map[string]string{"TEST_FUNCTION": "1", "TEST_BINARY": self, "GORACE": "atexit_sleep_ms=0"}},
		Tags:        map[string]string{"team": "a"}, Publish: true,
	}))
	var layers []string
	for _, text := range []string{"one", "two"} {
		l := must[*lambda.PublishLayerVersionOutput](t)(b.lambda.PublishLayerVersion(ctx, &lambda.PublishLayerVersionInput{
			LayerName: aws.String("texts-" + text), Content: &types.LayerVersionContentInput{ZipFile: zipOf(t, text, text, 0o644)},
			CompatibleRuntimes: []types.Runtime{types.RuntimeProvidedal2023},
		}))
		layers = append(layers, *l.LayerVersionArn)
	}
	must[*lambda.UpdateFunctionConfigurationOutput](t)(b.lambda.UpdateFunctionConfiguration(ctx, &lambda.UpdateFunctionConfigurationInput{
		FunctionName: fn, Description: aws.String("second"), Layers: layers, EphemeralStorage: &types.EphemeralStorage{Size: aws.Int32(1024)},
		LoggingConfig: &types.LoggingConfig{LogFormat: types.LogFormatJson, LogGroup: aws.String("/custom")},
	}))
	must[*lambda.PublishVersionOutput](t)(b.lambda.PublishVersion(ctx, &lambda.PublishVersionInput{FunctionName: fn}))
	must[*lambda.CreateAliasOutput](t)(b.lambda.CreateAlias(ctx, &lambda.CreateAliasInput{
		FunctionName: fn, Name: aws.String("live"), FunctionVersion: aws.String("2"),
		RoutingConfig: &types.AliasRoutingConfiguration{AdditionalVersionWeights: map[string]float64{"1": 0}},
	}))
	// A deleted version stays with the functions that use it.
	must[*lambda.DeleteLayerVersionOutput](t)(b.lambda.DeleteLayerVersion(ctx, &lambda.DeleteLayerVersionInput{LayerName: aws.String("texts-two"), VersionNumber: aws.Int64(1)}))
	must[*lambda.AddPermissionOutput](t)(b.lambda.AddPermission(ctx, &lambda.AddPermissionInput{
		FunctionName: fn, StatementId: aws.String("s3"), Action: aws.String("lambda:InvokeFunction"), Principal: aws.String("s3.amazonaws.com"),
	}))
	must[*lambda.AddLayerVersionPermissionOutput](t)(b.lambda.AddLayerVersionPermission(ctx, &lambda.AddLayerVersionPermissionInput{
		LayerName: aws.String("texts-one"), VersionNumber: aws.Int64(1), StatementId: aws.String("all"), Action: aws.String("lambda:GetLayerVersion"), Principal: aws.String("*"),
	}))
	must[*lambda.PutFunctionConcurrencyOutput](t)(b.lambda.PutFunctionConcurrency(ctx, &lambda.PutFunctionConcurrencyInput{FunctionName: fn, ReservedConcurrentExecutions: aws.Int32(7)}))
	must[*lambda.PutProvisionedConcurrencyConfigOutput](t)(b.lambda.PutProvisionedConcurrencyConfig(ctx, &lambda.PutProvisionedConcurrencyConfigInput{
		FunctionName: fn, Qualifier: aws.String("live"), ProvisionedConcurrentExecutions: aws.Int32(1),
	}))
	must[*lambda.PutFunctionEventInvokeConfigOutput](t)(b.lambda.PutFunctionEventInvokeConfig(ctx, &lambda.PutFunctionEventInvokeConfigInput{
		FunctionName: fn, MaximumRetryAttempts: aws.Int32(1), MaximumEventAgeInSeconds: aws.Int32(120),
	}))
	must[*lambda.CreateFunctionUrlConfigOutput](t)(b.lambda.CreateFunctionUrlConfig(ctx, &lambda.CreateFunctionUrlConfigInput{FunctionName: fn, AuthType: types.FunctionUrlAuthTypeNone}))
}

// portrait is all that the API tells of fn.
func (b *bed) portrait() string {
	t, ctx, fn := b.t, context.Background(), aws.String("fn")
	t.Helper()
	b.awaitProvisioned("live", 1)
	f := must[*lambda.GetFunctionOutput](t)(b.lambda.GetFunction(ctx, &lambda.GetFunctionInput{FunctionName: fn}))
	f.Code = nil
	url := must[*lambda.GetFunctionUrlConfigOutput](t)(b.lambda.GetFunctionUrlConfig(ctx, &lambda.GetFunctionUrlConfigInput{FunctionName: fn}))
	all := []any{
		f.Configuration, f.Tags, f.Concurrency,
		must[*lambda.ListVersionsByFunctionOutput](t)(b.lambda.ListVersionsByFunction(ctx, &lambda.ListVersionsByFunctionInput{FunctionName: fn})).Versions,
		must[*lambda.ListAliasesOutput](t)(b.lambda.ListAliases(ctx, &lambda.ListAliasesInput{FunctionName: fn})).Aliases,
		must[*lambda.ListProvisionedConcurrencyConfigsOutput](t)(b.lambda.ListProvisionedConcurrencyConfigs(ctx, &lambda.ListProvisionedConcurrencyConfigsInput{FunctionName: fn})).ProvisionedConcurrencyConfigs,
		must[*lambda.ListFunctionEventInvokeConfigsOutput](t)(b.lambda.ListFunctionEventInvokeConfigs(ctx, &lambda.ListFunctionEventInvokeConfigsInput{FunctionName: fn})).FunctionEventInvokeConfigs,
		must[*lambda.ListLayersOutput](t)(b.lambda.ListLayers(ctx, &lambda.ListLayersInput{})).Layers,
		must[*lambda.GetPolicyOutput](t)(b.lambda.GetPolicy(ctx, &lambda.GetPolicyInput{FunctionName: fn})).Policy,
		must[*lambda.GetLayerVersionPolicyOutput](t)(b.lambda.GetLayerVersionPolicy(ctx, &lambda.GetLayerVersionPolicyInput{LayerName: aws.String("texts-one"), VersionNumber: aws.Int64(1)})).Policy,
		url.FunctionArn, url.AuthType, url.CreationTime, url.LastModifiedTime, strings.SplitN(*url.FunctionUrl, "/", 4)[3],
	}
	text, err := json.MarshalIndent(all, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func (b *bed) awaitProvisioned(qualifier string, n int32) {
	b.t.Helper()
	eventually(b.t, "provisioned concurrency", func() bool {
		p, err := b.lambda.GetProvisionedConcurrencyConfig(context.Background(), &lambda.GetProvisionedConcurrencyConfigInput{FunctionName: aws.String("fn"), Qualifier: &qualifier})
		return err == nil && *p.AvailableProvisionedConcurrentExecutions == n
	})
}

func TestFunctionsSurviveARestart(t *testing.T) {
	o := emulator.Options{DataDir: t.TempDir()}
	b := newBed(t, o)
	b.furnish()
	before := b.portrait()
	b = b.restart(o)
	if after := b.portrait(); after != before {
		t.Errorf("before:\n%s\nafter:\n%s", before, after)
	}
	out := must[*lambda.InvokeOutput](t)(b.lambda.Invoke(context.Background(), &lambda.InvokeInput{FunctionName: aws.String("fn"), Qualifier: aws.String("live"), Payload: []byte(`{"Do":"served"}`)}))
	if string(out.Payload) != "1" || *out.ExecutedVersion != "2" {
		t.Errorf("version %s answers %s", *out.ExecutedVersion, out.Payload)
	}
	// Nothing has changed since version 2, so that is what is published again.
	if v := must[*lambda.PublishVersionOutput](t)(b.lambda.PublishVersion(context.Background(), &lambda.PublishVersionInput{FunctionName: aws.String("fn")})); *v.Version != "2" {
		t.Errorf("published version %s", *v.Version)
	}
	// A deleted function stays away. Of the layers the one that is published is
	// left, and the other's number.
	must[*lambda.DeleteFunctionOutput](t)(b.lambda.DeleteFunction(context.Background(), &lambda.DeleteFunctionInput{FunctionName: aws.String("fn")}))
	b = b.restart(o)
	if list := must[*lambda.ListFunctionsOutput](t)(b.lambda.ListFunctions(context.Background(), &lambda.ListFunctionsInput{})).Functions; len(list) > 0 {
		t.Errorf("%d functions are back", len(list))
	}
	must[*lambda.DeleteLayerVersionOutput](t)(b.lambda.DeleteLayerVersion(context.Background(), &lambda.DeleteLayerVersionInput{LayerName: aws.String("texts-one"), VersionNumber: aws.Int64(1)}))
	l := must[*lambda.PublishLayerVersionOutput](t)(b.lambda.PublishLayerVersion(context.Background(), &lambda.PublishLayerVersionInput{
		LayerName: aws.String("texts-two"), Content: &types.LayerVersionContentInput{ZipFile: zipOf(t, "a", "three", 0o644)},
	}))
	if l.Version != 2 {
		t.Errorf("the next version of a layer is %d", l.Version)
	}
	for shelf, want := range map[string]int{"functions": 0, "layers": 2, "code": 1} {
		if list, err := os.ReadDir(filepath.Join(o.DataDir, shelf)); len(list) != want || err != nil {
			t.Errorf("on shelf %s: %v, %v", shelf, list, err)
		}
	}
}

// TestLocalFunctionsComeBackAsTheyWereLeft: the command is Install's, the rest
// is the folder's.
func TestLocalFunctionsComeBackAsTheyWereLeft(t *testing.T) {
	o := emulator.Options{DataDir: t.TempDir()}
	b := newBed(t, o)
	b.install(emulator.LocalFunction{})
	b.install(emulator.LocalFunction{Name: "untouched"})
	ctx, fn := context.Background(), aws.String("fn")
	must[*lambda.PublishVersionOutput](t)(b.lambda.PublishVersion(ctx, &lambda.PublishVersionInput{FunctionName: fn}))
	must[*lambda.UpdateFunctionConfigurationOutput](t)(b.lambda.UpdateFunctionConfiguration(ctx, &lambda.UpdateFunctionConfigurationInput{FunctionName: fn, MemorySize: aws.Int32(1800)}))
	must[*lambda.PutProvisionedConcurrencyConfigOutput](t)(b.lambda.PutProvisionedConcurrencyConfig(ctx, &lambda.PutProvisionedConcurrencyConfigInput{
		FunctionName: fn, Qualifier: aws.String("1"), ProvisionedConcurrentExecutions: aws.Int32(1),
	}))
	b = b.restart(o)
	if list := must[*lambda.ListFunctionsOutput](t)(b.lambda.ListFunctions(ctx, &lambda.ListFunctionsInput{})).Functions; len(list) != 1 {
		t.Errorf("%d functions before Install", len(list))
	}
	if _, err := b.lambda.Invoke(ctx, &lambda.InvokeInput{FunctionName: fn}); err == nil || !strings.Contains(err.Error(), "none of that name") {
		t.Errorf("invoked without its command: %v", err)
	}
	b = b.restart(o) // a function is installed before it is served
	b.install(emulator.LocalFunction{MemoryMB: 900})
	b.awaitProvisioned("1", 1)
	if c := must[*lambda.GetFunctionConfigurationOutput](t)(b.lambda.GetFunctionConfiguration(ctx, &lambda.GetFunctionConfigurationInput{FunctionName: fn})); *c.MemorySize != 1800 {
		t.Errorf("memory %d", *c.MemorySize)
	}
}

// TestDamagedDataIsNamed: what can't be read is said with its name, and nothing
// is changed.
func TestDamagedDataIsNamed(t *testing.T) {
	dir := t.TempDir()
	b := newBed(t, emulator.Options{DataDir: dir})
	b.furnish()
	if err := b.server.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
	packages, err := filepath.Glob(filepath.Join(dir, "code", "*.zip"))
	if err != nil || len(packages) != 3 {
		t.Fatal(packages, err)
	}
	document := filepath.Join(dir, "functions", "fn.json")
	whole, _ := os.ReadFile(document)
	zip, _ := os.ReadFile(packages[0])
	for _, c := range []struct {
		name, file string
		text       []byte
		want       string
	}{
		{"truncated", document, whole[:len(whole)/2], document},
		{"empty", document, nil, document},
		{"foreign", filepath.Join(dir, "functions", "notes.txt"), []byte("shopping"), "notes.txt"},
		{"other schema", document, []byte(strings.Replace(string(whole), "lambda/v1", "lambda/v9", 1)), document},
		{"damaged package", packages[0], append(zip[:len(zip)-1:len(zip)-1], 'x'), packages[0]},
		{"alias of nothing", document, []byte(strings.Replace(string(whole), `"version":"2"`, `"version":"3"`, 1)), document},
	} {
		t.Run(c.name, func(t *testing.T) {
			old, oldErr := os.ReadFile(c.file)
			if err := os.WriteFile(c.file, c.text, 0o600); err != nil {
				t.Fatal(err)
			}
			s, err := emulator.New(emulator.Options{DataDir: dir, WorkDir: t.TempDir()})
			if err == nil {
				_ = s.Close(context.Background())
				t.Fatal("accepted")
			}
			if !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v does not name %s", err, c.want)
			}
			if oldErr != nil {
				_ = os.Remove(c.file)
			} else if err := os.WriteFile(c.file, old, 0o600); err != nil {
				t.Fatal(err)
			}
		})
	}
	s, err := emulator.New(emulator.Options{DataDir: dir})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(context.Background()); err != nil {
		t.Error(err)
	}
}
