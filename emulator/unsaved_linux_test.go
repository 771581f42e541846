package emulator_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"coldbench/emulator"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/smithy-go"
)

// change is one call of the API that changes something.
type change struct {
	name string
	make func() error
}

func changed[T any](_ T, err error) error { return err }

// changes of everything that belongs to the function that furnish makes.
func (b *bed) changes() []change {
	ctx, fn, l := context.Background(), aws.String("fn"), b.lambda
	live, layer := aws.String("live"), aws.String("texts-one")
	code := bootstrapZip(b.t)
	arn := aws.String("arn:aws:lambda:us-east-1:123456789012:function:fn")
	return []change{
		{"create a function", func() error { return b.upload("new", code) }},
		{"update the configuration", func() error {
			return changed(l.UpdateFunctionConfiguration(ctx, &lambda.UpdateFunctionConfigurationInput{FunctionName: fn, Description: aws.String("third"), Layers: []string{}}))
		}},
		{"update the code", func() error {
			return changed(l.UpdateFunctionCode(ctx, &lambda.UpdateFunctionCodeInput{FunctionName: fn, ZipFile: zipOf(b.t, "bootstrap", "#!/bin/false", 0o755), Publish: true}))
		}},
		{"delete a version", func() error {
			return changed(l.DeleteFunction(ctx, &lambda.DeleteFunctionInput{FunctionName: fn, Qualifier: aws.String("3")}))
		}},
		{"create an alias", func() error {
			return changed(l.CreateAlias(ctx, &lambda.CreateAliasInput{FunctionName: fn, Name: aws.String("next"), FunctionVersion: aws.String("1")}))
		}},
		{"move an alias with its provisioned concurrency", func() error {
			return changed(l.UpdateAlias(ctx, &lambda.UpdateAliasInput{FunctionName: fn, Name: live, FunctionVersion: aws.String("1"), RoutingConfig: &types.AliasRoutingConfiguration{}}))
		}},
		{"delete an alias", func() error {
			return changed(l.DeleteAlias(ctx, &lambda.DeleteAliasInput{FunctionName: fn, Name: live}))
		}},
		{"tag", func() error {
			return changed(l.TagResource(ctx, &lambda.TagResourceInput{Resource: arn, Tags: map[string]string{"team": "b"}}))
		}},
		{"untag", func() error {
			return changed(l.UntagResource(ctx, &lambda.UntagResourceInput{Resource: arn, TagKeys: []string{"team"}}))
		}},
		{"reserve concurrency", func() error {
			return changed(l.PutFunctionConcurrency(ctx, &lambda.PutFunctionConcurrencyInput{FunctionName: fn, ReservedConcurrentExecutions: aws.Int32(9)}))
		}},
		{"reserve none", func() error {
			return changed(l.DeleteFunctionConcurrency(ctx, &lambda.DeleteFunctionConcurrencyInput{FunctionName: fn}))
		}},
		{"provision more", func() error {
			return changed(l.PutProvisionedConcurrencyConfig(ctx, &lambda.PutProvisionedConcurrencyConfigInput{FunctionName: fn, Qualifier: live, ProvisionedConcurrentExecutions: aws.Int32(2)}))
		}},
		{"provision another version", func() error {
			return changed(l.PutProvisionedConcurrencyConfig(ctx, &lambda.PutProvisionedConcurrencyConfigInput{FunctionName: fn, Qualifier: aws.String("1"), ProvisionedConcurrentExecutions: aws.Int32(1)}))
		}},
		{"provision none", func() error {
			return changed(l.DeleteProvisionedConcurrencyConfig(ctx, &lambda.DeleteProvisionedConcurrencyConfigInput{FunctionName: fn, Qualifier: live}))
		}},
		{"event rules", func() error {
			return changed(l.PutFunctionEventInvokeConfig(ctx, &lambda.PutFunctionEventInvokeConfigInput{FunctionName: fn, MaximumRetryAttempts: aws.Int32(0)}))
		}},
		{"no event rules", func() error {
			return changed(l.DeleteFunctionEventInvokeConfig(ctx, &lambda.DeleteFunctionEventInvokeConfigInput{FunctionName: fn}))
		}},
		{"another URL", func() error {
			return changed(l.CreateFunctionUrlConfig(ctx, &lambda.CreateFunctionUrlConfigInput{FunctionName: fn, Qualifier: live, AuthType: types.FunctionUrlAuthTypeNone}))
		}},
		{"change the URL", func() error {
			return changed(l.UpdateFunctionUrlConfig(ctx, &lambda.UpdateFunctionUrlConfigInput{FunctionName: fn, AuthType: types.FunctionUrlAuthTypeAwsIam}))
		}},
		{"delete the URL", func() error {
			return changed(l.DeleteFunctionUrlConfig(ctx, &lambda.DeleteFunctionUrlConfigInput{FunctionName: fn}))
		}},
		{"permit", func() error {
			return changed(l.AddPermission(ctx, &lambda.AddPermissionInput{FunctionName: fn, StatementId: aws.String("sns"), Action: aws.String("lambda:InvokeFunction"), Principal: aws.String("sns.amazonaws.com")}))
		}},
		{"permit no more", func() error {
			return changed(l.RemovePermission(ctx, &lambda.RemovePermissionInput{FunctionName: fn, StatementId: aws.String("s3")}))
		}},
		{"publish a layer", func() error {
			return changed(l.PublishLayerVersion(ctx, &lambda.PublishLayerVersionInput{LayerName: aws.String("another"), Content: &types.LayerVersionContentInput{ZipFile: code}}))
		}},
		{"publish a layer's next version", func() error {
			return changed(l.PublishLayerVersion(ctx, &lambda.PublishLayerVersionInput{LayerName: layer, Content: &types.LayerVersionContentInput{ZipFile: code}}))
		}},
		{"permit a layer no more", func() error {
			return changed(l.RemoveLayerVersionPermission(ctx, &lambda.RemoveLayerVersionPermissionInput{LayerName: layer, VersionNumber: aws.Int64(1), StatementId: aws.String("all")}))
		}},
		{"delete a layer version", func() error {
			return changed(l.DeleteLayerVersion(ctx, &lambda.DeleteLayerVersionInput{LayerName: layer, VersionNumber: aws.Int64(1)}))
		}},
	}
}

// TestUnsavedChangesAreTakenBack: on a full disk every change is refused with the
// reason, and the function is what it was, in memory and on the disk; its warm
// environment stays where the change would have let it. With room again every
// change is made.
func TestUnsavedChangesAreTakenBack(t *testing.T) {
	dir := smallDisk(t, "1m")
	o := emulator.Options{DataDir: dir, WorkDir: t.TempDir()}
	b := newBed(t, o)
	b.furnish()
	must[*lambda.UpdateFunctionConfigurationOutput](t)(b.lambda.UpdateFunctionConfiguration(context.Background(), &lambda.UpdateFunctionConfigurationInput{FunctionName: aws.String("fn"), Description: aws.String("for version 3")}))
	must[*lambda.PublishVersionOutput](t)(b.lambda.PublishVersion(context.Background(), &lambda.PublishVersionInput{FunctionName: aws.String("fn")}))
	before := b.portrait()
	if err := os.Mkdir(filepath.Join(dir, "work"), 0o700); err != nil {
		t.Fatal(err)
	}
	b.beside(func() {
		free := crowd(t, dir)
		b.served("1")
		for _, c := range b.changes() {
			var api smithy.APIError
			if err := c.make(); !errors.As(err, &api) || api.ErrorCode() != "ServiceException" || !strings.HasPrefix(api.ErrorMessage(), "The change is not made, as it could not be saved") {
				t.Errorf("%s: %v", c.name, err)
			}
			if after := b.portrait(); after != before {
				t.Fatalf("%s: before:\n%s\nafter:\n%s", c.name, before, after)
			}
			if c.name == "tag" {
				b.served("1")
			}
		}
		b.served("2")
		free()
	})
	list := must[*lambda.ListFunctionsOutput](t)(b.lambda.ListFunctions(context.Background(), &lambda.ListFunctionsInput{})).Functions
	if len(list) != 2 { // fn and other
		t.Errorf("%d functions", len(list))
	}
	b.undeletable(dir)
	if after := b.portrait(); after != before {
		t.Errorf("the deletion: before:\n%s\nafter:\n%s", before, after)
	}
	o.WorkDir = t.TempDir()
	b = b.restart(o)
	if after := b.portrait(); after != before {
		t.Errorf("the restart: before:\n%s\nafter:\n%s", before, after)
	}
	for _, c := range b.changes() {
		if strings.HasPrefix(c.name, "delete an alias") || strings.HasPrefix(c.name, "provision") {
			continue // what is behind them needs the alias, which has moved
		}
		if err := c.make(); err != nil {
			t.Errorf("with room, %s: %v", c.name, err)
		}
	}
}

// undeletable deletes fn while its document can't be removed.
func (b *bed) undeletable(dir string) {
	b.t.Helper()
	document := filepath.Join(dir, "functions", "fn.json")
	aside := document + ".aside"
	for _, err := range []error{os.Rename(document, aside), os.MkdirAll(filepath.Join(document, "in the way"), 0o700)} {
		if err != nil {
			b.t.Fatal(err)
		}
	}
	_, err := b.lambda.DeleteFunction(context.Background(), &lambda.DeleteFunctionInput{FunctionName: aws.String("fn")})
	if err == nil || !strings.Contains(err.Error(), "directory not empty") {
		b.t.Errorf("a deletion that can't be saved: %v", err)
	}
	if err := errors.Join(os.RemoveAll(document), os.Rename(aside, document)); err != nil {
		b.t.Fatal(err)
	}
}
